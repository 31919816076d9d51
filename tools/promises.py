"""What is promised across versions, read off the code: `python -m tools.promises --write` freezes what is there now.

tests/project/promises.json is the frozen copy; tests/project/test_versions.py holds everything in it against the code of today.
What is new is not promised until it is frozen; what was frozen may only be unfrozen by a new version of its format.
"""

from __future__ import annotations

import importlib
import json
import sys
from enum import IntEnum
from pathlib import Path
from typing import Any

import attrs
import click
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
FROZEN = ROOT / "tests/project/promises.json"
_FORMATS = ("disruptor.log.format:LOG_MAGIC", "disruptor.log.format:LOG_VERSION", "disruptor.counters_format:VERSION",
            "hydraflow.journal.header:SCHEMA", "hydraflow.runtime.result:SCHEMA")
_RECORDS = ("disruptor.log.format:HEADER", "disruptor.counters_format:HEADER", "disruptor.counters_format:ERROR",
            "hydraflow.records:MESSAGE", "hydraflow.records:LEVEL", "hydraflow.records:REPORT")
_PACKAGES = ("hydraflow", "disruptor", "disruptor.testing", "hydraflow.results")


def collect() -> dict[str, Any]:
    """Return every promise as plain data, by area."""
    return {
        "topology keys": _topology(), "diagnostics": _diagnostics(), "formats": {name: _value(name) for name in _FORMATS},
        "records": {name: _layout(_value(name)) for name in _RECORDS}, "rows": _rows(), "numbers": _numbers(),
        "verbs": _verbs(), "exit codes": _exit_codes(), "json schemas": _schemas(), "python": _python(),
    }


def broken(frozen: Any, now: Any, where: str = "") -> list[str]:
    """Return what of `frozen` is not so any more: mappings may gain keys and lists items, anything else stays as it is."""
    if isinstance(frozen, dict) and isinstance(now, dict):
        out = []
        for key, value in frozen.items():
            out += broken(value, now[key], f"{where}/{key}") if key in now else [f"{where}/{key} is gone"]
        return out
    if isinstance(frozen, list) and isinstance(now, list):
        return [f"{where}: {item} is gone" for item in frozen if item not in now]
    return [] if frozen == now else [f"{where} was {frozen}, is {now}"]


def _topology() -> dict[str, list[str]]:
    from hydraflow.topology import spec

    classes = [c for c in vars(spec).values() if isinstance(c, type) and attrs.has(c) and c.__name__.endswith(("Spec", "Topology"))]
    return {c.__name__: sorted(spec.key_of(f) for f in attrs.fields(c) if not f.metadata.get("internal")) for c in classes}


def _diagnostics() -> list[str]:
    from hydraflow.topology.explain import EXPLANATIONS

    return sorted(EXPLANATIONS)


def _rows() -> dict[str, list[list[str]]]:
    from hydraflow.rows import ROWS

    return {name: [[field, (dtype.fields or {})[field][0].str] for field in dtype.names or ()] for name, dtype in ROWS.items()}


def _numbers() -> dict[str, dict[str, int]]:
    codes = importlib.import_module("hydraflow.codes")
    enums = [e for e in vars(codes).values() if isinstance(e, type) and issubclass(e, IntEnum) and e is not IntEnum]
    return {e.__name__: {m.name: int(m) for m in e} for e in enums}


def _verbs() -> dict[str, list[str]]:
    from hydraflow.cli import hfx

    out: dict[str, list[str]] = {}
    context = click.Context(hfx)
    for name in hfx.list_commands(context):
        command = hfx.get_command(context, name)
        parts = {name: command} if not isinstance(command, click.Group) else {f"{name} {n}": c for n, c in command.commands.items()}
        for verb, one in parts.items():
            assert one is not None
            out[verb] = sorted({option for p in one.params if isinstance(p, click.Option) for option in p.opts})
    return out


def _exit_codes() -> dict[str, str]:
    from hydraflow.settings import EXIT_CODES

    return {str(code): meaning for code, meaning in EXIT_CODES.items()}


def _schemas() -> list[str]:
    names = set()
    for path in sorted((ROOT / "hydraflow").rglob("*.py")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("SCHEMA = "):
                names.add(line.split('"')[1])
    return sorted(names)


def _python() -> dict[str, list[str]]:
    return {name: sorted(importlib.import_module(name).__all__) for name in _PACKAGES}


def _value(where: str) -> Any:
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(module), name)


def _layout(dtype: np.dtype) -> dict[str, list[Any]]:
    return {name: [int(entry[1]), _format(entry[0])] for name, entry in dict(dtype.fields or {}).items() if not name.startswith("pad")}


def _format(dtype: np.dtype) -> str:
    return f"{dtype.base.str}{list(dtype.shape) if dtype.shape else ''}"


def main(arguments: list[str]) -> int:
    """Freeze, or print what is."""
    text = json.dumps(collect(), indent=1, sort_keys=True) + "\n"
    if "--write" in arguments:
        FROZEN.write_text(text)
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
