"""Test a handler in one line: it runs compiled and as plain Python, and both must do the same, bit for bit.

    from disruptor.testing import run

    def test_spikes_finds_the_outlier():
        assert list(run(spikes, {"value": numbers, "spike": False}).events["spike"]) == expected

The compiled run checks bounds and never allocates; stores that lose something are refused (disruptor.lossy). The plain
run replaces every compiled helper by its Python. When the two differ, both are run again side by side until the first
event after which anything differs: an AssertionError names its sequence, the field and both values.

With NUMBA_DISABLE_JIT=1, and for Python handlers that take `batch`, there is one run and nothing to compare; the
outcome's `compared` is False then and `note` says why.
"""

from __future__ import annotations

import linecache
import os
import traceback
from collections.abc import Mapping
from typing import Any

import attrs
import numba
import numpy as np

from disruptor.compiled import JIT_ENABLED, loop_options
from disruptor.complaint import COMPILER_ERRORS, complaint
from disruptor.difference import Difference, first_difference
from disruptor.equipment import equip
from disruptor.errors import HandlerError
from disruptor.handler import Handler, as_handler
from disruptor.handler import handler as declare
from disruptor.inlining import only_inlined
from disruptor.lossy import DIFFERS, WIDER, check_stores
from disruptor.review import check_use, review
from disruptor.trial import Failure, Parts, Trial
from disruptor.twin import compiled_twin, plain_twin
from disruptor.watch import LostValue

__all__ = ["Outcome", "run"]

_NOTED_MOST = 3  # findings named beside a difference


@attrs.frozen(repr=False)
class Outcome:
    """What a handler did.

    events : records after it, a copy. state, params, counters : its records, None where it has none. outputs : by
    argument name, the records that it published; payloads : likewise the units. given : the other arrays, as it left
    them. returned : int64 per event, None when it never returned anything.
    compared : whether a compiled run and a plain one were compared; note : why not, or "".
    """

    name: str
    events: np.ndarray
    state: Any
    params: Any
    counters: Any
    outputs: Mapping[str, np.ndarray]
    payloads: Mapping[str, np.ndarray]
    given: Mapping[str, np.ndarray]
    returned: np.ndarray | None
    compared: bool
    note: str

    def __repr__(self) -> str:
        how = "compiled and plain Python agree" if self.compared else f"nothing compared: {self.note}"
        return f"<Outcome of '{self.name}': {len(self.events):,} events, {how}>"


def run(
    handler: Any,
    events: Any,
    *,
    fields: Any = None,
    params: Any = None,
    state: Any = None,
    outputs: Mapping[str, Any] | None = None,
    payload: Any = None,
    first_sequence: int = 0,
    batch: int = 0,
    **given: Any,
) -> Outcome:
    """Run a handler over events, compiled and as plain Python; compare everything it wrote, and return it.

    handler : as for `then`: a declared handler or a plain function, from anywhere (a test, a notebook, a doctest).
    events : a structured array, arrays by field name, or rows (dicts; tuples with `fields`). They are copied.
    fields : of the record, as for Disruptor; default: those of `events`. Fields not given are 0.
    params : an instance of the handler's params class, or a mapping of values that differ from the defaults; of a plain
    function: a mapping. state : a mapping of values to begin with, or a whole record; of a plain function: a list of
    fields, a dtype, or a record. Default: what the handler declares, all 0, then its `prepare`.
    outputs : for each ring that it publishes to, by argument name: fields, or (fields, dtype of the payload units).
    payload : payload units of the ring that it reads. given : arrays and numbers for its other arguments, by name.
    first_sequence : of the first event; batch : end_of_batch is true at every batch-th event and at the last; 0: the last.
    Raises: AssertionError where the two runs differ; HandlerError where both fail alike, an index out of range included,
    with the line; CompileError with the line and a remedy for what cannot be compiled, allocates, or loses values;
    LayoutError for what does not fit together.
    """
    declared = as_handler(handler) if not hasattr(handler, "py_func") else declare(handler.py_func)
    parts = equip(declared, events, fields, params, state, outputs or {}, payload, first_sequence, batch, given)
    if not declared.jit:
        return _run_python(declared, parts)
    plain = _Side(parts, plain_twin(declared.function))
    if not JIT_ENABLED:
        failure = plain.trial.run(plain.loop)
        _refuse_lost(declared, parts, failure)
        if failure is not None:
            raise _failed(declared, parts, failure)
        return _outcome(parts, plain.trial, False, "NUMBA_DISABLE_JIT=1 leaves no compiled run")
    fresh = compiled_twin(declared.function, boundscheck=True)
    compiled = _Side(parts, fresh, _compile(declared, Trial(parts), fresh))
    review(declared.name, compiled.loop)
    failed = plain.trial.run(plain.loop), compiled.trial.run(compiled.loop)
    _refuse_lost(declared, parts, failed[0])
    if not _alike(*failed, plain.trial):
        raise AssertionError(_report(declared, parts, plain, compiled, failed))
    if failed[1] is not None:
        raise _failed(declared, parts, failed[0] or failed[1])
    if _difference(plain.trial, compiled.trial) is not None:
        raise AssertionError(_report(declared, parts, plain, compiled, failed))
    return _outcome(parts, compiled.trial, True, "")


