"""What `hfx check` and `hfx graph` cost: `python -m bench.bench_check [--json] [--smoke]`.

    warm    CPU time of checking a topology of 200 handlers once everything is imported and each handler's accesses are known:
            a chain with shortcuts, layers that all wait for the layer above, and the demo
    graph   CPU time of its picture and the terminal's drawing of it, likewise
    cold    CPU time of whole processes: `hfx --help`, `hfx check` and `hfx graph` of the demo, and of that what importing numba takes

CPU time, least of several rounds; a hash of what was found and drawn, so that it cannot rot. The budget: 150 ms for the warm ones.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HANDLERS = 200
BUDGET_MS = 150.0
ROUNDS = 7


def chain(size: int) -> str:
    """Return a topology whose handlers wait for the one before, and some for earlier ones as well."""
    head, first = _head()
    lines = [f"  - {{name: p{i}, use: probe, after: [{', '.join(_earlier(i, first))}]}}" for i in range(size - 3)]
    return "\n".join([*head, *lines]) + "\n"


def layers(size: int, wide: int = 20) -> str:
    """Return a topology of layers; each handler waits for all of the layer above."""
    head, first = _head()
    lines = []
    for i in range(size - 3):
        above = [f"p{j}" for j in range(i - i % wide - wide, i - i % wide) if j >= 0] or [first]
        lines.append(f"  - {{name: p{i}, use: \"./bare.py:bare\", after: [{', '.join(above)}]}}")
    return "\n".join([*head, *lines]) + "\n"


def _head() -> tuple[list[str], str]:
    return ["version: 1", "sources: [{use: simulator}]", "handlers:", "  - {use: deserialize.binance}", "  - {use: book}",
            "  - {use: strategy.market_maker, after: book}"], "strategy"


def _earlier(i: int, first: str) -> list[str]:
    return [first if i == 0 else f"p{i - 1}", *([f"p{i - 7}"] if i > 7 else []), *(["book"] if i % 3 == 0 else [])]


def least_ms(what: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    """Return the least CPU milliseconds of several calls, and what the last one returned."""
    best, result = float("inf"), None
    for _ in range(rounds):
        began = time.process_time()
        result = what()
        best = min(best, (time.process_time() - began) * 1e3)
    return best, result


def warm(rounds: int, size: int, folder: Path) -> dict[str, dict[str, Any]]:
    """Return, per topology, milliseconds of check and of graph, and a hash of both results."""
    from hydraflow.picture import picture_of
    from hydraflow.picture.gather import gathered
    from hydraflow.picture.text import draw_text
    from hydraflow.picture.threads import threads_of
    from hydraflow.placement import read_machine
    from hydraflow.registry import Registry
    from hydraflow.topology import examine

    (folder / "bare.py").write_text("def bare(event):\n    pass\n")
    registry, machine = Registry(entry_points=False), read_machine()
    found: dict[str, dict[str, Any]] = {}
    for name, text in {"chain": chain(size), "layers": layers(size), "demo": (ROOT / "config/demo.yaml").read_text()}.items():
        path = str(folder / f"{name}.yaml")

        def check(text: str = text, path: str = path, **more: Any) -> Any:
            return examine(text, path, {}, registry=registry, cpus=(0, 1), **more)

        check()
        check_ms, (topology, findings) = least_ms(check, rounds)
        assert topology is not None and not findings.failed, findings.diagnostics[:1]

        def graph(check: Callable[..., Any] = check) -> str:
            drawn, _ = check(components=False)
            return "\n".join(draw_text(gathered(picture_of(drawn, threads_of(drawn, machine))), 200).lines)

        graph_ms, drawing = least_ms(graph, max(1, rounds // 3))
        told = [(d.code, d.line, d.column) for d in findings.diagnostics]
        found[name] = {"handlers": len(topology.stages), "check_ms": round(check_ms, 1), "graph_ms": round(graph_ms, 1),
                       "hash": hashlib.sha256(f"{told}{drawing}".encode()).hexdigest()[:12]}
    return found


def cold(rounds: int) -> dict[str, float]:
    """Return CPU milliseconds of whole processes, children included."""
    entry, demo = str(ROOT / "hydraflow_x_entry.py"), str(ROOT / "config/demo.yaml")
    commands = {
        "hfx --help": [entry, "--help"], "hfx check demo": [entry, "check", demo], "hfx graph demo": [entry, "graph", demo],
        "import numba": ["-c", "import numba"],
    }
    return {name: round(min(_child_ms([sys.executable, *arguments]) for _ in range(rounds)), 1) for name, arguments in commands.items()}


def _child_ms(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT, env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1e3


def main() -> int:
    """Measure and print; exit 1 when a warm check is over its budget (not at smoke size)."""
    import tempfile

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--smoke", action="store_true", help="small and quick: whether it works, not how fast")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = warm(1 if options.smoke else ROUNDS, 30 if options.smoke else HANDLERS, Path(folder))
    result = {"schema": "bench.check/1", "budget_ms": BUDGET_MS, "warm": measured, "cold_ms": {} if options.smoke else cold(3)}
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        for name, row in measured.items():
            print(f"{name:<8} {row['handlers']:>4} handlers   check {row['check_ms']:>7.1f} ms   graph {row['graph_ms']:>7.1f} ms   {row['hash']}")
        for name, ms in result["cold_ms"].items():
            print(f"{name:<16} {ms:>7.1f} ms of CPU, the whole process")
    over = [name for name, row in measured.items() if max(row["check_ms"], row["graph_ms"]) > BUDGET_MS]
    return 1 if over and not options.smoke else 0


if __name__ == "__main__":
    raise SystemExit(main())
