"""Programs of the loops that the library generates, and of pools: each record is one worker's."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from tools.verify.machine import Broken, Machine
from tools.verify.programs.rules import Ring, blocking, times
from tools.verify.schedule import Program

__all__ = ["Loop", "forwarded", "loop_behind_two", "loops", "loops_and_gaps", "output", "rewound", "worker_loops", "workers"]


class Loop:
    """The loop that processor_text writes for one compiled handler, run as plain Python.

    handles : called with (sequence), or with (sequence, port of `into`); returns a status, None for 0. upstream : loops before
    it; pool : the work sequence of its pool, or None; into : the ring that it publishes to. It is written once and run in every
    run: the words that it is given are the same in each.
    """

    written: ClassVar[dict[tuple[str, str], Any]] = {}

    def __init__(
        self, lib: Any, ring: Ring, name: str, handles: Callable[..., Any], *upstream: Any, gates: bool = True, pool: Any = None,
        into: Ring | None = None, rewind: tuple[int, int] | None = None,
    ) -> None:
        self.lib, self.ring, self.name, self.handles = lib, ring, name, handles
        me = ring.consumer(name, *(u.sequence for u in upstream), gates=gates)
        self.sequence, self.got, self._barrier = me.sequence, me.got, me.barrier
        self._control, self._held = lib.sequence.take_cells(4), lib.sequence.take_cells(1)
        self._pool, self._into, self._rewind = pool, into, rewind
        self._port = np.zeros(1, lib.ring.PORT)
        if into is not None:
            self._port["gate"], self._port["published"], self._port["mask"] = -1, -1, into.sequencer.slots - 1

    def run(self) -> None:
        """Be the loop's thread."""
        lib, s = self.lib, self.ring.sequencer
        key = (self.name, f"{s.slots} {s.multi} {s.wait} {self._pool is not None} {self._barrier.upstream} {self._into} {self._rewind}")
        if self._into is not None:
            key = (self.name, f"{key[1]} {self._into.sequencer.slots}")
        if key not in Loop.written:
            Loop.written[key] = self._write()
        module, source = Loop.written[key]
        module._given_on_loop.this = self
        changed = {"cells": lib.sequence.CELLS, "marks": s.marks, "in_hand": [0], "records": range(s.slots), "out_port": self._port}
        arguments = {name: changed.get(name, value) for name, value in source.arguments.items()}
        if module.run(**arguments):
            raise Broken(f"{self.name} has ended with an error")

    def halt(self) -> None:
        cells = self.lib.sequence.CELLS
        self.lib.atomics.store_release(cells, self._control.word, 1)
        for cell in (self.lib.claims.IDLE, self.lib.claims.PROGRESS):
            self.lib.waiting.wake_all(cells, self.ring.sequencer.base + cell)

    def end(self) -> None:
        """Let it end after the record in hand; its own thread only."""
        self.lib.sequence.CELLS[self._control.word] = 1

    def _write(self) -> Any:
        text, codegen, s = self.lib.processor_text, self.lib.codegen, self.ring.sequencer
        ring = text.RingText("ring", s.slots, range(s.slots), s.marks, s.base, s.multi)
        outputs = ()
        if self._into is not None:
            o = self._into.sequencer
            outputs = (text.OutputText("out", range(o.slots), o.marks, self._port, o.base, 1),)

        def on_loop(*arguments: Any) -> Any:
            return on_loop.this.handles(*arguments)  # type: ignore[attr-defined]

        member = text.MemberText(
            name="loop", function=on_loop, arguments=("sequence", *(o.argument for o in outputs)), sequence=self.sequence.word,
            upstream=tuple(int(w) for w in self._barrier.upstream), held=self._held.word, outputs=outputs, rewind=self._rewind,
            work=-1 if self._pool is None else self._pool.word,
        )
        source = text.write_processor(
            self.name.replace(" ", "_"), ring, [member], s.wait, cells=self.lib.sequence.CELLS, control=self._control.word, in_hand=[0]
        )
        return codegen.load_loop(source, None), source


