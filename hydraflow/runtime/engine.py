"""The engine process: builds the graph, compiles its loops, runs them, and says what came of it.

Started by the parent (`hydraflow.runtime.supervisor`) as `python -m hydraflow.runtime.engine`: options come as JSON on
standard input; what the parent must know goes as JSON lines to standard output, the result last. Almost no Python runs
while the graph does: this thread beats the heart, watches for handlers that are stuck, and waits for the end.

SIGTERM: sources stop, the graph drains, the result is printed; before the run has begun it ends the engine: at once while
loops are compiled, after the graph is built while files are being made. SIGUSR1 from the parent: halt now, whatever is
still on its way.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import json
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from typing import Any, NoReturn

from disruptor.atomics import store_release
from disruptor.clock import hiccups
from disruptor.compiled import JIT_ENABLED
from disruptor.errors import CompileError, DisruptorError
from disruptor.threads import PinnedThread
from hydraflow.control import Listener
from hydraflow.errors import ConfigurationError, DataError, HydraFlowError, InternalError, OutputError, too_many_files
from hydraflow.notes import note
from hydraflow.runtime.assembly import Assembly
from hydraflow.runtime.live import LiveParameters
from hydraflow.runtime.loops import Loops
from hydraflow.runtime.options import Options
from hydraflow.runtime.outcome import outcome
from hydraflow.runtime.phases import Phase
from hydraflow.runtime.timeline import Timeline
from hydraflow.runtime.watching import POLL_SECONDS, Fault, Watch
from hydraflow.scrubber import SECRETS, Scrubbed

__all__ = ["Engine", "Stopped", "main"]

_NO_RESCUE = ("interrupted", "journal", "source")  # nobody waits for the journal, it failed itself, all is drained
_FOLLOW_SECONDS = 0.5
_JOIN_SECONDS = 30.0
_STOP_AGAIN_SECONDS = 0.01


class Stopped(BaseException):
    """Somebody asked for the end before anything ran."""


class Engine:
    """One run of a topology. `run` returns (result, exit code).

    stuck : whether a thread could not be ended. announce : told what the parent
    needs to know should this process die.
    """

    def __init__(self, options: Options, announce: Any = lambda **_facts: None) -> None:
        self.options = options
        self.stops = 0
        self.stuck = False
        self._announce = announce
        self._threads: dict[str, PinnedThread] = {}
        self._built = self._going = self._began = self._leaving = False
        self._timeline = Timeline()

    def run(self) -> tuple[dict[str, Any], int]:
        """Build, run, drain, report. Raises: HydraFlowError for what the user can mend, before anything has started."""
        with contextlib.ExitStack() as stack:
            self._prepare(stack)
            fault = self._go()
            self._listener.stop()
            fault = self._end(fault)
            self._timeline.mark("end")
            self._a.set_clock(self._a.clock.refine())
            result = outcome(self._a, self._loops, self._threads, fault, stops=self.stops, stuck=self.stuck)
            result["parameter_changes"] = self._changes()
            result["hiccup_ns"] = self._hiccup_ns
            result |= self._timeline.result(self._first_message_ns())
            error = result["error"]
            code = int(error["code"]) if error else _replay_code(result.get("replay"))
            self._a.file.set_phase(int(Phase.ENDED), SECRETS.scrub(error["text"]) if error else "")
            self._a.file.finish(code)
            self._leaving = True
            return result, code

    def stop(self, *, halt: bool = False) -> None:
        """Asked from outside: drain, or `halt` now. Raises: Stopped when nothing runs yet, once."""
        self.stops = 2 if halt else max(self.stops, 1)
        if self._leaving:  # what it would be written to is about to be unmapped
            return
        if self._going:
            store_release(self._a.cells, self._a.stop, 1)
        elif self._built or halt:  # in the middle of making a file it would leave half of it behind
            self._leave()

    def _leave(self) -> NoReturn:
        self._leaving = True
        raise Stopped

    # -- starting

    def _prepare(self, stack: contextlib.ExitStack) -> None:
        self._timeline.mark("imports")
        self._a = Assembly(self.options, stack)
        stack.callback(self._clean_up)
        self._built = True
        if self.stops:
            self._leave()
        self._announce(file=str(self._a.file.path))
        if self._a.journaling is not None and not self.options.replay:
            self._announce(journal=str(self._a.journaling.writer.folder))
        self._timeline.mark("build")
        self._loops = Loops(self._a)
        self._a.graph.touch()
        self._timeline.mark("compile")
        self._leave_spinners_alone()
        self._hiccup_ns = self._measure_hiccups()
        self._timeline.mark("hiccups")
        self._live = LiveParameters(self._a)
        self._listener = Listener(self._a.file.path.with_suffix(".sock"), self._live.answer)
        stack.callback(self._listener.stop)
        self._a.file.set_phase(int(Phase.FILLING), "sources")
        for member in self._a.graph.members.values():
            if member.feed is not None:
                member.feed.start()
        self._timeline.mark("sources")

    def _go(self) -> Fault | None:
        """Start every thread and wait for the end of the run."""
        a, loops = self._a, self._loops
        self._going = True
        if self.stops:  # asked for in the line before
            self._leave()
        if a.journaling is not None:
            self._start(a.journaling.thread_name, a.journaling.writer.run, None)
        for thread in reversed(a.placement.threads):
            if thread.name in loops.compiled:
                self._start(thread.name, loops.compiled[thread.name].run, None if thread.cpu is None else (thread.cpu,))
        for name, loop in loops.python.items():
            self._start(name, loop.run, None)
        self._listener.start()
        a.file.set_phase(int(Phase.RUNNING), "")
        self._began = True
        return Watch(a, loops, self._threads, lambda: self.stops).wait()

    def _start(self, name: str, target: Any, cpus: tuple[int, ...] | None) -> None:
        def body() -> Any:
            self._announce(thread=name, ident=threading.get_ident())
            with self._a.note_lane(name):
                return target()

        asked = next((t.scheduling for t in self._a.placement.threads if t.name == name), None)
        thread = PinnedThread(body, name=name, cpus=cpus, halt=self._halt_all, scheduling=asked)
        try:
            thread.start()
        except DisruptorError as error:
            raise ConfigurationError(str(error), remedy="choose another cpu in placement:") from error
        self._threads[name] = thread

    def _leave_spinners_alone(self) -> None:
        """Keep the threads that there are, and all that they start, off the cores of spinning loops; these pin themselves."""
        spinners = {t.cpu for t in self._a.placement.threads if t.wait == "busy-spin" and t.cpu is not None}
        cores = {c for cpu in spinners for c in self._a.machine.siblings.get(cpu, ())}  # a hyper-thread slows its sibling down
        others = os.sched_getaffinity(0) - spinners - cores or os.sched_getaffinity(0) - spinners
        if not others or others == os.sched_getaffinity(0):
            return
        for task in os.listdir("/proc/self/task"):
            with contextlib.suppress(OSError):  # it has just ended
                os.sched_setaffinity(int(task), others)

    def _measure_hiccups(self) -> dict[str, Any]:
        if self.options.hiccup_seconds <= 0 or not JIT_ENABLED:
            return {}
        cpus = [t.cpu for t in self._a.placement.threads if t.cpu is not None]
        self._a.file.set_phase(int(Phase.MEASURING), "hiccups")
        return hiccups(self.options.hiccup_seconds, 10_000, cpus[0] if cpus else None, self._a.clock)

    # -- ending

    def _end(self, fault: Fault | None) -> Fault | None:
        """Halt the loops, complete the journal, join. A thread that is stuck is left behind. Returns the fault."""
        a = self._a
        if fault is not None:
            if fault.number:
                a.file.log_error(fault.number, SECRETS.scrub(fault.text), handler=fault.handler, sequence=fault.sequence)
            if fault.kind not in _NO_RESCUE:
                self._let_journal_follow()
        self._halt_all()
        writer = a.journaling.thread_name if a.journaling is not None else ""
        for name, thread in self._threads.items():
            if name != writer:
                thread.join(1.0 if fault else _JOIN_SECONDS)
        self.stuck = any(thread.alive for name, thread in self._threads.items() if name != writer)
        if fault is not None and fault.kind not in _NO_RESCUE:
            self._rescue_journal(fault)
        if a.journaling is not None:
            a.journaling.writer.stop()
            self._threads[writer].join(_JOIN_SECONDS)
        for member in a.graph.members.values():
            if member.feed is not None:
                member.feed.stop()
        return fault

    def _halt_all(self) -> None:
        store_release(self._a.cells, self._a.halt, 1)

    def _let_journal_follow(self) -> None:
        """Give the journal stage, where it is on a thread that still runs, a moment to reach the sequencer."""
        end = time.monotonic() + _FOLLOW_SECONDS
        while time.monotonic() < end and not self._journal_complete():
            time.sleep(POLL_SECONDS)

    def _journal_complete(self) -> bool:
        stage = self._a.journal_stage()
        return stage is None or bool(self._a.cells[stage.cursor] >= self._a.cells[stage.source.cursor])

    def _rescue_journal(self, fault: Fault) -> None:
        """Run the journal stage alone until it has reached what the sequencer published: its loop has ended, or hangs."""
        stage = self._a.journal_stage()
        if stage is None or self._journal_complete() or fault.handler == stage.name:
            return
        thread = PinnedThread(self._loops.rescue(stage).run, name="rescue", halt=self._halt_rescue)
        thread.start()
        self._let_journal_follow()
        self._halt_rescue()
        thread.join(5.0)

    def _halt_rescue(self) -> None:
        store_release(self._a.cells, self._a.rescue, 1)

    def _clean_up(self) -> None:
        """After an error on the way to the run: end what has been started, leave nothing behind."""
        if self._began:
            return
        self._halt_all()
        for thread in self._threads.values():
            if self._a.journaling is not None:
                self._a.journaling.writer.stop()
            thread.join(1.0)
        if self._a.journaling is not None:
            self._a.journaling.discard()
        for file in (self._a.file, self._a.notes):
            if file is not None:
                file.path.unlink(missing_ok=True)

    def _changes(self) -> list[dict[str, Any]]:
        """Return the changes of parameters: those of this run, or in a replay those of the journal."""
        return self._a.journaled_changes() if self.options.replay else self._live.settled()

    def _first_message_ns(self) -> int:
        """Return when the first message went out, CLOCK_MONOTONIC, 0 when none did."""
        firsts = [int(self._a.cells[d.first]) for d in self._a.drivers().values() if d.first >= 0]
        ticks = min((f for f in firsts if f), default=0)
        return self._a.clock.to_ns(ticks) if ticks else 0


def _replay_code(replay: dict[str, Any] | None) -> int:
    """Exit code of a run that ended well: of a replay 65 for damage in the journal, 1 for feedback that differs."""
    if replay is None:
        return 0
    return DataError.exit_code if replay["end"] == "corrupt" else int(replay["differences"] > 0)


def main() -> NoReturn:
    """Read options, run, print the result. Exit code: see hydraflow.errors; errors go out as JSON too."""
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    global _parent
    if sys.stderr is None:  # closed by whoever started the program that uses us
        sys.stderr = open(os.devnull, "w")
    _parent = _apart(sys.stdout)
    faulthandler.enable(_parent)  # read by the parent: which thread it was
    warnings.simplefilter("ignore")  # numba's and other libraries' own
    warnings.simplefilter("default", RuntimeWarning)  # ours
    warnings.showwarning = lambda message, *_rest, **_more: note(f"hfx: warning: {message}")
    sys.stdout, sys.stderr = Scrubbed(sys.stdout, SECRETS), Scrubbed(sys.stderr, SECRETS)  # type: ignore[assignment]
    engine = Engine(Options.from_json(sys.stdin.read()), lambda **facts: _say({"fact": facts}))
    _obey_signals(engine)
    try:
        result, code = engine.run()
    except Stopped:
        _end_compilers()
        result, code = {"failure": "stopped before the run began; nothing has run"}, 0
    except Exception as error:
        result, code = _failure(error)
    _say({"result": result, "code": code})
    os._exit(code)  # everything is closed; a loop that cannot be stopped must not keep the process, nor numba's own end


def _obey_signals(engine: Engine) -> None:
    """SIGTERM drains, SIGUSR1 halts; what they raise is raised again should it come where Python cannot pass it on."""
    own = os.getpid()

    def obey(number: int, _frame: Any) -> None:
        if os.getpid() != own:  # forked to compile, before it has handlers of its own
            os._exit(1)
        engine.stop(halt=number == signal.SIGUSR1)

    def stop_again(*_: Any) -> NoReturn:
        raise Stopped

    def on_unraisable(lost: Any) -> None:
        if isinstance(lost.exc_value, Stopped):  # it came inside a hook of fork or of the garbage collector
            signal.setitimer(signal.ITIMER_REAL, _STOP_AGAIN_SECONDS)
        else:
            sys.__unraisablehook__(lost)

    signal.signal(signal.SIGTERM, obey)
    signal.signal(signal.SIGUSR1, obey)
    signal.signal(signal.SIGALRM, stop_again)
    sys.unraisablehook = on_unraisable


def _end_compilers() -> None:
    """End the processes in which loops are being compiled: they are of our group."""
    if os.getpgrp() == os.getpid():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)


def _failure(error: Exception) -> tuple[dict[str, Any], int]:
    error = too_many_files(error) or error
    if isinstance(error, HydraFlowError):
        code = error.exit_code
    elif isinstance(error, CompileError):
        code = ConfigurationError.exit_code
    elif isinstance(error, DisruptorError):
        code = OutputError.exit_code
    else:
        traceback.print_exc()
        return {"failure": f"a fault of hfx itself: {type(error).__name__}: {error}"}, InternalError.exit_code
    if os.environ.get("HYDRAFLOW_TRACEBACK"):
        traceback.print_exception(error)
    return {"failure": str(error)}, code


_parent: Any = None  # the pipe to the parent, once `main` has taken standard output from everybody else


def _apart(stream: Any) -> Any:
    """Return a stream of our own into the pipe that standard output was; what handlers print goes to standard error from now on.

    Whatever a handler prints, JSON too, can so not be taken for what the engine says.
    """
    stream.flush()
    pipe = os.fdopen(os.dup(stream.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), stream.fileno())
    stream.reconfigure(line_buffering=True, errors="backslashreplace")
    return pipe


def _say(what: dict[str, Any]) -> None:
    """Print a line for the parent; when it is gone nobody listens."""
    try:
        _parent.write(json.dumps(SECRETS.data(what)) + "\n")
        _parent.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), _parent.fileno())


def _die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies, so that no engine is left behind."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    if os.environ.get("HYDRAFLOW_PARENT") not in (None, str(os.getppid())):
        os._exit(OutputError.exit_code)  # it has died already


if __name__ == "__main__":
    main()
