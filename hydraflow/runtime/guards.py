"""`on_error` of a stage: which faults do not end the run, what is counted of them, and how they are told."""

from __future__ import annotations

from disruptor.counters import CounterFile
from disruptor.guard import Incident
from disruptor.handler import Handler
from disruptor.raising import place_of
from disruptor.stage import Guard
from hydraflow.runtime.cells import CellNames
from hydraflow.runtime.incidents import PARKED, SKIPPED
from hydraflow.scrubber import SECRETS
from hydraflow.topology.spec import HandlerSpec, Topology
from hydraflow.topology.touched import access_of

__all__ = ["Reporter", "guard_of", "in_words"]

_ENDS = ("halt", "continue")  # the journal's `continue` is about its disk


def guard_of(spec: HandlerSpec, declared: Handler, topology: Topology, cells: CellNames) -> Guard | None:
    """Return what the loop must know of a stage whose faults do not end the run; None of any other. Adds its cells."""
    if spec.on_error is None or spec.on_error in _ENDS:
        return None
    skipped, parked = cells.word(f"stage.{spec.name}.skipped"), cells.word(f"stage.{spec.name}.parked")
    return Guard(parks=spec.on_error == "park", skipped=skipped, parked=parked, writes=tuple(sorted(access_of(spec, declared, topology).writes)))


def in_words(cause: BaseException | str) -> str:
    """Return what happened, and file and line where the error says them."""
    if not isinstance(cause, BaseException):
        return str(cause)
    place = place_of(cause)
    where = f" at {place[0].rpartition('/')[2]}:{place[1]}" if place else ""
    return f"{type(cause).__name__}: {cause}{where}"


class Reporter:
    """Puts incidents into the distinct-error log of the CnC file. Called on the loops' threads."""

    def __init__(self, file: CounterFile) -> None:
        self._file = file

    def __call__(self, incident: Incident) -> None:
        word, code = ("parked", PARKED) if incident.parked else ("passed by", SKIPPED)
        text = SECRETS.scrub(f"{word}: {in_words(incident.cause)}")
        self._file.log_error(code, text, handler=incident.handler, sequence=incident.sequence)
