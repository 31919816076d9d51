"""One run, opened: whatever of it is there, read when it is asked for.

    run = hydraflow.open_run("out")
    run.fills.to_pandas()
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hydraflow.errors import DataError, InputNotFound
from hydraflow.results.own import RecordTable
from hydraflow.results.pieces import Pieces, find, newest_journal, read_report
from hydraflow.results.recorded import NPY_MAGIC, RECORDED, read_lines, read_npy, scales_of_lines
from hydraflow.results.scales import Scales
from hydraflow.results.table import Table
from hydraflow.rows import LATENCY_ROW, ROWS, fills_of, level_rows, message_rows, report_rows, reports_in

if TYPE_CHECKING:
    from hydraflow.journal.reader import JournalReader, Loaded
    from hydraflow.results.replayed import Replayed

__all__ = ["Run", "open_run"]

_HICCUPS = "machine_hiccups"
_STREAM_OF = {table: stream for stream, table in RECORDED.items()}


def open_run(path: str | os.PathLike | None = None) -> Run:
    """Open what a run left.

    path : the JSON of `hfx run --json`, a journal's folder, an engine's .cnc file (live or dead), a file of `--record`, or a
    folder with any of these, as `hfx run --results FOLDER` makes it. A report brings in the journal and the files that it
    names. None: the newest journal in the default folder.

    Nothing but the report is read before it is asked for.
    Raises: InputNotFound, DataError (HF650: no run), UsageError (HF651: several runs).
    """
    return Run(find(Path(path) if path is not None else newest_journal()))


class Run:
    """What a run left. Tables: orders, fills, reports, books, latencies, messages, levels, and records["ring"]; `report` is the
    result as a dict.

    pieces : the paths that it is read from. Close: nothing needs to be; maps go with the arrays.
    """

    def __init__(self, pieces: Pieces) -> None:
        self.pieces = pieces
        self._doubts: list[str] = []

    # -- tables

    @property
    def orders(self) -> Table:
        """Decisions of the strategy with what risk, route and mev said: ORDER_ROW.

        From the recorded file, else from a replay of the journal. Raises: InputNotFound (HF651), HydraFlowError (HF652).
        """
        return self._decided("orders")

    @property
    def books(self) -> Table:
        """Best bid and ask after each depth message: BOOK_ROW. Source and errors as of `orders`."""
        return self._decided("books")

    @functools.cached_property
    def fills(self) -> Table:
        """Executions: REPORT_ROW. From the recorded file, else the journal. Raises: InputNotFound (HF651)."""
        if "fills" in self.pieces.recorded:
            return self._table("fills", self._recorded("fills"))
        return self._table("fills", fills_of(self.reports.array))

    @functools.cached_property
    def reports(self) -> Table:
        """Everything that the venue reported, executions too: REPORT_ROW. From the journal, else from recorded lines of orders."""
        if self.pieces.journal is None and self._lines_of("orders"):
            return self._table("reports", self._recorded("orders", "reports"))
        loaded = self._loaded("reports")
        chosen = np.flatnonzero(loaded.messages["kind"] == _report_kind())
        messages = loaded.messages[chosen]
        return self._table("reports", report_rows(messages, chosen, reports_in(loaded.units, messages["payload_position"])))

    @functools.cached_property
    def messages(self) -> Table:
        """Every message of the main ring, in the order that the engine gave it: MESSAGE_ROW. From the journal."""
        return self._table("messages", message_rows(self._loaded("messages").messages))

    @functools.cached_property
    def levels(self) -> Table:
        """Prices and quantities that messages carry, a row each: LEVEL_ROW. From the journal.

        Those of message m are levels[m["first_level"] : m["first_level"] + m["level_count"]], bids first.
        """
        loaded = self._loaded("levels")
        return self._table("levels", level_rows(loaded.messages, loaded.units))

    @functools.cached_property
    def records(self) -> dict[str, RecordTable]:
        """Records of rings of one's own, by ring, as the last stage on the ring left them; only what was recorded is there."""
        return {ring: RecordTable(ring, read_npy(path, unfinished=ring in self.pieces.unfinished))
                for ring, path in self.pieces.rings.items()}

    @functools.cached_property
    def latencies(self) -> Table:
        """What stages took, and end to end: LATENCY_ROW, a row each. From the report, else the engine file. Raises: InputNotFound."""
        known = dict(self.report.get("latency_ns") or {})
        if not known:
            raise InputNotFound("neither a report nor the engine's file is there", where="HF651: latencies",
                                remedy="keep the report: hfx run FILE --json > report.json, or --results FOLDER")
        if (self.report.get("hiccup_ns") or {}).get("count"):
            known[_HICCUPS] = self.report["hiccup_ns"]
        rows = np.zeros(len(known), LATENCY_ROW)
        for row, (name, summary) in zip(rows, known.items()):
            row["name"] = name
            for field in LATENCY_ROW.names[1:] if LATENCY_ROW.names else ():
                row[field] = summary[field]
        return self._table("latencies", rows[rows["count"] > 0])

    def histogram(self, name: str) -> np.ndarray:
        """Return the buckets of one latency: fields low, high (ns, both included) and count; empty buckets are left out.

        Raises: InputNotFound (HF651) without engine file, KeyError for a name that it does not have.
        """
        from disruptor.buckets import HEAD_WORDS, bucket_bounds
        from disruptor.counters_reader import CounterReader

        if self.pieces.counters is None:
            raise InputNotFound("the engine's file is not there", where="HF651: histograms", remedy="keep it: hfx run FILE --results FOLDER")
        reader = CounterReader(self.pieces.counters)
        try:
            counts = reader.histogram(name)[HEAD_WORDS:]
            entries = {entry["name"]: entry["unit"] for entry in reader.descriptor["histograms"]["entries"]}
            scale = reader.snapshot()["ns_per_tick"] if entries[name] == "ticks" else 1.0
        except KeyError:
            known = [entry["name"] for entry in reader.descriptor["histograms"]["entries"]]
            raise KeyError(f"no latency is called '{name}'; known: {', '.join(known)}") from None
        finally:
            reader.close()
        low, high = bucket_bounds()
        filled = np.flatnonzero(counts)
        out = np.zeros(len(filled), [("low", "f8"), ("high", "f8"), ("count", "i8")])
        out["low"], out["high"], out["count"] = low[filled] * scale, high[filled] * scale, counts[filled]
        return out

    # -- what there is

    @functools.cached_property
    def report(self) -> dict[str, Any]:
        """The result, schema hfx.run/1: the saved one, else what the engine's file says; {} when there is neither."""
        if self.pieces.report is not None:
            return read_report(self.pieces.report) or {}
        if self.pieces.counters is None:
            return {}
        from hydraflow.runtime.result import from_snapshot

        shown = self._snapshot
        assert shown is not None
        return {**from_snapshot(shown), "status": _status(shown)}

    @functools.cached_property
    def instruments(self) -> Scales:
        """What was traded: symbols by index, with tick and lot."""
        if self.pieces.journal is not None:
            return Scales.of_records(self._journal.instruments)
        if self.report.get("instruments"):
            return Scales.of_report(self.report["instruments"])
        lines = {stream: path for stream, path in self.pieces.recorded.items() if self._lines_of(stream)}
        return scales_of_lines(lines) if lines else Scales(known=False)

    @property
    def name(self) -> str:
        """Of the engine; "" when nothing says it."""
        return str(self.report.get("name") or (self._journal.header.get("name") if self.pieces.journal is not None else "") or "")

    @property
    def status(self) -> str:
        """completed, interrupted, failed, running, or unknown: nothing that is there says how it ended."""
        if "status" in self.report:
            return str(self.report["status"])
        end = self._journal.verdict.end if self.pieces.journal is not None else ""
        return {"clean": "completed", "open": "killed, or still running", "torn": "killed", "corrupt": "damaged"}.get(end, "unknown")

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not there or not to be trusted, a sentence each; () for a whole run. Grows when damage is found on reading."""
        out = list(self.pieces.missing)
        if self.report.get("error"):
            out.append(f"the run failed: {' '.join(str(self.report['error']['text']).split())}")
        if self.pieces.journal is not None:
            out += _journal_faults(self._journal)
        elif self.report.get("journal") is None and not self._is_own:
            out.append("there is no journal: no messages, levels, and no orders but recorded ones")
        out += [f"the recorded {RECORDED.get(stream) or 'records of ring ' + repr(stream)} were never finished: whole rows up to the last one written are there"
                for stream in sorted(self.pieces.unfinished)]
        shown = self._snapshot
        if shown is not None and shown["exit_code"] is None:
            out.append("the engine still runs: what it has written so far is there" if shown["alive"] else
                       "the engine died without saying so: its counters are those of that moment")
        return tuple(out + self._doubts)

    @property
    def complete(self) -> bool:
        """Whether nothing is `missing`."""
        return not self.missing

    def summary(self) -> dict[str, Any]:
        """Return name, status, where each table comes from and how many rows are known without reading it, and `missing`."""
        return {"name": self.name, "status": self.status, "tables": self._origins(), "missing": list(self.missing)}

    def __repr__(self) -> str:
        report = self.report
        lines = [f"Run {self.name or '(no name)'}: {self.status}"]
        counts = [f"{report[what]:,} {what}" for what in ("frames", "messages", "orders", "fills") if report.get(what)]
        counts += [f"{ring} {count:,} records" for ring, count in (report.get("records") or {}).items()]
        if counts:
            lines.append("  " + ", ".join(counts))
        lines += [f"  {table:<10} {origin}" for table, origin in self._origins().items()]
        lines += [f"  missing    {text}" for text in self.missing]
        return "\n".join(lines)

    # -- parts

    @property
    def _is_own(self) -> bool:
        """Whether nothing was traded: only records of its own went through the run."""
        from hydraflow.runtime.report import trades

        return bool(self.pieces.rings) and (not self.report or not trades(self.report))

    @functools.cached_property
    def _journal(self) -> JournalReader:
        from hydraflow.journal.reader import JournalReader

        assert self.pieces.journal is not None
        return JournalReader(self.pieces.journal)

    @functools.cached_property
    def _snapshot(self) -> dict[str, Any] | None:
        if self.pieces.counters is None:
            return None
        from disruptor.counters_reader import CounterReader
        from disruptor.errors import CounterFileError

        try:
            reader = CounterReader(self.pieces.counters)
        except (OSError, CounterFileError) as error:
            raise DataError(str(error), where="HF650") from error
        try:
            return reader.snapshot()
        finally:
            reader.close()

    @functools.cached_property
    def _messages_loaded(self) -> Loaded:
        return self._journal.load()

    def _loaded(self, table: str) -> Loaded:
        if self.pieces.journal is None:
            remedy = "run with a journal: leave out --no-journal"
            if table in ("fills", "reports"):
                remedy = "record them: --record fills=FILE, or run with a journal"
            raise InputNotFound("there is no journal", where=f"HF651: {table}", remedy=remedy)
        return self._messages_loaded

    @functools.cached_property
    def _replayed(self) -> Replayed:
        from hydraflow.results.replayed import replay

        assert self.pieces.journal is not None
        replayed = replay(self.pieces.journal, len(self._journal))
        if replayed.doubt:
            self._doubts.append(replayed.doubt)
        return replayed

    @functools.cached_property
    def _kept(self) -> dict[str, Table]:
        return {}

    def _decided(self, table: str) -> Table:
        if table not in self._kept:
            stream = _STREAM_OF[table]
            if stream in self.pieces.recorded:
                rows = self._recorded(stream)
            elif self.pieces.journal is not None:
                rows = self._replayed.tables[table]
            else:
                raise InputNotFound("neither a recorded file nor a journal is there", where=f"HF651: {table}",
                                    remedy=f"record them: --record {stream}=FILE, or run with a journal")
            self._kept[table] = self._table(table, rows)
        return self._kept[table]

    def _recorded(self, stream: str, table: str = "") -> np.ndarray:
        path, table = self.pieces.recorded[stream], table or RECORDED[stream]
        if not self._lines_of(stream):
            rows = read_npy(path, unfinished=stream in self.pieces.unfinished)
            if rows.dtype != ROWS[table]:
                raise DataError("its fields are those of another version", where=f"HF654: {path}", remedy="record the run again, or replay its journal")
            return rows
        rows, problem = read_lines(path, table, self.instruments)
        if problem:
            self._doubts.append(problem)
        return rows

    def _lines_of(self, stream: str) -> bool:
        """Return whether a stream was recorded as JSON lines."""
        if stream not in self.pieces.recorded:
            return False
        with open(self.pieces.recorded[stream], "rb") as file:
            return file.read(len(NPY_MAGIC)) != NPY_MAGIC

    def _table(self, name: str, array: np.ndarray) -> Table:
        return Table(name, array, self.instruments)

    def _origins(self) -> dict[str, str]:
        """Say where each table comes from, for those that there are."""
        out = {}
        journal = f"{len(self._journal):,} messages in {self.pieces.journal}" if self.pieces.journal is not None else ""
        for table in ("orders", "fills", "books"):
            stream = _STREAM_OF[table]
            if stream in self.pieces.recorded:
                out[table] = f"recorded in {self.pieces.recorded[stream]}"
            elif journal:
                out[table] = "from the journal" if table == "fills" else "replayed from the journal when asked for"
        out |= {f"records of {ring}": f"recorded in {path}" for ring, path in self.pieces.rings.items()}
        if journal:
            out["messages"] = journal
        if self.report.get("latency_ns"):
            out["latencies"] = f"{sum(row['count'] > 0 for row in self.report['latency_ns'].values())} names"
        return out


def _status(shown: dict[str, Any]) -> str:
    """Return how the engine of a snapshot is, in the words of a report."""
    if shown["exit_code"] is None:
        return "running" if shown["alive"] else "failed"
    return {0: "completed", 130: "interrupted"}.get(shown["exit_code"], "failed")


def _journal_faults(reader: JournalReader) -> list[str]:
    verdict = reader.verdict
    if verdict.verified:
        return []
    if verdict.end == "open":
        return [f"the journal has no end record: its engine was killed, or still runs; its {verdict.records:,} messages are intact"]
    return [f"the journal is {verdict.end} after {verdict.records:,} messages: {verdict.error}; what comes before is intact"]


def _report_kind() -> int:
    from hydraflow.codes import Kind

    return int(Kind.REPORT)
