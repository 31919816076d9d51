"""The compiled loops as aarch64 instructions: each acquire, release and fence of ours is one of the machine's, in its place.

    python -m tools.verify.arm [--long] [--json]

x86-64 keeps nearly every order by itself, so a forgotten one is not seen there. The LLVM text of the real loops is compiled for
aarch64 by llvmlite's own back end, and the instructions are held against the text:

    load atomic … acquire     ldar, ldapr
    store atomic … release    stlr
    fence seq_cst             dmb ish
    cmpxchg, atomicrmw        casal, ldaddal … or a loop of ldaxr and stlxr

The suites under emulation are tools/verify/emulated.py; an emulator on x86-64 keeps the order of x86-64, so it shows that the
code runs on aarch64, not that its orders are right: that is what this part is for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

import llvmlite.binding as llvm
import numpy as np

from disruptor.codegen import LoopSource
from tools.verify import arm_kernels as kernels
from tools.verify.figures import FAILED, PASSED, MissingTool, Row, command, timed
from tools.verify.loop_ir import exported, loop_ir
from tools.verify.race_topologies import TOPOLOGIES

__all__ = ["aarch64", "main", "orders", "rows"]

TRIPLE = "aarch64-unknown-linux-gnu"
_LAYOUT = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i8:8:32-i16:16:32-i64:64-i128:128-n32:64-S128-Fn32"
_KINDS = ("acquire", "release", "fence", "exchange")
_TEXT = '''"""Order kernel '{name}'. Do not edit; it is written by tools/verify/arm.py."""

from disruptor.codegen import compiled_function

kernel = compiled_function("tools.verify.arm_kernels", "{name}")


def run(cells, records, values):
    return kernel(cells, records, values)
'''
_UNMERGED = "-enable-tail-merge=false"  # two equal ends of blocks would become one, and be counted once


def aarch64(text: str, features: str = "") -> list[str]:
    """Return the instructions of LLVM text compiled for aarch64. features : as LLVM names them, "+lse,+rcpc".

    Raises: MissingTool when llvmlite has no such back end.
    """
    _prepare()
    try:
        target = llvm.Target.from_triple(TRIPLE)
    except RuntimeError as error:
        raise MissingTool(f"this llvmlite compiles for no aarch64 ({error}); install one from PyPI: its wheels do") from error
    text = re.sub(r'^target (triple|datalayout) = .*$', "", text, flags=re.MULTILINE)
    text = re.sub(r"^.*call void @llvm\.x86\.sse2\.pause.*$", "  call void @llvm.aarch64.hint(i32 1)", text, flags=re.MULTILINE)
    text = re.sub(r"^declare void @llvm\.x86\.sse2\.pause\(\).*$", "declare void @llvm.aarch64.hint(i32)", text, flags=re.MULTILINE)
    text = re.sub(r'"target-(cpu|features)"="[^"]*"', "", text)
    machine = target.create_target_machine(cpu="generic", features=features, opt=2)
    module = llvm.parse_assembly(f'target datalayout = "{_LAYOUT}"\ntarget triple = "{TRIPLE}"\n{text}')
    lines = (line.split("//")[0].strip() for line in machine.emit_assembly(module).splitlines())
    return [line for line in lines if line and not line.startswith((".", "//"))]


@cache
def _prepare() -> None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    llvm.set_option("", _UNMERGED)  # of the whole process, which is ours


def orders(text: str) -> Counter[str]:
    """Return how many orders of each kind stand in LLVM text."""
    code = [line for line in text.splitlines() if not line.lstrip().startswith((";", "!", "declare"))]
    found: Counter[str] = Counter()
    for line in code:
        found["acquire"] += bool(re.search(r"\bload atomic .* acquire,", line))
        found["release"] += bool(re.search(r"\bstore atomic .* release,", line))
        found["fence"] += bool(re.search(r"\bfence seq_cst", line))
        found["exchange"] += bool(re.search(r"\b(cmpxchg|atomicrmw) .* seq_cst", line))
    return found


def instructions(code: Sequence[str]) -> Counter[str]:
    """Return how many instructions of each kind stand in aarch64 assembly (with LSE)."""
    names = [line.split()[0] for line in code]
    return Counter({
        "acquire": sum(n in ("ldar", "ldapr", "ldapur") for n in names), "release": sum(n in ("stlr", "stlur") for n in names),
        "fence": sum(line.split() == ["dmb", "ish"] for line in code),
        "exchange": sum(n in ("casal", "swpal") or (n.startswith(("ldadd", "ldset", "ldclr")) and n.endswith("al")) for n in names),
    })


def rows(long: bool) -> Iterator[Row]:
    """Look at every loop of every topology, then at a record's own order, then at planted faults."""
    for name in TOPOLOGIES if long else ("pair", "diamond", "producers"):
        yield timed(lambda name=name: _topology(name))
    for name, publishes in (("publishes", True), ("reads", False)):
        yield timed(lambda name=name, publishes=publishes: _record(name, publishes))
    yield timed(_relaxed)


