"""The programs that the explorer runs: small graphs over the real ring code, each with what must hold.

A program is a function of the library on the shim and a machine; it builds everything anew and returns tasks and a check.
What each one checks while it runs: a slot is never read while it is written, nor written by two (`Slots`, by the order of
accesses, whatever the schedule); every consumer gets each published record once, in order, and whole; capacity is never
negative. At the end: everything is consumed. The explorer itself knows when nobody goes on: a lost wake-up.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple

from tools.verify.machine import Broken, Machine
from tools.verify.schedule import Program

__all__ = ["PROGRAMS", "Kind"]


class Kind(NamedTuple):
    """make(library, machine) → the program."""

    make: Callable[[Any, Machine], Program]


class Slots:
    """Records, two words each, whose accesses must be ordered by the ring."""

    def __init__(self, machine: Machine, slots: int) -> None:
        self._machine, self._mask = machine, slots - 1
        self._values = [[-1, -1] for _ in range(slots)]

    def write(self, sequence: int, value: Any = None) -> None:
        slot = sequence & self._mask
        self._machine.writes_data(f"slot {slot}")
        self._values[slot][:] = [sequence if value is None else value] * 2

    def read(self, sequence: int) -> Any:
        slot = sequence & self._mask
        self._machine.reads_data(f"slot {slot}")
        first, second = self._values[slot]
        if first != second:
            raise Broken(f"slot {slot} holds {first} and {second}: torn")
        return first


class Ring:
    """A sequencer with its records; names for the words that a trace shows."""

    def __init__(self, lib: Any, machine: Machine, slots: int, *, multi: bool = False, wait: Any = "busy-spin") -> None:
        self.lib, self.machine = lib, machine
        self.sequencer = lib.sequencer.Sequencer(slots, producers="multi" if multi else "single", wait=wait)
        self.slots = Slots(machine, slots)
        if not machine.naming:
            return
        cells, base = lib.sequence.CELLS.cells, self.sequencer.base
        for word in ("CURSOR", "CLAIMED", "GATE", "IDLE", "PROGRESS", "FAILED", "PARKS", "OBSERVED", "TOUCHED", "GATING"):
            machine.name(cells, base + getattr(lib.claims, word), word)
        for cell in ("IDLE", "PROGRESS"):
            machine.name(cells, base + getattr(lib.claims, cell) + 1, f"{cell}'s futex")
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

    def controlled(self, *consumers: Any) -> None:
        for who in consumers:
            who.control = self.lib.sequence.take_cells(3)

    def all_got(self, *consumers: Any, wanted: list[int]) -> None:
        for who in consumers:
            if who.got != wanted:
                raise Broken(f"{who.name} has got {who.got}, not {wanted}")


def _times(count: int, what: Callable[[], None]) -> Callable[[], None]:
    def body() -> None:
        for _ in range(count):
            what()

    return body


def _graph(slots: int, producers: int, each: int, *, chain: bool = False, consumers: int = 1, batch: int = 1, wait: Any = "busy-spin") -> Any:
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
        tasks = [(f"producer {i}", _times(each, lambda: ring.publish(batch))) for i in range(producers)]
        tasks += [(who.name, lambda who=who: ring.consume(who, total - 1)) for who in readers]

        def check() -> None:
            ring.all_got(*readers, wanted=list(range(total)))
            if ring.sequencer.published() != total - 1:
                raise Broken(f"published is {ring.sequencer.published()}, not {total - 1}")

        return Program(tasks, check)

    return make


def _blocking(lib: Any) -> Any:
    return lib.wait.Wait.blocking(spins=0)


def _phased(lib: Any) -> Any:
    return lib.wait.Wait.phased_backoff(0, 0)


def _yielding(lib: Any) -> Any:
    return lib.wait.Wait.yielding(spins=0)


def _sleeping(lib: Any) -> Any:
    return lib.wait.Wait.sleeping(spins=0, yields=0)


def _given_up(lib: Any, machine: Machine) -> Program:
    """Two producers; the one gives its first claim up, be it alone or not."""
    ring = Ring(lib, machine, 2, multi=True, wait=_blocking(lib))
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

    def counts() -> None:
        while len(reader.got) < 3:  # one more sequence when the claim could not be given back
            following = (int(reader.sequence.get())) + 1
            available = reader.barrier.wait_for(following)
            for sequence in range(following, available + 1):
                if not lib.claims.was_given_up(lib.sequence.CELLS, s.base, s.marks, sequence):
                    if ring.slots.read(sequence) != sequence:
                        raise Broken(f"consumer reads what was given up at {sequence}")
                    reader.got.append(sequence)
            reader.sequence.set(available)
            s.wake_producers()

    def check() -> None:
        wanted = [q for q in range(4) if q != aborted[0]][:3]
        ring.all_got(reader, wanted=wanted)

    return Program([("quitter", gives_up), ("producer", _times(2, ring.publish)), ("consumer", counts)], check)


def _dies(lib: Any, machine: Machine) -> Program:
    """A producer dies between claim and publication; another goes on; somebody unblocks the ring."""
    ring = Ring(lib, machine, 2, multi=True, wait=_blocking(lib))
    reader = ring.consumer("consumer")
    ring.controlled(reader)
    s = ring.sequencer
    dead: list[int] = []

    def dies() -> None:
        dead.append(s.next())

    def heir() -> None:
        lib.sequencer_core.core.give_up(lib.sequence.CELLS, s.base, s.marks, dead[0], dead[0])

    def check() -> None:
        ring.all_got(reader, wanted=[q for q in range(4) if q != dead[0]])

    return Program(
        [("mortal", lambda: (dies(), heir())), ("producer", _times(3, ring.publish)), ("consumer", lambda: ring.consume(reader, 3))], check
    )


def _comes(producers: int, beside: bool, multi: bool = False) -> Any:
    """A consumer comes while a producer runs: nothing that it reads is overwritten under it, and it misses nothing after it came."""

    def make(lib: Any, machine: Machine) -> Program:
        ring = Ring(lib, machine, 2, multi=multi or producers > 1, wait=_blocking(lib))
        first = ring.consumer("resident") if beside else None
        late = ring.consumer("newcomer", gates=False)
        ring.controlled(*filter(None, (first, late)))

        def comes() -> None:
            ring.sequencer.add_gating_sequences(late.sequence)
            late.start = late.sequence.get() + 1
            ring.consume(late, 3)

        def check() -> None:
            ring.all_got(late, wanted=list(range(late.start, 4)))
            if first is not None:
                ring.all_got(first, wanted=list(range(4)))

        tasks = [(f"producer {i}", _times(4 // producers, ring.publish)) for i in range(producers)] + [("newcomer", comes)]
        if first is not None:
            tasks.append(("resident", lambda: ring.consume(first, 3)))
        return Program(tasks, check)

    return make


def _two_come(lib: Any, machine: Machine) -> Program:
    """Two consumers come one after the other while a producer runs."""
    ring = Ring(lib, machine, 2, wait=_blocking(lib))
    both = [ring.consumer(f"newcomer {i}", gates=False) for i in range(2)]
    ring.controlled(*both)

    def comes(who: Any) -> None:
        ring.sequencer.add_gating_sequences(who.sequence)
        who.start = who.sequence.get() + 1
        ring.consume(who, 2)

    def check() -> None:
        for who in both:
            ring.all_got(who, wanted=list(range(who.start, 3)))

    tasks = [("producer", _times(3, ring.publish)), *((who.name, lambda who=who: comes(who)) for who in both)]
    return Program(tasks, check)


def _goes(lib: Any, machine: Machine) -> Program:
    """A consumer that handles nothing leaves while the producer waits for it."""
    ring = Ring(lib, machine, 2, wait=_blocking(lib))
    stays, leaves = ring.consumer("stays"), ring.consumer("leaves")
    ring.controlled(stays)
    return Program(
        [("producer", _times(3, ring.publish)), ("stays", lambda: ring.consume(stays, 2)),
         ("leaves", lambda: (ring.sequencer.remove_gating_sequence(leaves.sequence), None)[1])],
        lambda: ring.all_got(stays, wanted=[0, 1, 2]),
    )


def _alerted(lib: Any, machine: Machine) -> Program:
    """Nothing is ever published; an alert ends the wait."""
    ring = Ring(lib, machine, 2, wait=_blocking(lib))
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


def _observed(multi: bool) -> Any:
    """An observer copies while producers overwrite: what it keeps is whole and what it says it is."""

    def make(lib: Any, machine: Machine) -> Program:
        ring = Ring(lib, machine, 2, multi=multi)
        s = ring.sequencer
        s.observed()
        observer = __import__("disruptor.observer", fromlist=["_range"])
        words = machine.array(4)
        for i in range(4):
            machine.name(words, i, f"slot {i // 2} word {i % 2}")

        def produces() -> None:
            for _ in range(3):
                high = s.next()
                words[2 * (high & 1)] = high
                words[2 * (high & 1) + 1] = high
                s.publish(high)

        def looks() -> None:
            seen = -1
            for _ in range(2):
                skipped, last = observer._range(lib.sequence.CELLS, s.base, s.marks, seen)
                first = seen + int(skipped) + 1
                copied = [(q, words[2 * (q & 1)], words[2 * (q & 1) + 1]) for q in range(first, min(last, first + 1) + 1)]
                oldest = observer._oldest(lib.sequence.CELLS, s.base)
                for sequence, one, two in copied:
                    if sequence >= oldest and (one, two) != (sequence, sequence):
                        raise Broken(f"the observer keeps {one}, {two} as record {sequence}")
                seen = max(seen, last)

        return Program([("producer", produces), ("observer", looks)], lambda: None)

    return make


def _gives_back_observed(lib: Any, machine: Machine) -> Program:
    """An observer beside a producer that writes into a claim and gives it back."""
    ring = Ring(lib, machine, 2)
    s = ring.sequencer
    s.observed()
    observer = __import__("disruptor.observer", fromlist=["_range"])
    words = machine.array(2)

    def produces() -> None:
        for sequence in range(2):
            words[s.next() & 1] = sequence
            s.publish(sequence)
        high = s.next()
        words[high & 1] = 99
        s.abort(high)

    def looks() -> None:
        skipped, last = observer._range(lib.sequence.CELLS, s.base, s.marks, -1)
        copied = [(q, words[q & 1]) for q in range(int(skipped), last + 1)]
        oldest = observer._oldest(lib.sequence.CELLS, s.base)
        for sequence, value in copied:
            if sequence >= oldest and value != sequence:
                raise Broken(f"the observer keeps {value} as record {sequence}")

    return Program([("producer", produces), ("observer", looks)], lambda: None)


def _workers(lib: Any, machine: Machine) -> Program:
    """Two workers of a pool, the loop of WorkProcessor: each record is handled by one of them."""
    ring = Ring(lib, machine, 2, wait=_blocking(lib))
    pools = __import__("disruptor.worker_pool", fromlist=["WorkProcessor"])
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

    tasks = [("producer", _times(3, ring.publish))]
    tasks += [(me.name, lambda me=me: pools.WorkProcessor._work(me)) for me in workers]
    return Program(tasks, check)


class Loop:
    """The loop that processor_text writes for one compiled handler, run as plain Python; `handles(sequence)` is the handler.

    upstream : consumers before it; pool : the work sequence of its pool, or None. It is written once and run in every run:
    the words that it is given are the same in each.
    """

    written: ClassVar[dict[tuple[str, str], Any]] = {}

    def __init__(self, lib: Any, ring: Ring, name: str, handles: Callable[[int], None], *upstream: Any, gates: bool = True, pool: Any = None) -> None:
        self.lib, self.ring, self.name, self.handles = lib, ring, name, handles
        me = ring.consumer(name, *(u.sequence for u in upstream), gates=gates)
        self.sequence, self.got, self._barrier = me.sequence, me.got, me.barrier
        self._control, self._held = lib.sequence.take_cells(4), lib.sequence.take_cells(1)
        self._pool = pool

    def run(self) -> None:
        """Be the loop's thread."""
        lib, s = self.lib, self.ring.sequencer
        key = (self.name, f"{s.slots} {s.multi} {s.wait} {self._pool is not None} {self._barrier.upstream}")
        if key not in Loop.written:
            Loop.written[key] = self._write()
        module, source = Loop.written[key]
        module._given_on_loop.this = self
        changed = {"cells": lib.sequence.CELLS, "marks": s.marks, "in_hand": [0], "records": range(s.slots)}
        arguments = {name: changed.get(name, value) for name, value in source.arguments.items()}
        module.run(**arguments)

    def halt(self) -> None:
        cells = self.lib.sequence.CELLS
        self.lib.atomics.store_release(cells, self._control.word, 1)
        for cell in (self.lib.claims.IDLE, self.lib.claims.PROGRESS):
            self.lib.waiting.wake_all(cells, self.ring.sequencer.base + cell)

    def _write(self) -> Any:
        text, codegen, s = self.lib.processor_text, self.lib.codegen, self.ring.sequencer
        ring = text.RingText("ring", s.slots, range(s.slots), s.marks, s.base, s.multi)

        def on_loop(sequence: int) -> None:
            on_loop.this.handles(sequence)  # type: ignore[attr-defined]

        member = text.MemberText(
            name="loop", function=on_loop, arguments=("sequence",), sequence=self.sequence.word,
            upstream=tuple(int(w) for w in self._barrier.upstream), held=self._held.word, work=-1 if self._pool is None else self._pool.word,
        )
        source = text.write_processor(
            self.name.replace(" ", "_"), ring, [member], s.wait, cells=self.lib.sequence.CELLS, control=self._control.word, in_hand=[0]
        )
        return codegen.load_loop(source, None), source


