"""Ring files on disk, or rather in memory: made, opened, judged, cleared away.

The folder is the user's own (0700): ${XDG_RUNTIME_DIR}/hydraflow, else /dev/shm/hydraflow-UID, else one in the folder for
temporary files; files are 0600. A file is read before it is mapped, and mapped only when its length is what its header says.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import tempfile
import time
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from disruptor.counters import folder_locked
from disruptor.errors import LayoutError, MemoryMapError, SharedRingError
from disruptor.layout import record_dtype
from disruptor.memory import on_file, runtime_folder
from disruptor.shared.format import HEADER, LAYOUT_HASH, MAGIC, VERSION, Plan, describe, dtype_of, hash_of, header_hash
from disruptor.shared.identity import boot_id, is_alive, me, pid_of, pid_space
from disruptor.shared.places import Cells
from disruptor.window import window

__all__ = ["SUFFIX", "RingFile", "make", "open_ring", "ring_folder", "ring_path", "state_of"]

SUFFIX = ".ring"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_SHM = Path("/dev/shm")


@attrs.define
class RingFile:
    """An open ring file. fields : of its records. owner : the word of the process that made it. notes : what fell back."""

    name: str
    path: Path
    plan: Plan
    fields: np.dtype
    multi: bool
    owner: int
    generation: int
    cells: Cells
    records: np.ndarray  # bytes: main ring
    marks: np.ndarray  # int64, empty unless they lie apart
    lanes: list[np.ndarray]  # bytes: each lane
    notes: list[str]
    header: Any = None  # the mapped header, for the owner


def ring_folder(folder: str | os.PathLike | None = None) -> tuple[Path, list[str]]:
    """Return the folder of ring files, made when it is missing, and notes about it. Raises: MemoryMapError."""
    if folder is not None:
        return Path(folder), []
    if os.environ.get("XDG_RUNTIME_DIR") or os.access(_SHM, os.W_OK):
        return runtime_folder(), []
    path = Path(tempfile.gettempdir()) / f"hydraflow-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise MemoryMapError(f"{path} is not a folder of yours alone", 0, "set XDG_RUNTIME_DIR to one")
    return path, [f"no /dev/shm here: ring files lie in {path}, where a disk may be written to; set XDG_RUNTIME_DIR to a tmpfs"]


def ring_path(name: str, folder: str | os.PathLike | None = None) -> tuple[Path, list[str]]:
    """Return where the file of the ring `name` lies, and notes. Raises: SharedRingError for a name no file can have."""
    if not _NAME.fullmatch(name):
        raise SharedRingError(name, "no file can be named like that", "take letters, digits, '.', '_' and '-', 60 at most")
    where, notes = ring_folder(folder)
    return where / f"{name}{SUFFIX}", notes


def make(
    name: str, fields: np.dtype, *, folder: str | os.PathLike | None, record_size: int, slots: int, multi: bool, flags: bool,
    seats: int, lanes: int, lane_slots: int,
) -> RingFile:
    """Make the file of a new owner, in place of one that a dead owner left. It is not open to others before `publish_file`.

    Raises: SharedRingError (name in use, a foreign file, no permission), MemoryMapError (file system full).
    """
    path, notes = ring_path(name, folder)
    text = json.dumps({"fields": describe(fields)}).encode()
    plan = Plan(slots, record_size, flags, seats, lanes, lane_slots, fields.itemsize, len(text))
    try:
        with folder_locked(path.parent):
            generation = 1 + _make_way(name, path)
            part = path.with_suffix(".part")
            part.unlink(missing_ok=True)  # of a maker that died under the lock
            mapping = on_file(part, plan.size, create=True)
            header = mapping.array(HEADER, 1)[0]
            header["owner"], header["boot"], header["generation"] = me(), boot_id(), generation
            header["magic"] = MAGIC
            part.rename(path)  # who finds it sees whose it is, and by its version 0 that it is not finished
    except FileNotFoundError:
        raise SharedRingError(name, f"there is no folder {path.parent}", "make it, or leave `folder` out") from None
    except PermissionError as error:
        raise _denied(name, path, error) from None
    mapping.array(np.uint8, len(text), HEADER.itemsize)[:] = np.frombuffer(text, np.uint8)
    header["name"], header["layout_hash"], header["file_size"] = name.encode(), LAYOUT_HASH, mapping.size
    header["record_hash"], header["multi"], header["pid_space"] = hash_of(fields), multi, pid_space()
    header["start_wall_ns"] = time.time_ns()
    for field in attrs.fields(Plan):
        header[field.name] = getattr(plan, field.name)
    header["header_hash"] = header_hash(header.tobytes())
    return _mapped(name, path, plan, fields, mapping.fd, header, notes)


def open_ring(name: str, record: Any, folder: str | os.PathLike | None) -> RingFile:
    """Open the ring file that another process has made. record : the fields that it must have, None for whatever it has.

    Raises: FileNotFoundError; BlockingIOError while it is being made; SharedRingError for what is no ring file of this layout
    or record, or whose owner is dead.
    """
    path, notes = ring_path(name, folder)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    except PermissionError as error:
        raise _denied(name, path, error) from None
    except IsADirectoryError:
        raise SharedRingError(name, f"{path} is a folder, not a ring file", "remove it") from None
    try:
        header = _judge(name, path, fd)
        if header["boot"] != boot_id() or not is_alive(int(header["owner"])):
            raise SharedRingError(
                name, f"{path} was left by process {pid_of(int(header['owner']))}, which is dead", "start its owner again: it replaces the file"
            )
        fields = _fields(name, path, fd, header, record)
        return _mapped(name, path, Plan.of(header), fields, fd, header, notes)
    finally:
        os.close(fd)


def state_of(path: Path) -> str:
    """Say whose a ring file is: "runs (pid N)", "of another pid namespace", "left by …"; "" for what is no ring file. Raises: OSError."""
    raw = _header_of(path)
    if not raw.startswith(MAGIC):
        return ""
    header = np.frombuffer(raw.ljust(HEADER.itemsize, b"\0"), HEADER)[0]
    owner = int(header["owner"])
    if header["boot"] != boot_id():
        return "left from before the machine was started"
    if int(header["version"]) in (0, VERSION) and int(header["pid_space"]) not in (0, pid_space()):
        return "of another pid namespace"
    return f"runs (pid {pid_of(owner)})" if is_alive(owner) else f"left by process {pid_of(owner)}, which is dead"


def _header_of(path: Path) -> bytes:
    """Return the first bytes of a file, none of what is no regular one. Raises: OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        return os.pread(fd, HEADER.itemsize, 0) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
    finally:
        os.close(fd)


