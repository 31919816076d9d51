"""Programs of readers that nobody waits for: observers of a ring, and of a record under a seqlock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tools.verify.machine import Broken, Machine
from tools.verify.programs.rules import Ring
from tools.verify.schedule import Program

__all__ = ["gives_back_observed", "looking", "observed", "seqlock"]


def observed(multi: bool) -> Any:
    """An observer copies while producers overwrite: what it keeps is whole and what it says it is."""

    def make(lib: Any, machine: Machine) -> Program:
        ring = Ring(lib, machine, 2, multi=multi)
        s = ring.sequencer
        s.observed()
        words = machine.array(4)

        def produces() -> None:
            for _ in range(3):
                high = s.next()
                words[2 * (high & 1)] = high
                words[2 * (high & 1) + 1] = high
                s.publish(high)

        return Program([("producer", produces), ("observer", looking(ring, words))], lambda: None)

    return make


def looking(ring: Ring, words: Any) -> Callable[[], None]:
    """Return an observer of a ring of two slots of two words, that looks twice. Names the words."""
    lib, s = ring.lib, ring.sequencer
    for i in range(4):
        ring.machine.name(words, i, f"slot {i // 2} word {i % 2}")

    def looks() -> None:
        seen = -1
        for _ in range(2):
            skipped, last = lib.observer._range(lib.sequence.CELLS, s.base, s.marks, seen)
            first = seen + int(skipped) + 1
            copied = [(q, words[2 * (q & 1)], words[2 * (q & 1) + 1]) for q in range(first, min(last, first + 1) + 1)]
            oldest = lib.observer._oldest(lib.sequence.CELLS, s.base)
            for sequence, one, two in copied:
                if sequence >= oldest and (one, two) != (sequence, sequence):
                    raise Broken(f"the observer keeps {one}, {two} as record {sequence}")
            seen = max(seen, last)

    return looks


def gives_back_observed(lib: Any, machine: Machine) -> Program:
    """An observer beside a producer that writes into a claim and gives it back."""
    ring = Ring(lib, machine, 2)
    s = ring.sequencer
    s.observed()
    words = machine.array(2)

    def produces() -> None:
        for sequence in range(2):
            words[s.next() & 1] = sequence
            s.publish(sequence)
        high = s.next()
        words[high & 1] = 99
        s.abort(high)

    def looks() -> None:
        skipped, last = lib.observer._range(lib.sequence.CELLS, s.base, s.marks, -1)
        copied = [(q, words[q & 1]) for q in range(int(skipped), last + 1)]
        oldest = lib.observer._oldest(lib.sequence.CELLS, s.base)
        for sequence, value in copied:
            if sequence >= oldest and value != sequence:
                raise Broken(f"the observer keeps {value} as record {sequence}")

    return Program([("producer", produces), ("observer", looks)], lambda: None)


def seqlock(lib: Any, machine: Machine) -> Program:
    """A writer and two readers of a record of two words."""
    cells = machine.array(16)
    for i, name in enumerate(("version", "word 0", "word 1")):
        machine.name(cells, i, name)

    def writes() -> None:
        for value in (1, 2):
            lib.seqlock.seqlock_write(cells, 0, Column([value, value]))

    def reads() -> None:
        last = -1
        for _ in range(2):
            target = Column([0, 0])
            version = lib.seqlock.seqlock_read(cells, 0, target, 2)
            if version == lib.seqlock.TORN:
                continue
            if target[:] != [version // 2] * 2:
                raise Broken(f"version {version} reads {target[:]}")
            if version < last:
                raise Broken(f"version {version} comes after {last}")
            last = version

    return Program([("writer", writes), ("reader", reads), ("another", reads)], lambda: None)


class Column(list):
    """A private array."""

    @property
    def shape(self) -> tuple[int]:
        return (len(self),)
