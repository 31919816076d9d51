"""`hfx notes`: what an engine's handlers have written down, live or after its death. Reads the note file, asks nobody."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hydraflow.errors import DataError, InputNotFound, UsageError
from hydraflow.notes import note as say

if TYPE_CHECKING:
    from disruptor.note_file import Note, NoteReader

__all__ = ["notes"]

SCHEMA = "hfx.notes/1"
_SUFFIX = ".notes"
_POLL_SECONDS = 0.1


@click.command()
@click.argument("engine", required=False, metavar="[NAME|PATH]")
@click.option("--follow", "-f", is_flag=True, help="Go on until the engine has ended.")
@click.option("--handler", metavar="H", help="Only the notes of this handler.")
@click.option("--since", metavar="AGO", help="Only notes that are younger, as 30s, 5min, 2h.")
@click.option("--json", "as_json", is_flag=True, help=f"Print a JSON object per note and line (schema {SCHEMA}).")
def notes(engine: str | None, follow: bool, handler: str | None, since: str | None, as_json: bool) -> None:
    """Print what handlers have written down with note(CODE, …): time, handler, sequence, code, text.

    Without NAME or PATH: of the one engine that runs, else of the one that has left its file. PATH may be a copy. A thread
    keeps its newest 2,048 notes; how many were overwritten is said at the end.
    """
    youngest_ns = time.time_ns() - _duration_ns(since) if since else 0
    reader = _open(_file_of(engine))
    if handler is not None and handler not in reader.handlers:
        raise UsageError(f"no handler '{handler}' declares notes", where="--handler",
                         remedy=f"those that do: {', '.join(reader.handlers) or 'none'}")
    shown = 0
    while True:
        alive = follow and not reader.ended  # asked before reading: what comes until then is there afterwards
        for one in reader.read():
            if one.time_ns >= youngest_ns and handler in (None, one.handler):
                click.echo(json.dumps(_data(one)) if as_json else _line(one))
                shown += 1
        if not alive:
            break
        time.sleep(_POLL_SECONDS)
    _close(reader, shown, as_json)


def _close(reader: NoteReader, shown: int, as_json: bool) -> None:
    if reader.lost and as_json:
        click.echo(json.dumps({"schema": SCHEMA, "lost": reader.lost}))
    if reader.lost:
        say(f"hfx: {reader.lost:,} of {reader.written:,} notes were overwritten by newer ones before they were read")
    elif not shown:
        say(f"hfx: {reader.path.stem}: {'none of its notes is that' if reader.written else 'no note so far'}"
            f" (declared by {', '.join(reader.handlers)})")
    reader.close()


def _data(one: Note) -> dict[str, Any]:
    return {"schema": SCHEMA, "time_ns": one.time_ns, "thread": one.thread, "handler": one.handler, "sequence": one.sequence,
            "code": one.code, "values": list(one.values), "text": one.text}


def _line(one: Note) -> str:
    when = datetime.fromtimestamp(one.time_ns // 1_000_000_000).strftime("%H:%M:%S")
    sequence = f"{one.sequence:,}" if one.sequence >= 0 else "-"
    return f"{when}.{one.time_ns // 1_000 % 1_000_000:06d} {one.handler or '?'} {sequence} {one.code}: {one.text}".rstrip(": ")


def _file_of(engine: str | None) -> Path:
    """Return the note file of an engine; a path may name it, or the CnC file that it lies beside."""
    from hydraflow.cli.stat import choose

    if engine is not None and engine.endswith(_SUFFIX) and (os.sep in engine or os.path.exists(engine)):
        return Path(engine)
    path = choose(engine)
    return path if path.suffix == _SUFFIX else path.with_suffix(_SUFFIX)


def _open(path: Path) -> NoteReader:
    from disruptor.errors import CounterFileError
    from disruptor.note_file import NoteReader

    try:
        return NoteReader(path)
    except FileNotFoundError as error:
        if path.with_suffix(".cnc").exists():
            raise InputNotFound(f"no handler of '{path.stem}' declares notes",
                                remedy='declare them: @handler(notes={"CODE": "text {a}"}), and call note("CODE", a)') from error
        known = ", ".join(sorted(p.stem for p in path.parent.glob(f"*{_SUFFIX}"))) or "none"
        raise InputNotFound(f"{path}: no such file", remedy=f"engines with notes here: {known}") from error
    except OSError as error:
        raise InputNotFound(f"{path}: {error.strerror}") from error
    except CounterFileError as error:
        raise DataError(str(error)) from error


def _duration_ns(text: str) -> int:
    from hydraflow.topology.values import duration_ns

    try:
        return duration_ns(text)
    except ValueError as error:
        raise UsageError(f"cannot read '{text}'", where="--since", remedy="write 30s, 5min or 2h") from error
