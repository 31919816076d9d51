"""The journal: what a message costs its handler and its writer, how soon it is durable, how fast it is read back.

    python bench/bench_journal.py [--json] [--messages N] [--levels N] [--rate PER_SECOND] [--seconds S] [--folder DIR]

Times are CPU time of the thread that does the work (wall time on a shared machine halves at will), but for `durable`,
which is paced by the time-stamp counter: latency from the planned moment to the moment a polling thread sees the
sequence on disk; the disk and everybody else on the machine are in it. Excluded: compilation, reading of the arguments.
`hash` covers all messages and levels read back: the same for (seed, messages, levels) on every machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.kernels_journal import COUNTERS, pace, stage_all
from disruptor.clock import calibrate
from disruptor.log import LogWriter
from disruptor.threads import PinnedThread
from handlers.journal import MAX_RECORD_BYTES
from hydraflow.journal import JournalReader
from hydraflow.records import LEVEL, MESSAGE

SEED = 7
PERCENTILES = {"p50": 50, "p90": 90, "p99": 99, "p999": 99.9, "max": 100}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--messages", type=int, default=400_000)
    parser.add_argument("--levels", type=int, default=5)
    parser.add_argument("--rate", type=int, default=1_000_000, help="messages a second, durable part")
    parser.add_argument("--seconds", type=float, default=2.0, help="duration of the durable part; 0 leaves it out")
    parser.add_argument("--fifo", action="store_true", help="durable part: the writer's thread runs under SCHED_FIFO")
    parser.add_argument("--folder", type=Path, default=None, help="where to write; default: a temporary folder")
    arguments = parser.parse_args()
    parent = Path(tempfile.mkdtemp(prefix="bench-journal-", dir=arguments.folder))
    try:
        messages, units = make_messages(arguments.messages, arguments.levels)
        result: dict[str, Any] = {
            "schema": "hfx.bench.journal/1", "seed": SEED, "messages": arguments.messages, "levels": arguments.levels,
            "load_average": os.getloadavg()[0],
        }
        result["append"] = append(parent / "append", messages, units)
        result["write"], folder = write(parent / "write", messages, units)
        result["read"] = read_back(folder)
        if arguments.seconds > 0:
            result["durable"] = durable(parent / "durable", messages, units, arguments.rate, arguments.seconds, arguments.fifo)
    finally:
        shutil.rmtree(parent)
    if arguments.json:
        print(json.dumps(result))
        return
    for part, figures in result.items():
        print(f"{part:>10}  " + (str(figures) if not isinstance(figures, dict) else "  ".join(f"{k} {v}" for k, v in figures.items())))


def make_messages(count: int, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return `count` depth-like messages of `levels` levels each."""
    rng = np.random.default_rng(SEED)
    messages = np.zeros(count, MESSAGE)
    capacity = 1 << max(count * levels, 512).bit_length()
    units = np.zeros(2 * capacity, LEVEL)
    units.view(np.int64)[: 2 * count * levels] = rng.integers(0, 1 << 40, 2 * count * levels)
    messages["receive_ns"] = np.arange(count) * 1000
    messages["payload_position"] = np.arange(count) * levels
    messages["payload_count"] = levels
    return messages, units


def append(folder: Path, messages: np.ndarray, units: np.ndarray) -> dict[str, Any]:
    """The handler alone: no writer at work, staging declared free again between rounds."""
    writer = LogWriter(folder, record_bytes_max=MAX_RECORD_BYTES, staging_bytes=16 << 20)
    size = 88 + 16 * int(messages[0]["payload_count"])
    part = min(len(messages), (14 << 20) // size)
    counters = np.zeros(1, COUNTERS)
    rounds = []
    for _ in range(12):
        before = time.thread_time_ns()
        stage_all(*_staging(writer), messages[:part], units, 0, counters)
        rounds.append((time.thread_time_ns() - before) / part)
        writer.cells[writer.words.consumed] = writer.cells[writer.words.staged]
    writer.cells[writer.words.staged] = 0
    writer.close()
    return {"ns_per_message": round(float(np.median(rounds[2:])), 1), "record_bytes": size}


def write(folder: Path, messages: np.ndarray, units: np.ndarray) -> tuple[dict[str, Any], Path]:
    """Handler and writer flat out, not durable: what the disk and the writer's thread can take."""
    writer = LogWriter(folder, text=b'{"schema": "hfx.journal/1"}', record_bytes_max=MAX_RECORD_BYTES)
    writer.compile()
    cpu: list[int] = []
    thread = PinnedThread(lambda: _timed(writer.run, cpu), name="journal")
    thread.start()
    before = time.perf_counter()
    stage_all(*_staging(writer), messages, units, 0, np.zeros(1, COUNTERS))
    writer.stop()
    thread.join()
    seconds = time.perf_counter() - before
    status = writer.close()
    return {
        "writer_cpu_ns_per_message": round(cpu[0] / len(messages), 1),
        "messages_per_second_wall": round(len(messages) / seconds),
        "megabytes_per_second_wall": round(status.written_bytes / seconds / 1e6),
        "commits": status.commits, "direct": status.direct,
    }, folder


def read_back(folder: Path) -> dict[str, Any]:
    """Verification and loading, from the page cache."""
    JournalReader(folder).load()
    before = time.thread_time()
    reader = JournalReader(folder)
    verified = time.thread_time()
    loaded = reader.load()
    done = time.thread_time()
    digest = hashlib.sha256()
    digest.update(loaded.messages.tobytes())
    digest.update(loaded.units.tobytes())
    return {
        "verified": reader.verdict.verified,
        "verify_messages_per_second": round(len(reader) / (verified - before)),
        "load_messages_per_second": round(len(reader) / (done - verified)),
        "hash": digest.hexdigest()[:16],
    }


def durable(folder: Path, messages: np.ndarray, units: np.ndarray, rate: int, seconds: float, fifo: bool) -> dict[str, Any]:
    """Paced messages, each commit on the device before it counts."""
    writer = LogWriter(folder, record_bytes_max=MAX_RECORD_BYTES, durable=True)
    writer.compile()
    calibration = calibrate()
    count = int(rate * seconds)
    latencies = np.zeros(count, np.int64)
    step = 1e9 / rate / calibration.ns_per_tick
    thread = PinnedThread(writer.run, name="journal", realtime_priority=1 if fifo else None)
    thread.start()
    pace(*_staging(writer), messages, units, writer.words.durable, step, latencies, np.zeros(1, COUNTERS))
    writer.stop()
    thread.join()
    status = writer.close()
    skipped = count // 10
    nanoseconds = latencies[skipped:] * calibration.ns_per_tick
    return {
        "rate": rate, "count": count - skipped, "commits_per_second": round(status.commits / seconds), "direct": status.direct, "fifo": fifo,
        **{name: f"{np.percentile(nanoseconds, p) / 1000:.0f} µs" for name, p in PERCENTILES.items()},
    }


def _staging(writer: LogWriter) -> tuple[Any, ...]:
    words, staging = writer.words, writer.staging
    return writer.cells, words.staged, words.consumed, staging.records, staging.payload, staging.port


def _timed(call: Any, into: list[int]) -> None:
    before = time.thread_time_ns()
    call()
    into.append(time.thread_time_ns() - before)


if __name__ == "__main__":
    main()
