"""Runs the tasks of a program on a machine in a chosen order, again and again: every order, random ones, or a given one.

A *schedule* is what differs from the usual course: at decision number 17, option 2. The usual course lets a task run until
it waits and lets loads find the latest store. Each deviation costs one, but who goes on when a task waits or ends is free;
`exhaust` runs every schedule up to a cost exactly once. A failing schedule is a short text: "17:2 31:1".
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import greenlet

from tools.verify.machine import Broken, Machine, Task

__all__ = ["Explorer", "Finding", "Found", "Program", "Schedule", "as_schedule"]

Schedule = tuple[tuple[int, int], ...]
_STEPS_MOST = 20_000
_SHIM = ("machine.py", "schedule.py", "shim.py")


class Program(NamedTuple):
    """tasks : (name, what it does) …; check : called at the end, raises Broken."""

    tasks: list[tuple[str, Callable[[], None]]]
    check: Callable[[], None]


class Finding(NamedTuple):
    """A rule that a schedule breaks. trace : (task, place in the source, access) of each step."""

    rule: str
    schedule: Schedule
    trace: list[tuple[str, str, str]]


class Found(NamedTuple):
    """What an exploration has seen. exhausted : whether every schedule up to the bound was run."""

    schedules: int
    exhausted: bool
    finding: Finding | None
    seconds: float
    points: int  # decisions of the longest run


class _Stopped(BaseException):
    """Ends a task of a run that is over."""


class Explorer(Machine):
    """Explores the program that `make(self)` returns; it is made anew for each run."""

    def __init__(self, make: Callable[[Any], Program], *, weak: bool) -> None:
        super().__init__()
        self.weak = weak
        self._make = make
        self._main = greenlet.getcurrent()
        self._plan: dict[int, int] = {}
        self._dice: random.Random | None = None
        self._bodies: list[Callable[[], None]] = []
        self._greenlets: list[Any] = []
        self._outcome: str | None = None
        self._over = True
        self._step = self._last = 0
        self._branches: list[tuple[int, int, int]] = []
        self._taken: list[tuple[int, int]] = []
        self._switching, self._aging = 0.0, 0.0
        self.longest = 0
        self.misfit = ""  # why the schedule of the last run did not fit
        self._settle()

    # exploring

    def exhaust(self, bound: int, most: int = 1 << 62) -> Found:
        """Run every schedule that costs up to `bound`, at most `most` of them."""
        started, count = time.monotonic(), 0
        stack: list[tuple[Schedule, int]] = [((), 0)]
        while stack:
            if count >= most:
                return self._found(count, False, None, started)
            schedule, cost = stack.pop()
            rule = self._run(schedule, None)
            if self.fresh:  # words turn out to be shared: what was run so far had too few points
                self._settle()
                stack, count = [((), 0)], 0
                continue
            count += 1
            if rule is not None:
                return self._found(count, False, self._finding(rule, schedule), started)
            for step, options, price in self._branches:
                if cost + price <= bound:
                    stack.extend(((*schedule, (step, option)), cost + price) for option in range(1, options + 1))
        return self._found(count, True, None, started)

    def wander(self, most: int, seed: int) -> Found:
        """Run `most` random schedules: each with chances of its own for a change of task and for a late load."""
        started = time.monotonic()
        for count in range(1, most + 1):
            dice = random.Random(seed * 1_000_003 + count)
            self._switching, self._aging = dice.choice((0.03, 0.1, 0.25, 0.5)), dice.choice((0.0, 0.05, 0.2))
            rule = self._run((), dice)
            if self.fresh:
                self.shared |= self.fresh
                self.fresh.clear()
            if rule is not None:
                return self._found(count, False, self._finding(rule, tuple(self._taken)), started)
        return self._found(most, False, None, started)

    def replay(self, schedule: Schedule) -> Finding | None:
        """Run one schedule; return what it breaks, with the trace of every step."""
        self.trace: list[tuple[str, str, str]] = []
        self.log = []
        try:
            rule = self._run(schedule, None)
        finally:
            self.log = None
        return None if rule is None else Finding(rule, schedule, self.trace)

    def _finding(self, rule: str, schedule: Schedule) -> Finding:
        """Leave out every deviation that is not needed to break some rule, then trace what is left."""
        shorter = True
        while shorter:
            shorter = False
            for at in range(len(schedule) - 1, -1, -1):
                without = (*schedule[:at], *schedule[at + 1 :])
                if self._run(without, None) is not None:
                    schedule, shorter = without, True
                    break
        return self.replay(schedule) or Finding(rule, schedule, [])

    def _found(self, count: int, exhausted: bool, finding: Finding | None, started: float) -> Found:
        return Found(count, exhausted, finding, time.monotonic() - started, self.longest)

    def _settle(self) -> None:
        """Run the usual course until it shows no more words that are shared."""
        while True:
            self.shared |= self.fresh
            self.fresh.clear()
            self._run((), None)
            if not self.fresh:
                return

    # one run

    def _run(self, schedule: Schedule, dice: random.Random | None) -> str | None:
        """Run the program once; return the rule it breaks, or None."""
        self.rewind(0)
        self._step = 0
        self._plan, self._dice = dict(schedule), dice
        self._last = schedule[-1][0] if schedule else -1
        self._branches, self._taken = [], []
        self._outcome = None
        self.misfit = ""
        program = self._make(self)
        self.naming = False
        while len(self.tasks) < len(program.tasks):
            self.tasks.append(Task(len(self.tasks), ""))
            self._greenlets.append(greenlet.greenlet(self._life, self._main))
        self._bodies = [body for _, body in program.tasks]
        for task, (name, _) in zip(self.tasks, program.tasks, strict=True):
            task.clear()
            task.name = name
        self._over = False
        first = self._choose([t for t in self.tasks if t.ready])
        self.task = first
        self._greenlets[first.number].switch(first)
        self._over, self.task = True, None
        for task in self.tasks:
            if task.begun and not task.done:
                task.done = True
                self._greenlets[task.number].throw(_Stopped)
        self.longest = max(self.longest, self._step)
        if self._outcome is None:
            try:
                program.check()
            except Broken as broken:
                self._outcome = str(broken)
        return self._outcome

    def _life(self, task: Task) -> None:
        """A task's greenlet: one body after another, one a run."""
        while True:
            task.begun = True
            try:
                self._bodies[task.number]()
            except _Stopped:
                self._main.switch()
                continue
            except Broken as broken:
                self._end(task, str(broken))
                continue
            except Exception as error:
                self._end(task, f"{type(error).__name__} in {task.name}: {error}")
                continue
            task.done, task.ready = True, False
            try:
                self._next()
            except _Stopped:  # the run ended while this one was done already
                self._main.switch()

    def _end(self, task: Task, outcome: str) -> None:
        task.done, self._outcome = True, outcome
        self._main.switch()

    def _next(self) -> None:
        """Let another task go on: the running one waits, or is done."""
        ready = [t for t in self.tasks if t.ready]
        if not ready:
            waiting = [t for t in self.tasks if not t.done]
            if waiting and self._outcome is None:
                self._outcome = "nobody goes on: " + ", ".join(
                    f"{t.name} {f'sleeps on {self.named(t.parked)}' if t.parked >= 0 else 'waits for a change'}" for t in waiting
                )
            self._main.switch()
            return
        self._switch(self._choose(ready))

    def _choose(self, ready: list[Task]) -> Task:
        return ready[self.decide(len(ready) - 1, 0)] if len(ready) > 1 else ready[0]

    def _switch(self, to: Task) -> None:
        self.task = to
        self._greenlets[to.number].switch(to)
        if self._over:
            raise _Stopped

    def point(self) -> None:
        me = self.task
        others = [t for t in self.tasks if t.ready and t is not me]
        if others:
            option = self.decide(len(others), 1)
            if option:
                self._switch(others[option - 1])
                self.task = me

    def block(self) -> None:
        me = self.task
        self._next()
        if self._over:
            raise _Stopped
        self.task = me

    def decide(self, options: int, cost: int) -> int:
        step = self._step
        self._step = step + 1
        if step > _STEPS_MOST:
            raise Broken(f"no end after {_STEPS_MOST:,} steps")
        if self._dice is not None:
            dice = self._dice
            chance = self._switching if cost else 0.5
            option = dice.randint(1, options) if dice.random() < chance else 0
            if option:
                self._taken.append((step, option))
            return option
        if step > self._last:
            self._branches.append((step, options, cost))
            return 0
        option = self._plan.get(step, 0)
        if option > options:
            self.misfit = f"decision {step} has {options} options, not {option}"
            return 0
        return option

    def _note(self, what: str) -> None:
        frame: Any = sys._getframe(2)
        while frame.f_code.co_filename.endswith(_SHIM):
            frame = frame.f_back
        path = "/".join(frame.f_code.co_filename.rsplit("/", 2)[-2:])
        self.trace.append((self.task.name if self.task else "", f"{path}:{frame.f_lineno} {frame.f_code.co_name}", what))


def as_schedule(text: str) -> Schedule:
    """Return the schedule that a text like "17:2 31:1" stands for. Raises: ValueError."""
    return tuple((int(step), int(option)) for step, _, option in (part.partition(":") for part in text.split()))
