"""`hfx test` on the real engine, and the project that `hfx init` makes: check, run and test in an empty folder."""

from __future__ import annotations

import json

import pytest

from hydraflow.topology.rows import ROW_FIELDS
from tests.reference.engine_process import left_behind

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # graphs of their own are compiled

BOOKS = """\
version: 1
name: books
sources: [{use: simulator, with: {frames: 20_000}}]
handlers: [{use: deserialize.binance}, {use: journal}, {use: book}]
tests:
  - name: simulated
    input: {simulator: {frames: 20_000, rate: 10}}
    expect:
      frames: 20_000
      book_checks: {failed: 0, passed: "> 100"}
      state_hash: HASH
      rows: [{of: book, row: 1, has: {symbol: BTCUSDT}}, {of: fills, has: {side: BUY}}]
      budgets: {book: {max: 1ns}}
  - name: from a file
    input: {file: flow.gz}
    expect: {frames: 20_000, state_hash: HASH}
  - name: literal
    input: |
      1700000000000000000 {"lastUpdateId":100,"bids":[["61800.00","1.000"]],"asks":[["61800.50","1.000"]]}
      1700000000001000000 {"e":"depthUpdate","E":1,"T":1,"s":"BTCUSDT","U":99,"u":101,"pu":98,"b":[],"a":[["61800.10","2.000"]]}

      1700000000002000000 {"e":"depthUpd
    expect:
      frames: 3
      frame_errors: {truncated: 1}
      rows: [{of: book, has: {line: 2, status: LIVE, ask_price: 61800.1, ask_quantity: "2.0"}}]
"""


@pytest.fixture(scope="module")
def books(hfx):
    """The folder of a topology whose expected state is that of the same flow in `hfx run`."""
    folder = hfx.folder / "books"
    folder.mkdir()
    (folder / "books.yaml").write_text(BOOKS.replace("HASH", "0" * 64))
    state = hfx.run(str(folder / "books.yaml"))["state_hash"]
    (folder / "books.yaml").write_text(BOOKS.replace("HASH", state))
    hfx.start("simulate", "--frames", "20000", "-o", str(folder / "flow.gz"))
    return folder


def test_tests_run_the_same_engine_and_come_to_the_same_state(hfx, books):
    report = hfx.command("test", str(books / "books.yaml"), code=1)
    tests = {t["name"]: t for t in report["files"][0]["tests"]}
    assert [d["what"] for d in tests["simulated"]["differences"]] == ["fills row last"]  # nothing is traded here
    assert tests["from a file"]["passed"], tests["from a file"]
    assert tests["literal"]["passed"], tests["literal"]
    assert tests["simulated"]["budgets"][0]["held"] is False
    assert report["files"][0]["not_exercised"] == []


def test_tests_leave_nothing_behind(hfx, books):
    scratch = hfx.folder / "scratch"
    scratch.mkdir()
    before = left_behind(hfx.folder)
    hfx.command("test", str(books / "books.yaml"), "-k", "literal", TMPDIR=str(scratch))
    assert left_behind(hfx.folder) == before
    assert list(scratch.iterdir()) == []


def test_the_paper_project_checks_runs_and_passes_its_tests(hfx):
    folder = hfx.folder / "paper-project"
    hfx.start("init", str(folder))
    topology = str(folder / "topology.yaml")
    assert "ok: 1 source, 9 handlers, 1 sink" in hfx.start("check", topology).stdout
    streams = {stream: folder / f"{stream}.jsonl" for stream in ROW_FIELDS}
    result = hfx.run(topology, None, "--record", ",".join(f"{s}={p}" for s, p in streams.items()))
    assert (result["name"].startswith("test-"), result["frames"]) == (True, 200_000)
    assert result["counters"]["spread"]["wide"] > 0
    for stream, path in streams.items():
        seen = {field for line in path.read_text().splitlines() for field in json.loads(line)}
        assert seen == set(ROW_FIELDS[stream]), stream
    report = hfx.command("test", str(folder))
    assert report["ok"] and report["passed"] == 3
    assert "spread" not in report["files"][0]["not_exercised"]
