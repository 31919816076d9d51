"""open_run: from a journal, a report, an engine file, recorded files and a folder of them; whole, half-written and foreign.

Runs of the real engine, and replays, are in tests/system/test_results.py.
"""

from __future__ import annotations

import json
import os
from decimal import Decimal

import numpy as np
import pytest

import hydraflow
from disruptor.counters import CounterFile
from hydraflow.codes import Kind
from hydraflow.errors import DataError, InputNotFound, UsageError
from hydraflow.journal import JournalReader
from tests.reference.recorded_run import RecordedRun

COUNTERS = {"sequencer": [("messages", "i8")]}
REPORT = {"schema": "hfx.run/1", "name": "made", "status": "completed", "frames": 10, "messages": 300, "error": None,
          "latency_ns": {"book": {"count": 5, "mean": 1.0, "p50": 2.0, "p90": 3.0, "p99": 4.0, "p999": 5.0, "p9999": 6.0, "max": 7.0},
                         "wire": {"count": 0, "mean": 0, "p50": 0, "p90": 0, "p99": 0, "p999": 0, "p9999": 0, "max": 0}},
          "hiccup_ns": {"count": 9, "mean": 1.0, "p50": 2.0, "p90": 3.0, "p99": 4.0, "p999": 5.0, "p9999": 6.0, "max": 70.0}}


@pytest.fixture(scope="module")
def made():
    return RecordedRun()


@pytest.fixture
def journal(made, tmp_path):
    return made.journal(tmp_path / "made-20231114T221320-1")


def report_of(path, **more):
    path.write_text(json.dumps(REPORT | more))
    return path


def test_a_journal_gives_messages_levels_reports_and_fills(made, journal):
    run = hydraflow.open_run(journal)
    described = list(JournalReader(journal))
    assert run.name == "made" and run.status == "completed" and run.complete
    messages, levels, reports = run.messages, run.levels, run.reports
    assert [Kind(k).name for k in messages["kind"]] == [row["kind"] for row in described]
    assert messages["time"].view("i8").tolist() == [row["receive_ns"] for row in described]
    for row, message in zip(described, messages, strict=True):
        own = levels[message["first_level"] : message["first_level"] + message["level_count"]]
        shown = row.get("levels", []) if row["kind"] in ("SNAPSHOT", "DEPTH", "TICKER", "TRADE") else []
        assert [[int(r["price_ticks"]), int(r["quantity_lots"])] for r in own] == shown
        assert (own["symbol"] == message["symbol"]).all() and (own["sequence"] == row["sequence"]).all()
        sides = own["side"].tolist()
        if row["kind"] in ("SNAPSHOT", "DEPTH"):
            assert sides == [1] * row["bid_count"] + [-1] * (len(sides) - row["bid_count"])
        elif row["kind"] == "TICKER":
            assert sides == [1, -1]
        elif row["kind"] == "TRADE":  # flag 1: the buyer rested, so the seller took
            assert sides == ([-1] if row["flags"] & 1 else [1])
    wanted = [(row["sequence"], row["report"]) for row in described if row["kind"] == "REPORT"]
    assert reports["sequence"].tolist() == [s for s, _ in wanted] == [s for s, _ in made.reports]
    for field in ("order_id", "price_ticks", "quantity_lots", "leaves_lots", "fee_units", "cause", "symbol", "status", "side", "liquidity"):
        assert reports[field].tolist() == [r[field] for _, r in wanted], field
    assert run.fills["sequence"].tolist() == [s for s, r in wanted if r["status"] in (2, 3) and r["quantity_lots"]]
    assert np.isnat(messages["venue_time"][messages["kind"] == Kind.TIMER]).all()
    with pytest.raises(InputNotFound, match=r"HF651: latencies: .*--json > report\.json"):
        _ = run.latencies


