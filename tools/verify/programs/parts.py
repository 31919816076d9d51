"""Programs of what stands beside the order: an RCU table, a deque that others steal from, a pool of workers that steal."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from tools.verify.machine import Broken, Machine
from tools.verify.programs.rules import Slots
from tools.verify.schedule import Program

__all__ = ["deque", "editions", "stealing"]


class _Rows(Slots):
    """A table's records, which are copied whole."""

    __getitem__, __setitem__ = Slots.read, Slots.write


def editions(readers: int, published: int) -> Any:
    """A writer publishes editions of two rows, of which it changes one each time; readers pin what is current."""

    def make(lib: Any, machine: Machine) -> Program:
        rcu, count = lib.rcu, 2
        cells = machine.array(rcu.rcu_words(count, readers), data=True)
        _laid_out(lib, cells, count, readers)
        slots = rcu.rcu_slots(count, readers)
        rows = _Rows(machine, 1 << (slots - 1).bit_length(), 0)
        for name, word in (("CURRENT", rcu.CURRENT), *((f"pin of reader {k}", rcu.READER_CELLS + 16 * k) for k in range(readers))):
            machine.name(cells, word, name)
        ends = [0] * readers

        def writes() -> None:
            for edition in range(1, published + 1):
                slot = rcu.rcu_edit(cells, 0, rows, edition % count)
                rows[slot] = edition
                if rcu.rcu_publish(cells, 0, edition) != edition:
                    raise Broken(f"edition {edition} has another number")

        def reads(me: int) -> None:
            last = -1
            for _ in range(2):
                root = rcu.rcu_pin(cells, 0, me)
                edition = cells[cells[rcu.ROOT_EDITION] + root]
                first = cells[rcu.MAPS] + root * count
                seen = [rows[cells[first + row]] for row in range(count)]
                wanted = [max(0, edition - (edition - row) % count) for row in range(count)]
                if seen != wanted:
                    raise Broken(f"edition {edition} shows {seen}, not {wanted}")
                if edition < last:
                    raise Broken(f"edition {edition} comes after {last}")
                last = edition
                rcu.rcu_unpin(cells, 0, me)
            ends[me] = 1

        def check() -> None:
            if not all(ends):
                raise Broken("a reader has not ended")

        return Program([("writer", writes), *((f"reader {k}", lambda k=k: reads(k)) for k in range(readers))], check)

    return make


def _laid_out(lib: Any, cells: Any, rows: int, readers: int) -> None:
    words = np.zeros(lib.rcu.rcu_words(rows, readers), np.int64)
    lib.rcu_table._lay_out(words, 0, rows, readers)
    for i, word in enumerate(words):
        cells.machine.words[cells.start + i] = int(word)


class _Tasks:
    """Slots of tasks, two words each. They may be read while they are written: what was torn must not count as taken."""

    def __init__(self, machine: Machine, count: int) -> None:
        self._words = machine.array(2 * count)

    def __getitem__(self, index: int) -> tuple[int, int]:
        return self._words[2 * index], self._words[2 * index + 1]

    def __setitem__(self, index: int, value: tuple[int, int]) -> None:
        self._words[2 * index], self._words[2 * index + 1] = value


def _whole(who: str, task: tuple[int, int]) -> int:
    if task[0] != task[1]:
        raise Broken(f"{who} takes {task[0]} and {task[1]}: torn")
    return task[0]


def _once(taken: list[int], wanted: int) -> None:
    if sorted(taken) != list(range(1, wanted + 1)):
        raise Broken(f"taken are {sorted(taken)}, not 1 … {wanted}")


def deque(thieves: int, slots: int, pushed: int) -> Any:
    """An owner pushes and takes, thieves steal: each task is somebody's, whole."""

    def make(lib: Any, machine: Machine) -> Program:
        d, mask = lib.deque, slots - 1
        cells, tasks = machine.array(d.DEQUE_WORDS), _Tasks(machine, slots)
        machine.name(cells, d.TOP, "TOP")
        machine.name(cells, d.BOTTOM, "BOTTOM")
        taken: list[int] = []

        def owns() -> None:
            hand: list[Any] = [None]
            for value in range(1, pushed + 1):
                at = d.deque_room(cells, 0, mask)
                if at < 0:
                    if d.deque_take(cells, 0, tasks, 0, mask, hand) == d.TAKEN:
                        taken.append(_whole("the owner", hand[0]))
                    at = d.deque_room(cells, 0, mask)
                tasks[at] = (value, value)
                d.deque_push(cells, 0)
            while d.deque_take(cells, 0, tasks, 0, mask, hand) == d.TAKEN:
                taken.append(_whole("the owner", hand[0]))

        def steals(who: str) -> None:
            hand: list[Any] = [None]
            for _ in range(2):
                if d.deque_steal(cells, 0, tasks, 0, mask, hand) == d.TAKEN:
                    taken.append(_whole(who, hand[0]))

        names = [f"thief {i}" for i in range(thieves)]
        return Program([("owner", owns), *((name, lambda name=name: steals(name)) for name in names)], lambda: _once(taken, pushed))

    return make


def stealing(lib: Any, machine: Machine) -> Program:
    """Two workers of a stealing pool; a task begins another. Who sees that nothing is left sees it after all is done."""
    s, slots = lib.stealing, 2
    cells, tasks = machine.array(s.FIRST + 2 * s.WORKER_WORDS), _Tasks(machine, 2 * slots)
    places = [s.FIRST + k * s.WORKER_WORDS for k in range(2)]
    for k, place in enumerate(places):
        for name in ("BEGUN", "DONE"):
            machine.name(cells, place + getattr(s, name), f"{name} of worker {k}")
        cells.machine.words[cells.start + place + s.SEED] = 1 + k
    machine.name(cells, s.NEXT, "NEXT")
    cells.machine.words[cells.start + s.COUNT] = 1
    done: list[int] = []

    def works(me: int) -> None:
        hand: list[Any] = [None]
        spawn = SimpleNamespace(tasks=tasks, cells=cells, place=places[me], first=me * slots, mask=slots - 1)
        while True:
            if s.find_task(cells, tasks, [(1, 1)], hand, me, 2, slots - 1):
                task = _whole(f"worker {me}", hand[0])
                if task == 1:
                    for following in (2, 3):
                        at = s.task_room(spawn)
                        tasks[at] = (following, following)
                        s.task_push(spawn)
                done.append(task)
                s.finish_task(cells, places[me])
            elif s.is_quiet(cells, 2):
                if len(done) != 3:
                    raise Broken(f"worker {me} finds nothing left when {sorted(done)} are done")
                return
            else:
                machine.pause()

    return Program([("worker 0", lambda: works(0)), ("worker 1", lambda: works(1))], lambda: _once(done, 3))
