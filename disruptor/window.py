"""Parts of a file in memory: a window anywhere, or one laid over pages that are reserved already.

Both are shared: what one process writes, every process that maps the same part sees. Offsets are whole pages.
"""

from __future__ import annotations

import mmap as _constants
import os
from typing import Any

from disruptor.errors import MemoryMapError
from disruptor.memory import Mapping, _ffi, _libc

__all__ = ["blank", "lay_over", "window"]

_MAP_FIXED = 0x10
_FAILED = (1 << 64) - 1
_WRITABLE = _constants.PROT_READ | _constants.PROT_WRITE
_PRIVATE = _constants.MAP_PRIVATE | _constants.MAP_ANONYMOUS | _MAP_FIXED
_mmap = _libc.mmap  # bound now, as the types are: at interpreter exit cffi can no longer look them up
_cast, _pointer, _integer = _ffi.cast, _ffi.typeof("void *"), _ffi.typeof("uintptr_t")


def window(fd: int, offset: int, size: int, what: str) -> Mapping:
    """Map `size` bytes of an open file from byte `offset` on; the file may be closed afterwards. Raises: MemoryMapError."""
    return Mapping(_place(0, fd, offset, size, _constants.MAP_SHARED, what), size)


def lay_over(address: int, fd: int, offset: int, size: int, what: str) -> None:
    """Map part of an open file over whole pages at `address`, which stay reserved for whoever has them.

    Raises: MemoryMapError.
    """
    _place(address, fd, offset, size, _constants.MAP_SHARED | _MAP_FIXED, what)


def blank(
    address: int, size: int, _mmap: Any = _mmap, _cast: Any = _cast, _pointer: Any = _pointer, _integer: Any = _integer,
    _flags: tuple[int, int] = (_WRITABLE, _PRIVATE), _failed: int = _FAILED,
) -> bool:
    """Put zeroed private memory over the pages at `address`; return whether the kernel did. Callable at interpreter exit."""
    return int(_cast(_integer, _mmap(_cast(_pointer, address), size, *_flags, -1, 0))) != _failed


def _place(address: int, fd: int, offset: int, size: int, flags: int, what: str) -> int:
    found = int(_cast(_integer, _mmap(_cast(_pointer, address), size, _WRITABLE, flags, fd, offset)))
    if found == _FAILED:
        code = _ffi.errno
        raise MemoryMapError(f"cannot map {what} ({size:,} bytes): {os.strerror(code)}", code, "raise `ulimit -v` and vm.max_map_count")
    return found