def test_a_report_brings_in_what_it_names_also_when_all_was_moved(made, journal, tmp_path):
    recorded = {s: str(tmp_path / f"{s}.npy") for s in ("orders", "fills")}
    made.record(recorded).close()
    path = report_of(tmp_path / "run.json", journal={"path": str(journal)}, recorded=recorded)
    here = hydraflow.open_run(path)
    assert here.complete and len(here.orders) > 10 and len(here.fills) == len(hydraflow.open_run(journal).fills)
    moved = tmp_path.with_name(tmp_path.name + "-moved")
    tmp_path.rename(moved)
    there = hydraflow.open_run(moved / "run.json")
    assert there.complete and (there.orders.array == np.load(moved / "orders.npy")).all() and len(there.messages) == 300
    (moved / "orders.npy").unlink()
    lost = hydraflow.open_run(moved / "run.json")
    assert lost.missing == (f"the recorded orders, {recorded['orders']}, are not there any more",)


def test_latencies_are_those_that_have_samples_and_the_machine_s_own(tmp_path):
    latencies = hydraflow.open_run(report_of(tmp_path / "run.json")).latencies
    assert latencies["name"].tolist() == ["book", "machine_hiccups"]
    assert latencies[0].tolist() == ("book", 5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0) and latencies["max"][1] == 70.0


def test_recorded_files_alone_have_their_ticks_from_what_is_written(made, tmp_path):
    made.record({"orders": str(tmp_path / "orders.jsonl"), "book": str(tmp_path / "book.jsonl")}).close()
    run = hydraflow.open_run(tmp_path)
    assert run.status == "unknown" and not run.complete
    rows = [json.loads(line) for line in (tmp_path / "orders.jsonl").read_text().splitlines()]
    decisions = [r for r in rows if r["event"] == "decision"]
    columns = run.orders.columns("decimal")
    assert columns["price"].tolist() == [Decimal(r["price"]) for r in decisions]
    assert columns["reason"].tolist() == [r["reason"] for r in decisions]
    assert len(run.reports) == len(rows) - len(decisions) == len(made.reports)
    with pytest.raises(InputNotFound, match=r"HF651: messages: there is no journal; run with a journal: leave out --no-journal"):
        _ = run.messages
    one = hydraflow.open_run(tmp_path / "orders.jsonl")
    with pytest.raises(InputNotFound, match=r"HF651: books: neither a recorded file nor a journal .*--record book=FILE"):
        _ = one.books


def test_rows_alone_do_not_know_their_ticks(made, tmp_path):
    made.record({"fills": str(tmp_path / "fills.npy")}).close()
    run = hydraflow.open_run(tmp_path / "fills.npy")
    with pytest.raises(UsageError, match="HF655"):
        run.fills.to_pandas()
    report_of(tmp_path / "run.json", instruments=[{"symbol": "BTCUSDT", "venue": "EXCHANGE", "tick": "0.1", "lot": "0.001"},
                                                  {"symbol": "ETHUSDT", "venue": "EXCHANGE", "tick": "0.25", "lot": "0.00001"}])
    known = hydraflow.open_run(tmp_path)
    assert set(known.fills.columns()["symbol"]) == {"BTCUSDT", "ETHUSDT"}


def test_a_run_that_was_killed_opens_and_says_what_is_missing(made, journal, tmp_path):
    recording = made.record({"orders": str(tmp_path / "orders.npy"), "book": str(tmp_path / "book.jsonl")})
    for file in recording._files.values():  # what the kernel has when the process is gone
        file.flush()
    [part] = tmp_path.glob(".book.jsonl.*.part")
    part.write_bytes(part.read_bytes()[:-9])
    segment = journal / "000000.hfj"
    segment.write_bytes(segment.read_bytes()[:-3000])
    run = hydraflow.open_run(tmp_path)
    assert not run.complete and run.status.startswith("killed")
    assert any(text.startswith("the journal ") and "intact" in text for text in run.missing)
    assert "the recorded books were never finished: whole rows up to the last one written are there" in run.missing
    assert len(run.orders) == sum(int(m["order_count"]) for m in made.messages)
    assert len(run.books) == int((made.messages["kind"] == Kind.DEPTH).sum()) - 1
    assert any("ends in the middle of line" in text for text in run.missing)
    assert 0 < len(run.messages) < 300
    assert "missing" in repr(run)
    recording.close(keep=False)


