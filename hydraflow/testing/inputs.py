"""The frames of a test as a capture on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np

from disruptor.plain import plain_dtype
from hydraflow.topology.check_test_records import fed_ring, literal_rows
from hydraflow.topology.convert import PARAMETER_CODES, convert
from hydraflow.topology.diagnose import Findings
from hydraflow.topology.layouts import layout_of
from hydraflow.topology.nodes import Node
from hydraflow.topology.spec import InputSpec, Topology, is_own

__all__ = ["capture_of", "records_of", "simulator_parameters"]


def records_of(topology: Topology, given: InputSpec, folder: Path) -> Path | None:
    """Return a .npy file with the records of an input, None where its source brings frames.

    Files without records, for all sources of own records, are written into `folder` too.
    """
    from hydraflow.ingress.generator import Rows

    for spec in topology.sources:
        layout = layout_of(topology.rings[spec.into])
        if is_own(topology.rings[spec.into].record) and layout is not None:
            np.save(folder / f"{spec.name}.npy", np.zeros(0, plain_dtype(layout)))
    ring = fed_ring(topology, given)
    layout = layout_of(ring)
    if ring is None or layout is None or not is_own(ring.record):
        return None
    if given.file is not None:
        return (Path(topology.path).parent / given.file).resolve()
    path = folder / ".input.npy"
    np.save(path, Rows(layout).array(literal_rows(given.records)).astype(plain_dtype(layout)))
    return path


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
