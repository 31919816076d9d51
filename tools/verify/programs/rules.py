"""A ring on the explorer's machine, with what must hold of it: records that nothing else orders, who gets them, how many slots are free."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from tools.verify.machine import Broken, Machine

__all__ = ["Ring", "Slots", "blocking", "by_phase", "phased", "sleeping", "times", "yielding"]


class Slots:
    """Records, two words each, whose accesses must be ordered by the ring."""

    def __init__(self, machine: Machine, slots: int, value: Any = -1, label: str = "") -> None:
        self._machine, self._mask, self._label = machine, slots - 1, f"{label}slot "
        self._values = [[value, value] for _ in range(slots)]

    def write(self, sequence: int, value: Any = None) -> None:
        slot = sequence & self._mask
        self._machine.writes_data(f"{self._label}{slot}")
        self._values[slot][:] = [sequence if value is None else value] * 2

    def read(self, sequence: int) -> Any:
        slot = sequence & self._mask
        self._machine.reads_data(f"{self._label}{slot}")
        first, second = self._values[slot]
        if first != second:
            raise Broken(f"{self._label}{slot} holds {first} and {second}: torn")
        return first


class Ring:
    """A sequencer with its records; names for the words that a trace shows."""

    def __init__(self, lib: Any, machine: Machine, slots: int, *, multi: bool = False, wait: Any = "busy-spin", label: str = "") -> None:
        self.lib, self.machine = lib, machine
        self.sequencer = lib.sequencer.Sequencer(slots, producers="multi" if multi else "single", wait=wait)
        self.slots = Slots(machine, slots, label=label)
        if not machine.naming:
            return
        cells, base = lib.sequence.CELLS.cells, self.sequencer.base
        for word in ("CURSOR", "CLAIMED", "GATE", "IDLE", "PROGRESS", "FAILED", "PARKS", "OBSERVED", "TOUCHED", "GATING"):
            machine.name(cells, base + getattr(lib.claims, word), label + word)
        for cell in ("IDLE", "PROGRESS"):
            machine.name(cells, base + getattr(lib.claims, cell) + 1, f"{label}{cell}'s futex")
        if multi:
            for slot in range(slots):
                machine.name(self.sequencer.marks, slot, f"mark {slot}")

    def consumer(self, name: str, *upstream: Any, gates: bool = True, wait: Any = None) -> Any:
        """Return (sequence, barrier) of a consumer that exists before anything runs."""
        sequence = self.lib.sequence.Sequence()
        self.machine.name(self.lib.sequence.CELLS.cells, sequence.word, f"{name}'s sequence")
        if gates:
            self.sequencer.add_gating_sequences_as_they_are(sequence)
        return SimpleNamespace(name=name, sequence=sequence, barrier=self.sequencer.new_barrier(*upstream, wait=wait), got=[])

    def publish(self, count: int = 1) -> None:
        """Claim, write, publish."""
        s = self.sequencer
        high = s.next(count)
        for sequence in range(high - count + 1, high + 1):
            self.slots.write(sequence)
        s.publish(high - count + 1, high)
        self.look()

    def look(self) -> None:
        free = self.sequencer.remaining_capacity()
        if not 0 <= free <= self.sequencer.slots:
            raise Broken(f"{free} of {self.sequencer.slots} slots are said to be free")

    def consume(self, who: Any, last: int, then: Callable[[int], None] | None = None) -> None:
        """Be a Python handler's loop: BatchLookout between batches, until `last` is handled. then : called for each record."""
        s, lib = self.sequencer, self.lib
        lookout = lib.lookout.BatchLookout(
            s.base, s.marks, who.barrier.upstream, who.barrier.wait, sequence=who.sequence.word, control=who.control.word, patience_ns=-1
        )
        following = int(who.start) if hasattr(who, "start") else 0
        while following <= last:
            available = lookout.next(following)
            if available < following:
                raise Broken(f"{who.name} waits for {following} and is given {available}")
            for sequence in range(following, available + 1):
                if s.multi and lib.claims.was_given_up(lib.sequence.CELLS, s.base, s.marks, sequence):
                    continue
                found = self.slots.read(sequence)
                if found != sequence:
                    raise Broken(f"{who.name} reads {found} where {sequence} should be")
                who.got.append(sequence)
                if then is not None:
                    then(sequence)
            following = available + 1
        who.sequence.set(following - 1)
        s.wake_producers()

    def count(self, who: Any, wanted: int) -> None:
        """Be a consumer until it has got `wanted` records; what was given up among them does not count."""
        s, lib = self.sequencer, self.lib
        while len(who.got) < wanted:
            following = int(who.sequence.get()) + 1
            available = who.barrier.wait_for(following)
            for sequence in range(following, available + 1):
                if lib.claims.was_given_up(lib.sequence.CELLS, s.base, s.marks, sequence):
                    continue
                if (found := self.slots.read(sequence)) != sequence:
                    raise Broken(f"{who.name} reads {found} where {sequence} should be")
                who.got.append(sequence)
            who.sequence.set(available)
            s.wake_producers()

    def counted(self, who: Any, wanted: int) -> None:
        """Check that a consumer has got so many records, in their order."""
        if len(who.got) != wanted or who.got != sorted(set(who.got)):
            raise Broken(f"{who.name} has got {who.got}, not {wanted} records in their order")

    def controlled(self, *consumers: Any) -> None:
        for who in consumers:
            who.control = self.lib.sequence.take_cells(3)

    def all_got(self, *consumers: Any, wanted: list[int]) -> None:
        for who in consumers:
            if who.got != wanted:
                raise Broken(f"{who.name} has got {who.got}, not {wanted}")


def times(count: int, what: Callable[[], None]) -> Callable[[], None]:
    def body() -> None:
        for _ in range(count):
            what()

    return body


def blocking(lib: Any) -> Any:
    return lib.wait.Wait.blocking(spins=0)


def phased(lib: Any) -> Any:
    return lib.wait.Wait.phased_backoff(0, 0)


def yielding(lib: Any) -> Any:
    return lib.wait.Wait.yielding(spins=0)


def by_phase(lib: Any) -> Any:
    """Another way for each phase: nothing is published, a handler before has not passed it, no room."""
    return lib.wait.Wait.by_phase(blocking(lib), gated=phased(lib), full=lib.wait.Wait.blocking(spins=1))


def sleeping(lib: Any) -> Any:
    return lib.wait.Wait.sleeping(spins=0, yields=0)
