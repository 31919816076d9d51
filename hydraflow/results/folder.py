"""`hfx run --results FOLDER`: a folder that holds all of one run: report, journal, engine file, recorded files."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import orjson

from hydraflow.errors import OutputError, cannot_write

if TYPE_CHECKING:
    from hydraflow.runtime.options import Options

__all__ = ["REPORT", "give_up", "keep", "prepare"]

REPORT = "report.json"


def prepare(folder: Path, options: Options) -> Options:
    """Make the folder and return the options of a run that leaves everything in it; what they name already stays.

    Raises: OutputError for a folder that holds something, or cannot be made.
    """
    where = f"results '{folder}'"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise OutputError("the folder is not empty", where=where, remedy="name a new one: a folder holds one run")
    except OSError as error:
        raise OutputError(f"cannot be made: {error.strerror}", where=where, remedy="name another folder") from error
    journal = options.journal if options.no_journal or options.journal else str(folder)
    return attrs.evolve(options, results=str(folder), journal=journal)


def keep(folder: Path, result: dict[str, Any]) -> None:
    """Write the report, and a copy of the engine's file, beside the rest: each whole, or not at all.

    Raises: OutputError, InputOutputError where the disk is full; what the run itself has left stays.
    """
    from disruptor.counters import counter_path
    from disruptor.errors import DisruptorError

    _put(folder / REPORT, lambda path: path.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n"))
    try:
        file = counter_path(result["name"], create_folder=False)
    except DisruptorError:
        return
    if file.exists():
        _put(folder / file.name, lambda path: shutil.copyfile(file, path))


def _put(target: Path, write: Callable[[Path], object]) -> None:
    """Have a file written under a name of its own, which it loses for `target` when it is whole."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        write(temporary)
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise cannot_write(error, where=f"results '{target}'", remedy="name another folder") from error
        raise


def give_up(folder: Path) -> None:
    """Remove the folder of a run that did not begin, if nothing is in it."""
    with contextlib.suppress(OSError):
        os.rmdir(folder)