def _mapped(name: str, path: Path, plan: Plan, fields: np.dtype, fd: int, header: Any, notes: list[str]) -> RingFile:
    def part(offset: int, size: int) -> np.ndarray:
        return window(fd, offset, -(-size // 4096) * 4096, str(path)).array(np.uint8, size)

    lane_size = plan.lane_slots * plan.lane_record_size
    return RingFile(
        name, path, plan, fields, bool(header["multi"]), int(header["owner"]), int(header["generation"]), Cells(fd, plan, str(path)),
        part(plan.records_at, plan.slots * plan.record_size),
        part(plan.marks_at, 8 * plan.slots).view(np.int64) if plan.flags else np.zeros(0, np.int64),
        [part(plan.lane_records_at(lane), lane_size) for lane in range(plan.lanes)], notes, header,
    )


def _judge(name: str, path: Path, fd: int) -> Any:
    """Return the header of a whole ring file of this layout. Raises: SharedRingError; BlockingIOError while it is made."""
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        raise SharedRingError(name, f"{path} is no regular file", "remove it")
    raw = os.pread(fd, HEADER.itemsize, 0)
    if not raw.startswith(MAGIC):
        began = f"begins with {raw[:8]!r}" if raw else "is empty"
        raise SharedRingError(name, f"{path} is not a ring file: it {began}", "remove it, or choose another name")
    if len(raw) < HEADER.itemsize:
        raise SharedRingError(
            name, f"{path} is truncated: {len(raw):,} bytes, the header alone has {HEADER.itemsize:,}", "start its owner again"
        )
    header = np.frombuffer(raw, HEADER)[0]
    version, owner = int(header["version"]), int(header["owner"])
    if version == 0:
        if is_alive(owner):
            raise BlockingIOError(f"{path} is being made by process {pid_of(owner)}")
        raise SharedRingError(
            name, f"{path} is unfinished: process {pid_of(owner)} died while it made it", "start the owner again: it replaces the file"
        )
    if version != VERSION:
        age = "an older" if version < VERSION else "a newer"
        raise SharedRingError(
            name, f"{path} has layout version {version}, of {age} library; this one has {VERSION}",
            "give all processes of the ring the same version of the library",
        )
    if int(header["layout_hash"]) != LAYOUT_HASH:
        raise SharedRingError(
            name, f"{path} has its cells at other places ({int(header['layout_hash']):016x}) than this library ({LAYOUT_HASH:016x})",
            "give all processes of the ring the same version of the library",
        )
    if int(header["pid_space"]) != pid_space():
        raise SharedRingError(
            name, f"the owner of {path} lives in another pid namespace: neither could see whether the other is alive",
            "let the containers share one (docker: --pid)",
        )
    if status.st_size < int(header["file_size"]):
        raise SharedRingError(
            name, f"{path} is truncated: {status.st_size:,} bytes of {int(header['file_size']):,}", "start its owner again"
        )
    if int(header["header_hash"]) != header_hash(raw) or not 0 < Plan.of(header).size <= int(header["file_size"]):
        raise SharedRingError(name, f"{path}: its header is damaged", "start its owner again")
    return header


def _fields(name: str, path: Path, fd: int, header: Any, record: Any) -> np.dtype:
    """Return the record's fields. Raises: SharedRingError when they are broken, or not those of `record`."""
    raw = os.pread(fd, int(header["descriptor_size"]), HEADER.itemsize)
    try:
        fields = dtype_of(json.loads(raw)["fields"])
    except (ValueError, TypeError, KeyError, LayoutError) as error:
        raise SharedRingError(name, f"{path}: the description of its record is broken: {error}", "start its owner again") from None
    if hash_of(fields) != int(header["record_hash"]):
        raise SharedRingError(name, f"{path}: the description of its record is damaged", "start its owner again")
    if record is not None:
        wanted = record_dtype(record, name=f"ring '{name}'", fill=True)
        if hash_of(wanted) != hash_of(fields):
            raise SharedRingError(name, _unlike(fields, wanted), "declare the record once, in a module that both import")
    return fields


def _unlike(theirs: np.dtype, ours: np.dtype) -> str:
    """Return the first difference of two records, in words."""
    left, right = describe(theirs), describe(ours)
    for number, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return f"its record has {_said(one)} as field {number}, here it is {_said(other)}"
    longer, where = (left, "in the file") if len(left) > len(right) else (right, "here")
    return f"its record has {len(left)} fields, here it has {len(right)}: {_said(longer[min(len(left), len(right))])} is only {where}"


def _said(field: list[Any]) -> str:
    name, kind, shape = field
    text = kind.lstrip("<|") if isinstance(kind, str) else f"a record of {len(kind)} fields"
    return f"'{name}' ({text}{f' × {tuple(shape)}' if shape else ''})"


def _make_way(name: str, path: Path) -> int:
    """Remove what a dead owner left; return its generation, 0 for none. Raises: SharedRingError when it must stay."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return 0
    try:
        raw = os.pread(fd, HEADER.itemsize, 0) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
    finally:
        os.close(fd)
    if not raw.startswith(MAGIC):
        raise SharedRingError(name, f"{path} is there and is not a ring file", "remove it, or choose another name")
    header = np.frombuffer(raw.ljust(HEADER.itemsize, b"\0"), HEADER)[0]
    if header["boot"] == boot_id() and is_alive(int(header["owner"])):
        mine = " (this process)" if int(header["owner"]) == me() else ""
        raise SharedRingError(
            name, f"the name is in use by process {pid_of(int(header['owner']))}{mine}, {path}", "choose another name, or end that process"
        )
    if header["boot"] == boot_id() and int(header["version"]) in (0, VERSION) and int(header["pid_space"]) not in (0, pid_space()):
        raise SharedRingError(
            name, f"{path} is of a process in another pid namespace, which may be alive", "remove it when that container is gone"
        )
    path.unlink()
    return int(header["generation"])


def _denied(name: str, path: Path, error: OSError) -> SharedRingError:
    try:
        owner = f"; it belongs to user {os.stat(path).st_uid}, this process runs as {os.geteuid()}"
    except OSError:
        owner = f"; this process runs as user {os.geteuid()}"
    return SharedRingError(name, f"{path}: {(error.strerror or 'refused').lower()}{owner}", "run all processes of the ring as one user")


