"""Mapped memory through cffi in ABI mode: anonymous, huge pages, memfd, file, and a mapping twice back to back.

A `Mapping` owns its address range until `close`. Arrays made by `array` hold a reference to the mapping, so memory is
never unmapped under a user; `close` with live arrays is deferred until the last one is gone.
Files are filled with `posix_fallocate` before they are mapped: a full /dev/shm is a message here, never a SIGBUS later.
"""

from __future__ import annotations

import mmap as _constants
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cffi
import numpy as np

from disruptor.errors import MemoryMapError
from disruptor.layout import PAGE

__all__ = ["Mapping", "anonymous", "concatenated", "memfd", "mirrored", "mirrored_again", "on_file", "runtime_folder"]

HUGE_PAGE = 2 << 20

_MAP_FIXED = 0x10
_MAP_NORESERVE = 0x4000
_MAP_POPULATE = 0x8000
_MAP_HUGETLB = 0x40000
_MADV_HUGEPAGE = 14
_MADV_NOHUGEPAGE = 15
_MADV_POPULATE_WRITE = 23
_MLOCK_ONFAULT = 1
_MEMFD_NAME_MAX = 200
_CGROUP_FILES = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
_PROT_NONE = 0
_FAILED = (1 << 64) - 1

_ffi = cffi.FFI()
_ffi.cdef(
    """
    void *mmap(void *, size_t, int, int, int, long);
    int munmap(void *, size_t);
    int mlock(const void *, size_t);
    int mlock2(const void *, size_t, unsigned int);
    int madvise(void *, size_t, int);
    int posix_fallocate(int, long, long);
    int memfd_create(const char *, unsigned int);
    """
)
_libc = _ffi.dlopen(None)
_munmap = _libc.munmap  # bound now: at interpreter exit cffi can no longer look it up


class Mapping:
    """A range of mapped memory.

    address : int; size : bytes usable once (a mirrored mapping occupies 2 × size); notes : what fell back and why.
    read_only : arrays over it refuse writing (a write would be a SIGSEGV). sparse : a page takes memory from its first
    write on: `prefault` does nothing, `lock` locks a page when it comes.
    """

    def __init__(
        self, address: int, size: int, *, span: int | None = None, fd: int = -1, read_only: bool = False, sparse: bool = False
    ) -> None:
        self.address = address
        self.size = size
        self.span = span or size
        self.fd = fd
        self.read_only = read_only
        self.sparse = sparse
        self.notes: list[str] = []
        self._owner: _Owner | None = _Owner(address, self.span, fd)

    def array(self, dtype: Any, count: int | None = None, offset: int = 0) -> np.ndarray:
        """Return `count` elements of dtype at byte `offset` (default: all that fit into the span). No copy."""
        dtype = np.dtype(dtype)
        if count is None:
            count = (self.span - offset) // dtype.itemsize
        if offset < 0 or count < 0 or offset + count * dtype.itemsize > self.span:
            raise MemoryMapError(f"array of {count} × {dtype.itemsize} bytes at {offset} exceeds {self.span} bytes")
        holder = np.asarray(_Exporter(self, offset, count * dtype.itemsize))
        return holder.view(dtype)

    def prefault(self) -> None:
        """Touch every page for writing now, so that no page fault happens later. For memory nobody else uses yet."""
        if self.read_only or self.sparse or _libc.madvise(_ffi.cast("void *", self.address), self.span, _MADV_POPULATE_WRITE) == 0:
            return
        pages = self.array(np.uint8)[::PAGE]  # kernels before 5.14
        pages |= 0

    def lock(self) -> bool:
        """Lock the pages in memory; on refusal (RLIMIT_MEMLOCK) note it and return False."""
        start = _ffi.cast("void *", self.address)
        if (_libc.mlock2(start, self.span, _MLOCK_ONFAULT) if self.sparse else _libc.mlock(start, self.span)) == 0:
            return True
        self.notes.append(f"mlock of {self.span:,} bytes refused ({os.strerror(_ffi.errno)}); raise `ulimit -l`")
        return False

    def close(self) -> None:
        """Give up this reference; the range is unmapped when the last array over it is gone."""
        self._owner = None

    def __repr__(self) -> str:
        return f"<Mapping {self.size:,} bytes at {self.address:#x}>"


