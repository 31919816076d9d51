"""What the handlers' source proves about a topology: purity, declarations, order. Nothing is compiled.

Called when the file is complete and its components are bound; it fills in what `after: auto` stands for.
"""

from __future__ import annotations

from typing import Any

from hydraflow.topology.conduct import check_conduct
from hydraflow.topology.derived import derive
from hydraflow.topology.diagnose import Findings
from hydraflow.topology.happens_before import Order
from hydraflow.topology.races import check_races
from hydraflow.topology.spec import Topology
from hydraflow.topology.superfluous import note_superfluous
from hydraflow.topology.touched import touched_by

__all__ = ["prove"]

_UNORDERED = ("HF007", "HF101", "HF102", "HF103", "HF104", "HF105", "HF106", "HF109", "HF338", "HF341")  # the missing order has its cause reported


def prove(topology: Topology, findings: Findings, find: Any = None, *, ordered: bool = True) -> Topology:
    """Return the topology with its derived order; add everything that is wrong to `findings`.

    find : (handler, layouts) → Access; default: from the source, or from the cache on disk. ordered : False when a mistake leaves
    open who comes after whom: then nothing is concluded from the order.
    """
    if find is not None:
        stages = touched_by(topology, topology.bound, find)
    else:
        from hydraflow.topology.remembered import remembered

        with remembered(findings) as look:
            stages = touched_by(topology, topology.bound, look)
    check_conduct(topology, stages, findings)
    if not ordered or findings.has(*_UNORDERED):
        return topology
    topology, stages = derive(topology, stages, findings)
    if findings.has(*_UNORDERED):
        return topology
    waits = {s.name: list(s.spec.after) for s in stages}
    for spec in topology.stages:  # with those of which nothing is known but their place, and two of one name
        waits.setdefault(spec.name, []).extend(spec.after)
    order = Order.of(waits)
    check_races(stages, order, findings)
    if not findings.failed:
        journals = {name for name, one in topology.bound.items() if "staging" in getattr(one.handler, "max_out", ())}
        note_superfluous(stages, order, findings, journals)
    return topology
