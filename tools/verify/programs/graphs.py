"""Programs of producers and consumers that are there from the beginning: beside each other, behind each other, waiting in every way."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tools.verify.machine import Broken, Machine
from tools.verify.programs.rules import Ring, blocking, times
from tools.verify.schedule import Program

__all__ = ["alerted", "behind_two", "claimed_upto", "graph", "polled", "released_early"]


def graph(slots: int, producers: int, each: int, *, chain: bool = False, consumers: int = 1, batch: int = 1, wait: Any = "busy-spin") -> Any:
    """Return a program: producers that publish `each` batches, and consumers beside or behind each other."""

    def make(lib: Any, machine: Machine) -> Program:
        how = wait(lib) if callable(wait) else wait
        ring = Ring(lib, machine, slots, multi=producers > 1, wait=how)
        readers: list[Any] = []
        for i in range(consumers):
            behind = [readers[-1].sequence] if chain and readers else []
            last = i == consumers - 1
            readers.append(ring.consumer(f"consumer {i}", *behind, gates=last or not chain))
        ring.controlled(*readers)
        total = producers * each * batch
        tasks = [(f"producer {i}", times(each, lambda: ring.publish(batch))) for i in range(producers)]
        tasks += [(who.name, lambda who=who: ring.consume(who, total - 1)) for who in readers]

        def check() -> None:
            ring.all_got(*readers, wanted=list(range(total)))
            if ring.sequencer.published() != total - 1:
                raise Broken(f"published is {ring.sequencer.published()}, not {total - 1}")

        return Program(tasks, check)

    return make


def behind_two(lib: Any, machine: Machine) -> Program:
    """A consumer behind two others that stand beside each other."""
    ring = Ring(lib, machine, 2, wait=blocking(lib))
    first, second = ring.consumer("first", gates=False), ring.consumer("second", gates=False)
    last = ring.consumer("last", first.sequence, second.sequence)
    ring.controlled(first, second, last)
    done: dict[int, int] = {}

    def passed(who: Any) -> None:
        ring.consume(who, 1, then=lambda sequence: done.__setitem__(sequence, done.get(sequence, 0) + 1))

    def follows(sequence: int) -> None:
        if done.get(sequence) != 2:
            raise Broken(f"last handles {sequence} before both of those before it have")

    return Program(
        [("producer", times(2, ring.publish)), ("first", lambda: passed(first)), ("second", lambda: passed(second)),
         ("last", lambda: ring.consume(last, 1, then=follows))],
        lambda: ring.all_got(last, wanted=[0, 1]),
    )


def released_early(lib: Any, machine: Machine) -> Program:
    """A handler lets its producer have a record before its batch ends, and then waits for what the producer does with it."""
    ring = Ring(lib, machine, 2, wait=blocking(lib))
    reader = ring.consumer("handler")
    s, claims, cells = ring.sequencer, lib.claims, lib.sequence.CELLS

    def handles() -> None:
        release = (cells, reader.sequence.word, s.base + claims.PROGRESS, s.base + claims.PARKS)
        while reader.barrier.wait_for(0) < 1:
            machine.pause()
        for sequence in range(3):
            if sequence == 2:
                reader.barrier.wait_for(2)
            if ring.slots.read(sequence) != sequence:
                raise Broken(f"the handler reads another record than {sequence}")
            reader.got.append(sequence)
            claims.release_upto(release, sequence)

    return Program([("producer", times(3, ring.publish)), ("handler", handles)], lambda: ring.all_got(reader, wanted=[0, 1, 2]))


def alerted(lib: Any, machine: Machine) -> Program:
    """Nothing is ever published; an alert ends the wait."""
    ring = Ring(lib, machine, 2, wait=blocking(lib))
    reader = ring.consumer("consumer")
    ended: list[int] = []

    def waits() -> None:
        try:
            ended.append(reader.barrier.await_(0, -1))
        except lib.barrier.Alerted:
            ended.append(-1)

    def check() -> None:
        if ended != [-1]:
            raise Broken(f"the wait has ended with {ended}")

    return Program([("consumer", waits), ("alerts", reader.barrier.alert)], check)


def polled(lib: Any, machine: Machine) -> Program:
    """A poller whose handler says after one record that it has enough, and goes on later."""
    ring = Ring(lib, machine, 2, wait=blocking(lib))
    reader = ring.consumer("poller")
    around = SimpleNamespace(sequencer=ring.sequencer, records=range(2), mask=1, given_up=lambda sequence: False)
    poller = lib.poller.EventPoller(around, reader.barrier, reader.sequence)

    def takes(_: Any, sequence: int, end_of_batch: bool) -> bool:
        if ring.slots.read(sequence) != sequence:
            raise Broken(f"the poller reads another record than {sequence}")
        reader.got.append(sequence)
        return sequence == 2

    def polls() -> None:
        while len(reader.got) < 4:
            if poller.poll(takes) == lib.poller.PollState.IDLE:
                machine.pause()

    return Program([("producer", times(4, ring.publish)), ("poller", polls)], lambda: ring.all_got(reader, wanted=[0, 1, 2, 3]))


def claimed_upto(multi: bool) -> Any:
    """Producers that ask for three of two slots and claim as many as fit, as copies of whole arrays do."""

    def make(lib: Any, machine: Machine) -> Program:
        ring = Ring(lib, machine, 2, multi=multi, wait=blocking(lib))
        s, claims, cells, makers = ring.sequencer, lib.claims, lib.sequence.CELLS, 1 + multi
        reader = ring.consumer("consumer")
        ring.controlled(reader)

        def produces() -> None:
            left = 4 // makers
            while left:
                high, count = claims.claim_upto(cells, s.base, s.marks, multi, min(3, left))
                if count == 0:
                    machine.pause()
                    continue
                for sequence in range(high - count + 1, high + 1):
                    ring.slots.write(sequence)
                s.publish(high - count + 1, high)
                left -= count

        tasks = [(f"producer {i}", produces) for i in range(makers)]
        return Program([*tasks, ("consumer", lambda: ring.consume(reader, 3))], lambda: ring.all_got(reader, wanted=[0, 1, 2, 3]))

    return make
