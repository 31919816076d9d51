"""How long a change of parameters takes until its handler works with it: `python -m bench.bench_live [--json] [--changes N] [--rate FRAMES] [--smoke]`.

The demo runs in processes of its own, paced; changes are asked for one after the other over the engine's socket. Measured in the
engine (`took_us` of its answer): from the request in hand, through reading and judging it, the mailbox, the sequencer, until the
cursor of the changed stage has passed the *next* message, the first one that it handled with the new value; a part of that is waiting
for this message (50 µs at 20,000 frames/s). And by who asks: the whole round trip, connecting and both ways through the socket
included. Excluded: the start of `hfx apply` itself (an interpreter and its imports). Wall time: on a machine that others use as well
it shows them, and so does `load`; `cpu_us`, of the control thread from request to answer, waiting for the handlers included as far
as it spins, does not. The journal is part of the run: the changes that the report lists, in their order, are those that were asked for.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from hydraflow.control.connection import ask
from hydraflow.errors import Unavailable

ROOT = Path(__file__).resolve().parents[1]
_PATIENCE_SECONDS = 900
_SMOKE_CHANGES = 9


def measure(changes: int, rate: int) -> dict[str, object]:
    """Return microseconds per change, in the engine and round trip, as quantiles."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder}
        engine = subprocess.Popen(
            [sys.executable, "-m", "hydraflow_x_entry", "run", "demo", "--quiet", "--json", "--hiccups", "0.5",
             "--set", f"sources.simulator.with.rate={rate}", "--set", "sources.simulator.with.frames=1_000_000_000"],
            cwd=ROOT, stdout=subprocess.PIPE,
        )
        try:
            _wait_for(engine)
            inside, outside, cpu = [], [], []
            for number in range(changes):
                began = time.perf_counter_ns()
                answer = ask("demo", "apply", set=[f"risk.max_position={_value(number)}"], behind=1)
                outside.append((time.perf_counter_ns() - began) / 1000)
                assert answer["ok"] and answer["reached"], answer
                inside.append(answer.get("took_us", 0))
                cpu.append(answer.get("cpu_us", 0))
                time.sleep(0.003)
        finally:
            engine.send_signal(signal.SIGTERM)
            output, _ = engine.communicate(timeout=120)
        result = json.loads(output)
    made = [change["parameters"] for change in result["parameter_changes"]]
    assert result["sequencer"]["parameter_messages"] == len(made)
    assert [float(one["risk.max_position"]) for one in made] == [float(_value(number)) for number in range(changes)], made[:3]
    quantiles = (50, 90, 99, 100)
    return {
        "changes": len(result["parameter_changes"]), "frames_per_second": rate, "load": round(os.getloadavg()[0], 1),
        "in_engine_us": {f"p{q}": round(float(np.percentile(inside, q)), 1) for q in quantiles},
        "cpu_us": {f"p{q}": round(float(np.percentile(cpu, q)), 1) for q in quantiles},
        "round_trip_us": {f"p{q}": round(float(np.percentile(outside, q)), 1) for q in quantiles},
        "placement": [f"{t['thread']}: {t['wait']}" for t in result["placement"]],
        "hiccup_us": {name: round(result["hiccup_ns"][name] / 1000, 1) for name in ("p50", "p99", "max")},
    }


def _value(number: int) -> int:
    return 10 + number % 7


def _wait_for(engine: subprocess.Popen) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            ask("demo", "describe")
            return
        except Unavailable:
            if time.monotonic() > end or engine.poll() is not None:
                raise
            time.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--changes", type=int, default=300)
    parser.add_argument("--rate", type=int, default=20_000, help="frames per second of the simulator")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--smoke", action="store_true", help="a few changes: does it run?")
    arguments = parser.parse_args()
    found = measure(_SMOKE_CHANGES if arguments.smoke else arguments.changes, arguments.rate)
    print(json.dumps(found, indent=None if arguments.json else 2))


if __name__ == "__main__":
    main()
