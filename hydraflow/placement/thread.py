"""A thread of a placement, and those that are the same in every one: Python stages and what blocks for a stage."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from disruptor.scheduling import Scheduling
from hydraflow.placement.stage import Stage
from hydraflow.topology.spec import ThreadSpec

__all__ = ["Thread", "cores_in_words", "python_thread", "scheduling", "service_threads"]


@attrs.frozen(kw_only=True)
class Thread:
    """One thread. cpu : core it is pinned to, or None; kind : "compiled", "python" or "service".

    reason : why it waits as it does; of a thread that is not compiled: why it is there. scheduling : what the kernel is asked for,
    None: nothing. node : of the memory that its stages own and fill, None: where it is touched first.
    """

    name: str
    stages: tuple[str, ...] = ()
    cpu: int | None = None
    wait: str = "yielding"
    kind: str = "compiled"
    reason: str = ""
    scheduling: Scheduling | None = None
    node: int | None = None


def python_thread(stage: Stage) -> Thread:
    """Return the thread of a Python stage."""
    return Thread(name=stage.name, stages=(stage.name,), wait="blocking", kind="python", reason="needs the GIL, never pinned")


def service_threads(stages: Sequence[Stage], wishes: Sequence[ThreadSpec] = ()) -> list[Thread]:
    """Return the threads that block for a stage. wishes : threads without stages that a placement names, to pin these."""
    asked = {w.name: w for w in wishes}
    return [
        Thread(name=s.service, cpu=asked[s.service].cpu if s.service in asked else None, wait="blocking", kind="service",
               reason=f"blocks for '{s.name}'", scheduling=scheduling(asked[s.service]) if s.service in asked else None)
        for s in stages if s.service
    ]


def scheduling(wish: ThreadSpec) -> Scheduling | None:
    """Return what a thread of the file asks the kernel for, None for nothing."""
    if wish.scheduler is None and wish.nice is None:
        return None
    return Scheduling(wish.scheduler or "other", wish.priority or 0, wish.nice)


def cores_in_words(value: float) -> str:
    """Return "1 core", "2 cores", "1.50 cores"."""
    return f"{value:g} core" if value == 1 else f"{value:.2f} cores".replace(".00", "")
