"""What a stage on the main ring gets besides its messages: the calls of its timer, and changes of its parameters.

Stages have *numbers* in the messages of the order: their places among the handlers and sinks of the topology. A journal
names them (`stages` in its header), so that a replay with another topology finds its own stages again.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from disruptor.handler import Handler, params_dtype
from disruptor.stage import Hook
from hydraflow.codes import Kind
from hydraflow.runtime.engine_messages import apply_changes
from hydraflow.topology.check_live import live_fields
from hydraflow.topology.spec import Topology

__all__ = ["hooks_of", "renumbered", "stage_names", "stage_table"]


def stage_names(topology: Topology) -> list[str]:
    """Return the stages in the order of their numbers."""
    return [spec.name for spec in topology.stages]


def stage_table(topology: Topology) -> list[dict[str, Any]]:
    """Return what a journal must know of each stage to be read again: name, period of its timer, and of its parameters'
    record each field's name and kind."""
    return [
        {"name": spec.name, "every_ns": spec.every_ns, "fields": _fields(topology.bound[spec.name].params)}
        for spec in topology.stages
    ]


def hooks_of(declared: Handler, number: int, every_ns: int | None, params: np.ndarray | None) -> list[Hook]:
    """Return the hooks of stage `number`. every_ns : period of its timer, None for none; params : its record, length 1."""
    hooks = []
    if declared.params is not None and params is not None and live_fields(declared.params):
        then = None
        if declared.on_params is not None:
            then = Hook(name="params", function=declared.on_params, arguments=_arguments(declared.on_params))
        hooks.append(Hook(
            name="changes", function=apply_changes, arguments=("event", "payload", "params_words", "stage_number"),
            when={"kind": int(Kind.PARAMETERS)}, instead=False, then=then,
            bindings={"params_words": params.view(np.int64), "stage_number": number},
        ))
    if every_ns and declared.on_timer is not None:
        hooks.append(Hook(
            name="timer", function=declared.on_timer, arguments=_arguments(declared.on_timer),
            when={"kind": int(Kind.STAGE_TIMER), "first_update": number},
        ))
    return hooks


def renumbered(messages: np.ndarray, units: np.ndarray, written: Sequence[dict[str, Any]], topology: Topology) -> None:
    """Give the stages and fields in a journal's messages the numbers that they have in `topology`, in place.

    written : `stages` of the journal's header. What the topology has no more gets a number that no stage has.
    """
    now = stage_table(topology)
    if list(written) == now:
        return
    nobody = len(now)
    names = {stage["name"]: number for number, stage in enumerate(now)}
    numbers = np.array([names.get(stage["name"], nobody) for stage in written] or [nobody], np.int64)
    timers = np.flatnonzero(messages["kind"] == Kind.STAGE_TIMER)
    messages["first_update"][timers] = numbers[messages["first_update"][timers]]
    for message in messages[messages["kind"] == Kind.PARAMETERS]:
        start = int(message["payload_position"])
        for unit in units[start : start + int(message["payload_count"])]:
            stage, field = int(unit["price_ticks"]) >> 32, int(unit["price_ticks"]) & 0xFFFFFFFF
            number, name = int(numbers[stage]), written[stage]["fields"][field]
            known = now[number]["fields"] if number < nobody else []
            unit["price_ticks"] = number << 32 | known.index(name) if name in known else nobody << 32


def _fields(params: Any) -> list[list[str]]:
    """Return [name, "int", "float" or "bool"] of each field of the parameters' record."""
    if not attrs.has(type(params)):
        return []
    names = params_dtype(type(params)).names or ()
    kinds = {f.name: next(k.__name__ for k in (bool, float, int) if k is int or (isinstance(f.type, type) and issubclass(f.type, k)))
             for f in attrs.fields(attrs.resolve_types(type(params)))}
    return [[name, kinds.get(name, "int")] for name in names]


def _arguments(function: Any) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)