class _Owner:
    """Unmaps when the last reference is dropped."""

    def __init__(self, address: int, span: int, fd: int) -> None:
        self._range = (_ffi.cast("void *", address), span)  # cast now: at interpreter exit cffi no longer can
        self._fd = fd

    def __del__(self, _unmap: Any = _munmap, _close: Any = os.close) -> None:
        _unmap(*self._range)
        if self._fd >= 0:
            _close(self._fd)


class _Exporter:
    """Hands a byte range to numpy and keeps its owner alive as the array's base."""

    def __init__(self, mapping: Mapping, offset: int, size: int) -> None:
        self._owner = mapping._owner
        if self._owner is None:
            raise MemoryMapError("the mapping is closed")
        self.__array_interface__ = {
            "version": 3,
            "data": (mapping.address + offset, mapping.read_only),
            "shape": (size,),
            "typestr": "|u1",
        }


def anonymous(
    size: int, *, huge: bool = False, prefault: bool = False, lock: bool = False, sparse: bool = False
) -> Mapping:
    """Map `size` bytes of private zeroed memory, rounded up to pages.

    huge : try explicit 2 MiB pages, then transparent ones; what was refused stands in `notes`.
    sparse : for tables that are used in a few places: see Mapping.
    Raises: MemoryMapError with the kernel's reason.
    """
    rounded = _round(size, HUGE_PAGE if huge else PAGE)
    flags = _constants.MAP_PRIVATE | _constants.MAP_ANONYMOUS
    protection = _constants.PROT_READ | _constants.PROT_WRITE
    notes = []
    address = _FAILED
    if huge:
        address = _mmap(0, rounded, protection, flags | _MAP_HUGETLB, -1)
        if address == _FAILED:
            notes.append("no explicit huge pages (vm.nr_hugepages); transparent ones asked for")
    if address == _FAILED:
        address = _mmap_aligned(rounded, protection, flags) if huge else _mmap(0, rounded, protection, flags, -1)
        if address == _FAILED:
            raise _refused(f"cannot map {rounded:,} bytes", "free memory or raise `ulimit -v`")
        if huge and _libc.madvise(_ffi.cast("void *", address), rounded, _MADV_HUGEPAGE) != 0:
            notes.append(f"no transparent huge pages either ({os.strerror(_ffi.errno)}); pages are 4 KiB")
    if sparse:  # where huge pages are the rule, one word would take 2 MiB; kernels without them refuse, and need not
        _libc.madvise(_ffi.cast("void *", address), rounded, _MADV_NOHUGEPAGE)
    return _finish(Mapping(address, rounded, sparse=sparse), notes, prefault, lock)


def memfd(size: int, name: str = "disruptor", *, prefault: bool = False, lock: bool = False) -> Mapping:
    """Map a new memory file that other processes can map through /proc/PID/fd/`fd`."""
    rounded = _round(size, PAGE)
    fd = _new_memfd(name, rounded)
    return _finish(_map_shared(fd, rounded, f"memory file '{name}'"), [], prefault, lock)


