"""A running engine as a topology: what it was started from, with the parameters that it has now."""

from __future__ import annotations

import os
from typing import Any

import attrs

from hydraflow.control.connection import ask
from hydraflow.topology.load import TopologyError, examine
from hydraflow.topology.spec import Topology

__all__ = ["Running", "running"]


@attrs.frozen
class Running:
    """name, pid : of the engine. topology : complete and bound, its live parameters as they are now."""

    name: str
    pid: int
    topology: Topology


def running(name: str) -> Running:
    """Ask the engine `name` what it runs. Raises: Unavailable, TopologyError when its handlers cannot be loaded here any more."""
    said = ask(name, "describe")
    topology, findings = examine(
        said["topology"], said["path"], {**os.environ, **said["environment"]}, overrides=said["set"], files=said["files"], tests=False
    )
    if topology is None or findings.failed:
        raise TopologyError(said["path"], findings.texts, findings.diagnostics)
    bound = {stage: _now(one, said["parameters"].get(stage, {}), said["live"].get(stage, ())) for stage, one in topology.bound.items()}
    return Running(name, int(said["pid"]), attrs.evolve(topology, bound=bound))


def _now(one: Any, parameters: dict[str, Any], live: Any) -> Any:
    """Return a bound stage with the live parameters that the engine has now."""
    if one.params is None or not live:
        return one
    return attrs.evolve(one, params=attrs.evolve(one.params, **{name: parameters[name] for name in live if name in parameters}))
