"""Captures with faults in known places, and the slow client that says what each line must leave behind.

A clean stream of one symbol comes from the simulator (or from a real capture). `Draft` is a copy of it that can be
spoiled frame by frame, with snapshots of the true book wherever a resynchronisation is wanted; `follow` reads what came
of it line by line with json, text and dicts, and `NaiveBook` for the venue's rules.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from collections.abc import Iterable
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import attrs

from hydraflow.codes import BookStatus, FrameError, Kind
from hydraflow.ingress.simulator.batch import SimulatedLines
from hydraflow.ingress.simulator.state import SimulatorParams
from tests.reference.naive_book import NaiveBook

__all__ = ["Clean", "Draft", "Followed", "Put", "depth_of", "flipped", "follow", "recorded", "simulated", "with_levels"]

Levels = list[list[str]]


@attrs.frozen
class Clean:
    """A stream of one symbol without faults. frames : JSON, stamps : receive_ns, decimals : of prices and quantities."""

    frames: list[bytes]
    stamps: list[int]
    decimals: tuple[int, int]

    @cached_property
    def depths(self) -> list[int]:
        """Indexes of the depth frames that come when the book is in step."""
        snapshot = next(i for i, f in enumerate(self.frames) if b'"lastUpdateId"' in f)
        return [i for i, f in enumerate(self.frames) if i > snapshot + 50 and b'"depthUpdate"' in f]

    def snapshots(self, places: Iterable[int]) -> dict[int, bytes]:
        """Return the REST snapshot of the true book behind each of the frames at `places`."""
        wanted, made, book = set(places), {}, _TrueBook()
        for index, frame in enumerate(self.frames):
            book.take(_data(frame))
            if index in wanted:
                made[index] = book.snapshot()
        return made


class _TrueBook:
    """The book of a stream without faults, as text."""

    def __init__(self) -> None:
        self._sides: tuple[dict[str, str], dict[str, str]] = ({}, {})
        self._early: list[dict[str, Any]] = []
        self._update = 0

    def take(self, data: dict[str, Any]) -> None:
        if "lastUpdateId" in data:
            for side in self._sides:
                side.clear()
            self._apply(data["lastUpdateId"], data["bids"], data["asks"])
            for delta in self._early:
                self.take(delta)
            self._early.clear()
        elif data.get("e") == "depthUpdate" and self._update == 0:
            self._early.append(data)
        elif data.get("e") == "depthUpdate" and data["u"] > self._update:
            self._apply(data["u"], data["b"], data["a"])

    def snapshot(self) -> bytes:
        bids = sorted(self._sides[0].items(), key=lambda level: -float(level[0]))
        asks = sorted(self._sides[1].items(), key=lambda level: float(level[0]))
        return _dumps({"lastUpdateId": self._update, "bids": bids, "asks": asks})

    def _apply(self, update: int, bids: Levels, asks: Levels) -> None:
        for side, changes in zip(self._sides, (bids, asks), strict=True):
            for price, quantity in changes:
                if float(quantity):
                    side[price] = quantity
                else:
                    side.pop(price, None)
        self._update = update


def simulated(frames: int, seed: int, *, spot: bool = False) -> Clean:
    """Return the simulator's stream without its own faults and its pool. spot : without `pu`, ids without holes."""
    params = SimulatorParams(frames=frames, seed=seed, gap_ppm=0, crossed_ppm=0, resync_ppm=0)
    text = b"".join(bytes(block) for block in SimulatedLines(params))
    clean = _clean((line for line in text.splitlines() if b"eth_subscription" not in line), (1, 3))
    if spot:
        before = 0
        for index, frame in enumerate(clean.frames):
            data = json.loads(frame)
            if "lastUpdateId" in data:
                before = data["lastUpdateId"]
            elif data["data"]["e"] == "depthUpdate":
                before, data["data"]["U"] = data["data"]["u"], before + 1
                del data["data"]["pu"]
                clean.frames[index] = _dumps(data)
    return clean


def recorded(path: Path, decimals: tuple[int, int], lines: int) -> Clean:
    """Return the stream of the first lines of a real capture."""
    with gzip.open(path) as file:
        return _clean((line.rstrip(b"\n") for line in islice(file, lines)), decimals)


def _clean(lines: Iterable[bytes], decimals: tuple[int, int]) -> Clean:
    frames, stamps = [], []
    for line in lines:
        stamp, _, frame = line.partition(b" ")
        frames.append(frame)
        stamps.append(int(stamp))
    return Clean(frames, stamps, decimals)


@attrs.frozen
class Put:
    """A line of a draft. error : what it must be counted as; lost : and the book be given up.

    stamp : instead of the right one; odd : what it must be counted as, the frame being used all the same.
    """

    frame: bytes
    error: FrameError | None = None
    lost: bool = False
    stamp: bytes | None = None
    odd: str = ""