def _loops(slots: int, producers: int, each: int, consumers: int) -> Any:
    """Generated loops, each behind the one before."""

    def make(lib: Any, machine: Machine) -> Program:
        ring = Ring(lib, machine, slots, multi=producers > 1, wait=_blocking(lib))
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
                    lib.sequence.CELLS[me._control.word] = 1

            return handles

        for i in range(consumers):
            loops.append(Loop(lib, ring, f"loop {i}", handler(i), *loops[-1:], gates=i == consumers - 1))
        tasks = [(f"producer {i}", _times(each, ring.publish)) for i in range(producers)]
        return Program([*tasks, *((loop.name, loop.run) for loop in loops)], lambda: ring.all_got(*loops, wanted=list(range(total))))

    return make


def _worker_loops(lib: Any, machine: Machine) -> Program:
    """Two generated workers of a pool."""
    ring = Ring(lib, machine, 2, wait=_blocking(lib))
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
    return Program([("producer", _times(3, ring.publish)), *((loop.name, loop.run) for loop in loops)], check)


def _output() -> Any:
    """A handler's output: claim_room, then publish_port."""

    def make(lib: Any, machine: Machine) -> Program:
        ring = Ring(lib, machine, 2, wait=_blocking(lib))
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


def _bytes(producers: int, each: int, capacity: int = 64) -> Any:
    """Producers that write messages of two words; a reader that gives back after each."""

    def make(lib: Any, machine: Machine) -> Program:
        port = _byte_port(lib, machine, capacity)
        port.cells[lib.byte_producer.MANY] = int(producers > 1)
        total = producers * each
        got: list[int] = []

        def writes(first: int) -> None:
            for value in range(first, first + each):
                while lib.byte_producer.bytes_write(port, [value, value], 0, 16, 1 + value) < 0:
                    machine.pause()

        def reads() -> None:
            while len(got) < total:
                type_id, index, length = lib.byte_consumer.bytes_next(port)
                if type_id < 0:
                    machine.pause()
                    continue
                place = index // 8
                body = [port.words[(place + i)] for i in range(length // 8)]
                if length != 16 or body != [type_id - 1] * 2:
                    raise Broken(f"message {type_id} holds {body}, {length} bytes")
                got.append(type_id - 1)
                lib.byte_consumer.bytes_release(port)

        def check() -> None:
            if sorted(got) != list(range(total)):
                raise Broken(f"the reader has got {got}")
            for i in range(producers):
                mine = [v for v in got if v // each == i]
                if mine != sorted(mine):
                    raise Broken(f"producer {i}'s messages come as {mine}")

        tasks = [(f"producer {i}", lambda i=i: writes(i * each)) for i in range(producers)]
        return Program([*tasks, ("reader", reads)], check)

    return make


def _bytes_unblocked(lib: Any, machine: Machine) -> Program:
    """A producer of many dies with an open claim; the reader turns it into padding; another writes on."""
    port = _byte_port(lib, machine, 64)
    port.cells[lib.byte_producer.MANY] = 1
    got: list[int] = []
    dead: list[int] = []

    def dies() -> None:
        dead.append(lib.byte_producer.bytes_claim(port, 8, 9))
        machine.changed()

    def writes() -> None:
        for value in range(2):
            while lib.byte_producer.bytes_write(port, [value], 0, 8, 1 + value) < 0:
                machine.pause()

    def reads() -> None:
        while len(got) < 2 or not dead or dead[0] >= 0:
            type_id, index, length = lib.byte_consumer.bytes_next(port)
            if type_id >= 0:
                if port.words[index // 8] != type_id - 1 or length != 8:
                    raise Broken(f"message {type_id} is not whole")
                got.append(type_id - 1)
                lib.byte_consumer.bytes_release(port)
            elif dead and dead[0] > 0 and int(port.cells[lib.byte_producer.HEAD]) & 63 == dead[0] - 8:
                if lib.byte_consumer.bytes_unblock(port):  # else it saw an older tail: again
                    dead[0] = -1
                else:
                    machine.pause()
            else:
                machine.pause()

    def check() -> None:
        if got != [0, 1]:
            raise Broken(f"the reader has got {got}")

    return Program([("mortal", dies), ("producer", writes), ("reader", reads)], check)


def _byte_port(lib: Any, machine: Machine, capacity: int) -> Any:
    layout = lib.byte_layout
    words, cells = machine.array(capacity // 8, data=True, mirrored=True), machine.array(112)
    for name in ("TAIL", "HEAD_SEEN", "HEAD"):
        machine.name(cells, getattr(lib.byte_producer, name), name)
    for i in range(capacity // 8):
        machine.name(words, i, f"byte {8 * i}")
    cells[layout.CAPACITY], cells[layout.MASK], cells[layout.MAX_LENGTH] = capacity, capacity - 1, capacity - 16
    return SimpleNamespace(bytes=words, words=words, cells=cells)


def _broadcast(lib: Any, machine: Machine) -> Program:
    """A sender laps a receiver; what the receiver takes for whole is."""
    cast, layout = lib.broadcast, lib.byte_layout
    words, cells = machine.array(4, mirrored=True), machine.array(112)
    for name in ("INTENT", "TAIL", "LATEST"):
        machine.name(cells, getattr(cast, name), name)
    cells[layout.CAPACITY], cells[layout.MASK], cells[layout.MAX_LENGTH] = 32, 31, 8
    port, state = SimpleNamespace(bytes=words, words=words, cells=cells), [0] * 16
    got: list[int] = []

    def sends() -> None:
        for value in range(3):
            cast.broadcast_send(port, [value + 1], 0, 8, value + 1)

    def receives() -> None:
        for _ in range(2):
            type_id, index, _ = cast.broadcast_next(port, state)
            if type_id < 0:
                continue
            body = words[index // 8]
            if cast.broadcast_valid(port, state):
                if body != type_id:
                    raise Broken(f"message {type_id} with {body} in it counts as whole")
                got.append(type_id)

    def check() -> None:
        if got != sorted(set(got)):
            raise Broken(f"the receiver has got {got}")

    return Program([("sender", sends), ("receiver", receives)], check)


def _seqlock(lib: Any, machine: Machine) -> Program:
    """A writer and two readers of a record of two words."""
    cells = machine.array(16)
    for i, name in enumerate(("version", "word 0", "word 1")):
        machine.name(cells, i, name)

    def writes() -> None:
        for value in (1, 2):
            lib.seqlock.seqlock_write(cells, 0, _Column([value, value]))

    def reads() -> None:
        last = -1
        for _ in range(2):
            target = _Column([0, 0])
            version = lib.seqlock.seqlock_read(cells, 0, target, 2)
            if version == lib.seqlock.TORN:
                continue
            if target[:] != [version // 2] * 2:
                raise Broken(f"version {version} reads {target[:]}")
            if version < last:
                raise Broken(f"version {version} comes after {last}")
            last = version

    return Program([("writer", writes), ("reader", reads), ("another", reads)], lambda: None)


def _behind_two(lib: Any, machine: Machine) -> Program:
    """A consumer behind two others that stand beside each other."""
    ring = Ring(lib, machine, 2, wait=_blocking(lib))
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
        [("producer", _times(2, ring.publish)), ("first", lambda: passed(first)), ("second", lambda: passed(second)),
         ("last", lambda: ring.consume(last, 1, then=follows))],
        lambda: ring.all_got(last, wanted=[0, 1]),
    )


def _released_early(lib: Any, machine: Machine) -> Program:
    """A handler lets its producer have a record before its batch ends, and then waits for what the producer does with it."""
    ring = Ring(lib, machine, 2, wait=_blocking(lib))
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

    return Program([("producer", _times(3, ring.publish)), ("handler", handles)], lambda: ring.all_got(reader, wanted=[0, 1, 2]))


class _Column(list):
    """A private array."""

    @property
    def shape(self) -> tuple[int]:
        return (len(self),)


PROGRAMS: dict[str, Kind] = {
    "one producer": Kind(_graph(2, 1, 3)),
    "one producer, batches": Kind(_graph(2, 1, 2, batch=2)),
    "one producer, a chain": Kind(_graph(2, 1, 3, chain=True, consumers=2)),
    "one producer, two beside each other": Kind(_graph(2, 1, 3, consumers=2)),
    "two producers": Kind(_graph(2, 2, 2)),
    "two producers, one slot": Kind(_graph(1, 2, 1)),
    "two producers, three laps": Kind(_graph(2, 2, 3, consumers=2)),
    "two producers, batches": Kind(_graph(2, 2, 1, batch=2)),
    "two producers, a chain": Kind(_graph(2, 2, 2, chain=True, consumers=2)),
    "three producers": Kind(_graph(2, 3, 1)),
    "nobody gates": Kind(_graph(1, 2, 2, consumers=0)),
    "nobody gates, two slots": Kind(_graph(2, 2, 2, consumers=0)),
    "blocking": Kind(_graph(1, 1, 2, wait=_blocking)),
    "blocking, a chain": Kind(_graph(1, 1, 2, chain=True, consumers=2, wait=_blocking)),
    "blocking, two producers": Kind(_graph(1, 2, 1, wait=_blocking)),
    "blocking, two consumers": Kind(_graph(1, 1, 2, consumers=2, wait=_blocking)),
    "phased backoff": Kind(_graph(1, 1, 2, wait=_phased)),
    "yielding": Kind(_graph(1, 1, 2, wait=_yielding)),
    "sleeping": Kind(_graph(1, 1, 2, wait=_sleeping)),
    "a claim is given up": Kind(_given_up),
    "a producer dies": Kind(_dies),
    "a consumer comes": Kind(_comes(1, False)),
    "a consumer comes, many producers": Kind(_comes(1, False, multi=True)),
    "a consumer comes beside another": Kind(_comes(1, True)),
    "a consumer comes, two producers": Kind(_comes(2, False)),
    "a consumer comes beside another, two producers": Kind(_comes(2, True)),
    "two consumers come": Kind(_two_come),
    "a consumer goes": Kind(_goes),
    "an alert": Kind(_alerted),
    "an observer": Kind(_observed(False)),
    "an observer, many producers": Kind(_observed(True)),
    "an observer and a claim given back": Kind(_gives_back_observed),
    "a pool of two workers": Kind(_workers),
    "a handler's output": Kind(_output()),
    "a generated loop": Kind(_loops(1, 1, 2, 1)),
    "generated loops, a chain": Kind(_loops(2, 1, 3, 2)),
    "a generated loop, two producers": Kind(_loops(2, 2, 2, 1)),
    "two generated workers": Kind(_worker_loops),
    "behind two": Kind(_behind_two),
    "a record is released early": Kind(_released_early),
    "messages": Kind(_bytes(1, 3)),
    "messages, two producers": Kind(_bytes(2, 2)),
    "a message is never committed": Kind(_bytes_unblocked),
    "a broadcast": Kind(_broadcast),
    "a seqlock": Kind(_seqlock),
}
