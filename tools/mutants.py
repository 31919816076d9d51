"""Seeds faults into the real ring, one at a time, and looks whether a named test notices each.

    python -m tools.mutants                  every fault (make mutants); exit 1 when one survives
    python -m tools.mutants claims rewind    those whose name or file contains a word
    python -m tools.mutants --list           what there is

The faults stand in tools/mutant_table.py: file, exact old text, new text, the tests that must fail. Each is seeded into a
copy of the tree; the tests are first run on the copy as it is, where they must pass. A fault whose old text is not found,
or found twice, is an error of the table. A run that takes longer than its limit counts as noticed: it hangs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tools.mutant_table import MUTANTS, Mutant

__all__ = ["Copy", "check", "main"]

ROOT = Path(__file__).parents[1]
LIMIT_S = 30  # of a test run on a faulty copy
_CLEAN_LIMIT_S = 300  # on the copy as it is: it may have to compile
_COPIED = ("disruptor", "tests", "tools", "pyproject.toml")


class Copy:
    """A copy of the sources in a folder of its own, with a compile cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / name)
        for package in ROOT.iterdir():  # what tests import beside them lies where it lies
            if package.is_dir() and (package / "__init__.py").exists() and package.name not in _COPIED:
                (folder / package.name).symlink_to(package)

    def passes(self, tests: Iterable[str], jit: bool, limit_s: float) -> tuple[bool, str]:
        """Return whether the tests pass within the limit, and why not."""
        environment = {
            **os.environ, "NUMBA_DISABLE_JIT": "0" if jit else "1", "XDG_CACHE_HOME": str(self.folder / "cache"),
            "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", f"--timeout={limit_s:g}", *tests]
        with (self.folder / "output").open("w+") as output:
            ran = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            try:
                code = ran.wait(limit_s + 30)
            except subprocess.TimeoutExpired:
                os.killpg(ran.pid, 9)
                ran.wait()
                return False, f"hangs for more than {limit_s:g} s"
            output.seek(0)
            lines = output.read().splitlines()
        if code == 0:
            return True, ""
        named = [line.removeprefix("FAILED ").partition(" - ")[0] for line in lines if line.startswith(("FAILED", "ERROR"))]
        return False, named[0] if named else (lines[-1] if lines else f"exit code {code}")

    def seed(self, mutant: Mutant) -> str:
        """Put the fault in; return the file's text as it was. Raises: ValueError when the old text does not stand there once."""
        path = self.folder / mutant.file
        text = path.read_text()
        found = text.count(mutant.old)
        if found != 1:
            raise ValueError(f"{mutant.name}: the old text stands {found} times in {mutant.file}; renew tools/mutant_table.py")
        path.write_text(text.replace(mutant.old, mutant.new))
        return text

    def restore(self, mutant: Mutant, text: str) -> None:
        """Take the fault out again."""
        (self.folder / mutant.file).write_text(text)


def check(mutants: list[Mutant], jobs: int = 0, say: bool = True) -> list[str]:
    """Return what is wrong: faults that survive, that do not apply, or whose tests fail without them."""
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies: SimpleQueue[Copy] = SimpleQueue()
        for i in range(jobs or min(4, len(os.sched_getaffinity(0)))):
            copies.put(Copy(Path(folder) / f"copy-{i}"))
        wrong += _clean(copies, mutants)
        if wrong:
            return wrong

        def one(mutant: Mutant) -> str:
            copy, started = copies.get(), time.monotonic()
            try:
                before = copy.seed(mutant)
                try:
                    survives, why = copy.passes(mutant.tests, mutant.jit, mutant.limit_s or LIMIT_S)
                finally:
                    copy.restore(mutant, before)
            except ValueError as error:
                survives, why = True, f"DOES NOT APPLY: {error}"
            finally:
                copies.put(copy)
            if say:
                result = why or "SURVIVES"
                print(f"{'-' if survives else 'x'} {mutant.name:<58} {time.monotonic() - started:5.1f} s  {result}", flush=True)
            return "" if not survives else why or f"{mutant.name} ({mutant.file}) survives {', '.join(mutant.tests)}"

        with ThreadPoolExecutor(copies.qsize()) as pool:
            wrong += [result for result in pool.map(one, mutants) if result]
    return wrong


def _clean(copies: SimpleQueue[Copy], mutants: list[Mutant]) -> list[str]:
    """Run every test that is named on a copy without a fault."""
    copy = copies.get()
    wrong = []
    for jit in (False, True):
        tests = sorted({test for mutant in mutants if mutant.jit is jit for test in mutant.tests})
        if tests:
            passes, why = copy.passes(tests, jit, _CLEAN_LIMIT_S)
            if not passes:
                wrong.append(f"without any fault: {why}")
    copies.put(copy)
    return wrong


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__.split("\n")[0])
    parser.add_argument("words", nargs="*", help="only faults whose name or file contains one of these")
    parser.add_argument("--list", action="store_true", help="print the faults and the tests that must notice them")
    parser.add_argument("--jobs", type=int, default=0, help="copies at work at once; one for each core, 4 at most, by default")
    given = parser.parse_args(arguments)
    chosen = [m for m in MUTANTS if not given.words or any(w in m.name or w in m.file for w in given.words)]
    if given.list:
        for mutant in chosen:
            print(f"{mutant.name:<58} {mutant.file:<34} {' '.join(mutant.tests)}")
        return 0
    started = time.monotonic()
    wrong = check(chosen, given.jobs)
    print(f"{len(chosen)} faults in {time.monotonic() - started:.0f} s: {len(chosen) - len(wrong)} noticed, {len(wrong)} not")
    for line in wrong:
        print(line)
    return 1 if wrong or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
