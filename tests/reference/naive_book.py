"""The L2 book written plainly: dicts, lists, and the venue's rules in the order in which its documentation gives them.

The oracle of handlers/book. It knows no window, no table and no limits on levels; buffers are bounded as there. One
`NaiveBook` is one instrument; `NaiveBook.take` takes one message row (see tests.reference.messages) with its levels and
returns what the handler must show: (status, bid price, bid quantity, ask price, ask quantity).
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

from hydraflow.codes import BookStatus, Kind

Pairs = list[tuple[int, int]]


class NaiveBook:
    """One instrument's book. counts : Counter of what happened, names as in the handler's counters."""

    def __init__(self, buffered_levels: int = 8192, buffered_deltas: int = 256, remembered: int = 4096) -> None:
        self.limits = (buffered_levels, buffered_deltas, remembered)
        self.status = BookStatus.EMPTY
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.update = 0
        self.has_snapshot = False  # a usable snapshot is loaded
        self.aligned = False  # and a delta has reached it
        self.seen: int | None = None  # last id of the last delta received
        self.chain_broken = False  # something after `seen` is missing
        self.doubted = False  # something after `seen` may be missing: the next delta tells
        self.hole = (0, 0)
        self.kept: deque[tuple[int, int, int, Pairs, Pairs]] = deque()
        self.tickers: deque[tuple[int, tuple[int, int, int, int]]] = deque()
        self.counts: Counter[str] = Counter()
        self._best: tuple[int, int, int, int] | None = None

    def take(self, row: dict[str, Any], bids: Pairs, asks: Pairs) -> tuple[int, int, int, int, int]:
        kind = row["kind"]
        if kind == Kind.DEPTH:
            self._depth(row["first_update"], row["last_update"], row["previous_update"], bids, asks)
        elif kind == Kind.SNAPSHOT:
            self.counts["snapshots"] += 1
            self._snapshot(row["last_update"], bids, asks)
        elif kind == Kind.TICKER:
            self._ticker(row.get("last_update", 0), (*bids[0], *asks[0]))
        elif kind == Kind.LOST:
            self.counts["lost"] += 1
            self._lose_a_frame()
        if self.status != BookStatus.LIVE:
            return int(self.status), 0, 0, 0, 0
        return (int(self.status), *self.best())

    def _lose_a_frame(self) -> None:
        if not self.has_snapshot:
            self._drop_kept()
            self.chain_broken = True
            return
        if self.status == BookStatus.LIVE:
            self.counts["stale_transitions"] += 1
        self.status = BookStatus.STALE
        self.doubted = self.seen is not None and not self.chain_broken

    def best(self) -> tuple[int, int, int, int]:
        if self._best is None:  # looked up once per change: the captures have many tickers between two deltas
            bid = max(self.bids, default=0)
            ask = min(self.asks, default=0)
            self._best = bid, self.bids.get(bid, 0), ask, self.asks.get(ask, 0)
        return self._best

    def _depth(self, first: int, last: int, previous: int, bids: Pairs, asks: Pairs) -> None:
        futures = previous >= 0
        if first < 0 or first > last or (futures and previous >= first):
            self._gap()
            self._drop_kept()
            self.chain_broken, self.doubted = True, False
            return
        before = previous if futures else first - 1
        if self.seen is not None and not self.chain_broken and before != self.seen:
            self.counts["sequence_gaps"] += not self.doubted
            covered = self.has_snapshot and not self.aligned and self.seen < before <= self.update
            if not covered:
                self._give_up()
            self._drop_kept()
        self.seen, self.chain_broken, self.doubted = last, False, False
        if self.has_snapshot and self.aligned and self.status == BookStatus.STALE:
            self.status = BookStatus.LIVE
            self.counts["cleared"] += 1
        if self.has_snapshot and not self.aligned:
            if self._is_old(self.update, futures, last):
                self.counts["deltas_old"] += 1
                self.status = BookStatus.BUFFERING
                return
            if before > self.update:
                self._gap()
            else:
                self.status = BookStatus.LIVE
        if not self.has_snapshot:
            self._keep(first, last, previous, bids, asks)
            if self.status == BookStatus.EMPTY:
                self.status = BookStatus.BUFFERING
        else:
            self._apply(first, last, bids, asks)

    def _snapshot(self, update: int, bids: Pairs, asks: Pairs) -> None:
        if self.has_snapshot and self.status != BookStatus.BUFFERING and update <= self.update:
            self.counts["snapshots_ignored"] += 1
            return
        while self.kept and self._is_old(update, self.kept[0][2] >= 0, self.kept[0][1]):
            self.kept.popleft()
            self.counts["deltas_old"] += 1
        if self.kept:
            first, _, previous, _, _ = self.kept[0]
            hole = (previous if previous >= 0 else first - 1) > update
        else:
            hole = self.seen is not None and self.seen > update
        if hole:
            self._gap()
            self.status = BookStatus.STALE
            return
        was_stale = self.status == BookStatus.STALE
        self.chain_broken, self.doubted = self.chain_broken or self.doubted, False
        self.bids.clear()
        self.asks.clear()
        self._change(bids, asks)
        self.has_snapshot, self.aligned = True, False
        self.status, self.update, self.hole = BookStatus.LIVE, update, (0, 0)
        self._check()
        while self.kept and self.has_snapshot:
            first, last, _, bids, asks = self.kept.popleft()
            self._apply(first, last, bids, asks)
        if was_stale and self.status == BookStatus.LIVE:
            self.counts["resyncs"] += 1

    def _ticker(self, update: int, quote: tuple[int, int, int, int]) -> None:
        if update <= 0 or self.status != BookStatus.LIVE:
            return
        if update > self.update:
            while self.tickers and self.tickers[-1][0] > update:
                self.tickers.pop()
                self.counts["forgotten"] += 1
            if len(self.tickers) == self.limits[2]:
                self.tickers.popleft()
                self.counts["forgotten"] += 1
            self.tickers.append((update, quote))
        elif update == self.update:
            self._compare(quote, "checks_depth_first")
        elif self.hole[0] < update < self.hole[1]:
            self._gap()

    def _apply(self, first: int, last: int, bids: Pairs, asks: Pairs) -> None:
        self.aligned = True
        self.counts["deltas_applied"] += 1
        self.counts["levels_applied"] += len(bids) + len(asks)
        self._change(bids, asks)
        self.hole = (self.update, first)
        self.update = last
        self._check()

    def _change(self, bids: Pairs, asks: Pairs) -> None:
        self._best = None
        for side, changes in ((self.bids, bids), (self.asks, asks)):
            for price, quantity in changes:
                if quantity > 0:
                    side[price] = quantity
                elif side.pop(price, None) is None:
                    self.counts["deletes_unknown"] += 1

    def _check(self) -> None:
        if self.bids and self.asks and max(self.bids) >= min(self.asks):
            self.counts["crossed"] += 1
            self._give_up()
        while self.tickers and self.tickers[0][0] <= self.update and self.status == BookStatus.LIVE:
            update, quote = self.tickers.popleft()
            if update == self.update:
                self._compare(quote, "checks_ticker_first")
            elif self.hole[0] < update < self.hole[1]:
                self._gap()

    def _compare(self, quote: tuple[int, int, int, int], which: str) -> None:
        if quote == self.best():
            self.counts["checks_passed"] += 1
            self.counts[which] += 1
        else:
            self.counts["checks_failed"] += 1
            self._give_up()

    def _keep(self, first: int, last: int, previous: int, bids: Pairs, asks: Pairs) -> None:
        levels, deltas, _ = self.limits
        count = len(bids) + len(asks)
        if count > levels:
            self._drop_kept()
            self.counts["deltas_dropped"] += 1
            return
        while len(self.kept) == deltas or sum(len(k[3]) + len(k[4]) for k in self.kept) + count > levels:
            self.kept.popleft()
            self.counts["deltas_dropped"] += 1
        self.kept.append((first, last, previous, bids, asks))
        self.counts["deltas_buffered"] += 1

    def _drop_kept(self) -> None:
        self.counts["deltas_dropped"] += len(self.kept)
        self.kept.clear()

    def _gap(self) -> None:
        self.counts["sequence_gaps"] += 1
        self._give_up()

    def _give_up(self) -> None:
        if not self.has_snapshot:
            return
        if self.status == BookStatus.LIVE:
            self.counts["stale_transitions"] += 1
        self.status, self.has_snapshot = BookStatus.STALE, False
        self.tickers.clear()

    @staticmethod
    def _is_old(update: int, futures: bool, last: int) -> bool:
        return last < update if futures else last <= update
