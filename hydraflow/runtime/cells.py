"""The cells of an engine, by name: every cursor, flag and running mark that threads share.

Names are `control.halt`, `ring.main`, `stage.book`, `stage.simulator.finished`, `thread.core.running`, … in the order in
which they were asked for; the CnC file describes them under the same names.
"""

from __future__ import annotations

from disruptor.layout import CELL_WORDS

__all__ = ["CellNames"]


class CellNames:
    """Hands out one 128-byte cell per name."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._index: dict[str, int] = {}

    def word(self, name: str) -> int:
        """Return the word index of the cell `name`, adding it when it is new."""
        if name not in self._index:
            self._index[name] = len(self.names)
            self.names.append(name)
        return self._index[name] * CELL_WORDS

    def words(self, *names: str) -> int:
        """Add cells that must lie one after the other; return the word index of the first."""
        if names[0] in self._index:
            return self.word(names[0])
        first, *_ = [self.word(name) for name in names]
        return first
