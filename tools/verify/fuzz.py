"""libFuzzer and AddressSanitizer over compiled byte parsers: no access outside of an array, no broken promise; a planted one found.

    python -m tools.verify.fuzz [--long] [--json]

The kernels of tools/verify/fuzz_kernels.py are compiled by numba as a loop is, given the attribute `sanitize_address`, and linked
with libFuzzer by the clang of the same LLVM. Each array is a block of its own with forbidden bytes around it; the input is a block
of exactly its size. Bounds are not checked by compiled code, so this is where a wrong index would be seen.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import numpy as np

from disruptor.codegen import LoopSource
from tools.verify.figures import FAILED, PASSED, Row, command, timed
from tools.verify.fuzz_targets import INPUT_BYTES_MAX, PLANTS, TARGETS, Target
from tools.verify.image import Image
from tools.verify.loop_ir import c_arguments, exported, loop_ir
from tools.verify.toolchain import NATIVE, build, find_clang

__all__ = ["Outcome", "fuzzed", "main", "rows"]

SHORT, LONG = 20_000, 5_000_000
PLANTED = 1_000_000  # most executions until the planted overflow is found
_LIMIT_S = 1800
_RUNS = re.compile(r"number_of_executed_units:\s*(\d+)")
_COVERAGE = re.compile(r"cov: (\d+)")
_CRASH = re.compile(r"^(?:SUMMARY: AddressSanitizer: (.*)|PROMISE BROKEN: (.*)|.*(timeout|out-of-memory).*)$", re.MULTILINE)

_TEXT = '''"""Fuzz target '{kernel}'. Do not edit; it is written by tools/verify/fuzz.py."""

from disruptor.codegen import compiled_function

kernel = compiled_function("{module}", "{kernel}")


def run({names}):
    return kernel({names})
'''


@attrs.frozen
class Outcome:
    """Of one run: executions, edges covered, what it crashed with (empty: it did not), everything it said."""

    executions: int
    edges: int
    crash: str
    text: str


def fuzzed(target: Target, runs: int, clang: str, folder: Path) -> Outcome:
    """Build a target with AddressSanitizer and libFuzzer and let it run. Raises: RuntimeError when it cannot be built."""
    kernel = target.kernel.__name__
    data = np.zeros(1, np.uint8)
    arguments = {"data": data, **target.arrays}
    text, function = loop_ir(LoopSource(f"fuzz_{kernel}", _TEXT.format(module=target.kernel.__module__, kernel=kernel, names=", ".join(arguments)), arguments,
                                        {"kernel": target.kernel}, True))
    (folder / "target.ll").write_text(exported(text, function, "fuzz_target", "sanitize_address"))
    image = Image(target.arrays.values(), {})
    image.write(folder / "image.bin")
    (folder / "target.h").write_text("\n".join(_header(target, image, folder / "image.bin")) + "\n")
    program = build(clang, "fuzzer,address", [NATIVE / "fuzz_driver.c", folder / "target.ll"], folder / "fuzz", "-I", str(folder))
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    with (folder / "said.txt").open("w+") as said:
        options = [f"-runs={runs}", f"-max_len={INPUT_BYTES_MAX}", "-seed=1", "-print_final_stats=1", "-rss_limit_mb=4096"]
        ran = subprocess.Popen(
            [str(program), *options, f"-max_total_time={_LIMIT_S}", "corpus"], cwd=folder, stdout=said, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},
        )
        try:
            code = ran.wait(_LIMIT_S + 60)
        except subprocess.TimeoutExpired:
            ran.kill()
            code = ran.wait()
        said.seek(0)
        text = said.read()
    executed, covered, crash = _RUNS.search(text), _COVERAGE.findall(text), _CRASH.search(text)
    what = next(filter(None, crash.groups()), "") if crash else ""
    what = re.sub(r"(\[abi:.*?\])+\(.*\)$", "", what)  # numba's names hold the types of all arguments
    if code and not what:
        what = f"ended with {code}: {text[-300:]}"
    return Outcome(int(executed[1]) if executed else 0, int(covered[-1]) if covered else 0, what, text)


def _header(target: Target, image: Image, path: Path) -> Iterator[str]:
    """Return the lines of target.h."""
    mirrored = {image.place(target.arrays[name])[0] for name in target.mirrored}
    sizes = ", ".join(str(region.size) for region in image.regions)
    yield f'#define REGIONS {len(image.regions)}\n#define IMAGE "{path}"'
    yield f"static const long long region_size[] = {{{sizes}}};"
    yield f"static const int region_mirrored[] = {{{', '.join(str(int(n in mirrored)) for n in range(len(image.regions)))}}};"
    arrays = list(target.arrays.values())
    kinds, values = (", ".join(c) for c in zip(*c_arguments(arrays, [image.expression(a) for a in arrays]), strict=True))
    first = "void *, void *, long long, long long, void *, long long, long long"
    yield f"int fuzz_target(int64_t *, void **, {first}, {kinds});"
    yield "static int target(int64_t *result, void *data, long long size) {"
    yield f"    void *fault = NULL;\n    return fuzz_target(result, &fault, NULL, NULL, size, 1, data, size, 1, {values});\n}}"


def rows(long: bool) -> Iterator[Row]:
    """Fuzz every target, then the planted overflow."""
    clang = find_clang("fuzzer")
    for name in TARGETS:
        yield timed(lambda name=name: _clean(name, LONG if long else SHORT, clang))
    for name in PLANTS:
        yield timed(lambda name=name: _planted(name, clang))


def _clean(name: str, runs: int, clang: str) -> Row:
    with tempfile.TemporaryDirectory(prefix="hfx-fuzz-") as folder:
        found = fuzzed(TARGETS[name](), runs, clang, Path(folder))
    good = not found.crash and found.executions >= runs
    if not good:
        print(found.text[-4000:], file=sys.stderr)
    result = f"{PASSED}: 0 crashes, {found.edges:,} edges" if good else f"{FAILED}: {found.crash or 'ended early'}"
    return Row("fuzz", name, found.executions, "executions", result)


def _planted(name: str, clang: str) -> Row:
    with tempfile.TemporaryDirectory(prefix="hfx-fuzz-") as folder:
        found = fuzzed(PLANTS[name](), PLANTED, clang, Path(folder))
    good = "overflow" in found.crash
    result = f"{PASSED}: planted overflow found" if good else f"{FAILED}: planted overflow not found {found.crash}"
    return Row("fuzz", f"planted: {name}", found.executions, "executions", result)


def main(argv: Sequence[str] | None = None) -> int:
    return command("fuzz", "AddressSanitizer and libFuzzer over compiled parsers", rows, argv)


if __name__ == "__main__":
    raise SystemExit(main())
