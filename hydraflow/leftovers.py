"""Files that nobody needs any more: of dead engines, machine code that was not used for long, old runs, broken-off scratch.

`survey` looks and changes nothing; `remove` looks again, under the lock that a starting engine takes, before it removes.
Nothing of an engine that runs is ever removed: its file names a process by pid and start time, its journal is held by a
lock, its code was used after it had started, and what any process has open stays.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

from hydraflow.errors import HydraFlowError, UsageError
from hydraflow.journal.folder import journal_root, remove_unless_held

__all__ = ["AGES", "KINDS", "Item", "age_of", "remove", "survey"]

KINDS = ("engines", "caches", "scratch", "runs")
DAY = 86_400.0
AGES = {"engines": 0.0, "caches": 30 * DAY, "scratch": DAY, "runs": 30 * DAY}  # seconds: what is younger stays
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": DAY, "w": 7 * DAY}
_SCRATCH = ("hfx-replay-", "hfx-results-", "hfx-test-")
_MARGIN = 300.0  # seconds: an engine loads its code somewhat before it has a file
_STAYS = ("runs", "of another")  # how the state of an engine begins whose files stay
_GRACE = 600.0  # seconds: a file without engine may be that of one that starts


@attrs.frozen(kw_only=True)
class Item:
    """One file or folder. kind : of KINDS; bytes : that it takes on its disk; age : seconds since it was last used.

    why : why it may go; kept : why it stays, "" when it may go; young : it stays only because of its age.
    """

    kind: str
    path: Path
    bytes: int
    age: float
    why: str
    kept: str = ""
    young: bool = False


def age_of(text: str) -> float:
    """Return the seconds of an age such as "12h". Raises: UsageError (HF661)."""
    number, unit = text[:-1], text[-1:]
    try:
        seconds = float(number) * _UNITS[unit]
    except (ValueError, KeyError):
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise UsageError(f"'{text}' is no age", where="HF661: --older-than", remedy="write 90s, 15m, 12h, 30d or 4w")
    return seconds


def survey(kinds: Iterable[str], older_than: float | None = None, now: float | None = None) -> list[Item]:
    """Return what lies about, oldest first in each kind. older_than : seconds, for all kinds; None: as AGES says.

    Folders that are not there, or not ours, hold nothing.
    """
    now = time.time() if now is None else now
    opened = _open_files()
    looks = {"engines": _engines, "caches": _caches, "scratch": _scratch, "runs": _runs}
    found = []
    for kind in KINDS:
        if kind in set(kinds):
            least = AGES[kind] if older_than is None else older_than
            items = [_judged(item, least, opened) for item in looks[kind](now)]
            found += sorted(items, key=lambda item: -item.age)
    return found


def remove(item: Item) -> str:
    """Remove an item; return "" or why it stays after all. Raises: OSError."""
    from disruptor.counters import folder_locked

    if item.kind == "engines":
        with folder_locked(item.path.parent):
            owner = _owner(item.path)
            state = _ring_state(item.path) or ("" if owner is None else _state(owner))
            if state.startswith(_STAYS):
                return state
            item.path.unlink(missing_ok=True)
        return ""
    if item.kind == "runs":
        return "" if remove_unless_held(item.path) else "somebody writes or reads it"
    shutil.rmtree(item.path)
    return ""


def _judged(item: Item, least: float, opened: set[tuple[int, int]]) -> Item:
    if item.kept:
        return item
    if item.age < least:
        return attrs.evolve(item, kept=f"younger than {_days(least)}", young=True)
    if any(identity in opened for identity in _identities(item.path)):
        return attrs.evolve(item, kept="a process has it open")
    return item


def _engines(now: float) -> Iterator[Item]:
    """Engine files, and what lies beside them under an engine's name."""
    from disruptor.errors import MemoryMapError
    from disruptor.memory import runtime_folder

    try:
        folder = runtime_folder(create=False)
        entries = [p for p in sorted(folder.iterdir()) if not p.is_dir() or p.is_symlink()] if folder.is_dir() else []
    except (MemoryMapError, OSError):  # somebody else's
        return
    for path in entries:
        owner, age = _owner(path), _age(path, now)
        if ring := _ring_state(path):
            yield Item(kind="engines", path=path, bytes=_size(path), age=age, why=ring, kept=ring if ring.startswith(_STAYS) else "")
        elif owner is None:
            yield Item(kind="engines", path=path, bytes=_size(path), age=age, why="of no engine",
                       kept="its engine may be starting" if age < _GRACE else "")
        else:
            state = _state(owner)
            yield Item(kind="engines", path=path, bytes=_size(path), age=age, why=state if owner == path else f"of {owner.name}: {state}",
                       kept=state if state.startswith(_STAYS) else "")


def _ring_state(path: Path) -> str:
    """Say whose a ring that processes share is; "" for what is none, or cannot be read."""
    from disruptor.shared.file import SUFFIX, state_of

    try:
        return state_of(path) if path.suffix == SUFFIX else ""
    except OSError:
        return ""


