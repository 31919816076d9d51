"""What lies at a path: the report, journal, engine file and recorded files of one run, told apart by what they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import orjson

from hydraflow.errors import DataError, InputNotFound, UsageError
from hydraflow.results.recorded import RECORDED, is_npy, stream_of

__all__ = ["Pieces", "find", "newest_journal"]

REPORT_SCHEMA = "hfx.run/1"
_CNC_MAGIC = b"disruptor-cnc"
_SEGMENTS = "*.hfj"
_HEAD = 4096  # bytes in which a report names its schema
_JOURNAL = re.compile(r"(?P<name>.+)-\d{8}T\d{6}-(?P<pid>\d+)(-\d+)?")
_PART = re.compile(r"\.(?P<name>.+)\.\d+\.part")
_WHAT = "the JSON of `hfx run --json`, a journal, an engine's .cnc file, a file of --record, or a folder with these"


@attrs.define
class Pieces:
    """Paths of what there is of one run. recorded : stream → file; rings : of own records, name → file. unfinished : streams and
    rings whose writer never finished them."""

    report: Path | None = None
    journal: Path | None = None
    counters: Path | None = None
    recorded: dict[str, Path] = attrs.field(factory=dict)
    rings: dict[str, Path] = attrs.field(factory=dict)
    unfinished: set[str] = attrs.field(factory=set)
    missing: list[str] = attrs.field(factory=list)

    def __bool__(self) -> bool:
        return bool(self.report or self.journal or self.counters or self.recorded or self.rings)


def find(path: Path) -> Pieces:
    """Return the pieces at a path, and those that a report there names.

    Raises: InputNotFound (HF650) when nothing is there; DataError (HF650) when it is no run; UsageError (HF651) for a
    folder of several runs.
    """
    pieces = Pieces()
    try:
        if path.is_dir():
            _look_into(path, pieces)
        elif path.is_file() or not path.exists():  # opening a pipe would wait for its writer
            _take(path, pieces)
    except OSError as error:
        raise InputNotFound(f"cannot be read: {error.strerror}", where=f"HF650: run '{error.filename or path}'", remedy=f"give {_WHAT}") from error
    if not pieces:
        raise DataError("holds nothing of a run", where=f"HF650: run '{path}'", remedy=f"give {_WHAT}")
    if pieces.report is not None:
        _follow_report(pieces.report, pieces)
    if pieces.counters is None and pieces.journal is not None:
        pieces.counters = _engine_file_of(pieces.journal)
    return pieces


def newest_journal() -> Path:
    """Return the journal of the last run in the default folder. Raises: InputNotFound (HF650)."""
    from hydraflow.journal.folder import journal_root

    root = journal_root()
    journals = [p for p in root.iterdir() if _is_journal(p)] if root.is_dir() else []
    if not journals:
        raise InputNotFound(f"no journal is in {root}", where="HF650", remedy=f"run a topology, or give {_WHAT}")
    return max(journals, key=lambda p: p.stat().st_mtime_ns)


def read_report(path: Path) -> dict[str, Any] | None:
    """Return the result in a file, None when it is no JSON of `hfx run --json`."""
    with open(path, "rb") as file:
        if REPORT_SCHEMA.encode() not in file.read(_HEAD):  # large files of JSON lines are not read whole
            return None
        file.seek(0)
        try:
            content = orjson.loads(file.read())
        except orjson.JSONDecodeError:
            return None
    return content if isinstance(content, dict) and content.get("schema") == REPORT_SCHEMA else None


def _look_into(folder: Path, pieces: Pieces) -> None:
    if _is_journal(folder):
        pieces.journal = folder
        return
    journals, reports = [], []
    for entry in _entries(folder):
        if entry.is_dir():
            if _is_journal(entry):
                journals.append(entry)
        elif entry.is_file():
            found = Pieces()
            _take(entry, found)
            if found.report:
                reports.append(entry)
            pieces.counters = found.counters or pieces.counters
            pieces.rings |= found.rings
            pieces.unfinished |= found.unfinished & set(found.rings)
            for stream, file in found.recorded.items():
                if stream not in pieces.recorded or stream in pieces.unfinished:
                    pieces.recorded[stream] = file
                    pieces.unfinished.discard(stream)
                    pieces.unfinished |= found.unfinished
    for several in (reports, journals):
        if len(several) > 1:
            raise UsageError(f"holds {len(several)} runs", where=f"HF651: folder '{folder}'",
                             remedy=f"name one: {', '.join(p.name for p in sorted(several)[:4])}{', …' if len(several) > 4 else ''}")
    pieces.report = reports[0] if reports else None
    pieces.journal = journals[0] if journals else None


def _entries(folder: Path) -> Iterator[Path]:
    """Yield what lies in a folder: files that were finished before those that were not."""
    yield from sorted(folder.iterdir(), key=lambda p: (p.name.startswith("."), p.name))


def _take(path: Path, pieces: Pieces) -> None:
    with open(path, "rb") as file:
        if file.read(len(_CNC_MAGIC)) == _CNC_MAGIC:
            pieces.counters = path
            return
    if read_report(path) is not None:
        pieces.report = path
        return
    part = _PART.fullmatch(path.name)
    stream = stream_of(path)
    if part and part["name"].endswith(".npy") and not stream and is_npy(path):  # of a run that was killed: nothing else names it
        ring = part["name"].removesuffix(".npy")
        pieces.rings[ring] = path
        pieces.unfinished.add(ring)
    if stream and (part or not path.name.startswith(".")):
        pieces.recorded[stream] = path
        if part:
            pieces.unfinished.add(stream)


def _follow_report(path: Path, pieces: Pieces) -> None:
    """Add the journal and the recorded files that a report names, where they lay or beside it."""
    content = read_report(path) or {}
    own = content.get("records") or {}
    journal = (content.get("journal") or {}).get("path") or (content.get("replay") or {}).get("path")
    if journal and pieces.journal is None:
        pieces.journal = _beside(path, journal)
        if pieces.journal is None:
            pieces.missing.append(f"the journal {journal} is not there any more")
    for stream, file in (content.get("recorded") or {}).items():
        if stream not in RECORDED or stream in own:
            there = _beside(path, file)
            if there is None:
                pieces.missing.append(f"the records of ring '{stream}', {file}, are not there any more")
                continue
            pieces.rings[stream] = there
            for name, other in list(pieces.recorded.items()):  # taken for a stream by its fields
                if other.samefile(there):
                    del pieces.recorded[name]
        elif stream not in pieces.recorded:
            there = _beside(path, file)
            if there is None:
                pieces.missing.append(f"the recorded {RECORDED[stream]}, {file}, are not there any more")
            else:
                pieces.recorded[stream] = there


def _beside(report: Path, named: str) -> Path | None:
    """Return where a file that a report names lies: there, relative to the report, or moved with it."""
    places = (Path(named), report.parent / named, report.parent / Path(named).name)
    return next((place for place in places if place.exists()), None)


def _is_journal(folder: Path) -> bool:
    return folder.is_dir() and any(folder.glob(_SEGMENTS))


def _engine_file_of(journal: Path) -> Path | None:
    """Return the engine file that the same process left, if it is still there."""
    named = _JOURNAL.fullmatch(journal.resolve().name)
    if named is None:
        return None
    from disruptor.counters_reader import CounterReader
    from disruptor.errors import DisruptorError
    from disruptor.memory import runtime_folder

    try:
        reader = CounterReader(runtime_folder(create=False) / f"{named['name']}.cnc")
    except (OSError, DisruptorError):
        return None
    try:
        return reader.path if reader.snapshot()["pid"] == int(named["pid"]) else None
    finally:
        reader.close()