def loops(slots: int, producers: int, each: int, consumers: int, wait: Any = blocking) -> Any:
    """Generated loops, each behind the one before."""

    def make(lib: Any, machine: Machine) -> Program:
        ring = Ring(lib, machine, slots, multi=producers > 1, wait=wait(lib))
        total = producers * each
        loops: list[Loop] = []

        def handler(number: int) -> Callable[[int], None]:
            def handles(sequence: int) -> None:
                me = loops[number]
                if ring.slots.read(sequence) != sequence:
                    raise Broken(f"{me.name} reads another record than {sequence}")
                if number and sequence not in loops[number - 1].got:
                    raise Broken(f"{me.name} handles {sequence} before the one before it has")
                me.got.append(sequence)
                if sequence == total - 1:
                    me.end()

            return handles

        for i in range(consumers):
            loops.append(Loop(lib, ring, f"loop {i}", handler(i), *loops[-1:], gates=i == consumers - 1))
        tasks = [(f"producer {i}", times(each, ring.publish)) for i in range(producers)]
        return Program([*tasks, *((loop.name, loop.run) for loop in loops)], lambda: ring.all_got(*loops, wanted=list(range(total))))

    return make


def loop_behind_two(lib: Any, machine: Machine) -> Program:
    """A generated loop behind two that stand beside each other."""
    ring = Ring(lib, machine, 2, wait=blocking(lib))
    before: list[Loop] = []

    def handler(number: int) -> Callable[[int], None]:
        def handles(sequence: int) -> None:
            ring.slots.read(sequence)
            before[number].got.append(sequence)
            if sequence == 1:
                before[number].end()

        return handles

    def follows(sequence: int) -> None:
        if not all(sequence in loop.got for loop in before):
            raise Broken(f"last handles {sequence} before both of those before it have")
        last.got.append(sequence)
        if sequence == 1:
            last.end()

    before += [Loop(lib, ring, f"loop {i}", handler(i), gates=False) for i in range(2)]
    last = Loop(lib, ring, "last", follows, *before)
    tasks = [(loop.name, loop.run) for loop in (*before, last)]
    return Program([("producer", times(2, ring.publish)), *tasks], lambda: ring.all_got(last, wanted=[0, 1]))


def loops_and_gaps(lib: Any, machine: Machine) -> Program:
    """A generated loop that passes by what a producer has given up while another claimed behind it."""
    ring = Ring(lib, machine, 4, multi=True, wait=blocking(lib))
    s = ring.sequencer

    def gives_up() -> None:
        high = s.next()
        lib.sequencer_core.core.give_up(lib.sequence.CELLS, s.base, s.marks, high, high)
        ring.publish()

    def handles(sequence: int) -> None:
        if ring.slots.read(sequence) != sequence:
            raise Broken(f"loop reads another record than {sequence}")
        loop.got.append(sequence)
        if len(loop.got) == 3:
            loop.end()

    loop = Loop(lib, ring, "loop", handles)
    return Program([("quitter", gives_up), ("producer", times(2, ring.publish)), ("loop", loop.run)], lambda: ring.counted(loop, 3))


def workers(lib: Any, machine: Machine) -> Program:
    """Two workers of a pool, the loop of WorkProcessor: each record is handled by one of them."""
    ring = Ring(lib, machine, 2, wait=blocking(lib))
    work = lib.sequence.Sequence()
    machine.name(lib.sequence.CELLS.cells, work.word, "work")
    taken: list[int] = []
    workers = []
    for i in range(2):
        who = ring.consumer(f"worker {i}")
        control = lib.sequence.take_cells(4)
        me = SimpleNamespace(
            ring=SimpleNamespace(sequencer=ring.sequencer), pool=SimpleNamespace(work=work), wait=who.barrier.wait, _stop=False, taken=-1,
            sequence=who.sequence, barrier=who.barrier, _control=control, _timed_out=lambda: None, name=who.name,
        )

        def handle(sequence: int, me: Any = me) -> None:
            if ring.slots.read(sequence) != sequence:
                raise Broken(f"{me.name} reads another record than {sequence}")
            taken.append(sequence)
            if len(taken) == 3:  # the rest is the pool's halt
                for other in workers:
                    other._stop = True
                    lib.sequence.CELLS[other._control.word] = 1
                for cell in (lib.claims.IDLE, lib.claims.PROGRESS):
                    lib.waiting.wake_all(lib.sequence.CELLS, ring.sequencer.base + cell)

        me._handle = handle
        workers.append(me)

    def check() -> None:
        if sorted(taken) != [0, 1, 2]:
            raise Broken(f"the workers have handled {taken}")

    tasks = [("producer", times(3, ring.publish))]
    tasks += [(me.name, lambda me=me: lib.worker_pool.WorkProcessor._work(me)) for me in workers]
    return Program(tasks, check)


