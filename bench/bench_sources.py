"""CPU time per frame of the sources: the simulator's generator and step, and the capture's step. One thread, no pinning.

    python bench/bench_sources.py [--frames N] [--capture FILE] [--json]

The steps publish into a frames ring whose reader is always done, so nothing but the source is timed. CPU time of the
thread; excluded: compilation, decompression, the first 20,000 frames. Each result carries a hash of what was produced.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from disruptor.compiled import compiled, entry
from disruptor.digest import fold
from disruptor.handler import params_record
from disruptor.ring import Port, Ring
from hydraflow.ingress.capture.state import CaptureParams
from hydraflow.ingress.capture.step import capture
from hydraflow.ingress.simulator.batch import SimulatedLines
from hydraflow.ingress.simulator.source import simulator
from hydraflow.ingress.simulator.state import SimulatorParams
from hydraflow.records import FRAME

SCHEMA = "hfx.bench.sources/1"
_WARM = 20_000
_simulator = compiled(simulator.step)
_capture = compiled(capture.step)


@entry
def _run_simulator(state, params, counters, frames, stamps, turns):
    digest, done = 0, 0
    for _ in range(turns):
        done = _simulator(state, params, counters, frames, frames.cell["mask"] + 1, frames.cell["payload_mask"] + 1, 0, stamps)
        if done < 0:
            break
        digest = fold(digest, frames.cell["payload_next"])
    return digest


@entry
def _run_capture(state, params, counters, frames, stamps, raw, raw_cells, turns):
    digest, done = 0, 0
    for _ in range(turns):
        done = _capture(
            state, params, counters, frames, frames.cell["mask"] + 1, frames.cell["payload_mask"] + 1, 0, stamps, raw, raw_cells
        )  # fmt: skip
        if done < 0:
            break
        digest = fold(digest, frames.cell["payload_next"])
    return digest


def bench_lines(frames: int) -> dict[str, Any]:
    """`hfx simulate` without its file: lines into a buffer."""
    lines = SimulatedLines(SimulatorParams(frames=_WARM + frames), block=1 << 20)
    blocks = iter(lines)
    digest = hashlib.sha256(next(blocks))
    begun, seconds, size = int(lines.counters["frames"]), 0.0, 0
    while True:
        start = time.thread_time()
        block = next(blocks, None)
        seconds += time.thread_time() - start
        if block is None:
            break
        size += len(block)
        digest.update(block)
    count = int(lines.counters["frames"]) - begun
    return _row("simulator, lines into a buffer", count, seconds, size, digest.hexdigest()[:16])


def bench_simulator(frames: int) -> dict[str, Any]:
    """The step, publishing frames."""
    params = SimulatorParams(frames=_WARM + frames)
    run = _Run(simulator, params)
    run.call(_run_simulator, turns=_WARM // params.burst)
    begun, size = int(run.counters["frames"]), int(run.counters["bytes"])
    start = time.thread_time()
    digest = run.call(_run_simulator, turns=1 << 40)
    seconds = time.thread_time() - start
    return _row(
        "simulator, step", int(run.counters["frames"]) - begun, seconds, int(run.counters["bytes"]) - size, f"{digest & (1 << 64) - 1:016x}"
    )


def bench_capture(path: str) -> dict[str, Any]:
    """The step on a file that is decompressed before."""
    for _ in range(2):  # the first compiles
        run = _Run(capture, CaptureParams(path=path, buffer_bytes=512 << 20))
        run.feed.start()
        start = time.thread_time()
        digest = run.call(_run_capture, *run.feed.arrays.values(), turns=1 << 40)
        seconds = time.thread_time() - start
        run.feed.stop()
    count, size = int(run.counters["frames"]), int(run.counters["bytes"])
    return _row(f"capture, step ({Path(path).name})", count, seconds, size, f"{digest & (1 << 64) - 1:016x}")


class _Run:
    def __init__(self, source: Any, params: Any) -> None:
        self.feed = source.open(params) if source.open else None
        self.counters = np.zeros(1, source.counters_dtype())[0]
        self._ring = Ring("frames", FRAME, 4096, payload=("u1", 32 << 20), stamps=True)
        self._ring.payload.fill(0)  # page faults belong to the start of an engine
        self._state = np.zeros(1, source.state_dtype(params))
        self._params = params_record(params)
        source.prepare(self._state[0], params)

    def call(self, run: Any, *arrays: np.ndarray, turns: int) -> int:
        port = Port(self._ring.records, self._ring.payload, self._ring.port[0])
        return int(run(self._state[0], self._params[0], self.counters, port, self._ring.stamps, *arrays, turns))


def _row(work: str, frames: int, seconds: float, size: int, digest: str) -> dict[str, Any]:
    return {
        "work": work,
        "frames": frames,
        "cpu_ns_per_frame": round(seconds / frames * 1e9, 1),
        "bytes_per_frame": round(size / frames, 1),
        "result_hash": digest,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--capture", help="capture to read; default: one that is simulated")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = [bench_lines(arguments.frames), bench_simulator(arguments.frames)]
    if arguments.capture:
        rows.append(bench_capture(arguments.capture))
    else:
        with tempfile.NamedTemporaryFile(suffix=".capture") as file:
            for block in SimulatedLines(SimulatorParams(frames=min(arguments.frames, 1_000_000))):
                file.write(block)
            file.flush()
            rows.append(bench_capture(file.name))
    if arguments.json:
        print(json.dumps({"schema": SCHEMA, "seed": SimulatorParams().seed, "rows": rows}, indent=2))
        return
    for row in rows:
        print(
            f"{row['work']:<44} {row['frames']:>10,} frames {row['cpu_ns_per_frame']:>7.1f} ns/frame (CPU) "
            f"{row['bytes_per_frame']:>6.1f} B/frame  {row['result_hash']}"
        )


if __name__ == "__main__":
    main()
