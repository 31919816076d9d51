"""The system calls of the log writer, callable from compiled code without the GIL.

Each returns what the call returns, or minus the errno: compiled code has no exceptions to offer. Un-jitted the same
functions go through `os`. `name` is a zero-terminated byte string in an uint8 array; `folder_fd` an open folder.

Source: the man pages openat(2), posix_fallocate(3), pwrite(2), ftruncate(2), fdatasync(2), unlinkat(2), usleep(3).
"""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic, overload

from disruptor.compiled import compiled

__all__ = [
    "close_file", "create_file", "cut_file", "remove_file", "reserve", "sleep_us", "sync_data", "sync_folder", "write_at",
]

FILE_MODE = 0o600

_INLINE: Any = {"forceinline": True}
_int, _long = types.int32, types.intp
_errno_location = types.ExternalFunction("__errno_location", types.CPointer(types.int32)())
_openat = types.ExternalFunction("openat", _int(_int, _long, _int, _int))
_posix_fallocate = types.ExternalFunction("posix_fallocate", _int(_int, _long, _long))
_pwrite = types.ExternalFunction("pwrite", _long(_int, _long, _long, _long))
_ftruncate = types.ExternalFunction("ftruncate", _int(_int, _long))
_fdatasync = types.ExternalFunction("fdatasync", _int(_int))
_fsync = types.ExternalFunction("fsync", _int(_int))
_close = types.ExternalFunction("close", _int(_int))
_unlinkat = types.ExternalFunction("unlinkat", _int(_int, _long, _int))
_usleep = types.ExternalFunction("usleep", _int(types.uint32))


def create_file(folder_fd, name, flags):
    """Create the file `name` with open(2) flags `flags` (O_CREAT and O_EXCL included); return its descriptor."""
    text = bytes(name).partition(b"\0")[0]
    return _attempt(lambda: os.open(text, int(flags), FILE_MODE, dir_fd=int(folder_fd)))


def reserve(fd, size):
    """Reserve `size` bytes on disk for the file and make it that long; return 0."""
    return _attempt(lambda: os.posix_fallocate(int(fd), 0, int(size)))


def write_at(fd, array, start, count, position):
    """Write `count` bytes of `array`, from its byte `start`, to byte `position` of the file; return how many went out."""
    return _attempt(lambda: os.pwrite(int(fd), memoryview(array.view(np.uint8))[start : start + count], position))


def cut_file(fd, size):
    """Give the file the length `size`; return 0."""
    return _attempt(lambda: os.ftruncate(int(fd), int(size)))


def sync_data(fd):
    """Wait until the file's data are on the device; return 0."""
    return _attempt(lambda: os.fdatasync(int(fd)))


def sync_folder(fd):
    """Wait until the folder's entries are on the device; return 0."""
    return _attempt(lambda: os.fsync(int(fd)))


def close_file(fd):
    """Close the descriptor; return 0."""
    return _attempt(lambda: os.close(int(fd)))


def remove_file(folder_fd, name):
    """Remove the file `name`; return 0."""
    text = bytes(name).partition(b"\0")[0]
    return _attempt(lambda: os.unlink(text, dir_fd=int(folder_fd)))


def sleep_us(duration_us):
    """Give the core away for `duration_us` < 1,000,000."""
    time.sleep(duration_us / 1e6)


def _attempt(call):
    try:
        return int(call() or 0)
    except OSError as error:
        return -(error.errno or 5)


@intrinsic
def _address(typingctx, array, start):
    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        offset = context.cast(builder, args[1], signature.args[1], types.int64)
        return builder.add(builder.ptrtoint(data, offset.type), offset)

    return types.int64(array, start), codegen


@compiled
def _outcome(code):
    """Return code, or minus errno when it is -1."""
    return code if code >= 0 else -np.int64(_errno_location()[0])


@overload(create_file, jit_options=_INLINE)
def _create_overload(folder_fd, name, flags):
    def create(folder_fd, name, flags):
        return _outcome(np.int64(_openat(np.int32(folder_fd), _address(name, 0), np.int32(flags), np.int32(FILE_MODE))))

    return create


@overload(reserve, jit_options=_INLINE)
def _reserve_overload(fd, size):
    return lambda fd, size: -np.int64(_posix_fallocate(np.int32(fd), 0, size))


@overload(write_at, jit_options=_INLINE)
def _write_overload(fd, array, start, count, position):
    def write(fd, array, start, count, position):
        return _outcome(np.int64(_pwrite(np.int32(fd), _address(array, start), count, position)))

    return write


@overload(cut_file, jit_options=_INLINE)
def _cut_overload(fd, size):
    return lambda fd, size: _outcome(np.int64(_ftruncate(np.int32(fd), size)))


@overload(sync_data, jit_options=_INLINE)
def _sync_overload(fd):
    return lambda fd: _outcome(np.int64(_fdatasync(np.int32(fd))))


@overload(sync_folder, jit_options=_INLINE)
def _sync_folder_overload(fd):
    return lambda fd: _outcome(np.int64(_fsync(np.int32(fd))))


@overload(close_file, jit_options=_INLINE)
def _close_overload(fd):
    return lambda fd: _outcome(np.int64(_close(np.int32(fd))))


@overload(remove_file, jit_options=_INLINE)
def _remove_overload(folder_fd, name):
    return lambda folder_fd, name: _outcome(np.int64(_unlinkat(np.int32(folder_fd), _address(name, 0), np.int32(0))))


@overload(sleep_us, jit_options=_INLINE)
def _sleep_overload(duration_us):
    def sleep(duration_us):
        _usleep(np.uint32(duration_us))

    return sleep
