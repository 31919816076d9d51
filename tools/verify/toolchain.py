"""The C compiler that reads numba's LLVM text: clang of the same LLVM major as llvmlite, found and run.

A newer LLVM writes text that an older one does not read, so the major is llvmlite's; `HYDRAFLOW_CLANG` names another one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import llvmlite.binding as llvm

from tools.verify.figures import MissingTool

__all__ = ["LLVM", "build", "find_clang", "run"]

LLVM: int = llvm.llvm_version_info[0]
NATIVE = Path(__file__).parent / "native"  # the C sources


def find_clang(sanitizer: str) -> str:
    """Return the path of clang with the runtime of a sanitizer ("tsan", "asan", "fuzzer"). Raises: MissingTool."""
    clang = os.environ.get("HYDRAFLOW_CLANG") or shutil.which(f"clang-{LLVM}")
    remedy = f"install clang-{LLVM} and libclang-rt-{LLVM}-dev (LLVM {LLVM} is what this llvmlite has)"
    if clang is None:
        raise MissingTool(f"clang-{LLVM} is not there; {remedy}")
    where = run([clang, "--print-resource-dir"]).strip()
    if not any(Path(where).rglob(f"libclang_rt.{sanitizer}*.a")):
        raise MissingTool(f"clang has no runtime of {sanitizer} below {where}; {remedy}")
    return clang


def run(command: Sequence[str | Path]) -> str:
    """Run a command of the toolchain; return what it prints. Raises: RuntimeError with the end of its messages."""
    ran = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {ran.returncode}:\n{ran.stderr[-3000:]}")
    return ran.stdout


def build(clang: str, sanitizer: str, sources: Sequence[Path], program: Path, *options: str) -> Path:
    """Compile C and LLVM text into a program with a sanitizer ("thread", "address,fuzzer", …); return its path.

    Raises: RuntimeError with what the compiler or the linker says.
    """
    common = [f"-fsanitize={sanitizer}", "-O1", "-g1", "-march=native", "-fno-omit-frame-pointer", "-Wno-override-module"]
    given = [str(NATIVE / "helpers.c"), *map(str, sources)]
    run([clang, *common, *options, "-I", str(NATIVE), *given, "-o", str(program), "-lpthread", "-lm"])
    return program