class _Side:
    """One way of running: its trial and its loop. again() : the same loop on fresh copies."""

    def __init__(self, parts: Parts, function: Any, loop: Any = None) -> None:
        self.parts = parts
        self._watch = loop is None
        self.trial = Trial(parts, self._watch)
        self.loop = self.trial.loop(function) if loop is None else loop

    def again(self) -> Trial:
        self.trial = Trial(self.parts, self._watch)
        return self.trial


def _compile(declared: Handler, trial: Trial, dispatcher: Any) -> Any:
    function = trial.loop(dispatcher)
    loop = numba.njit(function, **loop_options(cache=False, boundscheck=True))
    try:
        with only_inlined(function):
            loop.compile(tuple(numba.typeof(a) for a in trial.arguments()))
    except COMPILER_ERRORS as error:
        raise complaint(declared.name, {f"on_{declared.name}": declared.function}, error, trial.arrays_by_name()) from error
    return loop


def _alike(plain: Failure | None, compiled: Failure | None, trial: Trial) -> bool:
    """Return whether both runs ended at the same event for the same kind of reason, or both came through."""
    if plain is None or compiled is None:
        zero_by_zero = compiled is not None and compiled.kind == "ZeroDivisionError" and compiled.index in trial.divided
        return plain is compiled or zero_by_zero
    if compiled.kind == "ZeroDivisionError" and compiled.index in trial.divided:
        return True
    return plain.index == compiled.index and plain.kind == compiled.kind


def _difference(plain: Trial, compiled: Trial) -> tuple[str, Difference] | None:
    other = compiled.everything()
    for name, array in plain.everything().items():
        found = first_difference(array, other[name])
        if found is not None:
            return name, found
    return None


