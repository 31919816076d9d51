"""A live source that is written down instead of traded on: the sink of `hfx record`.

Every frame becomes a line of the capture, the snapshots too, with their symbol in them. No book watches, so the depth
chain says when a snapshot is needed.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from hydraflow.ingress.live.chain import DepthChain
from hydraflow.ingress.recorder import Recorder

__all__ = ["Tape"]


class Tape:
    """Writes frames into a recorder until there are `frames` of them (0: no end); then calls `full`."""

    def __init__(self, recorder: Recorder, symbols: tuple[str, ...], frames: int, full: Callable[[], None]) -> None:
        self.resync_due = False
        self.chain = DepthChain(symbols)
        self._recorder = recorder
        self._frames = frames
        self._full = full

    def offer(self, text: bytes, receive_ns: int) -> bool:
        """Write one frame; there is always room."""
        self.chain.see(text)
        self._write(text, receive_ns)
        return True

    def snapshot(self, text: bytes, receive_ns: int) -> bool:
        """Write one snapshot."""
        self.chain.snapshot(orjson.loads(text)["symbol"], text)
        self._write(text, receive_ns)
        return True

    def lose(self, receive_ns: int) -> None:
        """The connection broke: what follows does not follow from what came before."""
        self.chain.lose()

    def flush(self) -> bool:
        """Nothing is ever held."""
        return True

    def _write(self, text: bytes, receive_ns: int) -> None:
        if self._frames and self._recorder.frames >= self._frames:
            return
        self._recorder.write(receive_ns, text)
        if self._recorder.frames == self._frames:
            self._full()
