"""The journal handler: what it stages of a message, and what it leaves out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from disruptor.log import read
from disruptor.log.format import RECORD_HEADER_BYTES, record_word
from disruptor.ring import Port
from handlers.journal import MAX_RECORD_BYTES, on_event
from hydraflow.journal.folder import RECORD_BYTES_MAX
from hydraflow.records import INPUT_BYTES, LEVEL, LEVELS_MAX, MESSAGE
from tests.reference.journal_driver import COUNTERS, Feed, random_messages

REPOSITORY = Path(__file__).resolve().parents[2]
FIXED = RECORD_HEADER_BYTES + INPUT_BYTES


def expected(sequence: int, message: np.void, units: np.ndarray) -> bytes:
    """What one message looks like in staging, said the obvious way."""
    count = int(message["payload_count"])
    start = int(message["payload_position"]) % (len(units) // 2)
    plain = np.zeros(1, MESSAGE)
    plain[0] = message
    plain[0]["payload_position"] = 0
    word = record_word(FIXED + 16 * count, 1)
    return np.array([word, sequence], np.int64).tobytes() + plain.tobytes()[:INPUT_BYTES] + units[start : start + count].tobytes()


@pytest.fixture
def feed(tmp_path: Path):
    made = Feed(tmp_path / "log")
    yield made
    made.finish()


@pytest.mark.parametrize("way", ["jitted", "plain"])
def test_handler_stages_input_part_and_payload(feed: Feed, way: str) -> None:
    messages, units = random_messages(200)
    staging = feed.writer.staging
    if way == "jitted":
        feed.stage(messages, units)
    else:
        counters = feed.counters[0]
        for i, message in enumerate(messages):
            on_event(message, i, units, Port(staging.records, staging.payload, staging.port[0]), counters)
    wanted = b"".join(expected(i, m, units) for i, m in enumerate(messages))
    assert staging.payload[: len(wanted)].tobytes() == wanted
    assert staging.port[0]["payload_next"] == len(wanted)
    assert feed.counters[0]["messages"] == 200 and feed.counters[0]["bytes"] == len(wanted)
    feed.writer.cells[feed.writer.words.staged] = len(wanted)


def test_handler_stages_the_largest_message(feed: Feed) -> None:
    messages = np.zeros(1, MESSAGE)
    messages[0]["payload_count"] = LEVELS_MAX
    units = np.zeros(2 * LEVELS_MAX, LEVEL)
    units.view(np.int64)[:] = np.arange(4 * LEVELS_MAX)
    feed.stage(messages, units)
    feed.finish()
    (record,) = list(read(feed.writer.folder))
    assert record.body.nbytes + RECORD_HEADER_BYTES == MAX_RECORD_BYTES
    assert record.body[INPUT_BYTES // 8 :].tobytes() == units[:LEVELS_MAX].tobytes()


def test_handler_reads_a_payload_across_the_end_of_its_ring(feed: Feed) -> None:
    messages = np.zeros(1, MESSAGE)
    messages[0]["payload_count"] = 4
    messages[0]["payload_position"] = 5 * 64 + 62
    units = np.zeros(128, LEVEL)
    units.view(np.int64)[:128] = np.arange(128)
    units[64:] = units[:64]
    feed.stage(messages, units)
    feed.finish()
    (record,) = list(read(feed.writer.folder))
    assert record.body[INPUT_BYTES // 8 :].tolist() == [124, 125, 126, 127, 0, 1, 2, 3]


def test_handler_declares_the_room_that_it_needs() -> None:
    assert MAX_RECORD_BYTES == RECORD_BYTES_MAX == FIXED + 16 * LEVELS_MAX
    assert on_event.max_payload == {"staging": MAX_RECORD_BYTES} and on_event.max_out == {"staging": 0}
    assert on_event.name == "journal" and on_event.counters_dtype() == COUNTERS
    assert set(on_event.reads or ()) == {n for n in MESSAGE.names if MESSAGE.fields[n][1] < INPUT_BYTES}


UNJITTED = """
import json, sys
from pathlib import Path
from tests.reference.journal_driver import write_journal
_, _, status = write_journal(Path(sys.argv[1]), 300, run_id=5, created_ns=6, segment_bytes=1 << 21)
print(json.dumps(status._asdict()))
"""


def test_unjitted_run_writes_the_same_bytes(tmp_path: Path) -> None:
    for folder, disabled in (("jitted", "0"), ("plain", "1")):
        done = subprocess.run(
            [sys.executable, "-c", UNJITTED, str(tmp_path / folder)], capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "NUMBA_DISABLE_JIT": disabled},
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["records"] == 300
    names = sorted(os.listdir(tmp_path / "jitted"))
    assert names == sorted(os.listdir(tmp_path / "plain"))
    for name in names:
        assert (tmp_path / "jitted" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()