def worker_loops(lib: Any, machine: Machine) -> Program:
    """Two generated workers of a pool."""
    ring = Ring(lib, machine, 2, wait=blocking(lib))
    work = lib.sequence.Sequence()
    machine.name(lib.sequence.CELLS.cells, work.word, "work")
    taken: list[int] = []
    loops: list[Loop] = []

    def handles(sequence: int) -> None:
        if ring.slots.read(sequence) != sequence:
            raise Broken(f"a worker reads another record than {sequence}")
        taken.append(sequence)
        if len(taken) == 3:
            for loop in loops:
                loop.halt()

    def check() -> None:
        if sorted(taken) != [0, 1, 2]:
            raise Broken(f"the workers have handled {taken}")

    loops += [Loop(lib, ring, f"worker {i}", handles, pool=work) for i in range(2)]
    return Program([("producer", times(3, ring.publish)), *((loop.name, loop.run) for loop in loops)], check)


def output() -> Any:
    """A handler's output: claim_room, then publish_port."""

    def make(lib: Any, machine: Machine) -> Program:
        ring = Ring(lib, machine, 2, wait=blocking(lib))
        s = ring.sequencer
        reader = ring.consumer("consumer")
        ring.controlled(reader)
        port = SimpleNamespace(cell={"next": 0, "published": -1, "gate": -1})

        def produces() -> None:
            cells = lib.sequence.CELLS
            done = 0
            while done < 4:
                if lib.claims.claim_room(cells, s.base, port, 1) <= 0:
                    machine.pause()
                    continue
                ring.slots.write(port.cell["next"])
                port.cell["next"] += 1
                done += 1
                lib.claims.publish_port(cells, s.base, s.marks, port)

        return Program([("handler", produces), ("consumer", lambda: ring.consume(reader, 3))], lambda: ring.all_got(reader, wanted=[0, 1, 2, 3]))

    return make


def rewound(multi: bool) -> Any:
    """A generated loop whose handler asks for its batch again at record 1, once."""

    def make(lib: Any, machine: Machine) -> Program:
        ring = Ring(lib, machine, 2, multi=multi, wait=blocking(lib))
        again: list[int] = []  # where the batch that is asked for again begins

        def handles(sequence: int) -> int:
            if ring.slots.read(sequence) != sequence:
                raise Broken(f"loop reads another record than {sequence}")
            if sequence == 1 and not again:
                again.append(loop.sequence.get() + 1)
                loop.got[:] = [q for q in loop.got if q < again[0]]
                return int(lib.rewind.REWIND)
            loop.got.append(sequence)
            if sequence == 3:
                loop.end()
            return 0

        loop = Loop(lib, ring, "loop", handles, rewind=(0, 0))
        return Program([("producer", times(4, ring.publish)), ("loop", loop.run)], lambda: ring.all_got(loop, wanted=[0, 1, 2, 3]))

    return make


def forwarded(slots: int, rewinds: bool = False, wait: Any = blocking) -> Any:
    """A generated loop that publishes each record into another ring. rewinds : it asks for its batch again once, at record 1."""

    def make(lib: Any, machine: Machine) -> Program:
        ring, second = Ring(lib, machine, 2, wait=wait(lib)), Ring(lib, machine, slots, wait=wait(lib), label="second ring's ")
        reader = second.consumer("consumer")
        second.controlled(reader)
        again = [not rewinds]

        def handles(sequence: int, out: Any) -> int:
            if ring.slots.read(sequence) != sequence:
                raise Broken(f"loop reads another record than {sequence}")
            at = int(out.cell["next"])
            lib.single_producer.claim(out)
            second.slots.write(at, int(sequence))
            if sequence == 1 and not again[0]:
                again[0] = True
                return int(lib.rewind.REWIND)
            if sequence == 2:
                loop.end()
            return 0

        loop = Loop(lib, ring, "loop", handles, into=second, rewind=(0, 0) if rewinds else None)
        return Program(
            [("producer", times(3, ring.publish)), ("loop", loop.run), ("consumer", lambda: second.consume(reader, 2))],
            lambda: second.all_got(reader, wanted=[0, 1, 2]),
        )

    return make
