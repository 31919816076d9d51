"""A stage taken out of its thread, to run alone in the interpreter while somebody looks at it."""

from __future__ import annotations

import attrs

from hydraflow.placement.assign import Placement, Thread

__all__ = ["DEBUG", "set_apart"]

DEBUG = "debug"  # name of the thread


def set_apart(placement: Placement, stage: str) -> Placement:
    """Return the placement with `stage` on a thread of its own, of kind "interpreted"; no thread spins then.

    Outputs and hashes are the same in every placement, so this one changes none. A Python stage keeps the thread it has.
    """
    if placement.thread_of(stage).kind == "python":
        return placement
    threads = [attrs.evolve(t, stages=tuple(s for s in t.stages if s != stage)) for t in placement.threads]
    threads = [attrs.evolve(t, wait="yielding") if t.kind == "compiled" else t for t in threads if t.stages or t.kind == "service"]
    apart = Thread(name=DEBUG, stages=(stage,), wait="yielding", kind="interpreted", reason="is being debugged")
    place = sum(t.kind == "compiled" for t in threads)
    return Placement(threads=(*threads[:place], apart, *threads[place:]), reasons=(*placement.reasons, f"'{stage}' is being debugged"))
