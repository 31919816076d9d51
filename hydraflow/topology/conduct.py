"""What each handler may and may not do by itself, whoever else is there: allocate, read clocks, write what is not its own.

Each finding stands at the stage's `use:` and shows the line of the handler's source. A handler that several stages use is
reported once.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterable
from typing import Any

from disruptor.access import ALLOCATES, CLOCK, PARAMS, RANDOM, Access, Place
from hydraflow.topology.diagnose import Findings, Related, Span, did_you_mean
from hydraflow.topology.races import shown
from hydraflow.topology.spec import HandlerSpec, RingSpec, Topology, is_own
from hydraflow.topology.touched import INPUT, Touched, layouts_of

__all__ = ["check_conduct"]

_CODES = {ALLOCATES: "HF332", CLOCK: "HF333", RANDOM: "HF334", PARAMS: "HF336"}
_WRONG_RING = ("HF108", "HF207", "HF566")  # whose records some handler was not written for
_SHOWN_MOST = 8  # findings of one kind in one handler
_METHODS = frozenset(dir(tuple())) | {"mean", "sum", "min", "max", "size", "shape", "dtype", "copy", "item"}


def check_conduct(topology: Topology, stages: list[Touched], findings: Findings) -> None:
    """Add what the handlers do and must not do."""
    told: set[tuple] = set()
    for stage in stages:
        one = topology.bound.get(stage.name)
        if one is None or one.spec is not stage.spec:
            continue
        own = (one.component.module, one.component.attribute, stage.spec.on)
        if own not in told:
            told.add(own)
            _check_effects(stage, one.handler, findings)
            _check_unresolved(stage, findings)
            _check_declared(stage, findings)
            ring = topology.rings.get(stage.spec.on)
            if not findings.has(*_WRONG_RING):
                _check_fields(stage, ring, findings)


def _check_effects(stage: Touched, handler: Any, findings: Findings) -> None:
    counts: dict[str, int] = {}
    for effect in stage.access.effects:
        free = not handler.jit and not _acts(stage.access, handler)
        if free and effect.kind in (CLOCK, RANDOM):
            continue
        counts[effect.kind] = counts.get(effect.kind, 0) + 1
        if counts[effect.kind] <= _SHOWN_MOST:
            _show(findings.error, _CODES[effect.kind], f"handler '{stage.name}' {_said(effect.kind, effect.what)}", stage.spec, effect.place,
                  findings, (f"instead: {effect.remedy}",))
    for kind, count in counts.items():
        if count > _SHOWN_MOST:
            findings.error(_CODES[kind], f"handler '{stage.name}' {kind} on {count - _SHOWN_MOST:,} further lines", stage.spec.where("use"))


def _acts(access: Access, handler: Any) -> bool:
    """Whether others see what a Python handler does."""
    return bool(access.writes or handler.max_out or any("." in name for name in access.beside_writes))


def _said(kind: str, what: str) -> str:
    return f"allocates: {what.partition(': ')[2]}" if kind == ALLOCATES else what.removeprefix("it ")


def _check_unresolved(stage: Touched, findings: Findings) -> None:
    for one in stage.access.unresolved[:_SHOWN_MOST]:
        _show(findings.warning, "HF330", f"handler '{stage.name}' is taken to read and write every field: {one.what}", stage.spec,
              one.place, findings, (one.remedy,))


def _check_declared(stage: Touched, findings: Findings) -> None:
    for verb, field in stage.access.undeclared:
        place = stage.access.places[verb, field]
        _show(findings.error, "HF337", f"handler '{stage.name}' {verb} '{field}', which it does not declare", stage.spec, place, findings,
              (f"add it to {verb}= of its @handler, or declare nothing: then its source counts",))


def _check_fields(stage: Touched, ring: RingSpec | None, findings: Findings) -> None:
    record, layout = ring.record if ring else "", layouts_of(ring).get("event")
    noun = f"record of '{stage.spec.on}'" if is_own(record) else record
    names = layout.names if layout is not None else None
    if names is None:
        return
    for verb in ("reads", "writes"):
        for field in sorted(getattr(stage.access, verb)):
            if not field.isidentifier() or (verb == "writes" and field in stage.access.reads and field not in names):
                continue
            place = stage.access.place(verb, field)
            if field not in names and field not in _METHODS:
                close = did_you_mean(field, names)
                _show(findings.error, "HF342", f"handler '{stage.name}' {verb} '{field}', which a {noun} does not have", stage.spec, place,
                      findings, (f"did you mean '{close}'?" if close else f"fields: {', '.join(names)}",))
            elif verb == "writes" and record == "message" and field in INPUT:
                _show(findings.error, "HF343", f"handler '{stage.name}' writes '{field}', which belongs to the input of the message",
                      stage.spec, place, findings, ("what a handler finds out goes into the work part, hfx explain message",))


def _show(add: Any, code: str, message: str, spec: HandlerSpec, place: Place | None, findings: Findings, notes: Iterable[str]) -> None:
    related: tuple[Related, ...] = ()
    if place is not None:
        path = shown(place.path)
        if path not in findings.texts:
            findings.texts[path] = "".join(linecache.getlines(place.path))
        related = (Related(Span(place.line, place.column, place.length, path), "here"),)
    add(code, message, spec.where("use") or spec.where(), related=related, notes=tuple(notes))
