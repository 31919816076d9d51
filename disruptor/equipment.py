"""What a handler is tested with: records, state, params, counters and outputs made of what the test gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from disruptor.columns import records_from, values_into
from disruptor.errors import LayoutError
from disruptor.handler import Handler, params_record
from disruptor.layout import next_power_of_two, record_dtype
from disruptor.trial import Parts

__all__ = ["equip"]

_ALWAYS = ("event", "sequence", "end_of_batch")


def equip(
    declared: Handler,
    events: Any,
    fields: Any,
    params: Any,
    state: Any,
    outputs: Mapping[str, Any],
    payload: Any,
    first_sequence: int,
    batch: int,
    given: Mapping[str, Any],
) -> Parts:
    """Return the parts of a trial of `declared`; the arguments are those of disruptor.testing.run.

    Raises: LayoutError for what is missing, unknown or of the wrong form.
    """
    name = declared.name
    array = records_from(events, fields, f"events of '{name}'")
    settings, instance = _params(declared, params)
    records = {} if settings is None else {"params": settings}
    own = _state(declared, state, records.get("params"), instance, given)
    if own is not None:
        records["state"] = own
    counters = declared.counters_dtype()
    if counters is not None:
        records["counters"] = np.zeros(1, counters)
    arrays, numbers = {}, {}
    for key, value in given.items():
        if isinstance(value, np.ndarray):
            arrays[key] = value
        elif isinstance(value, (int, float, np.generic)) and not isinstance(value, np.void):
            numbers[key] = value.item() if isinstance(value, np.generic) else value
        else:
            raise LayoutError(f"'{key}' of '{name}': an array or a number is needed, got {type(value).__name__}")
    if payload is not None:
        arrays["payload"] = _mirrored(payload)
    elif "payload" in declared.arguments:
        numbers["payload"] = None
    published = {key: _output(declared, key, value) for key, value in outputs.items()}
    known = {*_ALWAYS, *records, *arrays, *numbers, *published}
    if declared.arguments[:1] != ("batch",):
        _refuse_missing(declared, known)
    used = set(declared.arguments)
    return Parts(
        name=name,
        arguments=declared.arguments,
        events=array,
        first_sequence=first_sequence,
        batch=batch if batch > 0 else max(1, len(array)),
        records={k: v for k, v in records.items() if k in used},
        arrays={k: v for k, v in arrays.items() if k in used},
        numbers=numbers,
        outputs={k: v for k, v in published.items() if k in used},
    )


def _params(declared: Handler, params: Any) -> tuple[np.ndarray | None, Any]:
    """Return the params record array and the instance that `state` and `prepare` get."""
    if declared.params is None:
        return (
            (None, None)
            if params is None
            else (records_from(params, None, f"params of '{declared.name}'")[:1], params)
        )
    if isinstance(params, Mapping):
        try:
            params = declared.params(**params)
        except TypeError as error:
            raise LayoutError(f"params of '{declared.name}': {error}") from error
    instance = declared.params() if params is None else params
    return params_record(instance), instance


def _state(declared: Handler, state: Any, params: Any, instance: Any, given: Mapping[str, Any]) -> np.ndarray | None:
    name = f"state of '{declared.name}'"
    values = isinstance(state, Mapping) and not any(isinstance(v, (str, type, np.dtype)) for v in state.values())
    whole = isinstance(state, (np.void, np.ndarray))
    if whole:
        return records_from(state, None, name)[:1]
    dtype = declared.state_dtype(instance, **given)
    if dtype is None:
        if state is None:
            return None
        return (
            records_from(state, None, name)[:1] if values else np.zeros(1, record_dtype(state, name=name, fill=True))
        )
    result = np.zeros(1, dtype)
    if declared.prepare is not None:
        declared.prepare(result[0], params[0] if params is not None else None, **given)
    if values and state is not None:
        values_into(result[0], state, name)
    elif state is not None:
        raise LayoutError(
            f"{name}: the handler declares its fields; give values by field name, got {type(state).__name__}"
        )
    return result


def _output(declared: Handler, name: str, given: Any) -> tuple[np.dtype, Any, int, int]:
    unit = None
    if isinstance(given, tuple) and len(given) == 2 and not isinstance(given[0], str):
        given, unit = given
    dtype = record_dtype(given, name=f"output '{name}' of '{declared.name}'", fill=True)
    unit = None if unit is None else np.dtype(unit)
    return dtype, unit, int(declared.max_out.get(name, 1)), int(declared.max_payload.get(name, 0))


def _refuse_missing(declared: Handler, known: set[str]) -> None:
    for name in declared.arguments:
        if name in known:
            continue
        if name in declared.max_out:
            raise LayoutError(
                f"'{declared.name}' publishes to '{name}': pass outputs={{'{name}': [(field, format), …]}}"
            )
        if name in ("state", "params"):
            what = "state=[(field, format), …]" if name == "state" else "params={'name': value}"
            raise LayoutError(
                f"'{declared.name}' takes {name} and declares none: pass {what}, or declare it in @handler"
            )
        raise LayoutError(
            f"'{declared.name}' takes '{name}', which nothing here is called: pass {name}=<array or number>"
        )


def _mirrored(payload: Any) -> np.ndarray:
    """Return payload units as a ring maps them: a power of two of units, and all of them once more behind."""
    units = np.asarray(payload)
    capacity = next_power_of_two(max(1, len(units)))
    result = np.zeros(2 * capacity, units.dtype)
    result[: len(units)] = units
    result[capacity : capacity + len(units)] = units
    return result