class Draft:
    """A copy of a clean stream, `puts` by index of the frame whose place they take."""

    def __init__(self, clean: Clean) -> None:
        self.clean = clean
        self.puts = [[Put(frame)] for frame in clean.frames]

    @cached_property
    def lines(self) -> list[tuple[int, Put]]:
        """The lines: (index of the clean frame, what is written)."""
        return [(index, put) for index, puts in enumerate(self.puts) for put in puts]

    @cached_property
    def line_of(self) -> dict[int, int]:
        """Index of a clean frame → number, from 0, of the first line in its place."""
        places: dict[int, int] = {}
        for line, (index, _) in enumerate(self.lines):
            places.setdefault(index, line)
        return places

    def text(self) -> bytes:
        """Return the capture."""
        return b"".join(self._line(index, put) for index, put in self.lines)

    def errors(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return what must be counted by kind, and the first line of each kind, from 1."""
        names = [(line, put.error.name.lower()) for line, (_, put) in enumerate(self.lines) if put.error is not None]
        names += [(line, put.odd) for line, (_, put) in enumerate(self.lines) if put.odd]
        return dict(Counter(name for _, name in names)), {name: line + 1 for line, name in reversed(names)}

    def _line(self, index: int, put: Put) -> bytes:
        stamp = b"%d" % self.clean.stamps[index] if put.stamp is None else put.stamp
        return stamp + b" " * bool(stamp) + put.frame + b"\n"


@attrs.frozen
class Followed:
    """What the client saw. shown : by line, (status, bid, bid quantity, ask, ask quantity) behind it; counts : NaiveBook's."""

    shown: list[tuple[int, int, int, int, int]]
    depth_lines: list[int]
    counts: Counter[str]


def follow(draft: Draft) -> Followed:
    """Read a draft as a client does that knows which lines are spoiled."""
    book, shown, depth_lines = NaiveBook(), [], []
    for line, (_, put) in enumerate(draft.lines):
        if put.error is not None:
            if put.lost:
                book.take({"kind": Kind.LOST}, [], [])
        else:
            kind = _take(book, _data(put.frame), draft.clean.decimals)
            if kind == Kind.DEPTH:
                depth_lines.append(line)
        shown.append((int(book.status), *(book.best() if book.status == BookStatus.LIVE else (0, 0, 0, 0))))
    return Followed(shown, depth_lines, book.counts)


def _take(book: NaiveBook, data: dict[str, Any], decimals: tuple[int, int]) -> Kind | None:
    def levels(pairs: Levels) -> list[tuple[int, int]]:
        return [(_whole(p, decimals[0]), _whole(q, decimals[1])) for p, q in pairs]

    if "lastUpdateId" in data:
        book.take({"kind": Kind.SNAPSHOT, "last_update": data["lastUpdateId"]}, levels(data["bids"]), levels(data["asks"]))
        return Kind.SNAPSHOT
    if data.get("e") == "depthUpdate":
        row = {"kind": Kind.DEPTH, "first_update": data["U"], "last_update": data["u"], "previous_update": data.get("pu", -1)}
        book.take(row, levels(data["b"]), levels(data["a"]))
        return Kind.DEPTH
    if "B" in data:
        row = {"kind": Kind.TICKER, "last_update": data["u"]}
        book.take(row, levels([[data["b"], data["B"]]]), levels([[data["a"], data["A"]]]))
        return Kind.TICKER
    return None


def depth_of(frame: bytes) -> dict[str, Any]:
    """Return the depth event in a frame."""
    return _data(frame)


def with_levels(frame: bytes, bids: Levels, asks: Levels) -> bytes:
    """Return a depth frame with other levels."""
    whole = json.loads(frame)
    whole.get("data", whole).update(b=bids, a=asks)
    return _dumps(whole)


def flipped(frame: bytes, field: str, rng: random.Random) -> bytes:
    """Return a depth frame with one digit of an id changed."""
    at = frame.index(b'"%b":' % field.encode()) + len(field) + 3
    end = at
    while frame[end : end + 1].isdigit():
        end += 1
    place = rng.randrange(at, end)
    digit = rng.choice([d for d in b"0123456789" if d != frame[place]])
    return frame[:place] + bytes([digit]) + frame[place + 1 :]


def _data(frame: bytes) -> dict[str, Any]:
    whole = json.loads(frame)
    return whole.get("data", whole)


def _dumps(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


@lru_cache(1 << 17)
def _whole(text: str, decimals: int) -> int:
    integer, _, fraction = text.partition(".")
    fraction = fraction.ljust(decimals, "0")
    assert not fraction[decimals:].strip("0"), text
    return int(integer + fraction[:decimals])
