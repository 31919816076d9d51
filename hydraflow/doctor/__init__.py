"""What this machine offers a low-latency engine, and what to do where it falls short.

    finding         what one look says
    processor       cores, hyper-threads, nodes, isolation, frequency, clock
    memory          shared memory, locking, huge pages, limits
    software        Python, numba and llvmlite, libyaml, the code cache
    kernel          memory files, futex, priority, open files, time of day
    surroundings    the journal's disk, the terminal, other engines

Each `look_at_*` is a function of plain values or of a folder that looks like `/` and returns one Finding; `examine` reads
the values of this machine and calls them all. Nothing is changed; folders are probed with one temporary file each.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from hydraflow.doctor import kernel, memory, processor, software, surroundings
from hydraflow.doctor.finding import STATUSES, Finding
from hydraflow.placement.cpus import read_machine

__all__ = ["STATUSES", "Finding", "examine"]


def examine(root: str | Path = "/", environment: Mapping[str, str] = os.environ) -> list[Finding]:
    """Look at everything. root : folder with the pseudo files of proc and sys."""
    base = Path(root)
    machine = read_machine(base)
    state = _state_folder(environment)
    return [
        software.look_at_python(sys.version_info[:3], platform.machine()),
        software.look_at_numba(),
        software.look_at_pair(_version("llvmlite"), _requires("numba")),
        _yaml(),
        software.look_at_cache(environment),
        processor.look_at_cores(machine),
        processor.look_at_threads_of_a_core(machine),
        processor.look_at_nodes(base, machine),
        processor.look_at_isolation(machine),
        processor.look_at_governor(base, machine),
        processor.look_at_turbo(base),
        processor.look_at_clock(base),
        memory.look_at_memory_limit(base),
        memory.look_at_shared_memory(Path(environment.get("XDG_RUNTIME_DIR") or base / "dev/shm")),
        memory.look_at_locking(resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]),
        memory.look_at_binding(_unbound(), len(machine.memory_nodes)),
        memory.look_at_huge_pages(base),
        memory.look_at_transparent_pages(base),
        kernel.look_at_memory_files(),
        kernel.look_at_futex(platform.machine()),
        kernel.look_at_priority(resource.getrlimit(resource.RLIMIT_RTPRIO)[0], root=os.geteuid() == 0),
        kernel.look_at_nice(resource.getrlimit(resource.RLIMIT_NICE)[0], root=os.geteuid() == 0),
        kernel.look_at_throttling(base),
        kernel.look_at_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
        kernel.look_at_time(kernel.time_status()),
        surroundings.look_at_room(state, shutil.disk_usage(state).free),
        surroundings.look_at_disk(state, surroundings.time_commits(state)),
        surroundings.look_at_terminal(environment, shutil.get_terminal_size().columns, _encoding(), tty=_is_terminal()),
        _engines(),
    ]


def _unbound() -> str:
    """Return why a page cannot be put on the first node, "" when it can."""
    from disruptor.memory import anonymous
    from disruptor.numa import prefer

    page = anonymous(1)
    return "" if prefer(page, 0) else page.notes[-1].partition("(")[2].partition(")")[0]


def _state_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of journals, or the nearest one above it that there is; without a home the temporary one."""
    base = environment.get("XDG_STATE_HOME") or (os.path.join(environment["HOME"], ".local/state") if environment.get("HOME") else "/tmp")
    return surroundings.nearest_folder(Path(base).absolute() / "hydraflow-x" / "journals")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _requires(name: str) -> list[str]:
    try:
        return list(requires(name) or ())
    except PackageNotFoundError:
        return []


def _yaml() -> Finding:
    import yaml

    return software.look_at_yaml(yaml.__version__, fast=bool(yaml.__with_libyaml__))


def _encoding() -> str:
    return (getattr(sys.stdout, "encoding", None) or "unknown").lower()


def _is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def _engines() -> Finding:
    from disruptor.counters_reader import CounterReader
    from disruptor.errors import CounterFileError, MemoryMapError
    from disruptor.memory import runtime_folder

    alive, dead = [], []
    try:
        files = sorted(runtime_folder(create=False).glob("*.cnc"))
    except MemoryMapError as error:
        return Finding("engines", "fail", str(error).removesuffix(f"; {error.remedy}"), error.remedy, "engines keep their files there")
    for path in files:
        try:
            reader = CounterReader(path)
        except (OSError, CounterFileError):
            dead.append(path.stem)
            continue
        shown = reader.snapshot()
        reader.close()
        (alive.append((shown["name"], shown["pid"])) if shown["alive"] else dead.append(path.stem))
    return surroundings.look_at_engines(alive, dead)
