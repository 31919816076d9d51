"""Which files have tests: those that are named, and in folders every YAML file with `tests:` at its top level."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from hydraflow.errors import InputNotFound, UsageError

__all__ = ["declares_tests", "files_with_tests"]

_TESTS = re.compile(rb"^([\"']?tests[\"']?|\{.*[\"'\s,{]tests[\"']?)\s*:", re.MULTILINE)
_BYTES_MAX = 1 << 20
_LEFT_OUT = ("node_modules", "__pycache__")


def declares_tests(path: Path) -> bool:
    """Return whether a file looks as if it declares tests; it is not parsed."""
    try:
        with open(path, "rb") as file:
            return _TESTS.search(file.read(_BYTES_MAX)) is not None
    except OSError:
        return False


def files_with_tests(named: Iterable[str]) -> list[str]:
    """Return the files to test, each once. named : files and folders; none: the working directory.

    Raises: InputNotFound for what is not there, and where there is nothing to test.
    """
    given = list(named)
    found: list[str] = []
    for name in given or ["."]:
        path = Path(name)
        if path.is_dir():
            found += [str(p) for p in sorted(path.rglob("*.y*ml")) if _is_candidate(p, path) and declares_tests(p)]
        elif path.exists():
            found.append(name)
        else:
            raise InputNotFound("no such file or folder", where=name, remedy="give topology files, or folders of them")
    if not found:
        raise UsageError(f"no YAML file with `tests:` in {' and '.join(given) or 'this folder'}",
                         remedy="docs/testing.md says how to write one; `hfx init` makes one")
    return list(dict.fromkeys(found))


def _is_candidate(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    return path.suffix in (".yaml", ".yml") and not any(p.startswith(".") or p in _LEFT_OUT for p in parts)
