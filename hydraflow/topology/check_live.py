"""Checks of timers and live parameters: what a stage's `every:`, and a handler's hooks and live parameters, must keep to."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import attrs

from disruptor.handler import params_dtype
from hydraflow.topology.diagnose import Findings
from hydraflow.topology.shards import is_sharded
from hydraflow.topology.spec import HandlerSpec, Topology, is_own

if TYPE_CHECKING:
    from hydraflow.topology.components import Bound

__all__ = ["OFFERED", "check_live", "live_fields"]

# Arguments that every handler may ask for; the graph offers more by other names, which only our own handlers use.
OFFERED = {"event", "sequence", "end_of_batch", "state", "params", "counters", "payload", "instruments", "orders", "batch",
            "first_sequence", "parked"}


def live_fields(params: type | None) -> list[str]:
    """Return the parameters of an attrs class that may change while the engine runs: metadata {"live": True}."""
    return [f.name for f in attrs.fields(params) if f.metadata.get("live")] if params is not None else []


def check_live(one: Bound, topology: Topology, findings: Findings) -> None:
    """Add what is wrong with the timer, the hooks and the live parameters of one handler stage."""
    spec, handler = one.spec, one.handler
    assert isinstance(spec, HandlerSpec)
    for hook in ("on_timer", "on_params"):
        if getattr(handler, hook) is not None:
            _check_hook(spec, handler, hook, one.component.ours, findings)
    _check_timer(spec, handler, topology, findings)
    if handler.params is not None:
        held = set(params_dtype(handler.params).names or ())
        for name in live_fields(handler.params):
            if name not in held:
                findings.error("HF138", f"handler '{spec.name}': parameter '{name}' is marked live, but is no number or flag",
                               spec.where("use"), label="take the mark away, or make it a number")


def _check_timer(spec: HandlerSpec, handler: Any, topology: Topology, findings: Findings) -> None:
    if spec.every_ns is None:
        broken = spec.node is not None and "every" in spec.node.entries
        if handler.on_timer is not None and not broken:
            findings.warning("HF137", f"handler '{spec.name}' has a timer, but nothing says how often", spec.where("use"),
                             label="add every: 100ms, or as it should be")
        return
    ring = topology.sequenced
    if ring is None and spec.on in topology.rings and is_own(topology.rings[spec.on].record):
        findings.error("HF132", f"handler '{spec.name}' cannot have a timer: no ring of the topology has a sequence",
                       spec.where_key("every"), label="remove it",
                       notes=("let the source bring the time: a field with it, or records of their own at each period",))
    elif ring is not None and spec.on in topology.rings and spec.on != ring.name:
        findings.error("HF132", f"handler '{spec.name}' on ring '{spec.on}' cannot have a timer: it comes in the order of ring "
                       f"'{ring.name}'", spec.where_key("every"), label="remove it")
    elif is_sharded(spec):
        findings.error("HF139", f"handler '{spec.name}' is sharded and cannot have a timer: its shards would all write into one message",
                       spec.where_key("every"), label="remove it", notes=("give the timer to a stage after it that reads what they wrote",))
    elif handler.on_timer is None:
        findings.error("HF131", f"handler '{spec.name}' does nothing at its timer: it declares no on_timer", spec.where_key("every"),
                       label="remove it", notes=("declare it: @handler(on_timer=function), def function(event, sequence, state)",))


def _check_hook(spec: HandlerSpec, handler: Any, hook: str, ours: bool, findings: Findings) -> None:
    function = getattr(handler, hook)
    if not callable(function):
        findings.error("HF133", f"handler '{spec.name}': {hook} is {type(function).__name__}, not a function", spec.where("use"))
        return
    known = (OFFERED - {"batch", "first_sequence", "parked"}) | set(handler.max_out)
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(getattr(function, "py_func", function)).parameters
    unknown = [f"'{n}'" for n, p in parameters.items() if (n not in known and not ours) or p.kind in kinds]
    absent = [f"'{n}'" for n in ("state", "params", "counters") if n in parameters and getattr(handler, n) is None]
    if unknown:
        findings.error("HF133", f"handler '{spec.name}': its {hook} asks for {', '.join(unknown)}, which nobody offers",
                       spec.where("use"), notes=(f"offered: {', '.join(sorted(known))}",))
    if absent:
        findings.error("HF133", f"handler '{spec.name}': its {hook} asks for {', '.join(absent)}, which the handler does not declare",
                       spec.where("use"))
