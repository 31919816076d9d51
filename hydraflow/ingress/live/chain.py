"""Whether a depth stream is whole, for recordings: no book is there to watch, and a gap must fetch a snapshot all the same.

Per symbol: a delta must follow the one before it (futures: pu == u before; spot: U == u before + 1). After a break the
stream is whole again once a snapshot has come that reaches the first delta behind the break.
"""

from __future__ import annotations

import orjson

__all__ = ["DepthChain"]


class _Row:
    def __init__(self) -> None:
        self.last = -1  # u of the last delta
        self.floor = -1  # what a snapshot must reach; -1: no delta since the break
        self.whole = False


class DepthChain:
    """Follows the depth messages and snapshots of some symbols."""

    def __init__(self, symbols: tuple[str, ...]) -> None:
        self._rows = {symbol: _Row() for symbol in symbols}
        self.gaps = 0

    def broken(self) -> set[str]:
        """Return the symbols that need a snapshot."""
        return {symbol for symbol, row in self._rows.items() if not row.whole}

    def lose(self) -> None:
        """The connection broke: nothing follows from what came before."""
        for row in self._rows.values():
            row.last, row.floor, row.whole = -1, -1, False

    def see(self, text: bytes) -> None:
        """Take one frame; whatever is no depth message of a known symbol is passed over."""
        if b'"depthUpdate"' not in text:
            return
        try:
            frame = orjson.loads(text)
            data = frame.get("data", frame)
            row, first, last = self._rows.get(data["s"]), int(data["U"]), int(data["u"])
            before = int(data.get("pu", first - 1))
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
            return
        if row is None:
            return
        if row.last >= 0 and before != row.last:
            self.gaps += 1
            row.whole, row.floor = False, -1
        if row.floor < 0:
            row.floor = before
        row.last = last

    def snapshot(self, symbol: str, text: bytes) -> None:
        """Take the snapshot of a symbol."""
        row = self._rows.get(symbol)
        if row is not None and int(orjson.loads(text)["lastUpdateId"]) >= row.floor:
            row.whole = True
