"""Programs of the loops that the library generates for compiled producers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from tools.verify.machine import Broken, Machine
from tools.verify.programs.observers import looking
from tools.verify.programs.rules import Ring, blocking
from tools.verify.schedule import Program

__all__ = ["Producer", "observed_producer", "produced"]


class Producer:
    """The loop that producer_text writes, run as plain Python; `fills(sequence)` is the producer: 1, 0, or −1 when finished.

    Written once: the words that it is given are the same in each run.
    """

    written: ClassVar[dict[tuple[str, str], Any]] = {}

    def __init__(self, lib: Any, ring: Ring, name: str, fills: Callable[[int], int], batch: int = 1) -> None:
        self.lib, self.ring, self.name, self.fills, self._batch = lib, ring, name, fills, batch
        self._control = lib.sequence.take_cells(4)

    def run(self) -> None:
        """Be the loop's thread."""
        s = self.ring.sequencer
        key = (self.name, f"{s.slots} {s.multi} {s.wait} {self._batch}")
        if key not in Producer.written:
            Producer.written[key] = self._write()
        module, source = Producer.written[key]
        module._given_on_filler.this = self
        changed = {"cells": self.lib.sequence.CELLS, "marks": s.marks, "in_hand": [0, 0, 0], "records": range(s.slots)}
        ended = module.run(**{name: changed.get(name, value) for name, value in source.arguments.items()})
        if ended != 1:
            raise Broken(f"{self.name} has ended with {ended}")

    def _write(self) -> Any:
        lib, s = self.lib, self.ring.sequencer
        ring = lib.processor_text.RingText("ring", s.slots, range(s.slots), s.marks, s.base, s.multi)

        def on_filler(sequence: int) -> int:
            return on_filler.this.fills(sequence)  # type: ignore[attr-defined]

        text = lib.producer_text.ProducerText("filler", on_filler, ("sequence",), {}, self._batch)
        source = lib.producer_text.write_producer(
            ring, text, s.wait, cells=lib.sequence.CELLS, control=self._control.word, in_hand=[0, 0, 0]
        )
        return lib.codegen.load_loop(source, None), source


def produced(slots: int, producers: int, each: int, *, batch: int = 1, pauses: bool = False) -> Any:
    """Generated producers of `each` records, and a consumer of all. pauses : each has nothing for a turn in the middle."""

    def make(lib: Any, machine: Machine) -> Program:
        ring = Ring(lib, machine, slots, multi=producers > 1, wait=blocking(lib))
        reader, total = ring.consumer("consumer"), producers * each
        filled = [0] * producers
        paused = [not pauses] * producers

        def filler(number: int) -> Callable[[int], int]:
            def fills(sequence: int) -> int:
                if filled[number] == each:
                    return -1
                if not paused[number] and filled[number] == each // 2:
                    paused[number] = True
                    return 0
                ring.slots.write(sequence)
                filled[number] += 1
                return 1

            return fills

        makers = [Producer(lib, ring, f"producer {i}", filler(i), batch) for i in range(producers)]
        tasks = [(maker.name, maker.run) for maker in makers]
        return Program([*tasks, ("consumer", lambda: ring.count(reader, total))], lambda: ring.counted(reader, total))

    return make


def observed_producer(lib: Any, machine: Machine) -> Program:
    """An observer beside a generated producer, which fills a record that it then does not publish."""
    ring = Ring(lib, machine, 2)
    ring.sequencer.observed()
    words = machine.array(4)
    filled: list[int] = []

    def fills(sequence: int) -> int:
        value = sequence if len(filled) < 3 else 99
        words[2 * (sequence & 1)] = value
        words[2 * (sequence & 1) + 1] = value
        filled.append(sequence)
        return 1 if len(filled) < 4 else -1

    maker = Producer(lib, ring, "producer", fills)
    return Program([("producer", maker.run), ("observer", looking(ring, words))], lambda: None)
