"""Files that a command writes: whole under their name, or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from typing import BinaryIO

from hydraflow.errors import OutputError, cannot_write, is_disk_full

__all__ = ["open_output"]


@contextlib.contextmanager
def open_output(output: str, *, force: bool) -> Iterator[BinaryIO]:
    """Open what is written: stdout (-), a device as it is, or a temporary file that takes the name only when all went well.

    force : a file of this name may be replaced. Raises: OutputError, InputOutputError where the disk is full.
    """
    where = f"output '{output}'"
    if output == "-":
        yield sys.stdout.buffer
        return
    mode = 0
    with contextlib.suppress(OSError):
        mode = os.stat(output).st_mode
    if stat.S_ISDIR(mode):
        raise OutputError("is a directory", where=where, remedy="name a file in it")
    if mode and not stat.S_ISREG(mode):  # a device or a pipe cannot be replaced
        try:
            with open(output, "wb") as device:
                yield device
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            raise cannot_write(error, where=where, remedy="name another place") from error
        return
    if mode and not force:
        raise OutputError("exists", where=where, remedy="use --force to overwrite it")
    folder, name = os.path.split(os.path.abspath(output))
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.part")
    try:
        file = open(temporary, "xb")
    except OSError as error:
        raise cannot_write(error, where=where, remedy="name another place", what="cannot be created") from error
    try:
        with file:
            yield file
        os.replace(temporary, output)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and is_disk_full(error):
            raise cannot_write(error, where=where, remedy="name another place") from error
        raise
