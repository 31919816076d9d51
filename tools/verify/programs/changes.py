"""Programs in which somebody comes, goes, gives up or dies while the others run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tools.verify.machine import Broken, Machine
from tools.verify.programs.rules import Ring, blocking, times
from tools.verify.schedule import Program

__all__ = ["comes", "comes_behind", "comes_between", "dies", "given_up", "goes", "goes_from_the_end", "two_come"]


def given_up(lib: Any, machine: Machine) -> Program:
    """Two producers; the one gives its first claim up, be it alone or not."""
    ring = Ring(lib, machine, 2, multi=True, wait=blocking(lib))
    reader = ring.consumer("consumer")
    ring.controlled(reader)
    s = ring.sequencer
    aborted: list[int] = []

    def gives_up() -> None:
        high = s.next()
        ring.slots.write(high, "never to be seen")
        if s.unclaim(high, high):
            aborted.append(-1)
        else:
            lib.sequencer_core.core.give_up(lib.sequence.CELLS, s.base, s.marks, high, high)
            aborted.append(high)
        ring.publish()

    def check() -> None:
        wanted = [q for q in range(4) if q != aborted[0]][:3]
        ring.all_got(reader, wanted=wanted)

    return Program([("quitter", gives_up), ("producer", times(2, ring.publish)), ("consumer", lambda: ring.count(reader, 3))], check)


def dies(lib: Any, machine: Machine) -> Program:
    """A producer dies between claim and publication; another goes on; somebody unblocks the ring."""
    ring = Ring(lib, machine, 2, multi=True, wait=blocking(lib))
    reader = ring.consumer("consumer")
    ring.controlled(reader)
    s = ring.sequencer
    dead: list[int] = []

    def falls() -> None:
        dead.append(s.next())

    def heir() -> None:
        lib.sequencer_core.core.give_up(lib.sequence.CELLS, s.base, s.marks, dead[0], dead[0])

    def check() -> None:
        ring.all_got(reader, wanted=[q for q in range(4) if q != dead[0]])

    return Program(
        [("mortal", lambda: (falls(), heir())), ("producer", times(3, ring.publish)), ("consumer", lambda: ring.consume(reader, 3))], check
    )


def comes(producers: int, beside: bool, multi: bool = False) -> Any:
    """A consumer comes while a producer runs: nothing that it reads is overwritten under it, and it misses nothing after it came."""

    def make(lib: Any, machine: Machine) -> Program:
        ring = Ring(lib, machine, 2, multi=multi or producers > 1, wait=blocking(lib))
        first = ring.consumer("resident") if beside else None
        late = ring.consumer("newcomer", gates=False)
        ring.controlled(*filter(None, (first, late)))

        def arrives() -> None:
            ring.sequencer.add_gating_sequences(late.sequence)
            late.start = late.sequence.get() + 1
            ring.consume(late, 3)

        def check() -> None:
            ring.all_got(late, wanted=list(range(late.start, 4)))
            if first is not None:
                ring.all_got(first, wanted=list(range(4)))

        tasks = [(f"producer {i}", times(4 // producers, ring.publish)) for i in range(producers)] + [("newcomer", arrives)]
        if first is not None:
            tasks.append(("resident", lambda: ring.consume(first, 3)))
        return Program(tasks, check)

    return make


def two_come(lib: Any, machine: Machine) -> Program:
    """Two consumers come one after the other while a producer runs."""
    ring = Ring(lib, machine, 2, wait=blocking(lib))
    both = [ring.consumer(f"newcomer {i}", gates=False) for i in range(2)]
    ring.controlled(*both)

    def arrives(who: Any) -> None:
        ring.sequencer.add_gating_sequences(who.sequence)
        who.start = who.sequence.get() + 1
        ring.consume(who, 2)

    def check() -> None:
        for who in both:
            ring.all_got(who, wanted=list(range(who.start, 3)))

    tasks = [("producer", times(3, ring.publish)), *((who.name, lambda who=who: arrives(who)) for who in both)]
    return Program(tasks, check)


def goes(lib: Any, machine: Machine) -> Program:
    """A consumer that handles nothing leaves while the producer waits for it."""
    ring = Ring(lib, machine, 2, wait=blocking(lib))
    stays, leaves = ring.consumer("stays"), ring.consumer("leaves")
    ring.controlled(stays)
    return Program(
        [("producer", times(3, ring.publish)), ("stays", lambda: ring.consume(stays, 2)),
         ("leaves", lambda: (ring.sequencer.remove_gating_sequence(leaves.sequence), None)[1])],
        lambda: ring.all_got(stays, wanted=[0, 1, 2]),
    )


def comes_between(lib: Any, machine: Machine) -> Program:
    """A consumer comes while one producer looks for room and another has a claim open: one record is there, and read, already."""
    ring = Ring(lib, machine, 2, multi=True, wait=blocking(lib))
    first, late = ring.consumer("resident"), ring.consumer("newcomer", gates=False)
    ring.controlled(first, late)
    ring.publish()
    first.sequence.set(0)
    first.start, first.got = 1, [0]

    def arrives() -> None:
        ring.sequencer.add_gating_sequences(late.sequence)
        late.start = late.sequence.get() + 1
        ring.consume(late, 3)

    def check() -> None:
        ring.all_got(late, wanted=list(range(late.start, 4)))
        ring.all_got(first, wanted=list(range(4)))

    return Program(
        [("producer 0", ring.publish), ("producer 1", times(2, ring.publish)), ("newcomer", arrives),
         ("resident", lambda: ring.consume(first, 3))], check,
    )


def _members(ring: Ring, *consumers: Any, behind: tuple[Any, ...] = ()) -> tuple[Any, list[Any]]:
    """Return the Membership of a graph that has no nodes yet, and nodes for consumers, all behind the same nodes."""
    s = ring.sequencer
    members = ring.lib.membership.Membership(SimpleNamespace(sequencer=s, remove_gating_sequence=s.remove_gating_sequence))
    return members, [ring.lib.node.Node(who.name, who, who.sequence, who.barrier, behind) for who in consumers]


def comes_behind(lib: Any, machine: Machine) -> Program:
    """A consumer comes behind another that gates: from then on it gates instead."""
    ring = Ring(lib, machine, 2, wait=blocking(lib))
    first = ring.consumer("first")
    late = ring.consumer("newcomer", first.sequence, gates=False)
    ring.controlled(first, late)
    members, (before,) = _members(ring, first)
    members._nodes.append(before)
    _, nodes = _members(ring, late, behind=(before,))

    def arrives() -> None:
        members.attach(nodes)
        late.start = late.sequence.get() + 1
        ring.consume(late, 3, then=follows)

    def follows(sequence: int) -> None:
        if sequence not in first.got:
            raise Broken(f"newcomer handles {sequence} before first has")

    def check() -> None:
        ring.all_got(late, wanted=list(range(late.start, 4)))
        ring.all_got(first, wanted=list(range(4)))

    return Program([("producer", times(4, ring.publish)), ("newcomer", arrives), ("first", lambda: ring.consume(first, 3))], check)


def goes_from_the_end(lib: Any, machine: Machine) -> Program:
    """The last of a chain leaves after its first batch: from then on the one before it gates."""
    ring = Ring(lib, machine, 2, wait=blocking(lib))
    first = ring.consumer("first", gates=False)
    last = ring.consumer("last", first.sequence)
    ring.controlled(first, last)
    members, (before,) = _members(ring, first)
    _, (leaf,) = _members(ring, last, behind=(before,))
    members._nodes += [before, leaf]

    def leaves() -> None:
        ring.consume(last, 0)
        members.detach(leaf)

    def check() -> None:
        ring.all_got(first, wanted=list(range(5)))
        ring.all_got(last, wanted=list(range(len(last.got))))

    return Program([("producer", times(5, ring.publish)), ("first", lambda: ring.consume(first, 4)), ("last", leaves)], check)
