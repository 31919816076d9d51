"""The process in which programs are explored: numba is imported once, un-jitted, and each job runs in a fork of it.

    python -m tools.verify.exploring JOBS < jobs.json      one line of JSON per job, in the order in which they end

A job loads the library anew, with its fault if it has one, and explores its programs one after the other until one fails.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

__all__ = ["Job", "main", "results"]


class Job(NamedTuple):
    """programs : names, explored in this order. mutant : a fault of tools.verify.faults by name, or "".

    bounds : costs to exhaust one after the other, each without and with late loads (`memory`). points : decisions that each of
    these may take, roughly, so that long programs have fewer schedules. random : schedules drawn besides. replay : a schedule
    to run instead ("usual": none).
    """

    programs: tuple[str, ...]
    mutant: str = ""
    bounds: tuple[int, ...] = (1,)
    memory: tuple[bool, ...] = (False, True)
    points: int = 100_000
    random: int = 0
    seed: int = 1
    replay: str = ""


def results(jobs: list[Job], processes: int) -> Iterator[dict[str, Any]]:
    """Run jobs in a process of its own, with JIT off; yield a result for each as it ends. Raises: RuntimeError."""
    import subprocess

    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "tools.verify.exploring", str(processes)]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as ran:
        assert ran.stdin is not None and ran.stdout is not None
        ran.stdin.write(json.dumps([list(job) for job in jobs]))
        ran.stdin.close()
        for line in ran.stdout:
            yield json.loads(line)
    if ran.returncode:
        raise RuntimeError(f"the explorer's process has ended with {ran.returncode}")


def _explore(job: Job) -> dict[str, Any]:
    """Do a job in this process; return its result."""
    from tools.verify.faults import fault
    from tools.verify.shim import install

    library = install(fault(job.mutant) if job.mutant else None)
    from tools.verify.programs import PROGRAMS
    from tools.verify.schedule import Explorer, as_schedule

    def explorer(name: str, weak: bool) -> Explorer:
        def make(machine: Any) -> Any:
            library.begin(machine)
            return PROGRAMS[name].make(library, machine)

        return Explorer(make, weak=weak)

    runs: list[dict[str, Any]] = []
    if job.replay:
        weak = job.memory == (True,)
        at = explorer(job.programs[0], weak)
        finding = at.replay(as_schedule("" if job.replay == "usual" else job.replay))
        return {
            "job": list(job), "runs": [], "misfit": at.misfit,
            "rule": finding.rule if finding else "", "trace": at.trace,
        }
    for way in (*job.bounds[:2], -1, *job.bounds[2:]):  # random ones before those that take longest
        for name in job.programs:
            for weak in job.memory:
                if way < 0 and not job.random:
                    continue
                at = explorer(name, weak)
                found = at.wander(job.random, job.seed) if way < 0 else at.exhaust(way, job.points // max(10, at.longest))
                run = {
                    "program": name, "weak": weak, "bound": way, "schedules": found.schedules, "exhausted": found.exhausted,
                    "seconds": found.seconds, "points": found.points,
                }
                runs.append(run)
                if found.finding is not None:
                    schedule = " ".join(f"{step}:{option}" for step, option in found.finding.schedule)
                    return {
                        "job": list(job), "runs": runs, "rule": found.finding.rule, "schedule": schedule, "program": name, "weak": weak,
                        "trace": found.finding.trace,
                    }
    return {"job": list(job), "runs": runs, "rule": ""}


def _guarded(job: Job, do: Callable[[Job], dict[str, Any]]) -> dict[str, Any]:
    try:
        return do(job)
    except Exception:
        return {"job": list(job), "runs": [], "rule": "the explorer failed", "error": traceback.format_exc()}


def main() -> int:
    """Read jobs, fork for each, copy their results out."""
    jobs = [Job(*(tuple(x) if isinstance(x, list) else x for x in job)) for job in json.loads(sys.stdin.read())]
    import numba  # noqa: F401 - once for all forks

    from tools.verify.shim import prepare

    prepare()
    at_work: dict[int, int] = {}  # process → reading end
    waiting = list(reversed(jobs))
    broken = 0
    while waiting or at_work:
        while waiting and len(at_work) < int(sys.argv[1]):
            job = waiting.pop()
            reading, writing = os.pipe()
            process = os.fork()
            if process == 0:
                os.close(reading)
                with os.fdopen(writing, "w") as out:
                    json.dump(_guarded(job, _explore), out)
                os._exit(0)
            os.close(writing)
            at_work[process] = reading
        import select

        ready, _, _ = select.select(list(at_work.values()), [], [])
        for reading in ready:
            process = next(p for p, r in at_work.items() if r == reading)
            with os.fdopen(reading) as result:
                line = result.read()
            _, status = os.waitpid(process, 0)
            del at_work[process]
            broken += status != 0 or not line
            if line:
                print(line, flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
