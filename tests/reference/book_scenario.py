"""Random market data for the book: a small venue that is right, and a line that is not.

`scenario(seed, steps)` gives messages of one instrument: deltas, tickers that fit them, snapshots early and late, with
gaps, repetitions, swaps, altered ids, lost frames, crossed books, far and extreme prices and jumps of the market at
stated rates. Run as a program it prints what the handler makes of them, to compare jitted with un-jitted:

    python -m tests.reference.book_scenario SEED STEPS
"""

from __future__ import annotations

import hashlib
import json
import random
import sys

from handlers.book import BookParams
from tests.reference.messages import Messages

SMALL = BookParams(window_ticks=64, far_levels=1024, buffered_levels=64, buffered_deltas=4, remembered=8)
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1
_DELTA = ["first_update", "last_update", "previous_update"]


def scenario(seed: int, steps: int) -> Messages:
    """Return `steps` (or a few more) messages that follow from the seed alone."""
    rng = random.Random(seed)
    venue = _Venue(rng, futures=rng.random() < 0.5)
    messages = Messages()
    while len(messages) < steps:
        _step(rng, venue, messages)
    return messages


class _Venue:
    """The true book, its update ids, and deltas between two of its states."""

    def __init__(self, rng: random.Random, *, futures: bool) -> None:
        self.rng = rng
        self.futures = futures
        self.mid = rng.choice([1_000, 100_000])
        self.update = 1_000
        self.sides: tuple[dict[int, int], dict[int, int]] = ({}, {})

    def best(self) -> tuple[tuple[int, int], tuple[int, int]]:
        bids, asks = self.sides
        bid, ask = max(bids, default=0), min(asks, default=0)
        return (bid, bids.get(bid, 0)), (ask, asks.get(ask, 0))

    def delta(self, honest: bool = True) -> dict:
        """Change the book; return the delta's ids and levels."""
        rng = self.rng
        self.mid += rng.choice([0, 0, 0, 1, -1, 3, -3, 40, -40, 900, -900])
        if rng.random() < 0.01:
            self.mid = max(10, self.mid * rng.choice([1, 3]) // 2)  # half as much, or half of it gone
        changes: tuple[list, list] = ([], [])
        for side, sign in ((0, -1), (1, 1)):
            for price in [p for p in self.sides[side] if (p - self.mid) * sign <= 0]:
                changes[side].append((price, 0))  # the market ran over it
            for _ in range(rng.randrange(6)):
                depth = rng.choice([1 + rng.randrange(8), 1 + rng.randrange(60), 1 + rng.randrange(3_000)])
                price = self.mid + sign * depth
                if rng.random() < 0.01:
                    price = (_LOWEST, _HIGHEST)[side] - sign * rng.randrange(3)
                changes[side].append((price, rng.choice([0, 1, 5, 5, 7])))
            if rng.random() < 0.03:
                changes[side].extend((price, 0) for price in self.sides[side])  # emptied
            elif self.sides[side] and rng.random() < 0.3:
                changes[side].append((rng.choice(list(self.sides[side])), 0))
            if not honest and rng.random() < 0.5:
                changes[side].append((self.mid - 5 * sign, 3))  # crosses
            rng.shuffle(changes[side])
            for price, quantity in changes[side]:
                if quantity:
                    self.sides[side][price] = quantity
                else:
                    self.sides[side].pop(price, None)
        previous = self.update
        first = previous + (rng.randrange(1, 5) if self.futures else 1)
        self.update = first + rng.randrange(4)
        ids = (first, self.update, previous if self.futures else -1)
        return dict(zip(_DELTA, ids, strict=True), bids=changes[0], asks=changes[1])


def _step(rng: random.Random, venue: _Venue, messages: Messages) -> None:
    what = rng.random()
    if what < 0.60:
        delta = venue.delta(honest=rng.random() > 0.004)
        early = rng.random() < 0.3
        if early:
            messages.ticker(venue.update, *venue.best())
        fault = rng.random()
        if fault < 0.01:
            return  # lost on the way, unnoticed
        if fault < 0.02:
            messages.lost()
            return
        if fault < 0.03:
            field = rng.choice(_DELTA)
            delta[field] = max(-1, delta[field] + rng.choice([-10, -1, 1, 10]))
        _add(messages, delta)
        if fault > 0.99:
            _add(messages, delta)
        elif fault > 0.98 and len(messages.rows) > 1:
            messages.rows[-1], messages.rows[-2] = messages.rows[-2], messages.rows[-1]
        if not early and rng.random() < 0.3:
            messages.ticker(venue.update, *venue.best())
    elif what < 0.70:
        bids = sorted(venue.sides[0].items(), reverse=True)
        messages.snapshot(max(0, venue.update + rng.choice([0, 0, 0, 0, 1, 6, -1, -6, -100])), bids, sorted(venue.sides[1].items()))
    elif what < 0.85:
        (bid, bid_quantity), ask = venue.best()
        wrong = 1 if rng.random() < 0.01 else 0
        messages.ticker(venue.update + rng.choice([0, 0, 0, 2, -1, -3, 30]), (bid, bid_quantity + wrong), ask)
    elif what < 0.99:
        messages.trade(venue.mid, 1)
    else:
        messages.lost()  # nothing of this book was in it


def _add(messages: Messages, delta: dict) -> None:
    messages.depth(*(delta[name] for name in _DELTA), delta["bids"], delta["asks"])


def _report(seed: int, steps: int) -> dict:
    from tests.reference.book_driver import BookDriver

    driver = BookDriver(SMALL)
    records = driver.feed(scenario(seed, steps))
    counters = {name: driver.count(name) for name in driver.counters.dtype.names}
    shown = hashlib.sha256(records.tobytes()).hexdigest()
    return {"digest": driver.digest(), "shown": shown, "counters": counters}


if __name__ == "__main__":
    print(json.dumps(_report(int(sys.argv[1]), int(sys.argv[2]))))
