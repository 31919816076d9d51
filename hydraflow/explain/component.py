"""Explains a handler or a source from its declaration, and from its source where it declares nothing. Compiles nothing."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

from disruptor.access import EVERY, accesses
from hydraflow.explain.record import RECORDS, fields_of
from hydraflow.records import INSTRUMENT
from hydraflow.registry import HANDLERS, Component, Registry, default_name
from hydraflow.topology.components import OFFERED
from hydraflow.topology.keys import Key, keys_of
from hydraflow.topology.spec import WELL_KNOWN_RINGS

__all__ = ["explain_component", "explain_parameter"]

_EVERYWHERE = ("event", "batch", "sequence", "first_sequence", "end_of_batch", "state", "params", "counters")
_ORDER_LINE = ("strategy.market_maker", "risk", "route", "mev", "wire", "paper")  # each decides on what the one before wrote
_STEP = ("room", "payload_room", "now", "stamps")  # what every source gets


def explain_component(component: Component) -> dict[str, Any]:
    """Return the page of a handler or a source."""
    handler, entry = component.handler, component.entry
    is_source = component.kind == "source"
    given = ("frames", *_STEP) if is_source else ()
    keys = keys_of(component.params)
    page: dict[str, Any] = {
        "kind": component.kind,
        "name": component.use,
        "summary": _about(component)[0],
        "text": _about(component)[1],
        "target": entry.target if entry else component.use,
        "from": _origin(component),
        "runs": "compiled" if handler.jit else "in Python, a generator" if is_source else "in Python, many records at once" if handler.takes_batches else "in Python",
        "parameters": [key.as_dict() for key in keys],
        "state": _state(component),
        "counters": _counters(component),
        "notes": dict(handler.notes),
    }
    if is_source and not handler.jit:
        page |= {"time": "its own", "into": list(entry.into if entry else ())}
    elif is_source:
        page |= {"time": "virtual" if handler.virtual else "real", "into": list(entry.into if entry else ("frames",))}
    else:
        on = entry.on if entry else "main"
        touched = accesses(handler)
        page |= {
            "on": on, "takes_from": list(entry.inlets if entry else ()), "into": list(entry.into if entry else ()),
            "reads": _ordered(touched.reads, on), "reads_are": "declared" if handler.reads is not None else "seen in its source",
            "writes": _ordered(touched.writes, on), "writes_are": "declared" if handler.writes is not None else "seen in its source",
        }
    page["gets"] = [] if is_source and not handler.jit else [a for a in handler.arguments if a not in _EVERYWHERE and a not in handler.max_out and a not in given]
    strange = [a for a in page["gets"] if a not in OFFERED]
    if strange and not component.ours and not is_source:
        page["more"] = [f"It asks for {', '.join(strange)}, which a topology offers only as a ring that `from:` names. A parameter "
                        "is a field of an attrs class: def on_event(event, params: Limits)."]
    page["outputs"] = [{"name": n, "max_out": most, "max_payload": handler.max_payload.get(n, 0)} for n, most in handler.max_out.items()]
    page["example"] = _example(component, keys)
    return page


def explain_parameter(component: Component, name: str) -> dict[str, Any] | None:
    """Return the page of one parameter, None when the component has none of this name."""
    key = next((k for k in keys_of(component.params) if name and name in (k.name, k.other)), None)
    if key is None:
        return None
    facts = {k: v for k, v in key.as_dict().items() if k not in ("name", "description")}
    return {"kind": "parameter", "name": f"{component.use}.{key.name}", "summary": key.description, **facts,
            "of": f"{component.kind} {component.use}"}


def _about(component: Component) -> tuple[str, str]:
    """Return a sentence and what else there is: the module's docstring when it has the component to itself, the function's."""
    function = component.handler.function
    own = inspect.cleandoc(getattr(function, "__doc__", None) or "")
    module = sys.modules.get(getattr(function, "__module__", None) or component.module)
    around = inspect.cleandoc(getattr(module, "__doc__", None) or "")
    text = "\n\n".join(part for part in (around, own) if part)
    first, _, rest = text.partition("\n")
    if rest[:1] not in ("", "\n"):  # the first sentence goes on
        paragraph, _, rest = text.partition("\n\n")
        first = " ".join(paragraph.split())
    return first, rest.strip()


def _origin(component: Component) -> str:
    if component.ours:
        return "shipped"
    if component.entry:
        return f"{component.entry.distribution} {component.entry.version}".strip()
    return getattr(sys.modules.get(component.module), "__file__", None) or component.module


def _state(component: Component) -> dict[str, Any] | None:
    """Return the fields and the size of the state for default parameters and one instrument."""
    handler = component.handler
    if handler.state is None:
        return None
    try:
        params = handler.params() if handler.params is not None else None
    except Exception:  # one has no default
        params = None
    try:
        dtype = handler.state_dtype(params, instruments=np.zeros(1, INSTRUMENT))
    except Exception:  # it needs a parameter, or more than a file says
        return {"bytes": None, "fields": []}
    names = [n for n in dtype.names or () if not n.startswith(("pad", "_"))]
    return {"bytes": dtype.itemsize, "fields": names}


def _counters(component: Component) -> list[str]:
    dtype = component.handler.counters_dtype()
    return [] if dtype is None else [n for n in dtype.names or () if not n.startswith(("pad", "_"))]


def _ordered(fields: Iterable[str], ring: str) -> list[str]:
    """Return fields in the order of the ring's record, unknown ones last."""
    known = WELL_KNOWN_RINGS.get(ring)
    order = [f["name"] for f in fields_of(known.record)] if known and known.record in RECORDS else []
    if EVERY in fields:  # it was not understood
        fields = {*fields, *order} - {EVERY} if order else fields
    return sorted(fields, key=lambda f: (order.index(f) if f in order else len(order), f))


