"""Where journals lie: `NAME-YYYYmmddTHHMMSS-PID` under the state folder of the user; two runs never share one."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shutil
import time
from pathlib import Path
from typing import Any

from disruptor.errors import LogError
from disruptor.log import LogWriter
from disruptor.log.format import RECORD_HEADER_BYTES
from hydraflow.errors import OutputError
from hydraflow.records import INPUT_BYTES, LEVEL, LEVELS_MAX

__all__ = ["create_journal", "hold", "journal_root", "journals_near", "new_folder", "prune_journals", "remove_unless_held"]

ATTEMPTS = 1000
_FIRST_SEGMENT = "000000.hfj"
_SHOWN_MOST = 3  # journals in one message
RECORD_BYTES_MAX = RECORD_HEADER_BYTES + INPUT_BYTES + LEVELS_MAX * LEVEL.itemsize


def journal_root() -> Path:
    """Return the folder of all journals: $XDG_STATE_HOME/hydraflow-x/journals, default ~/.local/state.

    Raises: OutputError when neither XDG_STATE_HOME nor HOME is set.
    """
    base = os.environ.get("XDG_STATE_HOME")
    if not base:
        home = os.environ.get("HOME")
        if not home:
            raise OutputError("no folder for journals: HOME and XDG_STATE_HOME are unset", remedy="set one, or name a folder")
        base = os.path.join(home, ".local", "state")
    return Path(base) / "hydraflow-x" / "journals"


def journals_near(folder: str | os.PathLike) -> str:
    """Return, in words, the journals that somebody may have meant who named `folder`: those in it, beside it, and of this user."""
    asked = Path(folder)
    places = [asked, asked.parent]
    with contextlib.suppress(OutputError):
        places.append(journal_root())
    for place in places:
        with contextlib.suppress(OSError):
            found = [p.parent for p in place.glob(f"*/{_FIRST_SEGMENT}")]
            found.sort(key=lambda p: p.stat().st_mtime, reverse=True)
            if found:
                more = f" and {len(found) - _SHOWN_MOST} more" if len(found) > _SHOWN_MOST else ""
                return f"there are {', '.join(map(str, found[:_SHOWN_MOST]))}{more}"
    return f"there is none in {places[-1]}; `hfx run FILE` writes one"


def new_folder(parent: str | os.PathLike, name: str, *, now: float | None = None, pid: int | None = None) -> Path:
    """Return the path, not yet made, for a journal of engine `name`. now : seconds since 1970; default: this moment (UTC)."""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() if now is None else now))
    return Path(parent) / f"{_safe(name)}-{stamp}-{os.getpid() if pid is None else pid}"


def create_journal(parent: str | os.PathLike, name: str, header: bytes, **options: Any) -> LogWriter:
    """Make a folder of its own below `parent` and a writer in it. options : of disruptor.log.LogWriter.

    Raises: OutputError (exit code 73) with the kernel's reason: read-only, no room for a segment, no permission.
    """
    options.setdefault("record_bytes_max", RECORD_BYTES_MAX)
    folder = new_folder(parent, name)
    for attempt in range(ATTEMPTS):
        candidate = folder if attempt == 0 else folder.with_name(f"{folder.name}-{attempt + 1}")
        try:
            return LogWriter(candidate, text=header, **options)
        except LogError as error:
            if error.errno != errno.EEXIST:
                raise OutputError(f"journal: {error}") from error
    raise OutputError(f"journal: {folder} and {ATTEMPTS - 1} more like it exist", remedy="remove old journals")


def hold(folder: Path) -> int:
    """Mark a journal as being written, as long as the returned descriptor is open: it is not pruned. -1 where that fails."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return -1
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(fd, fcntl.LOCK_SH)
    return fd


def prune_journals(root: Path, name: str, kept: int) -> None:
    """Remove all but the `kept` newest journals of this very name, never one that somebody holds."""
    named = re.compile(re.escape(_safe(name)) + r"-\d{8}T\d{6}-\d+(-\d+)?")
    mine = [entry for entry in os.scandir(root) if named.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)]
    newest_first = sorted(mine, key=lambda entry: entry.stat().st_mtime_ns, reverse=True)
    for old in newest_first[kept:]:
        with contextlib.suppress(OSError):
            remove_unless_held(Path(old.path))


def remove_unless_held(folder: Path) -> bool:
    """Remove a journal; return False when somebody holds it. Raises: OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


def _safe(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name) or "journal"
