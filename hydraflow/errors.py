"""Errors that end a command, each with its exit code.

    HydraFlowError            70  base
    ├── UsageError             2  the command line asks for something that does not go together
    ├── DataError             65  the input is not what it should be
    ├── InputNotFound         66  an input is missing, is a directory or cannot be read
    ├── Unavailable           69  a target, an optional library or a service is not there
    ├── InternalError         70  a fault of our own
    ├── OutputError           73  an output cannot be created
    ├── InputOutputError      74  reading or writing failed half-way (disk full)
    ├── Locked                75  somebody else holds it
    └── ConfigurationError    78  a setting that cannot work

A message says what is wrong and where, the limit, and what to do:
`capture 'x.gz': no such file; give the path of a file of lines '<receive ns> <json>'`.
"""

from __future__ import annotations

import errno

__all__ = [
    "ConfigurationError",
    "DataError",
    "HydraFlowError",
    "InputNotFound",
    "InputOutputError",
    "InternalError",
    "Locked",
    "OutputError",
    "Unavailable",
    "UsageError",
    "cannot_write",
    "is_disk_full",
    "too_many_files",
]

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_FILES_ENOUGH = 256


class HydraFlowError(Exception):
    """Base of every error that ends a command.

    what : what is wrong, with the value; where : file, line or part; limit : what it must keep to; remedy : what to do.
    exit_code : the status that a process ends with.
    """

    exit_code = 70

    def __init__(self, what: str, *, where: str = "", limit: str = "", remedy: str = "") -> None:
        text = f"{where}: {what}" if where else what
        if limit:
            text += f" (limit: {limit})"
        if remedy:
            text += f"; {remedy}"
        super().__init__(text)
        self.what = what
        self.where = where
        self.limit = limit
        self.remedy = remedy


class UsageError(HydraFlowError):
    """The command line asks for something that does not go together."""

    exit_code = 2


class DataError(HydraFlowError):
    """The input is not what it should be."""

    exit_code = 65


class InputNotFound(HydraFlowError):
    """An input is missing, is a directory or cannot be read."""

    exit_code = 66


class Unavailable(HydraFlowError):
    """A target, an optional library or a service is not there."""

    exit_code = 69


class InternalError(HydraFlowError):
    """A fault of our own."""

    exit_code = 70


class OutputError(HydraFlowError):
    """An output cannot be created."""

    exit_code = 73


class InputOutputError(HydraFlowError):
    """Reading or writing failed half-way."""

    exit_code = 74


class Locked(HydraFlowError):
    """Somebody else holds what is needed."""

    exit_code = 75


class ConfigurationError(HydraFlowError):
    """A setting that cannot work."""

    exit_code = 78


def too_many_files(error: BaseException) -> InputOutputError | None:
    """Return the user's error for a descriptor that the kernel refused, wherever that happened; None for any other error."""
    if not isinstance(error, OSError) or error.errno not in (errno.EMFILE, errno.ENFILE):
        return None
    import resource

    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if error.errno == errno.ENFILE or allowed >= _FILES_ENOUGH:
        return InputOutputError("the machine or this process has no more files to open", remedy="close some, or raise `ulimit -n`")
    return InputOutputError("too many open files", limit=f"{allowed:,}, `ulimit -n`", remedy=f"raise it: ulimit -n {_FILES_ENOUGH}")


def is_disk_full(error: BaseException) -> bool:
    """Whether a disk has no room, or fails, so that naming another file on it is no remedy."""
    return isinstance(error, OSError) and error.errno in _DISK_FULL


def cannot_write(error: OSError | ValueError, *, where: str, remedy: str, what: str = "cannot be written") -> HydraFlowError:
    """Return the user's error for an output that the kernel refused. remedy : where the disk is not the reason."""
    reason = error.strerror if isinstance(error, OSError) else error
    if is_disk_full(error):
        return InputOutputError(f"{what}: {reason}", where=where, remedy=f"make room there, or {remedy}")
    return OutputError(f"{what}: {reason}", where=where, remedy=remedy)
