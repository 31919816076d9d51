"""The whole graph, measured from outside: `python -m bench.bench_graph [--json] [--captures FOLDER] [--only PART,…] [--smoke]`.

    capture      a real USD-M capture, flat out: frames/s of the run's `seconds` (decompression excluded, line splitting,
                 journal and orders included), median of RUNS second starts
    simulated    wall time of a second `hfx run` on 5 M simulated frames, everything included
    paced        simulated frames at 100,000/s: frame → wire percentiles beside the machine's own hiccups in that run
    gil          `capture` again with a Python thread that spins in the engine from the end of compiling on: with one
                 loop, which leaves it a core, and with two, which wants a third core; p99 of frame → wire beside the throughput

Each figure comes with the state hash of its run, so that it cannot rot. Engines run in processes of their own, pinned as
their placement says; the load of others is in the figures: run it on a quiet machine and look at `loadavg`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RUNS = 5
_PARTS = ("capture", "simulated", "paced", "gil")
_HOG = '''import threading
import time
from pathlib import Path

def _compiled():
    return any("hiccups" in file.read_text() for file in Path("/proc/self/task").glob("*/comm"))

def _spin():
    while not _compiled():
        time.sleep(0.02)
    while True:
        pass

threading.Thread(target=_spin, daemon=True).start()

def on_event(event):
    pass
'''


def run(config: str | Path, *options: str, **environment: str) -> tuple[dict[str, Any], float]:
    """Run `hfx run CONFIG --json`; return the result and the wall time of the whole command."""
    command = [sys.executable, str(ROOT / "hydraflow_x_entry.py"), "run", str(config), "--json", "--quiet", "--name",
               f"bench-{os.getpid()}", *options]
    print(f"{time.strftime('%H:%M:%S')} hfx run {Path(config).name} {' '.join(options)}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as journal:
        began = time.monotonic()
        done = subprocess.run([*command, "--journal", journal], env={**os.environ, **environment}, cwd=ROOT,
                              capture_output=True, text=True, check=False)
        wall = time.monotonic() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout), wall


def capture(path: Path, runs: int) -> dict[str, Any]:
    """Measure a capture flat out."""
    rows = [run("config/capture.yaml", HYDRAFLOW_CAPTURE=str(path))[0] for _ in range(runs + 1)][1:]
    rates = sorted(row["frames_per_second"] for row in rows)
    return {
        "frames": rows[0]["frames"], "runs": runs, "frames_per_second": statistics.median(rates), "min": rates[0],
        "max": rates[-1], "level_changes": rows[0]["level_changes"], "book_checks": rows[0]["book_checks"]["passed"],
        "fills": rows[0]["fills"], "memory_mib": max(row["memory_bytes"] for row in rows) >> 20,
        "start_seconds": statistics.median(row["start_seconds"]["all"] for row in rows), "state_hash": rows[0]["state_hash"],
    }


def simulated(frames: int) -> dict[str, Any]:
    """Measure the wall time of a second run on simulated frames."""
    run("config/demo.yaml", HYDRAFLOW_FRAMES="1000")
    row, wall = run("config/demo.yaml", HYDRAFLOW_FRAMES=str(frames))
    return {
        "frames": frames, "wall_seconds": round(wall, 3), "frames_per_second_overall": round(frames / wall),
        "frames_per_second": row["frames_per_second"], "fills": row["fills"], "memory_mib": row["memory_bytes"] >> 20,
        "journal_bytes": row["journal"]["bytes"], "state_hash": row["state_hash"],
    }


def paced(frames: int, rate: int) -> dict[str, Any]:
    """Measure frame → wire at a fixed rate, beside the hiccups."""
    row, _ = run("config/demo.yaml", "--hiccups", "2", HYDRAFLOW_FRAMES=str(frames), HYDRAFLOW_RATE=str(rate))
    wire = row["latency_ns"]["frame_to_wire"]
    return {
        "rate": rate, "frames": frames, "mode": row["mode"], "frame_to_wire_ns": wire, "hiccup_ns": row["hiccup_ns"],
        "p50_above_hiccup_ns": round(wire["p50"] - row["hiccup_ns"].get("p50", 0)),
        "p99_above_hiccup_ns": round(wire["p99"] - row["hiccup_ns"].get("p99", 0)), "state_hash": row["state_hash"],
    }


def gil(path: Path, runs: int) -> dict[str, Any]:
    """Measure the capture with a Python thread that never lets go of the GIL by itself, alternating with without."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "hog.py").write_text(_HOG)
        text = (ROOT / "config/capture.yaml").read_text()
        calm = text.replace("sinks:", "  - {name: calm, use: probe, on: main}\n\nsinks:")
        hog = text.replace("sinks:", "  - {name: hog, use: ./hog.py:on_event, on: main}\n\nsinks:")
        Path(folder, "calm.yaml").write_text(calm)
        Path(folder, "hog.yaml").write_text(hog)
        return {"cores": os.cpu_count(), "runs": runs,
                **{placement: _beside_a_hog(Path(folder), path, placement, runs) for placement in ("fused", "auto")}}


def _beside_a_hog(folder: Path, path: Path, placement: str, runs: int) -> dict[str, Any]:
    """Run with and without, in turns; return the medians."""
    rows: dict[str, list[dict[str, Any]]] = {"calm": [], "hog": []}
    for _ in range(runs + 1):
        for name, seen in rows.items():
            seen.append(run(folder / f"{name}.yaml", "--placement", placement, HYDRAFLOW_CAPTURE=str(path))[0])
    rates = {name: statistics.median(row["frames_per_second"] for row in seen[1:]) for name, seen in rows.items()}
    tails = {name: statistics.median(row["latency_ns"]["frame_to_wire"]["p99"] for row in seen[1:]) for name, seen in rows.items()}
    return {"without": rates["calm"], "with": rates["hog"], "lost": round(1 - rates["hog"] / rates["calm"], 4),
            "p99_without_ns": tails["calm"], "p99_with_ns": tails["hog"]}


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--smoke", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--captures", type=Path, default=Path(os.environ.get("HYDRAFLOW_DATA") or ROOT.parent / "shared/data"))
    parser.add_argument("--only", default=",".join(_PARTS), help=f"parts, of {', '.join(_PARTS)}")
    choices = parser.parse_args()
    wanted = choices.only.split(",")
    unknown = set(wanted) - set(_PARTS)
    if unknown:
        parser.error(f"no part '{min(unknown)}'; known: {', '.join(_PARTS)}")
    path = choices.captures / "binance/usdm_btcusdt_20240808.gz"
    runs = 1 if choices.smoke else RUNS
    result: dict[str, Any] = {"schema": "hfx.bench/1", "loadavg": os.getloadavg()}
    if not path.exists():
        print(f"skipped: capture and gil; no captures ({path})", file=sys.stderr)
        wanted = [part for part in wanted if part not in ("capture", "gil")]
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "capture": lambda: capture(path, runs),
        "simulated": lambda: simulated(20_000 if choices.smoke else 5_000_000),
        "paced": lambda: paced(20_000 if choices.smoke else 1_000_000, 100_000),
        "gil": lambda: gil(path, runs),
    }
    for part in wanted:
        result[part] = parts[part]()
    if choices.json:
        print(json.dumps(result, indent=2))
        return 0
    for name, row in result.items():
        print(name)
        for key, value in row.items() if isinstance(row, dict) else [("", row)]:
            print(f"  {key:<26} {value}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