def _topology(name: str) -> Row:
    wanted: Counter[str] = Counter()
    wrong = []
    for one in TOPOLOGIES[name](100).threads:
        text = exported(*loop_ir(one.source), "loop")
        for features in ("+lse,+rcpc", "+lse"):
            asked, given = orders(text), instructions(aarch64(text, features))
            missing = {k: (asked[k], given[k]) for k in _KINDS if given[k] < asked[k]}
            if missing:
                wrong.append(f"{one.source.name}, {features}: {missing}")
        wanted += orders(text)
    result = f"{FAILED}: {'; '.join(wrong)}" if wrong else f"{PASSED}: " + ", ".join(f"{wanted[k]} {k}" for k in _KINDS)
    return Row("arm", f"{name}: orders of its loops", sum(wanted.values()), "orders", result)


def _kernel_ir(name: str) -> str:
    arguments = {"cells": np.zeros(16, np.int64), "records": np.zeros(1, kernels.RECORD), "values": np.zeros(16, np.int64)}
    source = LoopSource(f"order_{name}", _TEXT.format(name=name), arguments, {"kernel": getattr(kernels, name)}, True)
    return exported(*loop_ir(source), "kernel")


def misplaced(code: Sequence[str], publishes: bool) -> tuple[int, str]:
    """Return (words of the record on the right side of the order, what is wrong) of a kernel that publishes, or reads, a record.

    The stack, where some arguments lie, is nobody else's. Behind the order a publisher stores its result, once.
    """
    memory = [line.split()[0] for line in code if re.match(r"(ld|st)\w+\s", line) and "[sp" not in line]
    order = next((i for i, n in enumerate(memory) if n in (("stlr",) if publishes else ("ldar", "ldapr"))), -1)
    if order < 0:
        return 0, "no ordered access"
    kind, right, left = ("st", memory[:order], memory[order + 1 :]) if publishes else ("ld", memory[order + 1 :], memory[:order])
    words = sum(2 if n[2:] == "p" else 1 for n in right if n.startswith(kind))
    strays = sum(n.startswith(kind) for n in left) - int(publishes)
    return words, f"{strays} accesses on the wrong side" if strays > 0 else ""


def _record(name: str, publishes: bool) -> Row:
    words, wrong = misplaced(aarch64(_kernel_ir(name), "+lse,+rcpc"), publishes)
    place = "before the stlr" if publishes else "behind the ldapr"
    good = not wrong and words >= 16
    result = f"{PASSED}: all {place}" if good else f"{FAILED}: {wrong or 'not the whole record'}"
    return Row("arm", f"128-byte record: {name}", words, "words", result)


def _relaxed() -> Row:
    """A relaxed publication must be seen to have lost its instruction."""
    text = _kernel_ir("publishes")
    given = instructions(aarch64(re.sub(r"(store atomic .*) release,", r"\1 monotonic,", text), "+lse,+rcpc"))
    found = orders(text)["release"] > given["release"]
    return Row("arm", "planted: relaxed publication", 1, "faults", f"{PASSED if found else FAILED}: {'found' if found else 'not found'}")


def main(argv: Sequence[str] | None = None) -> int:
    return command("arm", "Orders of the compiled loops as instructions of aarch64", rows, argv)


if __name__ == "__main__":
    raise SystemExit(main())
