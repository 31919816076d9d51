"""A machine of words that several tasks share, one access at a time: what the un-jitted ring code runs on when it is explored.

Each access to a word that more than one task touches is a *point*: before it, another task may take over. In between a
task runs alone. Memory is weaker than x86-64: a load may find an older store than the latest one, unless something orders
the two. The rules are those of C11's release and acquire, as operations on *views* (word → the oldest store that may
still be seen):

    release store   carries the storing task's view                  acquire load  adds the view of what it found
    plain store     carries the view of the last release fence       plain load    adds it at the next acquire fence
    read-modify-write finds the latest store; acquire and release    full fence    exchanges views with every other full fence

A view also holds how far each task had come (key −1 − task), so that two accesses to plain data that nothing orders are
known as a race whatever the schedule was. Loads are never delayed beyond later stores; such a reordering of plain data is a
race and is found as one.

Source: J. Kang et al., "A promising semantics for relaxed-memory concurrency", POPL 2017 (views, without promises).
"""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["Broken", "Cells", "Machine", "Task"]

_OLDER = 2  # how many stores behind the latest a load may find
_MASK = 0xFFFFFFFF


class Broken(Exception):
    """A rule that does not hold, in words."""


class Task:
    """One thread of the program under test. view, pending, released : views; see Machine."""

    def __init__(self, number: int, name: str) -> None:
        self.number, self.name, self.bit = number, name, 1 << number
        self.clear()

    def clear(self) -> None:
        self.view: dict[int, int] = {}
        self.pending: dict[int, int] = {}
        self.released: dict[int, int] | None = None
        self.joined: dict[int, int] = {}
        self.ready, self.begun, self.done, self.stale, self.looks = True, False, False, False, False
        self.parked = -1  # the word on which it sleeps
        self.stores, self.looked = 0, -1  # changes it made; changes by others before its last look
        self.clock = 0


class Cells:
    """An int64 array of the machine.

    data : its plain accesses must be ordered by others, or are races. mirrored : it lies there twice, back to back.
    """

    __slots__ = ("count", "data", "end", "machine", "start")

    def __init__(self, machine: Machine, start: int, count: int, data: bool = False, mirrored: bool = False) -> None:
        self.machine, self.start, self.count, self.data = machine, start, count, data
        self.end = 2 * count if mirrored else count

    @property
    def shape(self) -> tuple[int]:
        return (self.end,)

    @property
    def size(self) -> int:
        return self.count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: Any) -> Any:
        if type(index) is slice:
            return [self[i] for i in range(*index.indices(self.count))]
        place = self.place(index)
        if self.data:
            self.machine.reads_data(place)
        return self.machine.load(place, False)

    def __setitem__(self, index: Any, value: Any) -> None:
        if type(index) is slice:
            places = range(*index.indices(self.count))
            if self.machine.task is None:
                self.machine.words[self.start + places.start : self.start + places.stop : places.step] = [value] * len(places)
                return
            for i in places:
                self[i] = value
            return
        place = self.place(index)
        if self.data:
            self.machine.writes_data(place)
        self.machine.store(place, int(value), False)

    def place(self, index: Any) -> int:
        if not 0 <= index < self.end:
            raise Broken(f"word {index} of an array of {self.count} is touched")
        return self.start + int(index) % self.count


