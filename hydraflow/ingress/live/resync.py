"""When to ask for which snapshot. Sans-IO: the caller brings the time and says what came of it.

A symbol is *wanted* after every connection, after every loss, and whenever its book is seen not to be LIVE. Requests of
one symbol begin at least `every_seconds` apart; while its book does not come alive, the distance doubles up to
`most_seconds`. A snapshot that was asked for before the latest loss is useless (it may be older than what was lost) and
is asked for again: that is what the *epoch* is for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

__all__ = ["Resync"]

_DOUBLINGS = 30


class _Row:
    """One symbol."""

    def __init__(self) -> None:
        self.wanted = False  # since a loss, or since a request that failed
        self.ill = False  # its book was not LIVE at the last look
        self.in_flight = False
        self.tries = 0  # requests since the latest loss, or since the book was last seen LIVE
        self.begun = -1e9  # when the last request began
        self.not_before = 0.0  # the venue asked to be left alone until then
        self.epoch = -1


class Resync:
    """The schedule of snapshots of some symbols; all times in seconds of one clock."""

    def __init__(self, symbols: Iterable[str], every_seconds: float, most_seconds: float) -> None:
        self._rows = {symbol: _Row() for symbol in symbols}
        self._every = every_seconds
        self._most = max(every_seconds, most_seconds)
        self.epoch = 0

    def lose(self) -> None:
        """Everything asked for so far is void; every symbol is wanted."""
        self.epoch += 1
        for row in self._rows.values():
            row.wanted = True
            row.tries = 0

    def observe(self, not_live: Collection[str]) -> None:
        """Take note of which books are not LIVE now."""
        for symbol, row in self._rows.items():
            row.ill = symbol in not_live
            if not row.ill:
                row.tries = 0

    def due(self, now: float) -> list[str]:
        """Return the symbols whose request is to begin now; they count as in flight."""
        begun = []
        for symbol, row in self._rows.items():
            if (row.wanted or row.ill) and not row.in_flight and now >= max(row.begun + self._distance(row), row.not_before):
                row.wanted, row.in_flight, row.epoch = False, True, self.epoch
                row.begun = now
                row.tries += 1
                begun.append(symbol)
        return begun

    def arrived(self, symbol: str, ok: bool, not_before: float = 0.0) -> bool:
        """Note that a request has ended; return whether its snapshot may be used.

        not_before : the venue asked to be left alone until then.
        """
        row = self._rows[symbol]
        row.in_flight = False
        row.not_before = not_before
        usable = ok and row.epoch == self.epoch
        row.wanted = row.wanted or not usable
        return usable

    def want(self, symbol: str) -> None:
        """Ask for the symbol's snapshot again."""
        self._rows[symbol].wanted = True

    def _distance(self, row: _Row) -> float:
        return min(self._most, self._every * 2 ** min(max(row.tries - 1, 0), _DOUBLINGS))
