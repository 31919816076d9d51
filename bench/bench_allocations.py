"""Does anything allocate while the graph runs? `python -m bench.bench_allocations [--json] [--frames N]`.

The engine runs in this process, beside a Python thread that reads four counters over and over:

    heap       bytes in use by malloc (mallinfo2: uordblks + hblkhd), of the whole process
    nrt        allocations by numba's runtime (NUMBA_NRT_STATS=1)
    faults     minor page faults of each compiled thread (/proc/self/task/TID/stat): a page it touches for the first time
    arena      bytes that malloc holds from the kernel (mallinfo2: arena + hblkhd)

Their difference is taken between the first tenth of the frames and the last reading in which sources still run. A loop
that allocates 1 byte per message would show as one per message; the reading thread itself allocates a little.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WARM = 0.1  # of the frames
_FIELDS = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")


class _MallocInfo(ctypes.Structure):
    """struct mallinfo2 of glibc 2.33 and later."""

    _fields_ = [(name, ctypes.c_size_t) for name in _FIELDS]


def counters(threads: dict[str, int]) -> dict[str, Any]:
    """Return what has been allocated so far. threads : native id by name. Raises: AttributeError before glibc 2.33."""
    from numba.core.runtime import rtsys

    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = _MallocInfo
    info = libc.mallinfo2()
    faults = {}
    for name, native in threads.items():
        text = Path(f"/proc/self/task/{native}/stat").read_text()
        faults[name] = int(text.rpartition(")")[2].split()[7])
    return {"heap": info.uordblks + info.hblkhd, "arena": info.arena + info.hblkhd,
            "nrt": rtsys.get_allocation_stats().alloc, "faults": faults}


class Sampler:
    """Reads the counters of a running engine until its sources are exhausted. samples : (messages, counters)."""

    def __init__(self, engine: Any) -> None:
        self.samples: list[tuple[int, dict[str, Any]]] = []
        self._engine = engine
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._body, daemon=True)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _body(self) -> None:
        while not self._over.is_set():
            time.sleep(0.01)
            if not getattr(self._engine, "_began", False):
                continue
            assembly, loops = self._engine._a, self._engine._loops
            if all(assembly.cells[d.finished] for d in assembly.drivers().values()):
                return
            names = {thread.name: thread.native_id for thread in threading.enumerate()}
            compiled = {name: names[name] for name in loops.compiled if name in names}
            messages = int(assembly.file.counter("sequencer")[0]["messages"])
            try:
                self.samples.append((messages, counters(compiled)))
            except FileNotFoundError:  # a thread has just ended
                return


def measure(topology: Path, frames: int) -> dict[str, Any]:
    """Run `frames` simulated frames; return the differences and from which to which message they were taken."""
    from hydraflow.runtime.engine import Engine
    from hydraflow.runtime.options import Options

    with tempfile.TemporaryDirectory() as journal:
        engine = Engine(Options(topology=str(topology), name=f"bench-{os.getpid()}", journal=journal, hiccup_seconds=0.0,
                                environment={"HYDRAFLOW_FRAMES": str(frames)}))
        with Sampler(engine) as sampler:
            result, code = engine.run()
    if code:
        raise SystemExit(f"the run ended with {code}: {result['error']}")
    warm = [sample for sample in sampler.samples if sample[0] >= WARM * frames]
    if len(warm) < 2:
        raise SystemExit(f"{frames:,} frames are over too soon to be measured; give more with --frames")
    (first, before), (last, after) = warm[0], warm[-1]
    faults = {name: after["faults"][name] - before["faults"][name] for name in before["faults"]}
    return {
        "from_message": first, "to_message": last, "messages": result["messages"], "state_hash": result["state_hash"],
        "heap_bytes": after["heap"] - before["heap"], "arena_bytes": after["arena"] - before["arena"],
        "nrt_allocations": after["nrt"] - before["nrt"], "page_faults": faults, "samples": len(warm),
    }


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--frames", type=int, default=3_000_000)
    choices = parser.parse_args()
    if os.environ.get("NUMBA_NRT_STATS") != "1":  # read by numba when it is imported
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "NUMBA_NRT_STATS": "1"})
    sys.path.insert(0, str(ROOT))
    result = {"schema": "hfx.bench.allocations/1", **measure(ROOT / "config/demo.yaml", choices.frames)}
    if choices.json:
        print(json.dumps(result))
        return 0
    for key, value in result.items():
        print(f"  {key:<18} {value}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
