"""Files that a command writes: whole under their name, or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from typing import BinaryIO

from hydraflow.errors import OutputError

__all__ = ["open_output"]


@contextlib.contextmanager
def open_output(output: str, *, force: bool) -> Iterator[BinaryIO]:
    """Open what is written: stdout (-), a device as it is, or a temporary file that takes the name only when all went well.

    force : a file of this name may be replaced. Raises: OutputError.
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
        with open(output, "wb") as device:
            yield device
        return
    if mode and not force:
        raise OutputError("exists", where=where, remedy="use --force to overwrite it")
    folder, name = os.path.split(os.path.abspath(output))
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.part")
    try:
        file = open(temporary, "xb")
    except OSError as error:
        raise OutputError(f"cannot be created: {error.strerror}", where=where, remedy="name another place") from error
    try:
        with file:
            yield file
        os.replace(temporary, output)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