def test_an_engine_file_is_a_run_while_it_lives_and_after_its_death(tmp_path):
    file = CounterFile.create(tmp_path / "made.cnc", name="made", cells=["a"], counters=COUNTERS, histograms=["book"])
    file.counter("sequencer")[0]["messages"] = 42
    file.histogram("book")[[0, 1, 12]] = [10, 30, 3]
    alive = hydraflow.open_run(tmp_path / "made.cnc")
    assert (alive.name, alive.status, alive.report["messages"]) == ("made", "running", 42)
    assert any("still runs" in text for text in alive.missing)
    assert alive.latencies["count"].tolist() == [3]
    assert alive.histogram("book").tolist() == [(10.0, 10.0, 3)]
    with pytest.raises(KeyError, match="no latency is called 'bok'; known: book"):
        alive.histogram("bok")
    file.finish(0)
    assert hydraflow.open_run(tmp_path).status == "completed"
    file.close()


def test_the_engine_file_that_the_same_process_left_is_found(made, tmp_path, monkeypatch):
    runtime = tmp_path / "runtime"
    (runtime / "hydraflow").mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    file = CounterFile.create(runtime / "hydraflow/made.cnc", name="made", cells=["a"], counters=COUNTERS, histograms=["book"])
    own = hydraflow.open_run(made.journal(tmp_path / f"made-20231114T221320-{os.getpid()}"))
    other = hydraflow.open_run(made.journal(tmp_path / "made-20231114T221320-1"))
    assert own.pieces.counters == file.path and other.pieces.counters is None
    file.close(unlink=True)


def test_without_a_path_the_newest_journal_is_opened(made, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    root = tmp_path / "hydraflow-x/journals"
    with pytest.raises(InputNotFound, match="HF650: no journal is in"):
        hydraflow.open_run()
    root.mkdir(parents=True)
    for k, name in enumerate(("newest", "older")):
        os.utime(made.journal(root / name), (1e9 - k, 1e9 - k))
    assert hydraflow.open_run().pieces.journal == root / "newest"


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda p: p / "none", InputNotFound, "HF650: run '{p}/none': cannot be read: No such file or directory; give the JSON of"),
        (lambda p: p, DataError, "HF650: run '{p}': holds nothing of a run; give the JSON of"),
        (lambda p: (p / "x.json").write_text('{"schema": "hfx.check/1"}') and p / "x.json", DataError, "holds nothing of a run"),
        (lambda p: (p / "x.bin").write_bytes(bytes(range(256))) and p / "x.bin", DataError, "holds nothing of a run"),
        (lambda p: (report_of(p / "a.json"), report_of(p / "b.json")) and p, UsageError, "HF651: folder '{p}': holds 2 runs; name one: a.json, b.json"),
    ],
)
def test_what_is_no_run_is_refused_with_what_would_be_one(tmp_path, make, error, text):
    with pytest.raises(error) as caught:
        hydraflow.open_run(make(tmp_path))
    assert text.format(p=tmp_path) in str(caught.value)


def test_a_pipe_is_no_run_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(DataError, match="holds nothing of a run"):
            hydraflow.open_run(path)


def test_nothing_is_read_before_it_is_asked_for(made, journal, monkeypatch):
    """Counts: opening reads no journal; fills, reports and messages load it once; a repr replays nothing."""
    from hydraflow.journal.reader import JournalReader as Reader
    from hydraflow.results import replayed

    loads, opened = [], []
    load, init = Reader.load, Reader.__init__
    monkeypatch.setattr(Reader, "load", lambda self, *a: loads.append(1) or load(self, *a))
    monkeypatch.setattr(Reader, "__init__", lambda self, *a: opened.append(1) or init(self, *a))
    monkeypatch.setattr(replayed, "replay", lambda *a: pytest.fail("a replay"))
    run = hydraflow.open_run(journal)
    assert (opened, loads) == ([], [])
    repr(run)
    assert (len(opened), loads) == (1, [])
    for table in (run.fills, run.reports, run.messages, run.levels, run.fills):
        assert len(table)
    assert (len(opened), len(loads)) == (1, 1)
    assert run.summary()["tables"]["orders"] == "replayed from the journal when asked for"
