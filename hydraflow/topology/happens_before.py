"""Which stage has seen a record before which other, for certain: the closure of `after`, as bits.

Stage number i stands for bit 1 << i. Two stages of different rings are never ordered for one record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import attrs

__all__ = ["Order", "bits"]


@attrs.frozen
class Order:
    """names : the stages, in the order of the file. before[i] : bits of the stages that come before stage i; behind[i] : after it.

    complete : False when `after` goes round in a circle; then what lies on it comes before and after itself.
    """

    names: tuple[str, ...]
    index: Mapping[str, int]
    before: tuple[int, ...]
    behind: tuple[int, ...]
    complete: bool = True

    @classmethod
    def of(cls, after: Mapping[str, Iterable[str]]) -> Order:
        """Return the order that follows from {stage: stages it waits for}; names that are no stages do not count."""
        names = tuple(after)
        index = {name: i for i, name in enumerate(names)}
        direct = [sum({1 << index[a] for a in after[name] if a in index}) for name in names]
        before = list(direct)
        sequence, complete = _sequence(direct)
        for i in sequence:
            for earlier in bits(direct[i]):
                before[i] |= before[earlier]
        if not complete:
            before = _grown(before)
        behind = [0] * len(names)
        for i, mask in enumerate(before):
            for earlier in bits(mask):
                behind[earlier] |= 1 << i
        return cls(names, index, tuple(before), tuple(behind), complete)

    def has(self, earlier: str, later: str) -> bool:
        """Whether one stage comes before another."""
        return bool(self.before[self.index[later]] >> self.index[earlier] & 1)

    def unordered(self, i: int) -> int:
        """Return the bits of the stages that come neither before stage i nor after it, and are not it."""
        return (1 << len(self.names)) - 1 & ~(self.before[i] | self.behind[i] | 1 << i)


def bits(mask: int) -> Iterator[int]:
    """Yield the numbers of the bits that are set, the lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _sequence(direct: list[int]) -> tuple[list[int], bool]:
    """Return the stages so that each comes behind those it waits for, and whether all could be."""
    followers: list[list[int]] = [[] for _ in direct]
    missing = [mask.bit_count() for mask in direct]
    for i, mask in enumerate(direct):
        for earlier in bits(mask):
            followers[earlier].append(i)
    ready = [i for i, count in enumerate(missing) if count == 0]
    for i in ready:
        for later in followers[i]:
            missing[later] -= 1
            if missing[later] == 0:
                ready.append(later)
    return ready, len(ready) == len(direct)


def _grown(before: list[int]) -> list[int]:
    while True:
        grown = list(before)
        for i, mask in enumerate(before):
            for earlier in bits(mask):
                grown[i] |= grown[earlier]
        if grown == before:
            return grown
        before = grown
