"""The parent process: starts the engine, shows progress from its CnC file, forwards signals, takes its result.

It never touches the engine's memory but to read the CnC file. When the engine dies the file is still there: what it
counted, and which handler had which message in hand, becomes the report (hydraflow.runtime.postmortem).

SIGINT or SIGTERM once: the engine drains; twice: it halts; three times: it is killed. The exit code is 130 when one of
them was SIGINT, 0 when SIGTERM asked for an orderly end, also when nothing had run yet; 130 when it was halted or killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from hydraflow.errors import InternalError

if TYPE_CHECKING:  # numpy and what it brings are imported while the engine starts
    from disruptor.counters_reader import CounterReader
    from hydraflow.runtime.options import Options

__all__ = ["Outcome", "supervise"]

_POLL_SECONDS = 0.1
_LAST_WORDS_SECONDS = 2.0
_INTERRUPTED = 130


@attrs.define
class Outcome:
    """What came of a run. result : "hfx.run/1" data, or {"failure": text} when it never started; code : exit status."""

    result: dict[str, Any]
    code: int


def supervise(options: Options, progress: Callable[[dict[str, Any]], None] | None = None) -> Outcome:
    """Run the engine in a process of its own until it ends. Main thread only.

    progress : called about ten times a second with a CnC snapshot.
    """
    signals = _Signals()
    with signals:
        engine = _Engine(options)
        signals.send_to(engine.process)
        while not engine.ended.wait(_POLL_SECONDS):
            snapshot = engine.snapshot() if progress is not None else None
            if progress is not None and snapshot is not None:
                progress(snapshot)
    status = engine.process.returncode
    if os.environ.get("HYDRAFLOW_TRACEBACK"):
        sys.stderr.write("".join(engine.last_words))
    if engine.result is not None:
        result, code = engine.result
    elif signals.seen and status == -signals.last_sent and engine.snapshot() is None:
        result, code = {"failure": "stopped before the run began; nothing has run"}, 0
    else:
        from hydraflow.runtime.postmortem import post_mortem

        asked = signals.last_sent == signal.SIGKILL and status == -signal.SIGKILL
        result = post_mortem(engine.snapshot(), status, engine.journal, engine.thread_of_death(), asked=asked)
        code = _INTERRUPTED if asked else InternalError.exit_code
    if code == 0 and signal.SIGINT in signals.seen:
        code = _INTERRUPTED
    return Outcome(result, code)


class _Engine:
    """The engine's process, what it has said (facts, the result, the last words of a crash), and its CnC file."""

    def __init__(self, options: Options) -> None:
        self.result: tuple[dict[str, Any], int] | None = None
        self.journal = ""
        self._file = ""
        self._reader: CounterReader | None = None
        self.ended = threading.Event()
        self._threads: dict[int, str] = {}
        self.last_words: list[str] = []  # what is no JSON: faulthandler's account of a crash
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hydraflow.runtime.engine"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=_environment(options), start_new_session=True,
        )
        threading.Thread(target=self._see_it_end, args=(options.to_json(),), daemon=True).start()

    def snapshot(self) -> dict[str, Any] | None:
        """Return what the engine shows in its CnC file, None as long as there is none."""
        if self._reader is None and self._file:
            from disruptor.counters_reader import CounterReader
            from disruptor.errors import CounterFileError

            try:
                self._reader = CounterReader(self._file)
            except (OSError, CounterFileError):
                return None
        return None if self._reader is None else self._reader.snapshot()

    def thread_of_death(self) -> str:
        """Return the thread in which the engine crashed, "" when it did not say."""
        for line in self.last_words:
            if line.startswith("Current thread 0x"):
                return self._threads.get(int(line.split()[2], 16), "")
        return ""

    def _see_it_end(self, options: str) -> None:
        reader = threading.Thread(target=self._listen, args=(options,), daemon=True)
        reader.start()
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        with contextlib.suppress(ProcessLookupError):  # processes that compile for it, were it killed
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        reader.join(_LAST_WORDS_SECONDS)
        self.ended.set()

    def _listen(self, options: str) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(options.encode())
            self.process.stdin.close()
        except BrokenPipeError:
            return  # it has died already
        for line in self.process.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                self.last_words.append(line.decode(errors="replace"))
                continue
            if "result" in said:
                self.result = said["result"], int(said["code"])
            fact = said.get("fact", {})
            self._file = fact.get("file", self._file)
            self.journal = fact.get("journal", self.journal)
            if "thread" in fact:
                self._threads[int(fact["ident"])] = fact["thread"]


class _Signals:
    """Passes SIGINT and SIGTERM on: the first as SIGTERM, the second as SIGUSR1 (halt), the third as SIGKILL."""

    _SENT = (signal.SIGTERM, signal.SIGUSR1, signal.SIGKILL)

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.last_sent = 0
        self._process: subprocess.Popen | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> _Signals:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = before = signal.signal(number, self._pass_on)
            if getattr(before, "came", False):  # while this was imported, and was lost there (hydraflow_x_entry)
                self.seen.append(number)
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, before in self._before.items():  # one more while the report is printed must not cost it
            signal.signal(number, signal.SIG_IGN if self.seen else before)

    def send_to(self, process: subprocess.Popen) -> None:
        """Name the process; what came before is sent now."""
        self._process = process
        if self.seen:
            self._send()

    def _pass_on(self, number: int, _frame: Any) -> None:
        self.seen.append(number)
        if self._process is not None:
            self._send()

    def _send(self) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self.last_sent = self._SENT[min(len(self.seen), len(self._SENT)) - 1]
            self._process.send_signal(self.last_sent)


def _environment(options: Options) -> dict[str, str]:
    """The engine's environment: ours, with this installation found first, whatever the working directory holds.

    `checked` is numba's own switch, set before it is imported, so that it holds for every helper that is inlined.
    """
    environment = dict(os.environ)
    root = str(Path(__file__).resolve().parents[2])
    known = environment.get("PYTHONPATH", "")
    environment["PYTHONPATH"] = os.pathsep.join([root, known]) if known else root
    environment["PYTHONSAFEPATH"] = "1"
    if options.checked:
        environment["NUMBA_BOUNDSCHECK"] = "1"
    environment["HYDRAFLOW_PARENT"] = str(os.getpid())
    return environment
