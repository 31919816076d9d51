"""The C reference: ring.c, compiled on the spot and called in this process through ctypes (which releases the GIL)."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from bench.disruptor.machine import cores
from bench.disruptor.work import SEED, Missing, Run, Work
from disruptor.clock import calibrate

__all__ = ["CRing", "CRingAhead", "FLAGS"]

FLAGS = ("-std=c11", "-O3", "-march=native", "-pthread", "-shared", "-fPIC")
_INT = ctypes.c_int64


class CRing:
    """ring.c on one kind of work. Raises: Missing without a C compiler, or for work that it does not do."""

    processes: tuple[int, ...] = ()
    suffix = ""

    def __init__(self, work: Work) -> None:
        if work.kind not in ("one_to_one", "three_to_one", "round_trip", "round_trip_one_line") or work.gap_us:
            raise Missing(f"ring.c does not do {work.kind}")
        self._work = work
        self._library = _library()
        first, second = cores()
        self._cpus = (ctypes.c_int * 4)(first, second, first, second)

    def run(self, count: int) -> Run:
        work, total = self._work, _INT()
        common = (_INT(work.slots), _INT(work.batch), _INT(count), _INT(SEED), self._cpus, ctypes.byref(total))
        if work.kind.startswith("round_trip"):
            samples = np.zeros(count, np.int64)
            one_line = _INT(work.kind == "round_trip_one_line")
            ns = self._library.round_trip(common[0], one_line, *common[2:], samples.ctypes.data_as(ctypes.c_void_p))
            return Run(count=count, ns=_ok(ns), total=total.value, samples_ns=samples * _ns_per_tick())
        ns = getattr(self._library, work.kind + self.suffix)(*common)
        return Run(count=count, ns=_ok(ns), total=total.value)

    def close(self) -> None:
        """Nothing is held."""


class CRingAhead(CRing):
    """The same with a producer that asks for lines 16 records ahead: the best that is known here, for 1P-1C only."""

    suffix = "_ahead"


def _ok(ns: int) -> int:
    if ns < 0:
        raise RuntimeError("ring.c could not have memory or a pinned thread")
    return ns


@cache
def _ns_per_tick() -> float:
    return calibrate(200_000_000).ns_per_tick


@cache
def _library() -> ctypes.CDLL:
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise Missing("no C compiler: install gcc (Debian, Ubuntu: apt-get install gcc libc6-dev)")
    source = Path(__file__).with_name("ring.c")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "ring.so")
        done = subprocess.run([compiler, *FLAGS, str(source), "-o", str(target)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Missing(f"{compiler} cannot compile ring.c (are the headers installed? apt-get install libc6-dev): {done.stderr[:300]}")
        library = ctypes.CDLL(str(target))
    for name in ("one_to_one", "one_to_one_ahead", "three_to_one", "round_trip"):
        getattr(library, name).restype = _INT
    return library
