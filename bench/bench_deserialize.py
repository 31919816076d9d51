"""CPU time of the handler `deserialize` per frame, by kind, and of the exact path; results checked by hash.

    python -m bench.bench_deserialize [--json] [--repeats 9]

Cases: the Binance captures (left out where HYDRAFLOW_DATA, or ../shared/data, is absent) and frames made up from a seed.
Figures, min / median / max over the repeats, CPU time of the measuring thread:

    ns_per_frame     by kind of frame, frames and output in memory, output written again and again in cold cache
    exact_ns         the same frames with a blank after each colon: the path for any JSON
    orjson_ns        orjson.loads of the same frames, nothing converted, for scale (best of the repeats)

Not measured: reading, line splitting, the loop around the handler and its ring cursors, compilation (each case runs once
before). `hash` covers every message, level and counter of the whole case: the same on every machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import orjson

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hydraflow.codes import Kind
from hydraflow.instruments import Instrument, infer, table
from tests.reference.drive_frames import Driver, frames_of, frames_of_lines, read_capture

SEED = 7
CAPTURES = ("usdm_btcusdt_20240808", "spot_ethusdt_20240808")
FRAMES_MIN = 20_000  # a kind with fewer frames is repeated up to this many
EXACT_FRAMES = 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=9)
    arguments = parser.parse_args()
    cases: dict[str, Any] = {}
    for name in CAPTURES:
        path = captures_folder() / "binance" / f"{name}.gz"
        if path.exists():
            text = read_capture(path)
            cases[name] = measure(frames_of_lines(text), text, infer(text), arguments.repeats)
    cases["synthetic"] = measure(*synthetic(), arguments.repeats)
    result = {"schema": "hfx.bench.deserialize/1", "seed": SEED, "clock": "thread CPU time", "cases": cases}
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        show(cases)


def captures_folder() -> Path:
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("HYDRAFLOW_DATA") or beside)


def synthetic() -> tuple[np.ndarray, bytes, list[Instrument]]:
    """Return 200 depth frames of 70 levels and 2,000 trades and tickers."""
    dice = random.Random(SEED)
    frames = []
    for n in range(1, 2_201):
        price, quantity = (lambda: f"{dice.randrange(500_000, 700_000) / 10:.2f}"), (lambda: f"{dice.random() * 9:.3f}")
        if n % 11 == 0:
            sides = [",".join(f'["{price()}","{quantity()}"]' for _ in range(35)) for _ in range(2)]
            frame = f'{{"e":"depthUpdate","E":1700000000000,"T":1700000000000,"s":"AAABBB","U":{n},"u":{n},"pu":{n - 1},"b":[{sides[0]}],"a":[{sides[1]}]}}'
        elif n % 2:
            frame = f'{{"e":"bookTicker","u":{n},"s":"AAABBB","b":"{price()}","B":"{quantity()}","a":"{price()}","A":"{quantity()}","T":1700000000000,"E":1700000000000}}'
        else:
            frame = f'{{"e":"trade","E":1700000000000,"T":1700000000000,"s":"AAABBB","t":{n},"p":"{price()}","q":"1.{n}","X":"MARKET","m":true}}'
        frames.append(frame.encode())
    return *frames_of(frames), [Instrument(symbol="AAABBB", tick="0.1", lot="0.0001")]


def measure(frames: np.ndarray, text: bytes, instruments: list[Instrument], repeats: int) -> dict[str, Any]:
    records = table(instruments)
    whole = Driver.make(frames, text, records, levels=len(text) // 12).run()
    digest = hashlib.sha256(whole.messages.tobytes() + whole.levels.tobytes() + whole.counters.tobytes())
    found: dict[str, Any] = {
        "frames": len(frames), "messages": len(whole.messages), "levels": int(whole.counters[0]["levels"]),
        "all": timed(whole, repeats), "hash": digest.hexdigest()[:16],
    }  # fmt: skip
    kind_of = dict(zip(whole.messages["number"].tolist(), whole.messages["kind"].tolist()))
    for kind in sorted(set(kind_of.values())):
        chosen = np.array([frame for frame in frames if kind_of.get(int(frame["number"])) == kind], frames.dtype)
        times = -(-FRAMES_MIN // len(chosen)) if kind != Kind.SNAPSHOT else 20
        texts = [text[f["payload_position"] :][: f["payload_count"]] for f in chosen[:EXACT_FRAMES]]
        blanks, blank_text = frames_of([t.replace(b":", b": ") for t in texts])
        found[Kind(kind).name.lower()] = {
            "frames": len(chosen), "mean_bytes": round(float(chosen["payload_count"].mean()), 1),
            "ns_per_frame": timed(driver(np.tile(chosen, times), text, records), repeats),
            "exact_ns": timed(driver(blanks, blank_text, records), repeats),
            "orjson_ns": orjson_time(texts, repeats),
        }  # fmt: skip
    return found


def driver(frames: np.ndarray, text: bytes, records: np.ndarray) -> Driver:
    return Driver.make(frames, text, records, levels=int(frames["payload_count"].sum()) // 12)


def timed(run: Driver, repeats: int) -> dict[str, float]:
    """Return ns per frame. The first run compiles and touches every page."""
    run.run()
    times = []
    for _ in range(repeats):
        start = time.thread_time_ns()
        run.run()
        times.append((time.thread_time_ns() - start) / len(run.frames))
    return {"min": round(min(times), 1), "median": round(statistics.median(times), 1), "max": round(max(times), 1)}


def orjson_time(texts: list[bytes], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.thread_time_ns()
        for text in texts:
            orjson.loads(text)
        times.append((time.thread_time_ns() - start) / len(texts))
    return round(min(times), 1)


def show(cases: dict[str, Any]) -> None:
    for name, case in cases.items():
        print(f"{name}: {case['frames']:,} frames, {case['levels']:,} levels, hash {case['hash']}")
        print(f"  {'all':10} {case['all']['median']:9,.1f} ns a frame (min {case['all']['min']:,.1f})")
        for kind, figures in case.items():
            if isinstance(figures, dict) and "ns_per_frame" in figures:
                usual, exact = figures["ns_per_frame"], figures["exact_ns"]
                print(
                    f"  {kind:10} {usual['median']:9,.1f} ns a frame (min {usual['min']:,.1f}) of {figures['mean_bytes']:,.0f} bytes;"
                    f" exact path {exact['median']:,.1f} ns; orjson.loads {figures['orjson_ns']:,.0f} ns"
                )


if __name__ == "__main__":
    main()