def on_file(path: str | os.PathLike, size: int | None = None, *, create: bool = False, read_only: bool = False) -> Mapping:
    """Map a file, shared. size : bytes to fallocate when `create`; else the file's own length.

    Created files are 0600 and must not exist. A file that is cut short by others while it is mapped is a SIGBUS.
    Raises: MemoryMapError (disk full, no regular file, empty file), FileExistsError, FileNotFoundError, PermissionError.
    """
    flags = os.O_NONBLOCK | (os.O_RDONLY if read_only else os.O_RDWR)  # a FIFO must not hold us
    if create:
        if not size or read_only:
            raise MemoryMapError(f"{path}: a new file needs a size and is not read-only")
        fd = os.open(path, flags | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        rounded = _round(size, PAGE)
        code = _libc.posix_fallocate(fd, 0, rounded)
        if code:
            os.close(fd)
            os.unlink(path)
            free = os.statvfs(os.path.dirname(path) or ".")
            raise MemoryMapError(
                f"{path}: cannot reserve {rounded:,} bytes ({free.f_bavail * free.f_frsize:,} are free):"
                f" {os.strerror(code)}",
                code,
                "make room on that file system or point XDG_RUNTIME_DIR at another one",
            )
    else:
        fd = os.open(path, flags | os.O_CLOEXEC)
        status = os.fstat(fd)
        rounded = status.st_size
        if rounded == 0 or not stat.S_ISREG(status.st_mode):
            os.close(fd)
            raise MemoryMapError(f"{path}: {'the file is empty' if stat.S_ISREG(status.st_mode) else 'not a file'}")
    try:
        return _map_shared(fd, rounded, str(path), read_only=read_only)
    except MemoryMapError:
        if create:
            os.unlink(path)
        raise


def runtime_folder(*, create: bool = True) -> Path:
    """Return the folder of this user's engine files: ${XDG_RUNTIME_DIR}/hydraflow, else /dev/shm/hydraflow-UID.

    create : make it (0700) when it is missing.
    Raises: MemoryMapError when it belongs to someone else, is open to others, is no folder or cannot be made.
    """
    base = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(base) / "hydraflow" if base else Path("/dev/shm") / f"hydraflow-{os.getuid()}"
    remedy = "set XDG_RUNTIME_DIR to a folder of your own"
    try:
        if create:
            folder.mkdir(mode=0o700, exist_ok=True)
        status = os.lstat(folder)  # a symbolic link that someone planted in /dev/shm must not be followed
    except FileNotFoundError as error:
        if not create:
            return folder
        raise MemoryMapError(f"cannot create {folder}: {error.strerror}", error.errno or 0, remedy) from error
    except OSError as error:
        raise MemoryMapError(f"cannot create {folder}: {error.strerror}", error.errno or 0, remedy) from error
    if not stat.S_ISDIR(status.st_mode):
        raise MemoryMapError(f"{folder} is not a folder", 0, remedy)
    if status.st_uid != os.geteuid():
        raise MemoryMapError(f"{folder} belongs to user {status.st_uid}, not to you", 0, remedy)
    if status.st_mode & 0o077:
        raise MemoryMapError(f"{folder} is open to other users", 0, f"chmod 700 {folder}")
    return folder


def concatenated(paths: Sequence[str | os.PathLike]) -> tuple[Mapping, list[int], list[int]]:
    """Map files one after another, read-only, each from a page boundary; zeros fill up its last page.

    Returns the mapping, and for each file its offset and its length in bytes. Empty files take no room.
    Raises: MemoryMapError, OSError for a file that cannot be opened.
    """
    fds: list[int] = []
    try:
        for path in paths:
            fds.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        sizes = [os.fstat(fd).st_size for fd in fds]
        rounded = [_round(size, PAGE) if size else 0 for size in sizes]
        offsets = [sum(rounded[:k]) for k in range(len(rounded))]
        span = max(sum(rounded), PAGE)
        private = _constants.MAP_PRIVATE | _constants.MAP_ANONYMOUS | _MAP_NORESERVE
        start = _mmap(0, span, _constants.PROT_READ, private, -1)
        if start == _FAILED:
            raise _refused(f"cannot reserve {span:,} bytes of address space", "raise `ulimit -v`")
        mapping = Mapping(start, span)
        for path, fd, offset, size in zip(paths, fds, offsets, sizes, strict=True):
            flags = _constants.MAP_SHARED | _MAP_FIXED
            if size and _mmap(start + offset, size, _constants.PROT_READ, flags, fd) == _FAILED:
                raise _refused(f"cannot map {path} ({size:,} bytes)", "raise vm.max_map_count")
        return mapping, offsets, sizes
    finally:
        for fd in fds:
            os.close(fd)


def mirrored(
    size: int, name: str = "mirror", *, prefault: bool = False, lock: bool = False, reserve: bool = True
) -> Mapping:
    """Map `size` bytes twice back to back: byte i and byte i + size are the same memory, so a message never wraps.

    size : rounded up to pages. `array` spans both views. Costs 2 × size of address space, 1 × of memory.
    reserve : take the memory now; False for a buffer that is often used in part only: pages come when first touched.
    """
    rounded = _round(size, PAGE)
    return _finish(_map_twice(_new_memfd(name, rounded, reserve), rounded), [], prefault, lock)


def mirrored_again(path: str | os.PathLike) -> Mapping:
    """Map a memory file that `mirrored` made, here or in another process, twice back to back; path : /proc/PID/fd/`fd`.

    Raises: MemoryMapError when it is no file of whole pages, OSError when it cannot be opened.
    """
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_size == 0 or status.st_size % PAGE:
        os.close(fd)
        raise MemoryMapError(f"{path}: not a file of whole pages of {PAGE:,} bytes")
    return _map_twice(fd, status.st_size)


def _map_twice(fd: int, size: int) -> Mapping:
    reserved = _mmap(0, 2 * size, _PROT_NONE, _constants.MAP_PRIVATE | _constants.MAP_ANONYMOUS | _MAP_NORESERVE, -1)
    if reserved == _FAILED:
        os.close(fd)
        raise _refused(f"cannot reserve {2 * size:,} bytes of address space", "raise `ulimit -v`")
    protection = _constants.PROT_READ | _constants.PROT_WRITE
    for half in (0, size):
        if _mmap(reserved + half, size, protection, _constants.MAP_SHARED | _MAP_FIXED, fd) == _FAILED:
            error = _refused(f"cannot map {size:,} bytes twice", "raise vm.max_map_count")
            _libc.munmap(_ffi.cast("void *", reserved), 2 * size)
            os.close(fd)
            raise error
    return Mapping(reserved, size, span=2 * size, fd=fd)


def _finish(mapping: Mapping, notes: list[str], prefault: bool, lock: bool) -> Mapping:
    mapping.notes.extend(notes)
    if lock:
        mapping.lock()
    if prefault:
        mapping.prefault()
    return mapping


def _map_shared(fd: int, size: int, what: str, *, read_only: bool = False) -> Mapping:
    protection = _constants.PROT_READ | (0 if read_only else _constants.PROT_WRITE)
    address = _mmap(0, size, protection, _constants.MAP_SHARED, fd)
    if address == _FAILED:
        error = _refused(f"cannot map {what} ({size:,} bytes)", "")
        os.close(fd)
        raise error
    return Mapping(address, size, fd=fd, read_only=read_only)


def _available_bytes() -> int:
    """Return how much memory this process may still take: the machine's, or less where its cgroup has a limit."""
    with open("/proc/meminfo") as meminfo:
        sizes = {line.split(":")[0]: int(line.split()[1]) << 10 for line in meminfo}
    available = sizes.get("MemAvailable", 1 << 62)
    for limit, used in _CGROUP_FILES:
        try:
            available = min(available, int(Path(limit).read_text()) - int(Path(used).read_text()))
        except (OSError, ValueError):  # another cgroup version, or "max": no limit
            continue
    return available


def _new_memfd(name: str, size: int, reserve: bool = True) -> int:
    available = _available_bytes()
    if size > available:  # the kernel would rather kill some process than refuse
        raise MemoryMapError(
            f"memory file '{name}': cannot reserve {size:,} bytes, {available:,} are available", 0, "free memory"
        )
    fd = _libc.memfd_create(name.encode()[:_MEMFD_NAME_MAX], 1)  # 1: close on exec
    if fd < 0:
        raise _refused(f"cannot create memory file '{name}'", "the kernel must be Linux 3.17 or later")
    if not reserve:
        os.ftruncate(fd, size)
        return fd
    code = _libc.posix_fallocate(fd, 0, size)
    if code:
        os.close(fd)
        raise MemoryMapError(
            f"memory file '{name}': cannot reserve {size:,} bytes: {os.strerror(code)}", code, "free memory"
        )
    return fd


def _mmap(address: int, size: int, protection: int, flags: int, fd: int) -> int:
    pointer = _libc.mmap(_ffi.cast("void *", address), size, protection, flags, fd, 0)
    return int(_ffi.cast("uintptr_t", pointer))


def _mmap_aligned(size: int, protection: int, flags: int) -> int:
    """Map at a multiple of 2 MiB: only whole aligned 2 MiB ranges become transparent huge pages."""
    address = _mmap(0, size + HUGE_PAGE, protection, flags, -1)
    if address == _FAILED:
        return address
    aligned = (address + HUGE_PAGE - 1) // HUGE_PAGE * HUGE_PAGE
    if aligned > address:
        _libc.munmap(_ffi.cast("void *", address), aligned - address)
    rest = address + HUGE_PAGE - aligned
    if rest:
        _libc.munmap(_ffi.cast("void *", aligned + size), rest)
    return aligned


def _refused(what: str, remedy: str) -> MemoryMapError:
    code = _ffi.errno
    return MemoryMapError(f"{what}: {os.strerror(code)}", code, remedy)


def _round(size: int, unit: int) -> int:
    if size <= 0:
        raise MemoryMapError(f"a mapping needs a positive size, got {size}")
    return (size + unit - 1) // unit * unit
