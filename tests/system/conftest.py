"""The engine as its user runs it: `hfx` in a process of its own, with folders of its own and the user's compile cache.

Compiling a graph takes half a minute of CPU; the cache is keyed by what the machine code depends on, so that a topology
which differs in parameters only (frames, seed, limits, fees) costs nothing more. Tests therefore share few placements and
ring sizes, and keep the name of the shipped topology.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hydraflow.topology.diagnose import Findings
from hydraflow.topology.nodes import read

ROOT = Path(__file__).resolve().parents[2]
FEES = {"maker_fee_ppm": 200, "taker_fee_ppm": 500}
INSTRUMENTS = {
    "usdm_btcusdt_20240808.gz": {"symbol": "BTCUSDT", "tick": "0.1", "lot": "0.001", **FEES},
    "spot_ethusdt_20240808.gz": {"symbol": "ETHUSDT", "tick": "0.01", "lot": "0.00001", **FEES},
}
EVERY = 40_000  # messages between the checkpoints of fused runs: a constant of their loop, so the same in all of them
_numbers = itertools.count()


class Hfx:
    """Runs commands with state, journals and engine files under `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "run").mkdir(mode=0o700)

    def topology(
        self, shipped: str = "demo", *, stages: dict[str, dict] | None = None, rings: dict[str, dict] | None = None,
        uses: dict[str, str] | None = None, **sections: Any,
    ) -> str:
        """Write a shipped topology with changes; return its path.

        stages : parameters by stage name, added to its own; rings : fields by ring; uses : `use:` by stage name.
        """
        path = ROOT / "config" / f"{shipped}.yaml"
        kept = {name: f"${{{name}}}" for name in ("HYDRAFLOW_CAPTURE",)}
        root = read(path.read_bytes(), Findings(str(path), path.read_text()), kept)
        assert root is not None
        tree = root.plain()
        for stage in [*tree["sources"], *tree["handlers"], *tree["sinks"]]:
            if stage["name"] in (stages or {}):
                stage["with"] = {**stage.get("with", {}), **(stages or {})[stage["name"]]}
            stage["use"] = (uses or {}).get(stage["name"], stage["use"])
        for name, fields in (rings or {}).items():
            tree["rings"][name] |= fields
        tree |= sections
        path = self.folder / f"{shipped}-{next(_numbers)}.yaml"
        path.write_text(json.dumps(tree, indent=1))
        return str(path)

    def start(self, *arguments: str, code: int | tuple[int, ...] = 0, **environment: str) -> subprocess.CompletedProcess:
        """Run `hfx ARGUMENTS` to its end. code : the exit code it must have, or several."""
        ran = subprocess.run(
            [sys.executable, "-m", "hydraflow_x_entry", *arguments], cwd=self.folder, capture_output=True, text=True,
            check=False, timeout=550,
            env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(self.folder / "state"),
                 "XDG_RUNTIME_DIR": str(self.folder / "run"), **environment},
        )
        codes = code if isinstance(code, tuple) else (code,)
        assert ran.returncode in codes, f"exit code {ran.returncode}, not {code}: {ran.stderr}{ran.stdout[-2000:]}"
        return ran

    def command(self, *arguments: str, code: int | tuple[int, ...] = 0, **environment: str) -> dict[str, Any]:
        """Run a command that prints JSON and return what it printed."""
        return json.loads(self.start(*arguments, "--json", code=code, **environment).stdout)

    def run(self, topology: str, placement: str | None = None, *options: str, **environment: str) -> dict[str, Any]:
        """Run a topology to its end and return the result. Waits for a stuck handler longer than a user would."""
        name = f"test-{os.getpid()}-{next(_numbers)}"
        placed = ["--placement", placement] if placement else []
        placed += ["--hash-every", str(EVERY)] if placement == "fused" else []
        result = self.command("run", topology, "--name", name, "--quiet", "--hiccups", "0", "--stall", "120",
                              *placed, *options, **environment)
        assert result["status"] == "completed"
        return result

    def replay(self, journal: Path, *options: str, code: int | tuple[int, ...] = 0) -> dict[str, Any]:
        """Replay a journal and return the result."""
        return self.command("replay", str(journal), "--quiet", *options, code=code)

    def stat(self, name: str) -> dict[str, Any]:
        """Return what the engine file of a run holds."""
        return self.command("stat", name)


def two_at_a_time() -> ThreadPoolExecutor:
    """Return the pool in which engines that must be compiled first may wait: two, for memory and for two cores; one where
    another process runs tests too."""
    return ThreadPoolExecutor(1 if "PYTEST_XDIST_WORKER" in os.environ else 2)


@pytest.fixture(scope="session")
def hfx(tmp_path_factory: pytest.TempPathFactory) -> Hfx:
    return Hfx(tmp_path_factory.mktemp("hfx"))


@pytest.fixture(scope="session")
def captured(hfx: Hfx, captures: Path) -> Callable[[str], dict[str, Any]]:
    """Return a function that runs a capture with fees through the whole graph and records it, each once.

    The result has `topology` and, by stream, `recorded`. Recording is part of every run of a capture here, because it is
    part of the compiled graph.
    """
    results: dict[str, dict[str, Any]] = {}

    def run(capture: str) -> dict[str, Any]:
        if capture not in results:
            results[capture] = run_capture(hfx, captures / "binance" / capture, INSTRUMENTS[capture])
        return results[capture]

    return run


def run_capture(hfx: Hfx, file: Path, instrument: dict[str, Any], **limits: Any) -> dict[str, Any]:
    """Run one capture, recorded. limits : of the risk stage. Returns the result, `topology` added."""
    folder = hfx.folder / f"capture-{next(_numbers)}"
    folder.mkdir()
    topology = hfx.topology("capture", instruments=[instrument], stages={"risk": limits})
    streams = ",".join(f"{stream}={folder / stream}.jsonl" for stream in ("book", "orders", "fills"))
    result = hfx.run(topology, None, "--record", streams, HYDRAFLOW_CAPTURE=str(file))
    return {**result, "topology": topology}
