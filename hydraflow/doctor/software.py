"""Looks at what is installed: Python, numba and its llvmlite, libyaml, the cache of machine code."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from hydraflow.doctor.finding import Finding

__all__ = ["FUTEX", "fits", "look_at_cache", "look_at_numba", "look_at_pair", "look_at_python", "look_at_yaml"]

FUTEX = {"x86_64": 202, "aarch64": 98}  # system call numbers
_COMPARED = re.compile(r"(>=|<=|==|!=|<|>)\s*([\w.]+)")


def look_at_python(version: tuple[int, int, int], architecture: str) -> Finding:
    text = f"{'.'.join(str(v) for v in version)} on {architecture}"
    if version < (3, 11, 0):
        return Finding("python", "fail", text, "install Python 3.11 or later", "the engine is written for it")
    if architecture not in FUTEX:
        return Finding("python", "fail", f"{text}: atomics, futex and clock are known for x86_64 and aarch64 only",
                       "use a machine of one of the two", "handlers run as machine code with atomics of their own")
    if architecture != "x86_64":
        return Finding("python", "warn", f"{text}: written for it, never run on it; x86_64 is what is tested",
                       "run the tests before you rely on it: make test", "memory ordering differs between processors")
    return Finding("python", "ok", text)


def look_at_numba() -> Finding:
    why = "handlers are compiled by it"
    try:
        import llvmlite
        import numba
    except Exception as error:  # a broken wheel, or a pair that does not fit, raises whatever it likes
        return Finding("numba", "fail", f"cannot be imported: {' '.join(str(error).split())}",
                       "pip install --force-reinstall numba llvmlite", why)
    text = f"numba {numba.__version__}, llvmlite {llvmlite.__version__}"
    if getattr(numba.config, "DISABLE_JIT", 0):
        return Finding("numba", "warn", f"{text}; NUMBA_DISABLE_JIT is set, so handlers run as Python",
                       "unset NUMBA_DISABLE_JIT", "that is a hundred times slower")
    return Finding("numba", "ok", text)


def look_at_pair(llvmlite: str, required: Sequence[str]) -> Finding:
    """llvmlite : its version, "" when it is not there. required : what the installed numba asks for, as its metadata say it."""
    wanted = next((text for text in required if re.match(r"llvmlite\b", text)), "")
    if not wanted:
        return Finding("llvmlite", "ok", f"{llvmlite or 'not installed'}; numba does not say which it needs")
    if llvmlite and fits(llvmlite, wanted):
        return Finding("llvmlite", "ok", f"{llvmlite}, as this numba wants it")
    return Finding("llvmlite", "fail", f"{llvmlite or 'not installed'}; numba wants {wanted}", f"pip install '{wanted}'",
                   "numba compiles with exactly one line of llvmlite")


def fits(version: str, requirement: str) -> bool:
    """Return whether a version keeps to the comparisons of a requirement, by its numbers."""
    mine = _numbers(version)
    checks = {">=": mine.__ge__, "<=": mine.__le__, "<": mine.__lt__, ">": mine.__gt__, "==": mine.__eq__, "!=": mine.__ne__}
    return all(checks[sign](_numbers(other)) for sign, other in _COMPARED.findall(requirement.partition(";")[0]))


def look_at_yaml(version: str, *, fast: bool) -> Finding:
    if fast:
        return Finding("libyaml", "ok", f"PyYAML {version} with libyaml")
    return Finding("libyaml", "warn", f"PyYAML {version} without libyaml", "pip install --force-reinstall --only-binary :all: PyYAML",
                   "topologies are read by its parser in Python, ten times slower")


def look_at_cache(environment: Mapping[str, str]) -> Finding:
    base = environment.get("XDG_CACHE_HOME") or (
        os.path.join(environment["HOME"], ".cache") if environment.get("HOME") else "")
    why = "compiling the demo takes half a minute or more; with a cache that is once"
    if not base:
        return Finding("code cache", "warn", "HOME and XDG_CACHE_HOME are unset: every start compiles again",
                       "set XDG_CACHE_HOME to a writable folder", why)
    folder = Path(base) / "hydraflow-x"
    existing = next((p for p in (folder, *folder.parents) if p.exists()), Path("/"))
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return Finding("code cache", "warn", f"{existing} cannot be written ({error.strerror}): every start compiles again",
                       "set XDG_CACHE_HOME to a writable folder", why)
    return Finding("code cache", "ok", str(folder))


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: 0.50.0dev0 → (0, 50, 0)."""
    parts: list[int] = []
    for part in version.split("."):
        digits = re.match(r"\d+", part)
        if digits is None:
            break
        parts.append(int(digits[0]))
        if digits[0] != part:
            break
    return tuple(parts + [0] * (3 - len(parts)))
