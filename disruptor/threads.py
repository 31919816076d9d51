"""Named, pinned threads whose failure is kept, and the kernel's own account of who ran.

A compiled loop runs in a thread that does nothing else: it pins itself, names itself for the kernel (`top -H` shows
it), enters the loop once, without the GIL, and leaves it on halt. The thread that halts is never one of these.
Threads still alive when the interpreter exits are halted and joined before anything is unmapped.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections.abc import Callable, Collection
from typing import Any

import attrs

from disruptor.errors import DisruptorError
from disruptor.scheduling import Scheduling

__all__ = ["PinnedThread", "ThreadUsage", "usage_of"]

_NAME_BYTES = 15
_EXIT_SECONDS = 5.0
_alive: weakref.WeakSet[PinnedThread] = weakref.WeakSet()


@attrs.frozen
class ThreadUsage:
    """The kernel's account of a thread.

    run_ns : time on a core. wait_ns : time runnable but without one (another thread had it). slices : times scheduled.
    Two threads ran in parallel when their run_ns add up to more than the wall time: 1.8 × for two pinned spinners.
    A thread that waits for the GIL sleeps: it shows neither run_ns nor wait_ns.
    """

    run_ns: int
    wait_ns: int
    slices: int

    def __sub__(self, earlier: ThreadUsage) -> ThreadUsage:
        return ThreadUsage(self.run_ns - earlier.run_ns, self.wait_ns - earlier.wait_ns, self.slices - earlier.slices)


class PinnedThread:
    """A thread for one function, pinned to `cpus`.

    target, args : what it calls; its return value is kept in `result`, what it raises in `error`.
    name : kernel name, cut to 15 bytes. cpus : cores it may use, None for those of its creator.
    realtime_priority : 1..99 for SCHED_FIFO; only when asked for, it can freeze a machine.
    scheduling : class and priority that are asked for; what the kernel refuses stands in `notes`, and the thread runs without.
    halt : called at interpreter exit (and by nobody else here) to make the target return.
    """

    def __init__(
        self,
        target: Callable[..., Any],
        args: tuple[Any, ...] = (),
        *,
        name: str,
        cpus: Collection[int] | None = None,
        realtime_priority: int | None = None,
        scheduling: Scheduling | None = None,
        halt: Callable[[], Any] | None = None,
    ) -> None:
        self.name = name
        self.cpus = None if cpus is None else frozenset(cpus)
        self.realtime_priority = realtime_priority
        self.scheduling = scheduling
        self.notes: list[str] = []
        self.halt = halt
        self.tid = 0
        self.result: Any = None
        self.error: BaseException | None = None
        self._call = (target, args)
        self._ready = threading.Event()
        self._refused: DisruptorError | None = None
        self._last: ThreadUsage | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start it and wait until it is pinned and named.

        Raises: DisruptorError when the kernel refuses the cores or the priority; the target has not run then.
        """
        self._thread.start()
        self._ready.wait()
        if self._refused is not None:
            self._thread.join()
            raise self._refused
        _alive.add(self)

    def join(self, timeout_seconds: float | None = None) -> bool:
        """Wait for the end; return whether it has ended. The error of the target is in `error`, not raised."""
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    @property
    def ident(self) -> int | None:
        """Python's identifier of the thread, None before it starts."""
        return self._thread.ident

    @property
    def alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._thread.is_alive()

    def usage(self) -> ThreadUsage:
        """Return the kernel's account so far; of an ended thread, its account at the end."""
        if self._last is not None:
            return self._last
        try:
            return usage_of(self.tid)
        except (FileNotFoundError, ProcessLookupError):
            return self._last or ThreadUsage(0, 0, 0)  # it ended between the two lines

    def _run(self) -> None:
        self.tid = threading.get_native_id()
        try:
            self._settle()
        except DisruptorError as error:
            self._refused = error
            return
        finally:
            self._ready.set()
        target, args = self._call
        try:
            self.result = target(*args)
        except BaseException as error:  # kept for whoever joins, whatever it is
            self.error = error
        finally:
            del target, args
            self._call = (_nothing, ())
            os.sched_yield()  # the kernel books the running time slice when it schedules
            self._last = usage_of(self.tid)

    def _settle(self) -> None:
        try:
            with open(f"/proc/self/task/{self.tid}/comm", "wb") as comm:
                comm.write(self.name.encode()[:_NAME_BYTES])
        except OSError:
            pass  # a name is a convenience
        if self.cpus is not None:
            try:
                os.sched_setaffinity(0, self.cpus)
            except (OSError, ValueError) as error:
                allowed = ",".join(map(str, sorted(os.sched_getaffinity(0))))
                wanted = ",".join(map(str, sorted(self.cpus)))
                raise DisruptorError(
                    f"thread '{self.name}': cannot be pinned to core {wanted} ({error}); this process may use {allowed}"
                ) from error
        if self.realtime_priority is not None:
            try:
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(self.realtime_priority))
            except (OSError, ValueError) as error:
                raise DisruptorError(
                    f"thread '{self.name}': SCHED_FIFO {self.realtime_priority} refused ({error});"
                    " it needs CAP_SYS_NICE or `ulimit -r`"
                ) from error
        if self.scheduling is not None:
            refused = self.scheduling.apply()
            self.notes += [refused] if refused else []

    def __repr__(self) -> str:
        return f"<PinnedThread '{self.name}' tid {self.tid} {'alive' if self.alive else 'ended'}>"


def usage_of(tid: int) -> ThreadUsage:
    """Return the account of thread `tid` of this process. Raises: FileNotFoundError, ProcessLookupError when it ended."""
    with open(f"/proc/self/task/{tid}/schedstat") as file:
        run_ns, wait_ns, slices = map(int, file.read().split())
    return ThreadUsage(run_ns, wait_ns, slices)


def _nothing() -> None:
    """Stands for a target that has run, so that its arguments are not kept alive."""


def _stop_all() -> None:
    deadline = time.monotonic() + _EXIT_SECONDS
    waiting = [thread for thread in _alive if thread.alive]
    for thread in waiting:
        if thread.halt is not None:
            thread.halt()
    for thread in waiting:
        if thread.halt is not None:
            thread.join(max(0.0, deadline - time.monotonic()))


atexit.register(_stop_all)
os.register_at_fork(after_in_child=_alive.clear)  # a fork copies only the thread that forks