class Machine:
    """Words, their stores so far, and the rules by which tasks see them.

    weak : loads may find older stores; else everybody sees the latest (but races of plain data are known all the same).
    shared : words that more than one task touches and one writes; found out while running (`fresh` : those found since).
    decide(options, cost) and point() are the scheduler's.
    """

    def __init__(self) -> None:
        self.weak = False
        self.shared: set[int] = set()
        self.fresh: set[int] = set()
        self._touched: dict[int, int] = {}
        self._written: dict[int, int] = {}
        self.task: Task | None = None
        self.tasks: list[Task] = []
        self.words: list[int] = []
        self.arrays: list[Cells] = []
        self.names: dict[int, str] = {}
        self.naming = True  # the first run names the words; they are the same in each
        self.log: list[tuple[str, str]] | None = None
        self.rewind(0)

    def rewind(self, words: int) -> None:
        """Forget what happened, and every array behind the first `words` words."""
        del self.words[words:]
        self.words[:] = [0] * words
        self.history: dict[int, list[tuple[int, dict[int, int] | None]]] = {}
        self.sc: dict[int, int] = {}
        self.changes = 0
        self.task = None
        self._plain: dict[Any, tuple[int, int]] = {}  # data → the last writer and its clock
        self._reads: dict[Any, dict[int, int]] = {}  # data → clocks of its readers since

    def array(self, count: int, data: bool = False, mirrored: bool = False) -> Cells:
        """Return a new array of zeros."""
        start = len(self.words)
        self.words.extend([0] * count)
        return Cells(self, start, count, data, mirrored)

    def name(self, cells: Cells, index: int, name: str) -> None:
        if self.naming:
            self.names[cells.start + index] = name

    # accesses

    def load(self, word: int, acquire: bool) -> int:
        task = self.task
        if task is None:
            return self.words[word]
        if word not in self.shared:
            self._touch(task, word, False)
            task.looks = True
            return self.words[word]
        self.point()
        task.looks = True
        history = self.history.get(word)
        if history is None:
            if self.log is not None:
                self._note(f"{'acquire' if acquire else 'load'} {self.named(word)} = {self.words[word]}")
            return self.words[word]
        seen, at = task.view.get(word, 0), len(history) - 1
        if self.weak and seen < at:
            older = self.decide(min(at - seen, _OLDER), 1)
            if older:
                at -= older
                task.stale = True
        value, view = history[at]
        task.view[word] = at
        if acquire:
            if view is not None and task.joined.get(word, -1) < at:
                task.joined[word] = at
                _join(task.view, view)
        elif view is not None:
            _join(task.pending, view)
        if self.log is not None:
            behind = len(history) - 1 - at
            self._note(f"{'acquire' if acquire else 'load'} {self.named(word)} = {value}" + (f"   ({behind} store(s) late)" if behind else ""))
        return value

    def store(self, word: int, value: int, release: bool) -> None:
        task = self.task
        if task is None:
            self.words[word] = value
            return
        if word not in self.shared:
            self._touch(task, word, True)
            self.words[word] = value
            return
        self.point()
        if self.log is not None:
            self._note(f"{'release' if release else 'store'} {self.named(word)} := {value}")
        self._append(task, word, value, release)

    def exchange(self, word: int, expected: int, desired: int) -> bool:
        self._latest(word)
        done = self.words[word] == expected
        if self.log is not None:
            self._note(f"exchange {self.named(word)} {expected} → {desired}: {'done' if done else f'it is {self.words[word]}'}")
        if done:
            self._change(word, desired)
        return done

    def add(self, word: int, delta: int) -> int:
        self._latest(word)
        before = self.words[word]
        if self.log is not None:
            self._note(f"add {delta} to {self.named(word)}: {before} → {before + delta}")
        self._change(word, before + delta)
        return before

    def fence(self) -> None:
        task = self.task
        if task is None:
            return
        if self.weak:
            self.point()
        self._exchange_views(task)
        if self.log is not None:
            self._note("fence")

    def fence_acquire(self) -> None:
        if self.task is not None:
            _join(self.task.view, self.task.pending)

    def fence_release(self) -> None:
        if self.task is not None:
            self.task.released = dict(self.task.view)

    def sees(self, view: dict[int, int]) -> None:
        """Let the running task see what another had seen: it takes a lock from it."""
        if self.task is not None:
            _join(self.task.view, view)

    def changed(self) -> dict[int, int]:
        """Note that the running task has changed something beside words; return its view."""
        self.changes += 1
        for other in self.tasks:
            if not other.ready and not other.done and other.parked < 0:
                other.ready = True
        if self.task is None:
            return {}
        self.task.stores += 1
        return dict(self.task.view)

    # sleeping

    def futex_wait(self, word: int, expected: int) -> None:
        """Sleep until woken if the word's latest value is still the expected one; a system call is a full fence."""
        task = self.task
        if task is None:
            raise Broken("a wait without end before anything runs")
        self._touch(task, word, False)
        self.point()
        self._exchange_views(task)
        if (self.words[word] ^ expected) & _MASK:
            if self.log is not None:
                self._note(f"futex wait on {self.named(word)}: it is no longer {expected & _MASK}")
            return
        if self.log is not None:
            self._note(f"futex wait on {self.named(word)}: sleeps")
        task.parked, task.ready = word, False
        self.block()

    def futex_wake(self, word: int) -> None:
        task = self.task
        if task is not None:
            self._touch(task, word, False)
            self.point()
            self._exchange_views(task)
        for other in self.tasks:
            if other.parked == word:
                other.parked, other.ready = -1, True
        if self.log is not None:
            self._note(f"futex wake on {self.named(word)}")

    def pause(self) -> None:
        """A turn of a wait that never sleeps: the task goes on when another one has changed something it may have missed."""
        task = self.task
        if task is None:
            raise Broken("a wait without end before anything runs")
        if not task.looks:
            return
        by_others = self.changes - task.stores
        if by_others == task.looked and not task.stale:
            task.ready = False
            self.block()
            by_others = self.changes - task.stores
        task.looked, task.stale, task.looks = by_others, False, False

    # plain data

    def reads_data(self, place: Any) -> None:
        """Note a plain read by the running task. Raises: Broken when a write by another is not ordered before it."""
        task = self.task
        if task is None:
            return
        self._ordered(task, place, self._plain.get(place), "is read by {} while {} writes it")
        task.clock += 1
        task.view[-1 - task.number] = task.clock
        self._reads.setdefault(place, {})[task.number] = task.clock

    def writes_data(self, place: Any) -> None:
        """Note a plain write by the running task. Raises: Broken when another's access is not ordered before it."""
        task = self.task
        if task is None:
            return
        self._ordered(task, place, self._plain.get(place), "is written by {} while {} writes it")
        for reader in (self._reads.pop(place, None) or {}).items():
            self._ordered(task, place, reader, "is written by {} while {} reads it")
        task.clock += 1
        task.view[-1 - task.number] = task.clock
        self._plain[place] = (task.number, task.clock)

    def named(self, word: Any) -> str:
        return self.names.get(word, f"word {word}") if isinstance(word, int) else str(word)

    # the scheduler's

    def point(self) -> None:
        raise NotImplementedError

    def block(self) -> None:
        raise NotImplementedError

    def decide(self, options: int, cost: int) -> int:
        raise NotImplementedError

    def _note(self, what: str) -> None:
        raise NotImplementedError

    # inside

    def _touch(self, task: Task, word: int, writes: bool) -> None:
        bit = task.bit
        touched = self._touched.get(word, 0)
        if not touched & bit:
            self._touched[word] = touched = touched | bit
            if touched & (touched - 1) and word in self._written:
                self.fresh.add(word)
        if writes and word not in self._written:
            self._written[word] = bit
            if touched & (touched - 1):
                self.fresh.add(word)

    def _latest(self, word: int) -> None:
        """Come to a read-modify-write: find the latest store, acquire."""
        task = self.task
        if task is None:
            return
        if word not in self.shared:
            self._touch(task, word, True)
            task.looks = True
            return
        self.point()
        task.looks = True
        history = self.history.get(word)
        if history is not None:
            at = len(history) - 1
            task.view[word] = task.joined[word] = at
            if history[at][1] is not None:
                _join(task.view, history[at][1])

    def _change(self, word: int, value: int) -> None:
        if self.task is None or word not in self.shared:
            self.words[word] = value
        else:
            self._append(self.task, word, value, True)

    def _append(self, task: Task, word: int, value: int, release: bool) -> None:
        history = self.history.get(word)
        if history is None:
            history = self.history[word] = [(self.words[word], None)]
        at = len(history)
        task.view[word] = task.joined[word] = at
        history.append((value, dict(task.view) if release else task.released))
        if value != self.words[word]:
            self.words[word] = value
            self.changes += 1
            task.stores += 1
            for other in self.tasks:
                if not other.ready and other is not task and other.parked < 0 and not other.done:
                    other.ready = True

    def _exchange_views(self, task: Task) -> None:
        _join(task.view, task.pending)
        _join(task.view, self.sc)
        self.sc = dict(task.view)
        task.released = self.sc

    def _ordered(self, task: Task, place: Any, access: tuple[int, int] | None, what: str) -> None:
        if access is not None and access[0] != task.number and task.view.get(-1 - access[0], 0) < access[1]:
            self._break(f"{self.named(place)} {what.format(task.name, self.tasks[access[0]].name)}")

    def _break(self, what: str) -> NoReturn:
        raise Broken(what)


def _join(view: dict[int, int], other: dict[int, int]) -> None:
    for word, at in other.items():
        if view.get(word, 0) < at:
            view[word] = at
