"""An explicit-state model of the ring: every interleaving of producers, consumers, a crash and a late consumer.

The model follows disruptor/claims.py and disruptor/sequencer.py step by step; one step is one access to what threads
share. `explore` walks through every state that can be reached and returns the first state that breaks a rule:

    a slot is read while it is written, or written by two                           (NoDataRaces)
    a consumer reads another record than the one it came for
    more is claimed than the slots behind the lowest consumer hold
    a state from which the consumers can no longer get everything that was published (liveness: no way leads to the end)

`faults` breaks the model in a known way; the suite looks whether each is found, so that the checker itself is tested.

Source: the TLA+ models of disruptor-rs (SPMC, MPMC: NoDataRaces, liveness); crash and late consumers are added here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

NOBODY = 1 << 30
IDLE, LOADED, LOOKED, CLAIMING, CLAIMED, WRITING, DEAD = "idle", "loaded", "looked", "claiming", "claimed", "writing", "dead"
OUT, PLACED, GATING, LOOKING, SCANNED, AWAY, WAITS, READS, GONE = (
    "out", "placed", "gating", "looking", "scanned", "away", "waits", "reads", "gone"
)


class Writer(NamedTuple):
    """A producer: where it stands, and its registers (the claim it saw, the gate it saw, the lowest consumer it found)."""

    at: str = IDLE
    before: int = -1
    gate: int = -1
    lowest: int = -1


class Reader(NamedTuple):
    """A consumer: where it stands, its sequence, whether producers wait for it, what it found while it was added."""

    at: str = WAITS
    sequence: int = -1
    gates: bool = True
    seen: int = -1
    found: int = -1


class State(NamedTuple):
    claimed: int
    gate: int
    marks: tuple[int, ...]  # per slot, the sequence published into it; −2 − sequence: given up
    holds: tuple[int, ...]  # per slot, the sequence whose record lies there, −1 while it is being written
    writers: tuple[Writer, ...]
    readers: tuple[Reader, ...]


class Model(NamedTuple):
    """slots : 2..4. most : how many records are claimed in all. late : the last consumer comes while others run.
    crashes : whether a producer may die between claim and publish (its claim is given up later, as by `unblock`).
    """

    slots: int = 2
    most: int = 5
    writers: int = 2
    readers: int = 2
    late: bool = False
    leaves: bool = False
    crashes: bool = False
    faults: frozenset[str] = frozenset()

    def start(self) -> State:
        readers = [Reader() for _ in range(self.readers)]
        if self.late:
            readers[-1] = Reader(OUT, gates=False)
        empty = (-1,) * self.slots
        return State(-1, -1, empty, (-1,) * self.slots, (Writer(),) * self.writers, tuple(readers))

    def steps(self, s: State) -> Iterator[State]:
        """Yield every state that one step of anybody leads to."""
        for i, writer in enumerate(s.writers):
            yield from self._write(s, i, writer)
        for i, reader in enumerate(s.readers):
            yield from self._read(s, i, reader)

    def published(self, s: State, following: int) -> int:
        while s.marks[following % self.slots] in (following, -2 - following):
            following += 1
        return following - 1

    def lowest(self, s: State, gate: int) -> int:
        gates = [r.sequence for r in s.readers if r.gates]
        return min(gates) if gates else self.published(s, gate + 1)

    def _write(self, s: State, i: int, w: Writer) -> Iterator[State]:
        """claim_many, then the record, then its mark."""
        def step(state: State, **changes: object) -> State:
            return state._replace(writers=_put(state.writers, i, w._replace(**changes)))

        if w.at == IDLE and s.claimed + 1 < self.most:
            yield step(s, at=LOADED, before=s.claimed)
        elif w.at == LOADED:
            fits = w.before + 1 - s.gate <= self.slots + ("off by one" in self.faults)
            yield step(s, at=CLAIMING if fits else LOOKED, gate=s.gate, lowest=s.gate)
        elif w.at == LOOKED and w.lowest == w.gate:
            found = self.lowest(s, w.gate)
            if w.before + 1 - found <= self.slots:
                yield step(s, at="found", lowest=found)
            else:
                yield step(s, **Writer()._asdict())  # full, or its look was out of date: from the beginning
        elif w.at == "found":  # what was found is stored, unless another producer has stored since
            if "gate stored blindly" in self.faults or s.gate == w.gate:
                yield step(s._replace(gate=w.lowest), at=CLAIMING)
            else:
                yield step(s, **Writer()._asdict())
        elif w.at == CLAIMING:
            if "claimed without comparing" in self.faults or s.claimed == w.before:
                yield step(s._replace(claimed=w.before + 1), **Writer(CLAIMED, w.before + 1)._asdict())
            else:
                yield step(s, **Writer()._asdict())
        elif w.at == CLAIMED:
            marks = s.marks
            if "published before written" in self.faults:
                marks = _put(marks, w.before % self.slots, w.before)
            yield step(s._replace(marks=marks, holds=_put(s.holds, w.before % self.slots, -1)), at=WRITING)
            if self.crashes and all(o.at != DEAD for o in s.writers):
                yield step(s, at=DEAD)
        elif w.at == WRITING:
            slot = w.before % self.slots
            yield step(s._replace(holds=_put(s.holds, slot, w.before), marks=_put(s.marks, slot, w.before)), **Writer()._asdict())
        elif w.at == DEAD and w.before >= 0 and "never unblocked" not in self.faults:
            slot = w.before % self.slots
            yield step(s._replace(marks=_put(s.marks, slot, -2 - w.before)), before=-1)

    def _read(self, s: State, i: int, r: Reader) -> Iterator[State]:
        """The consumer's loop; and add_gating_sequences: stand at what is published, gate, stand there again."""
        def step(**changes: object) -> State:
            return s._replace(readers=_put(s.readers, i, r._replace(**changes)))

        following = r.sequence + 1
        mark = s.marks[following % self.slots]
        if r.at == WAITS and mark == following:
            yield step(at=READS)
        elif r.at == WAITS and mark == -2 - following and "given up is read" in self.faults:
            yield step(at=READS)
        elif r.at == WAITS and mark == -2 - following:
            yield step(sequence=following)
        elif r.at == READS:
            yield step(at=WAITS, sequence=following)
        elif r.at == OUT:  # published(): the gate, then the marks behind it, then the gate again
            yield step(at=PLACED, sequence=self.published(s, s.gate + 1))
        elif r.at == PLACED:
            once = "placed once" in self.faults
            yield step(at=WAITS if once else LOOKING, gates=True)
        elif r.at == LOOKING:
            yield step(at=GATING, seen=s.gate)
        elif r.at == GATING:
            yield step(at=SCANNED, found=self.published(s, r.seen + 1))
        elif r.at == SCANNED:
            stale = s.gate != r.seen and "looked once" not in self.faults
            yield step(at=LOOKING) if stale else step(at=WAITS, sequence=max(r.found, r.sequence), seen=-1, found=-1)
        if self.leaves and i == len(s.readers) - 1 and r.at == WAITS:
            yield step(at=GONE, gates=False)

    def broken(self, s: State) -> str:
        """Return the rule that a state breaks, or nothing."""
        writing = [w.before % self.slots for w in s.writers if w.at == WRITING]
        reading = {(r.sequence + 1) % self.slots for r in s.readers if r.at == READS}
        if len(set(writing)) < len(writing):
            return "two producers write one slot"
        if reading & set(writing):
            return "a slot is read while it is written"
        if any(r.at == READS and s.holds[(r.sequence + 1) % self.slots] != r.sequence + 1 for r in s.readers):
            return "a consumer reads another record than its own"
        return "" if s.claimed <= s.gate + self.slots else "more is claimed than fits"

    def done(self, s: State) -> bool:
        """Whether everything was claimed, published and read by everybody who stayed."""
        last = self.most - 1
        alive = [w for w in s.writers if w.at != DEAD]
        return (
            s.claimed == last and all(w.at == IDLE for w in alive) and all(w.before < 0 for w in s.writers)
            and all(r.sequence == last or r.at == GONE for r in s.readers)
        )


def explore(model: Model) -> tuple[str, int]:
    """Return the first broken rule ("" for none) and how many states there are."""
    start = model.start()
    before: dict[State, list[State]] = {start: []}
    todo = [start]
    while todo:
        state = todo.pop()
        rule = model.broken(state)
        if rule:
            return rule, len(before)
        for after in model.steps(state):
            if after not in before:
                before[after] = []
                todo.append(after)
            before[after].append(state)
    reaches = {s for s in before if model.done(s)}  # and backwards, whatever leads there
    todo = list(reaches)
    while todo:
        for state in before[todo.pop()]:
            if state not in reaches:
                reaches.add(state)
                todo.append(state)
    return ("" if len(reaches) == len(before) else "the end can no longer be reached"), len(before)


def _put(values: tuple, place: int, value: object) -> tuple:
    return (*values[:place], value, *values[place + 1 :])
