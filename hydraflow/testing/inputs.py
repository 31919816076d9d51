"""The frames of a test as a capture on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from hydraflow.topology.convert import PARAMETER_CODES, convert
from hydraflow.topology.diagnose import Findings
from hydraflow.topology.nodes import Node
from hydraflow.topology.spec import InputSpec

__all__ = ["capture_of", "simulator_parameters"]


def capture_of(given: InputSpec, topology_path: str, folder: Path) -> Path:
    """Return a capture with the frames of an input; one that has to be written goes into `folder`."""
    if given.file is not None:
        return (Path(topology_path).parent / given.file).resolve()
    path = folder / "input.capture"
    if given.simulator is None:
        path.write_text("\n".join(line.strip("\n") for line in given.lines) + "\n", encoding="utf-8")
        return path
    from hydraflow.ingress.simulator.batch import SimulatedLines

    with open(path, "wb") as file:
        for block in SimulatedLines(simulator_parameters(given)):
            file.write(block)
    return path


def simulator_parameters(given: InputSpec) -> Any:
    """Return the simulator's parameters; how fast frames go out has no meaning in virtual time."""
    from hydraflow.ingress.simulator.state import SimulatorParams

    node = given.node.entries["simulator"][1] if given.node else Node.of(given.simulator)
    params = convert(SimulatorParams, node, Findings(), codes=PARAMETER_CODES, owner="the simulator")
    assert params is not None  # it has been checked
    return attrs.evolve(params, speed=0.0, rate=0.0)