def _report(
    declared: Handler, parts: Parts, plain: _Side, compiled: _Side, failed: tuple[Failure | None, Failure | None]
) -> str:
    """Return the text about the first event after which plain Python and compiled code differ."""
    one, other = plain.again(), compiled.again()
    for index in range(len(parts.events)):
        ended = one.run(plain.loop, index, index + 1), other.run(compiled.loop, index, index + 1)
        found = _difference(one, other)
        if not _alike(*ended, one) or found is not None or any(ended):
            break
    sequence = parts.first_sequence + index
    head = f"handler '{declared.name}' differs at sequence {sequence:,}: "
    if not _alike(*ended, one):
        text = head + f"compiled, {_ending(ended[1])}; in plain Python, {_ending(ended[0])}"
    elif found is not None:
        name, difference = found
        whose = f"{name} field '{difference.field}'" if difference.field and difference.field[0] != "[" else name + difference.field
        if name in parts.outputs:
            whose = f"record {difference.index} of {whose}"
        elif name in parts.arrays:
            whose = f"element {difference.index} of {whose}"
        text = head + f"{whose} is {difference.right!r} compiled, {difference.left!r} in plain Python"
    else:
        text = head + f"compiled, {_ending(failed[1])}; in plain Python, {_ending(failed[0])}"
    event = parts.events[index]
    shown = ", ".join(f"{f}={event[f]}" for f in parts.events.dtype.names or () if not f.startswith("pad_"))
    lines = [text, f"  event: {shown}"]
    findings = [*check_stores(compiled.loop), *check_use(compiled.loop)]
    lines += [f"  perhaps: {finding}" for finding in findings if finding.kind == DIFFERS][:_NOTED_MOST]
    return "\n".join(lines)


def _ending(failure: Failure | None) -> str:
    if failure is None:
        return "it returned"
    return failure.cause if isinstance(failure.cause, str) else f"{failure.kind}: {failure.cause}"


def _refuse_lost(declared: Handler, parts: Parts, failure: Failure | None) -> None:
    """Raise AssertionError for a store of the plain run that lost something."""
    if failure is not None and isinstance(failure.cause, LostValue):
        raise AssertionError(
            f"handler '{declared.name}' loses a value at sequence {parts.first_sequence + failure.index:,}: {failure.cause}"
            f"{_origin(failure.cause)}\n  instead: {WIDER}"
        ) from failure.cause


def _origin(error: BaseException) -> str:
    """Return the line of the author's code that raised, as text; "" when it is not known."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if _is_users(f.filename)]
    if not frames:
        return ""
    line = linecache.getline(frames[-1].filename, frames[-1].lineno or 0).strip()
    return f"\n  at {frames[-1].filename}:{frames[-1].lineno}" + (f":  {line}" if line else "")


def _failed(declared: Handler, parts: Parts, failure: Failure) -> HandlerError:
    """Return the error that names sequence and line of what a handler raised."""
    sequence = parts.first_sequence + failure.index
    if isinstance(failure.cause, str):
        return HandlerError(declared.name, sequence, failure.cause)
    text = f"{failure.kind}: {failure.cause}{_origin(failure.cause)}"
    error = HandlerError(declared.name, sequence, text)
    error.cause = error.__cause__ = failure.cause
    return error


def _is_users(path: str) -> bool:
    return not path.startswith("<trial of") and os.path.dirname(path) != os.path.dirname(__file__)


def _outcome(parts: Parts, trial: Trial, compared: bool, note: str) -> Outcome:
    def record(name: str) -> Any:
        return trial.records[name][0] if name in trial.records else None

    outputs = {n: port.records[: int(port.cell[0]["next"])] for n, port in trial.outputs.items()}
    payloads = {n: port.payload[: int(port.cell[0]["payload_next"])] for n, port in trial.outputs.items()}
    returned = trial.returned if trial.has_returned.any() else None
    return Outcome(
        parts.name, trial.events, record("state"), record("params"), record("counters"), outputs, payloads, trial.arrays,
        returned, compared, note,
    )


def _run_python(declared: Handler, parts: Parts) -> Outcome:
    """Run a plain Python handler, of batches or of one record after the other."""
    trial = Trial(parts)
    if declared.arguments[:1] != ("batch",):
        failure = trial.run(trial.loop(declared.function))
        if failure is not None:
            raise _failed(declared, parts, failure)
    else:
        for first in range(0, len(trial.events), parts.batch):
            try:
                declared.function(trial.events[first : first + parts.batch], parts.first_sequence + first)
            except Exception as error:  # the handler's own, named by the batch's first sequence
                raise _failed(declared, parts, Failure(first, error)) from error
    return _outcome(parts, trial, False, "a Python handler is never compiled")
