"""Results of the real engine: a folder of one run, the same orders and books from a replay of its journal, and a killed engine."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

import hydraflow
from hydraflow.errors import HydraFlowError
from tests.reference.engine_process import hfx_process
from tests.reference.faulty_handlers import FOREVER, topology

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
FRAMES = "20000"


@pytest.fixture(scope="module")
def folder(hfx) -> Path:
    """A run of the demo that left everything in one folder."""
    ran = hfx.start("run", "demo", "--quiet", "--hiccups", "0", "--results", "out/run", HYDRAFLOW_FRAMES=FRAMES)
    assert ran.stderr == "hfx: results in out/run; in Python: hydraflow.open_run('out/run')\n"
    return hfx.folder / "out/run"


def test_a_folder_holds_all_of_a_run(folder):
    run = hydraflow.open_run(folder)
    report = json.loads((folder / "report.json").read_text())
    assert run.complete and run.name == "demo" and run.report == report and report["frames"] == int(FRAMES)
    assert [i["tick"] for i in report["instruments"]] == ["0.1", "0.1"] == [str(run.instruments[k].tick) for k in (0, 1)]
    assert len(run.messages) == report["messages"] and len(run.fills) == report["fills"] > 50
    accepted = run.orders[(run.orders["reason"] == 0) & (run.orders["action"] == 1)]
    assert len(run.orders) == report["decisions"] and 0 < len(accepted) <= report["orders"]
    assert np.isin(run.fills["order_id"] & ((1 << 56) - 1), accepted["order_id"]).all()
    assert (run.histogram("book")["count"].sum(), run.latencies[run.latencies["name"] == "book"]["count"].tolist()) == (
        report["latency_ns"]["book"]["count"], [report["latency_ns"]["book"]["count"]])


def test_positions_and_fees_follow_from_the_fills(folder):
    run = hydraflow.open_run(folder)
    fills = run.fills
    position = [int((fills["side"] * fills["quantity_lots"])[fills["symbol"] == k].sum()) for k in range(len(run.instruments))]
    own = run.report["position_lots"]
    assert sum(position) == sum(own) and own[0] in (position[0], sum(position))


def test_the_journal_alone_gives_the_same_orders_fills_and_books(folder, tmp_path, capfd):
    [journal] = [p for p in folder.iterdir() if p.is_dir()]
    shutil.copytree(journal, tmp_path / "journal")
    whole, alone = hydraflow.open_run(folder), hydraflow.open_run(tmp_path / "journal")
    for table in ("orders", "books", "fills"):
        assert (getattr(alone, table).array == getattr(whole, table).array).all() and len(getattr(alone, table)) > 50, table
    assert alone.complete and "for the orders and books that nobody recorded" in capfd.readouterr().err
    assert alone.orders is alone.orders


def test_a_replay_that_fails_says_why(folder, tmp_path, monkeypatch):
    [journal] = [p for p in folder.iterdir() if p.is_dir()]
    shutil.copytree(journal, tmp_path / "journal")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    run = hydraflow.open_run(tmp_path / "journal")
    assert len(run.messages)  # read before it goes
    shutil.rmtree(tmp_path / "journal")
    with pytest.raises(HydraFlowError, match=r"HF652: journal .*: the replay failed: .*No such file") as caught:
        _ = run.orders
    assert caught.value.exit_code == 66


def test_a_folder_holds_one_run(hfx, folder):
    ran = hfx.start("run", "demo", "--quiet", "--results", "out/run", code=73)
    assert ran.stderr == "hfx: results 'out/run': the folder is not empty; name a new one: a folder holds one run\n"
    ran = hfx.start("run", "demo", "--quiet", "--results", "out/none", "--set", "sources.simulator.with.frames=x", code=2)
    assert "HF305" in ran.stderr and not (hfx.folder / "out/none").exists()


def test_kill_9_leaves_a_folder_that_opens(tmp_path):
    with hfx_process(tmp_path, "run", topology(tmp_path, ticks=FOREVER), "--name", "busy", "--hiccups", "0", "--quiet", "--results", "out",
                     "--stall", "120") as process:
        os.kill(process.engine_at("busy", 50_000), signal.SIGKILL)
        assert process.end() == 70
    run = hydraflow.open_run(tmp_path / "out")
    assert run.status == "failed" and not run.complete
    assert any("was killed by SIGKILL" in text for text in run.missing) and any("intact" in text for text in run.missing)
    assert any(text.startswith("the recorded books were never finished") for text in run.missing)
    assert len(run.messages) > 10_000 and len(run.latencies) > 3
    assert run.books.dtype == run.books.array.dtype and not run.books["symbol"].any()  # whole rows only
