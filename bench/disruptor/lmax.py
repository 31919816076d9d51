"""The Java reference: Lmax.java on the LMAX Disruptor, one Java process per row, told what to do line by line.

The jar is the one named by DISRUPTOR_JAR, else Debian's (/usr/share/java/disruptor.jar of libdisruptor-java). Threads pin
themselves to the same cores with taskset. The first two runs of a row are not counted: they are compiled meanwhile.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from bench.disruptor.machine import cores, process_cpu_ns
from bench.disruptor.work import SEED, Missing, Run, Work

__all__ = ["Lmax", "OPTIONS"]

OPTIONS = ("-Xms512m", "-Xmx512m", "-XX:+AlwaysPreTouch", "-XX:+UseSerialGC")
_DEBIAN = "/usr/share/java/disruptor.jar"
_KINDS = ("one_to_one", "three_to_one", "multicast", "pipeline", "diamond", "round_trip", "idle")


class Lmax:
    """Lmax.java on one kind of work. Raises: Missing without Java, the jar or taskset, or for work that it does not do."""

    def __init__(self, work: Work) -> None:
        if work.kind not in _KINDS:
            raise Missing(f"LMAX has nothing like {work.kind}")
        jar, java, folder = _program()
        self._work = work
        self._process = subprocess.Popen(
            [java, *OPTIONS, "-cp", f"{folder.name}:{jar}", "Lmax"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.processes = (self._process.pid,)

    def run(self, count: int) -> Run:
        work = self._work
        assert self._process.stdin is not None and self._process.stdout is not None
        cpus = ",".join(map(str, cores()))
        print(work.kind, work.slots, work.batch, count, SEED, work.wait, work.gap_us * 1000, cpus, file=self._process.stdin, flush=True)
        before = process_cpu_ns(self._process.pid)
        answer = self._process.stdout.readline().split()
        if not answer:
            raise RuntimeError(f"Lmax.java ended with {self._process.wait()}")
        ns, total, *samples = map(int, answer)
        quantiles = dict(zip(("p50", "p99", "p999", "max"), map(float, samples), strict=True)) if samples else None
        used = process_cpu_ns(self._process.pid) - before if work.kind == "idle" else None
        return Run(count=count, ns=ns, total=total, quantiles=quantiles, cpu_ns=used)

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


@cache
def _program() -> tuple[str, str, tempfile.TemporaryDirectory[str]]:
    """Compile Lmax.java; return the jar, the java program and the folder of the classes, removed at exit."""
    java, javac = shutil.which("java"), shutil.which("javac")
    if not java or not javac:
        raise Missing("no Java: install a JDK (Debian, Ubuntu: apt-get install default-jdk-headless)")
    if not shutil.which("taskset"):
        raise Missing("no taskset to pin Java's threads: install it (Debian, Ubuntu: apt-get install util-linux)")
    jar = os.environ.get("DISRUPTOR_JAR") or _DEBIAN
    if not Path(jar).exists():
        raise Missing(f"no LMAX Disruptor at {jar}: install it (Debian, Ubuntu: apt-get install libdisruptor-java) or name a jar in DISRUPTOR_JAR")
    folder = tempfile.TemporaryDirectory()
    source = Path(__file__).with_name("Lmax.java")
    done = subprocess.run([javac, "-cp", jar, "-d", folder.name, str(source)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"javac cannot compile Lmax.java against {jar}: {done.stderr[:300]}")
    return jar, java, folder
