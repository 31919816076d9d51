"""Watches a running graph: waits for its end, and finds out who is to blame when it does not come.

The watch beats the heart of the CnC file and looks at cells; it takes no part in the flow. Every fault names the handler
and the sequence that it had in hand, for that is what loops write down before each call.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import attrs

from disruptor.errors import HandlerError
from disruptor.guard import failed_stage
from disruptor.threads import PinnedThread
from hydraflow.runtime.assembly import RECORDER, Assembly
from hydraflow.runtime.debugger import Left
from hydraflow.runtime.guards import in_words
from hydraflow.runtime.journaling import DISK_FULL
from hydraflow.runtime.loops import Loops
from hydraflow.runtime.python_source import SourceError
from hydraflow.topology.spec import SEQUENCER

__all__ = ["Fault", "Watch"]

POLL_SECONDS = 0.005
_BEAT_SECONDS = 0.05
_HANDLER, _STUCK, _DRAIN, _OVERFLOW, _DISK = 1, 2, 3, 7, 74  # codes in the distinct-error log


@attrs.define
class Fault:
    """What ended a run early.

    kind : "handler", "stuck", "drain", "feedback overflow", "journal", "recording", "source",
    "interrupted". code : exit status of
    the process. number : in the distinct-error log, 0: it is no error.
    """

    kind: str
    text: str
    handler: str = ""
    sequence: int = -1
    code: int = 70
    number: int = 0


class Watch:
    """Looks after the threads of a run. stops : how often somebody has asked for the end."""

    def __init__(
        self, assembly: Assembly, loops: Loops, threads: Mapping[str, PinnedThread], stops: Callable[[], int]
    ) -> None:
        self._a = assembly
        self._loops = loops
        self._threads = threads
        self._stops = stops
        self._marks: dict[str, tuple[tuple[int, ...], float]] = {}

    def wait(self) -> Fault | None:
        """Return when everything is drained (None), at a fault, or at the second stop."""
        beat, drain_from = 0.0, 0.0
        while True:
            now = time.monotonic()
            fault = self._failed()
            if now - beat > _BEAT_SECONDS:
                self._a.file.beat()
                beat = now
                fault = fault or self._stuck(now)
                self._keep_time()
            if fault is not None or self.drained():
                return fault or self._lost_source()
            stops = self._stops()
            if stops >= 2:
                return Fault("interrupted", "halted by a second signal before everything was drained", code=130)
            if stops == 1:
                drain_from = drain_from or now
                if now - drain_from > self._a.options.drain_seconds:
                    return self._undrained()
            time.sleep(POLL_SECONDS)

    def drained(self) -> bool:
        """Return whether nothing is left to do: sources over, every reader at the end of its ring."""
        cells = self._a.cells
        return (
            all(cells[d.finished] for d in self._a.drivers().values())
            and all(cells[h.cursor] >= cells[h.source.cursor] for h in self._a.handlers().values())
            and all(cells[r.cursor] >= cells[r.source.cursor] for r in self._a.recorders.values())
        )

    def _keep_time(self) -> None:
        """Live: give the sequencer the rate of the time-stamp counter as known by now; the first one drifts by ppm."""
        sequencer = self._a.graph.members.get(SEQUENCER)
        if not self._a.graph.virtual and sequencer is not None and sequencer.params_array is not None:
            sequencer.params_array[0]["ns_per_tick"] = self._a.clock.refine().ns_per_tick

    def _lost_source(self) -> Fault | None:
        """A source that gave up ends its part in order; the run has failed all the same."""
        for name, member in self._a.graph.members.items():
            failure = getattr(member.feed, "failure", None)
            if failure is not None:
                return Fault("source", str(failure), name, code=failure.exit_code, number=failure.exit_code)
        return None

    def _failed(self) -> Fault | None:
        for name, thread in self._threads.items():
            if thread.error is not None:
                return self._blame(name, thread.error)
            if thread.result and thread.result < 0 and name in self._loops.compiled:
                return self._blame(name, f"returned the status {failed_stage(thread.result)[1]}")
            if thread.result and name in self._loops.compiled:
                stage = self._a.stage_numbered(int(thread.result) - 1)
                return Fault("feedback overflow", f"handler '{stage}' found its feedback ring full; give that ring more slots",
                             stage, number=_OVERFLOW)
        journaling = self._a.journaling
        if journaling is not None and journaling.failed(self._a.cells):
            return Fault("journal", journaling.error_text(), "journal", code=74, number=_DISK)
        return None

    def _blame(self, thread: str, error: BaseException | str) -> Fault:
        name, sequence = self._a.in_hand(thread)
        cause = error.cause if isinstance(error, HandlerError) else error
        if isinstance(cause, Left):
            return Fault("interrupted", f"the debugger was {cause}", name, sequence, 130)
        if name in self._a.recorders and isinstance(cause, OSError):
            text = f"cannot write the files of --record: {cause.strerror}; make room or name another place"
            return Fault("recording", text, name, sequence, 74 if cause.errno in DISK_FULL else 70, number=_DISK)
        if isinstance(error, SourceError):
            return Fault("handler", f"source '{name}' failed at record {error.number:,}: {in_words(error.cause)}", name, sequence,
                         number=_HANDLER)
        what = in_words(cause)
        return Fault("handler", f"handler '{name}' failed at {self._place(thread, name, sequence)}: {what}", name, sequence,
                     number=_HANDLER)

    def _place(self, thread: str, stage: str, sequence: int) -> str:
        """Return where a stage is: of a Python handler that got a batch, which."""
        loop = self._loops.python.get(thread)
        if loop is not None and loop.batch_count > 1:
            return f"sequences {sequence:,} to {sequence + loop.batch_count - 1:,} (one batch)"
        return f"sequence {sequence:,} ({self._a.message_kind(stage, sequence)})"

    def _stuck(self, now: float) -> Fault | None:
        """Return a fault when a thread has had the same record in hand for longer than is allowed."""
        cells = self._a.cells
        for thread, names in self._stages():
            name, sequence = self._a.in_hand(thread)
            stage = self._a.recorders.get(name) or self._a.handlers().get(name)
            own = (self._a.handlers()[n].cursor for n in names if n in self._a.handlers())
            mark = (sequence, int(cells[self._a.progress_word(thread)]), *(int(cells[word]) for word in own))
            known = self._marks.get(thread)
            busy = stage is not None and cells[stage.cursor] < sequence <= cells[stage.source.cursor]
            if known is None or known[0] != mark or not busy or not self._threads[thread].alive:
                self._marks[thread] = (mark, now)
            elif now - known[1] > self._a.options.stall_seconds:
                seconds = f"for {now - known[1]:.3g} s"
                return Fault("stuck", f"handler '{name}' has been at {self._place(thread, name, sequence)} {seconds}: an"
                             " endless loop? (--stall sets the limit)", name, sequence, number=_STUCK)
        return None

    def _stages(self) -> list[tuple[str, tuple[str, ...]]]:
        named = [(t.name, t.stages) for t in self._a.placement.threads if t.name in self._threads and t.stages]
        return [*named, *((name, (name,)) for name in self._a.recorders if name in self._threads)]

    def _undrained(self) -> Fault:
        """Name the last stage, in the order of the flow, that has work and does not do it."""
        cells, handlers = self._a.cells, self._a.handlers()
        limit = f"not drained within {self._a.options.drain_seconds:g} s: waiting for"
        for name in reversed(self._a.graph.order()):  # those in front of it wait for room
            stage = handlers.get(name)
            if stage is not None and min(cells[w] for w in stage.waits) > cells[stage.cursor]:
                at_work, in_hand = self._a.in_hand(self._a.placement.thread_of(name).name)
                sequence = max(int(cells[stage.cursor]) + 1, in_hand if at_work == name else 0)
                kind = self._a.message_kind(name, sequence)
                return Fault("drain", f"{limit} handler '{name}' at sequence {sequence:,} ({kind})", name, sequence, number=_DRAIN)
        waiting = next((n for n, d in self._a.drivers().items() if not cells[d.finished]), RECORDER)
        member = self._a.graph.members.get(waiting)
        if member is not None and not member.declared.jit:
            limit = limit.removesuffix(": waiting for") + ": the generator of source"
            return Fault("drain", f"{limit} '{waiting}' has not yielded (one that waits should `yield None` now and then)", waiting, number=_DRAIN)
        return Fault("drain", f"{limit} '{waiting}'", waiting, number=_DRAIN)
