"""A live run against a venue on the loopback interface: it disconnects, swallows frames, and is never traded on unseen.

One run of 20,000 frames is looked at from several sides; the venue's own record of what it sent and of its best prices at
every update id is the oracle.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from disruptor.counters import CounterReader, counter_path
from disruptor.errors import CounterFileError
from hydraflow.codes import Kind
from hydraflow.journal.reader import JournalReader
from tests.reference.feed_server import FeedServer
from tests.system.conftest import FEES, ROOT, Hfx, run_capture

EVENTS = {3000: "gap", 5000: "close", 8000: "gap", 10_000: "abort", 13_000: "gap", 15_000: "close"}
GAPS, DISCONNECTS = 3, 3
LATENCY_NS = 5_000_000  # of config/paper-live.yaml, each way
FAST = {"snapshot_every": "50ms", "retry": "10ms", "retry_most": "50ms", "stale": "0s", "timeout": "60s", "seed": 1}
SECONDS = 500  # a compile on a busy machine is in it


class LiveRun:
    """`hfx run` of the live topology in a process of its own."""

    def __init__(self, hfx: Hfx, name: str, **source: Any) -> None:
        folder = hfx.folder / name
        folder.mkdir()
        self.streams = {stream: folder / f"{stream}.jsonl" for stream in ("book", "orders")}
        record = ",".join(f"{stream}={path}" for stream, path in self.streams.items())
        topology = hfx.topology("paper-live", stages={"binance": {**FAST, **source}})
        self._name = f"test-{os.getpid()}-{name}"
        self._environment = {"XDG_STATE_HOME": str(hfx.folder / "state"), "XDG_RUNTIME_DIR": str(hfx.folder / "run")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hydraflow_x_entry", "run", topology, "--name", self._name, "--quiet", "--json",
             "--hiccups", "0", "--stall", "120", "--record", record],
            cwd=hfx.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1", **self._environment},
        )

    def __enter__(self) -> LiveRun:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def counters(self) -> dict[str, Any]:
        """Return the counters of the engine now, {} before it has any."""
        with mock.patch.dict(os.environ, self._environment):
            path = counter_path(self._name)
        try:
            reader = CounterReader(path)
        except (OSError, CounterFileError):
            return {}
        try:
            return reader.snapshot()["counters"]
        finally:
            reader.close()

    def wait(self, server: FeedServer, condition: Any, what: str) -> None:
        """Wait until condition(counters) holds. Raises: AssertionError when the run ends or time does."""
        deadline = time.monotonic() + SECONDS
        while True:
            counters = self.counters()
            if counters and condition(counters):
                return
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, f"{what}: {counters.get('binance')}; {server!r}"
            time.sleep(0.05)

    def end(self) -> tuple[dict[str, Any], str]:
        """Wait for the end; return the result and what was said."""
        out, said = self.process.communicate(timeout=SECONDS)
        return json.loads(out), said


def _decoded(counters: dict[str, Any], delivered: int) -> bool:
    """Whether everything that the venue has delivered, and what the source added, has been through the decoder."""
    source = counters["binance"]
    everything = source["received"] + source["markers"] + source["resyncs"]
    return source["received"] == delivered and counters["deserialize"]["frames"] == everything


@pytest.fixture(scope="module")
def live(hfx: Hfx) -> dict[str, Any]:
    with (
        FeedServer(frames=20_000, events=EVENTS, hold=100) as server,
        LiveRun(hfx, "live", url=server.url, snapshot_url=server.snapshot_url) as run,
    ):
        run.wait(server, lambda _: server.finished.is_set(), "all frames")
        run.wait(server, lambda c: _decoded(c, server.delivered) and c["book"]["resyncs"] >= GAPS + DISCONNECTS, "the rest")
        run.process.send_signal(signal.SIGTERM)
        result, said = run.end()
        rows = {stream: [json.loads(line) for line in path.read_text().splitlines()] for stream, path in run.streams.items()}
        return {"result": result, "said": said, "code": run.process.returncode, "server": server, **rows}


def test_live_run_ends_in_order_on_sigterm(live):
    assert live["code"] == 0
    assert (live["result"]["status"], live["result"]["mode"], live["result"]["error"]) == ("interrupted", "paced", None)
    assert live["said"].count("trying again") == 2  # closed and cut off: each said once


def test_live_run_decodes_every_frame_that_was_delivered(live):
    result, server = live["result"], live["server"]
    source = result["sources"]["binance"]
    assert source["received"] == server.delivered == len(server.sent)
    assert result["frames"] == source["frames"] == server.delivered + source["markers"] + source["resyncs"]
    assert result["frame_errors"] == {"dropped": DISCONNECTS}
    assert (source["disconnects"], source["markers"], source["dropped"]) == (DISCONNECTS, DISCONNECTS, 0)
    assert result["sequencer"]["stamps_backwards"] == 0


def test_live_book_resynchronises_after_every_loss_and_is_the_venues(live):
    result, truth = live["result"], live["server"].truth
    assert result["book"]["resyncs"] >= GAPS + DISCONNECTS
    assert result["sequence_gaps"] >= GAPS
    assert result["book_checks"]["failed"] == 0 and result["book_checks"]["passed"] > 100
    assert live["book"][-1]["status"] == "LIVE" and live["book"][-1]["u"] == live["server"].last_update
    alive = [row for row in live["book"] if row["status"] == "LIVE"]
    assert len(alive) > len(live["book"]) // 2
    for row in alive:
        shown = row["bid_price"], row["bid_quantity"], row["ask_price"], row["ask_quantity"]
        assert tuple(map(Decimal, shown)) == tuple(map(Decimal, truth[row["u"]])), row


def test_live_run_places_no_order_on_a_book_that_is_not_live(live):
    decisions = [row for row in live["orders"] if row["event"] == "decision"]
    accepted = [row for row in decisions if row["action"] == "NEW" and row["reason"] == "ACCEPTED"]
    assert len(accepted) > 50
    assert {row["book_status"] for row in accepted} == {"LIVE"}
    blind = _blind(JournalReader(Path(live["result"]["journal"]["path"])).load().messages)
    assert len(blind) >= GAPS + DISCONNECTS
    for row in accepted:
        assert not any(start <= row["sequence"] < end for start, end in blind), row


def _blind(messages: Any) -> list[tuple[int, int]]:
    """Return the stretches of the main ring from a loss, as anybody can see it in the messages, to the next snapshot."""
    stretches, start, last = [], 0, -1
    for sequence, (kind, update, previous) in enumerate(zip(messages["kind"], messages["last_update"], messages["previous_update"])):
        if kind == Kind.SNAPSHOT and start >= 0:
            stretches.append((start, sequence))
            start = -1
        lost = kind == Kind.LOST or (kind == Kind.DEPTH and last >= 0 and previous != last)
        if kind == Kind.LOST:
            last = -1  # the next depth message comes from another connection
        elif kind == Kind.DEPTH:
            last = int(update)
        if lost and start < 0:
            start = sequence
    return stretches if start < 0 else [*stretches, (start, len(messages))]


def test_live_reports_come_back_after_the_latency(live):
    sent = {row["order_id"]: row["receive_ns"] for row in live["orders"] if row["event"] == "decision"}
    waits = [row["receive_ns"] - sent[row["order_id"]] for row in live["orders"]
             if row["event"] == "report" and row["status"] == "ACCEPTED"]
    assert len(waits) > 20 and min(waits) >= 2 * LATENCY_NS


def test_live_journal_replays_to_the_same_state(live, hfx):
    journal = Path(live["result"]["journal"]["path"])
    assert live["result"]["journal"]["verified"]
    replayed = hfx.replay(journal)
    assert replayed["replay"]["differences"] == 0 and replayed["replay"]["compared"] > 100
    assert replayed["state_hashes"] == live["result"]["state_hashes"]
    assert replayed["state_hash"] == live["result"]["state_hash"]


def test_live_run_that_gives_up_says_why_and_ends_with_69(live, hfx):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"ws://127.0.0.1:{probe.getsockname()[1]}/ws/btcusdt@depth"
    with LiveRun(hfx, "refused", url=address, max_attempts=3) as run:
        result, said = run.end()
    assert run.process.returncode == 69
    assert result["status"] == "failed" and result["error"]["handler"] == "binance"
    assert "gave up after 3 attempts" in result["error"]["text"] and "refused" in said
    assert result["sources"]["binance"]["failed_attempts"] == 3 and result["frames"] == 0


def test_a_recorded_feed_replays_as_a_capture(hfx):
    capture = hfx.folder / "recorded.gz"
    with FeedServer(frames=10_000, events={3000: "gap", 6000: "abort"}, hold=100) as server:
        topology = hfx.topology("paper-live", stages={"binance": {**FAST, "url": server.url, "snapshot_url": server.snapshot_url}})
        process = subprocess.Popen(
            [sys.executable, "-m", "hydraflow_x_entry", "record", topology, "-o", str(capture), "--json"], cwd=hfx.folder,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1"},
        )
        server.wait(server.finished.is_set, "all frames")
        process.send_signal(signal.SIGTERM)
        recorded = json.loads(process.communicate(timeout=60)[0])
    assert process.returncode == 0
    assert (recorded["received"], recorded["gaps"]) == (server.delivered, 1)
    assert recorded["frames"] == server.delivered + recorded["resyncs"]
    result = run_capture(hfx, capture, {"symbol": "BTCUSDT", "tick": "0.1", "lot": "0.001", **FEES})
    assert result["frames"] == recorded["frames"] and result["frame_errors"] == {}
    assert result["book_checks"]["failed"] == 0 and result["book_checks"]["passed"] > 50
    assert result["book"]["resyncs"] == 2 and result["sequence_gaps"] == 2
    assert result["orders"] > 50
