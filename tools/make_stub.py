"""disruptor/__init__.pyi: what `from disruptor import …` gives, for type checkers and editors. Its source is the package's own table.

`python -m tools.make_stub` writes it. At run time names are imported when they are first used, which no type checker follows;
and `handler` and `compiled` are functions that have the names of modules.
"""

from __future__ import annotations

from pathlib import Path

import disruptor

__all__ = ["PATH", "stub"]

PATH = Path(disruptor.__file__).with_suffix(".pyi")


def stub() -> str:
    """Return the text of the stub."""
    names: dict[str, list[str]] = {}
    for name, module in disruptor._MODULE_OF.items():
        names.setdefault(module, []).append(name)
    lines = [
        f"from disruptor.{module} import {', '.join(f'{n} as {n}' for n in sorted(found))}"
        for module, found in sorted(names.items())
    ]
    return "\n".join(["# ruff: noqa", "# Made by tools/make_stub.py.", *lines, ""])


if __name__ == "__main__":
    PATH.write_text(stub())
