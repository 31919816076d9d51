"""What happens to frames that find no room: the policy `when_full`. Sans-IO.

    wait             the frame is refused and offered again: the socket is not read meanwhile, and the venue's own
                     buffers fill
    drop_and_resync  whole frames are dropped and counted
    conflate         frames are held; a best bid and offer replaces the older one of its symbol; depth messages and
                     trades are never merged. Beyond `hold_bytes` as drop_and_resync

A drop leaves a *marker* in the place of what was lost, one per book: a depth message without content, whose frame error
DROPPED makes the decoder say LOST and the book stale. Markers never get lost: nothing is taken before they are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

import orjson

from hydraflow.codes import FrameError
from hydraflow.ingress.live.params import Figures

__all__ = ["Intake"]

_DROPPED = int(FrameError.DROPPED)
_QUOTE_KEYS = {"s", "b", "B", "a", "A"}

Post = Callable[[bytes, int, int], bool]
Held = tuple[bytes, int, int]  # text, receive_ns, error


class Intake:
    """Takes frames from a socket and posts them.

    post : (text, receive_ns, error) → whether there was room. books : symbols that a lost frame may have belonged to.
    resync_due : set when a marker of ours has gone out; the caller resets it.
    """

    def __init__(self, post: Post, policy: str, books: Iterable[str], hold_bytes: int, figures: Figures) -> None:
        self.resync_due = False
        self._post = post
        self._policy = policy
        self._markers = [orjson.dumps({"e": "depthUpdate", "s": symbol}) for symbol in books]
        self._limit = hold_bytes
        self._figures = figures
        self._held: OrderedDict[int, Held] = OrderedDict()  # in order of arrival
        self._held_bytes = 0
        self._number = 0
        self._quotes: dict[str, int] = {}  # symbol → its number in `held`
        self._last_marker = -1

    def offer(self, text: bytes, receive_ns: int) -> bool:
        """Take one frame; False: there is no room and the policy is to wait."""
        if (not self._held or self.flush()) and self._post(text, receive_ns, 0):
            return True
        if self._policy == "wait":
            return False
        if self._policy == "conflate":
            symbol = _quoted_symbol(text)
            replaced = self._take_back(symbol) if symbol else False
            if self._held_bytes + len(text) <= self._limit:
                number = self._hold(text, receive_ns, 0)
                if symbol:
                    self._quotes[symbol] = number
                self._figures.conflated += replaced
                return True
            self._figures.dropped += replaced
        self._figures.dropped += 1
        self._mark(receive_ns)
        return True

    def snapshot(self, text: bytes, receive_ns: int) -> bool:
        """Take a snapshot, in its place behind all that came before; False when there is no room."""
        return self.flush() and self._post(text, receive_ns, 0)

    def lose(self, receive_ns: int) -> None:
        """The connection broke: from here on the books cannot be trusted."""
        self._mark(receive_ns)
        self.flush()

    def flush(self) -> bool:
        """Post what is held, oldest first; return whether nothing is left."""
        while self._held:
            text, receive_ns, error = next(iter(self._held.values()))
            if not self._post(text, receive_ns, error):
                return False
            self._held.popitem(last=False)
            self._held_bytes -= len(text)
            if error == _DROPPED:
                self._figures.markers += 1
                self.resync_due = True
        self._quotes.clear()
        return True

    def _mark(self, receive_ns: int) -> None:
        """Put markers behind what is held, unless nothing was taken since the last ones."""
        if self._last_marker in self._held and self._last_marker == self._number - 1:
            return
        for marker in self._markers:
            self._last_marker = self._hold(marker, receive_ns, _DROPPED)

    def _hold(self, text: bytes, receive_ns: int, error: int) -> int:
        number = self._number
        self._number += 1
        self._held[number] = (text, receive_ns, error)
        self._held_bytes += len(text)
        return number

    def _take_back(self, symbol: str) -> bool:
        """Give up the held best bid and offer of a symbol; return whether there was one."""
        gone = self._held.pop(self._quotes.pop(symbol, -1), None)
        if gone is not None:
            self._held_bytes -= len(gone[0])
        return gone is not None


def _quoted_symbol(text: bytes) -> str:
    """Return the symbol of a bookTicker, "" for any other frame. Asked only while there is no room."""
    try:
        frame = orjson.loads(text)
        data = frame.get("data", frame)
        if data.get("e", "bookTicker") == "bookTicker" and data.keys() >= _QUOTE_KEYS:
            return str(data["s"])
    except (orjson.JSONDecodeError, AttributeError):
        pass
    return ""
