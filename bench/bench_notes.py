"""CPU time of a note: compiled into a lane, compiled without one, and from Python.

    python -m bench.bench_notes [--json] [--repeats 9] [--notes 200000]

Figures, min / median / max over the repeats, CPU time of the measuring thread per call. Each call writes a code and two numbers
inside an empty loop, whose own time (under 1 ns) is not taken off. Not measured: compilation, reading, other threads.
`hash` covers what a reader finds of the last notes: the same on every machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from disruptor.compiled import entry
from disruptor.note_file import NoteFile, NoteLane, NoteReader
from disruptor.notes import note

SLOTS = 2_048
PYTHON_SHARE = 50  # Python writes that many fewer notes


@entry
def write(count):
    for i in range(count):
        note("HIGH", i, 0.5)


def write_in_python(count: int) -> None:
    for i in range(count):
        note("HIGH", i, 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--notes", type=int, default=200_000)
    arguments = parser.parse_args()
    result = {"schema": "hfx.bench.notes/1", "clock": "thread CPU time", **measure(arguments.notes, arguments.repeats)}
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    for name, row in result["ns_per_note"].items():
        print(f"{name:<18} {row['min']:>9.1f} {row['median']:>9.1f} {row['max']:>9.1f}  ns per note (min, median, max)")
    print(f"hash {result['hash']}")


def measure(count: int, repeats: int) -> dict[str, Any]:
    """Return the figures of `count` notes per repeat, and the hash of what was read."""
    cells = np.zeros(32, np.int64)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bench.notes")
        file = NoteFile.create(path, name="bench", codes={"writer": {"HIGH": "{a} above {b}"}}, lanes=[NoteLane("loop", {0: "writer"})],
                               slots=SLOTS)
        write(1)
        rows = {"no lane": _timed(write, count, repeats)}
        with file.lane("loop", cells, number=0, sequence=16, python=True):
            rows["Python"] = _timed(write_in_python, max(1, count // PYTHON_SHARE), repeats)
            rows["compiled"] = _timed(write, count, repeats)
        texts = [n.text for n in NoteReader(path).read()]
    return {"notes": count, "repeats": repeats, "ns_per_note": rows, "hash": hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]}


def _timed(function: Callable[[int], Any], count: int, repeats: int) -> dict[str, float]:
    times = []
    for _ in range(repeats):
        began = time.thread_time_ns()
        function(count)
        times.append((time.thread_time_ns() - began) / count)
    return {"min": min(times), "median": statistics.median(times), "max": max(times)}


if __name__ == "__main__":
    main()