def _owner(path: Path) -> Path | None:
    """Return the engine file that a file in the engines' folder belongs to: itself, or the one whose name it continues."""
    if path.suffix == ".cnc":
        return path
    known = [p for p in path.parent.glob("*.cnc") if path.name.startswith(f"{p.stem}.")]
    return max(known, key=lambda p: len(p.stem), default=None)


def _state(path: Path) -> str:
    """Say how the engine of a .cnc file is: "runs (pid N)", "ended, exit code N", "died", "of another version", …"""
    from disruptor.counters_reader import CounterReader
    from disruptor.errors import CounterFileError

    try:
        reader = CounterReader(path)
    except (OSError, CounterFileError) as error:
        text = str(error)
        if "unfinished" in text:
            return "its engine died while it started"
        return "broken: cut off" if "truncated" in text else "of another version or program"
    try:
        shown = reader.snapshot()
    finally:
        reader.close()
    if shown["alive"]:
        return f"runs (pid {shown['pid']})"
    return "died" if shown["exit_code"] is None else f"ended, exit code {shown['exit_code']}"


def _caches(now: float) -> Iterator[Item]:
    """Folders of machine code: each start of an engine touches its own."""
    from disruptor.cache import cache_root

    root = cache_root()
    started = _oldest_start()
    for kind in ("functions", "loops", "parts"):
        for path in _folders(root / kind if root else None):
            age = _age(path, now)
            live = started is not None and now - age > started - _MARGIN
            yield Item(kind="caches", path=path, bytes=_size(path), age=age, why=f"not used for {_days(age)}",
                       kept="an engine that runs may have loaded it" if live else "")


def _oldest_start() -> float | None:
    """Return when the oldest engine that runs has started, seconds since 1970; None: none runs."""
    from disruptor.counters_reader import CounterReader
    from disruptor.errors import CounterFileError, MemoryMapError
    from disruptor.memory import runtime_folder

    starts = []
    with contextlib.suppress(MemoryMapError):
        for path in runtime_folder(create=False).glob("*.cnc"):
            with contextlib.suppress(OSError, CounterFileError):
                reader = CounterReader(path)
                if reader.alive:
                    starts.append(reader.snapshot()["started_ns"] / 1e9)
                reader.close()
    return min(starts, default=None)


def _scratch(now: float) -> Iterator[Item]:
    """Temporary folders of replays and tests that were killed."""
    for path in _folders(Path(tempfile.gettempdir())):
        if path.name.startswith(_SCRATCH) and path.stat().st_uid == os.geteuid():
            yield Item(kind="scratch", path=path, bytes=_size(path), age=_age(path, now), why="left by a replay or test that was killed")


def _runs(now: float) -> Iterator[Item]:
    """Journals in the default folder."""
    try:
        root = journal_root()
    except HydraFlowError:  # no home
        return
    for path in _folders(root):
        if any(path.glob("*.hfj")):
            age = min(_age(p, now) for p in (path, *path.glob("*.hfj")))
            yield Item(kind="runs", path=path, bytes=_size(path), age=age, why="a journal, from which a run can be replayed")


def _folders(root: Path | None) -> list[Path]:
    try:
        return [p for p in sorted(root.iterdir()) if p.is_dir() and not p.is_symlink()] if root is not None else []
    except OSError:
        return []


def _open_files() -> set[tuple[int, int]]:
    """Return (device, inode) of what other processes of ours have open or mapped; what may not be asked is passed over."""
    found: set[tuple[int, int]] = set()
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        for kind in ("fd", "map_files"):
            try:
                entries = os.listdir(process / kind)
            except OSError:
                continue
            for entry in entries:
                with contextlib.suppress(OSError):
                    status = os.stat(process / kind / entry)
                    if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode) or stat.S_ISSOCK(status.st_mode):
                        found.add((status.st_dev, status.st_ino))
        found.update(_mapped(process / "maps"))
    return found


def _mapped(maps: Path) -> Iterator[tuple[int, int]]:
    """Yield (device, inode) of a process's mapped files, from its table of them: map_files is for root only."""
    try:
        lines = maps.read_text(errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[4] != "0":
            major, _, minor = fields[3].partition(":")
            yield os.makedev(int(major, 16), int(minor, 16)), int(fields[4])


def _identities(path: Path) -> Iterator[tuple[int, int]]:
    for one in (path, *(path.rglob("*") if path.is_dir() and not path.is_symlink() else ())):
        with contextlib.suppress(OSError):
            status = one.lstat()
            yield status.st_dev, status.st_ino


def _size(path: Path) -> int:
    total = 0
    for one in (path, *(path.rglob("*") if path.is_dir() and not path.is_symlink() else ())):
        with contextlib.suppress(OSError):
            total += one.lstat().st_blocks * 512
    return total


def _age(path: Path, now: float) -> float:
    try:
        return max(0.0, now - path.lstat().st_mtime)
    except OSError:
        return 0.0


def _days(seconds: float) -> str:
    for unit, name in ((DAY, "day"), (3600.0, "hour"), (60.0, "minute")):
        if seconds >= unit:
            count = int(seconds // unit)
            return f"{count:,} {name}{'' if count == 1 else 's'}"
    return f"{int(seconds)} seconds"
