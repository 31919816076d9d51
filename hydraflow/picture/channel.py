"""The stretch between two layers: every bundle of lines gets a track across it, and no two lines ever lie on each other.

A bundle comes down at one column, runs across on its track and goes down at the columns of its ends. Where one comes down
at the column at which another goes on, it must have the upper track; when that is asked of two in turn, one of them changes
over to a free column half-way.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

__all__ = ["Bundle", "tracks_of"]

Points = list[tuple[int, int]]  # (track, column)


@attrs.define
class Bundle:
    """top : column at which it comes down; bottoms : columns at which it goes on, of its ends in their order."""

    top: int
    bottoms: tuple[int, ...]
    legs: list[tuple[int, int]] = attrs.field(factory=list)  # (track, column it is left at) of the way so far

    @property
    def straight(self) -> bool:
        return self.bottoms.count(self.top) == len(self.bottoms)

    def way(self, end: int) -> Points:
        """Return the turns between the top and the end with this number: none when it is straight."""
        out, column = [], self.top
        for track, following in [*self.legs[:-1], (self.legs[-1][0], self.bottoms[end])] if self.legs else []:
            out += [(track, column), (track, following)] if column != following else []
            column = following
        return out


@attrs.define
class _Run:
    """A part of a bundle on one track, from its top to its bottoms. last : nothing of the bundle follows it."""

    bundle: Bundle
    top: int
    bottoms: tuple[int, ...]
    needs: set[int] = attrs.field(factory=set)  # runs that must lie above
    exit: int | None = None
    span: tuple[int, int] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.span = min(self.top, *self.bottoms), max(self.top, *self.bottoms)


def tracks_of(bundles: Sequence[Bundle], apart: int = 1) -> int:
    """Give every bundle its legs; return how many tracks there are. apart : least distance of a free column from others."""
    runs = {n: _Run(b, b.top, b.bottoms) for n, b in enumerate(bundles) if not b.straight}
    tops = {run.top: n for n, run in runs.items()}
    for number, run in runs.items():
        run.needs = {tops[c] for c in run.bottoms if tops.get(c, number) != number}
    taken = {b.top for b in bundles} | {c for b in bundles for c in b.bottoms}
    track = 0
    while runs:
        free = sorted((n for n, run in runs.items() if not run.needs), key=lambda n: (runs[n].span, n))
        if not free:
            free = [_change_over(runs, taken, apart)]
        placed, edge = [], None
        for number in free:
            begin, end = runs[number].span
            if edge is None or begin > edge + 1:
                placed.append(number)
                edge = end
        for number in placed:
            run = runs.pop(number)
            run.bundle.legs.append((track, run.exit if run.exit is not None else run.bottoms[0]))
        for run in runs.values():
            run.needs.difference_update(placed)
        track += 1
    return track


def _change_over(runs: dict[int, _Run], taken: set[int], apart: int) -> int:
    """Split a run that waits for another in turn: its first part leads to a free column and waits for nobody."""
    number = min(runs, key=lambda n: (len(runs[n].needs), n))
    run = runs[number]
    column = _free_column(run.top, taken, apart)
    taken.add(column)
    rest = _Run(run.bundle, column, run.bottoms, run.needs)
    runs[number] = _Run(run.bundle, run.top, (column,), exit=column)
    runs[max(runs) + 1] = rest
    return number


def _free_column(near: int, taken: set[int], apart: int) -> int:
    distance = 0
    while True:
        distance += 1
        for column in (near + distance, near - distance):
            if all(abs(column - other) >= apart for other in taken):
                return column
