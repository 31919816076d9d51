"""An `after` that orders nothing: another one says it already, or no two stages that it orders have anything in common.

It is a note, never an error: it costs a comparison per batch, and may be meant for reasons that no field shows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from hydraflow.topology.diagnose import Findings
from hydraflow.topology.happens_before import Order, bits
from hydraflow.topology.spec import HandlerSpec
from hydraflow.topology.touched import Touched

__all__ = ["note_superfluous"]


def note_superfluous(stages: list[Touched], order: Order, findings: Findings, waited_for: Collection[str] = ()) -> None:
    """Note every written `after` that could go. Precondition: there is no race and no circle.

    What another one says already orders nothing by itself, so `order` stays right when it goes.

    waited_for : stages that may be waited for although they share nothing: the journal.
    """
    conflicts = _conflicts(stages)
    after = {s.name: list(s.spec.after) for s in stages}
    for stage in stages:
        written = [a for a in stage.spec.after if a not in stage.spec.derived and a in order.index]
        for place, earlier in enumerate(written):
            rest = {**after, stage.name: [a for a in after[stage.name] if a != earlier]}
            saying = order.behind[order.index[earlier]] & _mask(rest[stage.name], order)
            through = next((a for a in rest[stage.name] if saying and a in order.index and saying >> order.index[a] & 1), None)
            if through is not None:
                _note(stage.spec, place, f"handler '{stage.name}' waits for '{earlier}' through '{through}' already", findings)
                after = rest
            elif earlier not in waited_for and _is_free(stage, stages[order.index[earlier]], conflicts, order, rest):
                _note(stage.spec, place, f"handler '{stage.name}' waits for '{earlier}', and has nothing in common with it or with "
                      "what comes before it", findings)


def _note(spec: HandlerSpec, place: int, message: str, findings: Findings) -> None:
    findings.note("HF339", message, spec.where("after", place) or spec.where("name"), label="can go")


def _conflicts(stages: list[Touched]) -> list[int]:
    """Return, per stage, the bits of those that touch what it writes, or write what it touches, or fill what it drains."""
    writing: dict = {}
    touching: dict = {}
    for i, stage in enumerate(stages):
        for key in stage.writes:
            writing[key] = writing.get(key, 0) | 1 << i
        for key in stage.both:
            touching[key] = touching.get(key, 0) | 1 << i
    filling: dict[str, int] = {}
    draining: dict[str, int] = {}
    for i, stage in enumerate(stages):
        for ring in stage.spec.into:
            filling[ring] = filling.get(ring, 0) | 1 << i
        for ring in stage.spec.inlets:
            draining[ring] = draining.get(ring, 0) | 1 << i
    found = []
    for i, stage in enumerate(stages):
        mask = 0
        for key in stage.both:
            mask |= writing.get(key, 0)
        for key in stage.writes:
            mask |= touching[key]
        for ring in stage.spec.inlets:
            mask |= filling.get(ring, 0)
        for ring in stage.spec.into:
            mask |= draining.get(ring, 0)
        found.append(mask & ~(1 << i))
    return found


def _is_free(stage: Touched, earlier: Touched, conflicts: list[int], order: Order, rest: dict[str, list[str]]) -> bool:
    """Whether without this edge all that have something in common are ordered as before."""
    i, j = order.index[stage.name], order.index[earlier.name]
    if conflicts[i] >> j & 1 or any(not s.both or s.access.unresolved or s.access.effects for s in (stage, earlier)):
        return False
    left = 0
    for other in bits(_mask(rest[stage.name], order)):
        left |= order.before[other] | 1 << other
    lost = order.before[i] & ~left
    if lost & conflicts[i]:
        return False
    behind = list(bits(order.behind[i]))
    if not any(lost & conflicts[later] for later in behind):
        return True
    before = _without(i, left, behind, order, rest)  # those that come after it may be ordered by another way
    return not any(order.before[later] & ~before[later] & conflicts[later] for later in behind)


def _without(i: int, left: int, behind: list[int], order: Order, rest: dict[str, list[str]]) -> dict[int, int]:
    """Return what comes before each stage behind stage i, when only the stages `left` come before that one."""
    before = {i: left}
    for later in sorted(behind, key=lambda n: order.before[n].bit_count()):  # more comes before whoever is later
        before[later] = 0
        for other in bits(_mask(rest.get(order.names[later], ()), order)):
            before[later] |= before.get(other, order.before[other]) | 1 << other
    return before


def _mask(names: Iterable[str], order: Order) -> int:
    """Return the bits of some stages; names of none do not count."""
    mask = 0
    for name in names:
        if name in order.index:
            mask |= 1 << order.index[name]
    return mask
