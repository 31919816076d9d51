"""`hfx record` against a venue on the loopback interface."""

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hydraflow.cli.record import record
from hydraflow.errors import OutputError, Unavailable, UsageError
from tests.reference.feed_server import FeedServer, simulated_frames

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def texts() -> list[bytes]:
    return list(simulated_frames(2000, 7))


def start(*arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "hydraflow_x_entry", "record", *arguments, "--json"], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1"},
    )


def finish(process: subprocess.Popen) -> tuple[dict, str]:
    out, said = process.communicate(timeout=60)
    return json.loads(out), said


def lines(path: Path) -> list[bytes]:
    opened = gzip.open(path) if path.suffix == ".gz" else path.open("rb")
    with opened as file:
        return [line.rstrip(b"\n").partition(b" ")[2] for line in file]


@pytest.mark.parametrize("name", ["feed.txt", "feed.gz"])
def test_record_writes_exactly_the_frames_asked_for(tmp_path, texts, name):
    with FeedServer(texts=texts) as server:
        process = start("websocket", "--url", server.url, "-o", str(tmp_path / name), "--frames", "500")
        result, said = finish(process)
    assert process.returncode == 0 and result["schema"] == "hfx.record/1" and result["frames"] == 500
    assert lines(tmp_path / name) == texts[1:501]  # the first is the simulator's own snapshot
    assert "500 frames" in said


def test_record_stops_after_the_seconds_asked_for(tmp_path, texts):
    with FeedServer(texts=texts) as server:
        process = start("websocket", "--url", server.url, "-o", str(tmp_path / "feed"), "--seconds", "0.5")
        result, _ = finish(process)
    assert process.returncode == 0 and result["connects"] == 1
    assert len(lines(tmp_path / "feed")) == result["frames"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_record_ends_a_whole_file_when_it_is_told_to(tmp_path, texts, number, code):
    with FeedServer(texts=texts) as server:
        process = start("websocket", "--url", server.url, "--snapshot-url", server.snapshot_url, "-o", str(tmp_path / "feed.gz"))
        server.wait(lambda: server.finished.is_set() and server.snapshots == 1, "all frames")
        process.send_signal(number)
        result, _ = finish(process)
    assert process.returncode == code
    written = lines(tmp_path / "feed.gz")
    assert [t for t in written if b'"symbol":"BTCUSDT"' not in t] == texts[1:]
    assert result["frames"] == len(written) == len(texts) - 1 + result["resyncs"]


def invoke(*arguments: str):
    return CliRunner().invoke(record, arguments, catch_exceptions=True)


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (("websocket",), "--url wss://"),
        (("websocket", "--url", "http://x"), "must begin with wss:// or ws://"),
        (("config/demo.yaml", "--url", "ws://x"), "goes with SOURCE websocket"),
        (("config/demo.yaml",), "has no websocket source"),
    ],
)
def test_record_refuses_what_does_not_go_together(tmp_path, monkeypatch, arguments, wrong):
    monkeypatch.chdir(ROOT)
    result = invoke(*arguments, "-o", str(tmp_path / "x"))
    assert isinstance(result.exception, UsageError) and wrong in str(result.exception)
    assert not (tmp_path / "x").exists()


def test_record_keeps_a_file_that_is_there(tmp_path):
    (tmp_path / "x").write_text("mine")
    result = invoke("websocket", "--url", "ws://127.0.0.1:1/", "-o", str(tmp_path / "x"))
    assert isinstance(result.exception, OutputError) and "--force" in str(result.exception)
    assert (tmp_path / "x").read_text() == "mine"


def test_record_names_the_extra_when_the_library_is_missing(tmp_path, monkeypatch):
    for module in [m for m in sys.modules if m.split(".")[0] == "websockets"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "websockets", None)
    result = invoke("websocket", "--url", "ws://127.0.0.1:1/", "-o", str(tmp_path / "x"))
    assert isinstance(result.exception, Unavailable) and "hydraflow-x[feeds]" in str(result.exception)