def _example(component: Component, keys: list[Key]) -> str:
    """Return a stanza of a topology: what must be said, and the first parameters with their defaults."""
    entry, section = component.entry, "handlers" if component.kind == "handler" else "sources"
    if entry and entry.inlets:
        section = "sinks"
    use = component.use if ":" not in component.use else f'"{component.use}"'
    lines = [f"{section}:", f"  - use: {use}"]
    if component.kind == "source" and not component.handler.jit:
        lines.append("    into: readings")
    if component.kind == "handler":
        after = _before(component)
        if after:
            lines.append(f"    after: {after[0] if len(after) == 1 else '[' + ', '.join(after) + ']'}")
        if entry is None and component.handler.max_out:
            lines.append(f"    into: [{', '.join(component.handler.max_out)}]")
    shown = [k for k in keys if k.needed] or [k for k in keys if k.default is not None][:2]
    if shown:
        lines += ["    with:", *(f"      {k.name}: {_sample(k)}" for k in shown)]
    return "\n".join(lines)


def _sample(key: Key) -> str:
    value = key.default
    if value is None:
        samples = {"whole": "1", "duration": "1ms", "size": "64KiB", "number": "1.0", "flag": "true", "decimal": "0.1"}
        return str(key.choices[0]) if key.choices else samples.get(key.kind, '"…"')
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:_}" if isinstance(value, int) else f'"{value}"' if isinstance(value, str) else str(value)


def _before(component: Component) -> list[str]:
    """Return the shipped stages that a handler on `main` comes after: who writes what it reads, or fills what it drains.

    Order lines lie beside the message, where `accesses` does not see them; they pass the stages of _ORDER_LINE in turn.
    """
    if component.entry is not None and component.entry.on != "main":
        return []
    if component.ours and component.use in _ORDER_LINE[1:]:
        return [default_name(_ORDER_LINE[_ORDER_LINE.index(component.use) - 1])]
    touched = accesses(component.handler)
    table = {name: written for name, written in _written().items() if not (component.ours and name == component.use)}
    ahead = [name for name, written in table.items() if written & touched.reads]
    late = max((_ORDER_LINE.index(name) for name in ahead if name in _ORDER_LINE), default=-1)
    if late >= 0:  # the last stage of the line comes after the others, and after the book
        ahead = [name for name in ahead if name not in (*_ORDER_LINE[:late], "book")]
    return [default_name(name) for name in ahead]


@functools.cache
def _written() -> dict[str, frozenset[str]]:
    """Return the fields that each shipped handler on `main` writes."""
    registry = Registry(entry_points=False)
    return {name: accesses(registry.resolve("handler", name).handler).writes
            for name, entry in HANDLERS.items() if entry.on == "main"}
