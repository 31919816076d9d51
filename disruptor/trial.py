"""One handler, everything it owns, and an array of events: the smallest loop that can run it.

Two trials made of the same `Parts` hold copies of their own, so a handler can be run compiled in one and as plain Python
in the other. The loop is a few lines of generated Python (`Trial.text`), the same text in both modes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
from numba import types
from numba.core.errors import TypingError
from numba.extending import overload

from disruptor.dividing import divides
from disruptor.layout import next_power_of_two
from disruptor.ring import PORT, Port
from disruptor.watch import watched

__all__ = ["Failure", "Parts", "Trial"]


@attrs.frozen(kw_only=True)
class Parts:
    """What a trial is made of. records : arguments passed as the only record of an array of length 1, by name.

    arrays : other arrays by argument name; numbers : likewise. outputs : argument → (record dtype, payload dtype or None,
    most records per event, most payload units per event). batch : end_of_batch is true at every batch-th event.
    """

    name: str
    arguments: tuple[str, ...]
    events: np.ndarray
    first_sequence: int
    batch: int
    records: Mapping[str, np.ndarray]
    arrays: Mapping[str, np.ndarray]
    numbers: Mapping[str, Any]
    outputs: Mapping[str, tuple[np.dtype, Any, int, int]]


@attrs.frozen
class Failure:
    """How a run ended early: at events[index], with the exception, or because it published more than it may."""

    index: int
    cause: BaseException | str

    @property
    def kind(self) -> str:
        return self.cause if isinstance(self.cause, str) else type(self.cause).__name__


class Trial:
    """Copies of all parts, and the loop over them."""

    def __init__(self, parts: Parts, watch: bool = False) -> None:
        """watch : for plain Python only, raise LostValue at a store that loses something (disruptor.watch)."""
        self.parts = parts
        self._watch = watch
        self.events = parts.events.copy()
        self.records = {name: array.copy() for name, array in parts.records.items()}
        self.arrays = {name: array.copy() for name, array in parts.arrays.items()}
        self.outputs = {name: _port(len(parts.events), *output) for name, output in parts.outputs.items()}
        self.returned = np.zeros(len(parts.events), np.int64)
        self.has_returned = np.zeros(len(parts.events), np.bool_)
        self.running = np.zeros(1, np.int64)
        self.divided: set[int] = set()  # events at which 0 / 0 was computed: nan in numpy, an error in compiled code

    @property
    def text(self) -> str:
        """The loop, as Python."""
        return _text(self.parts)

    def loop(self, handler: Callable) -> Callable:
        """Return the function of `text` that calls `handler`; give it to `run`, or compile it for `arguments` first."""
        space: dict[str, Any] = {"on_event": handler, "Port": Port, "keep": keep}
        exec(compile(self.text, f"<trial of {self.parts.name}>", "exec"), space)
        return space["run"]

    def arguments(self, begin: int = 0, end: int | None = None) -> tuple[Any, ...]:
        """Return the arguments of the loop for events[begin:end]."""
        seen = watched if self._watch else _same
        ports = [p for port in self.outputs.values() for p in (seen(port.records), seen(port.payload), port.cell)]
        owned = [seen(array) for array in (*self.records.values(), *self.arrays.values())]
        return (
            seen(self.events), self.parts.first_sequence, begin, len(self.events) if end is None else end, self.parts.batch,
            self.running, self.returned, self.has_returned, *owned, *ports,
        )

    def arrays_by_name(self) -> dict[str, np.ndarray]:
        """Return every record array by the name of the handler's argument."""
        return {"events": self.events, **self.records, **self.arrays}

    def run(self, loop: Callable, begin: int = 0, end: int | None = None) -> Failure | None:
        """Handle events[begin:end]. Division by zero is an exception, as in compiled code; overflow wraps silently."""
        try:
            with np.errstate(divide="call", invalid="call", over="ignore", under="ignore", call=self._trouble):
                excess = loop(*self.arguments(begin, end))
        except Exception as error:  # whatever the handler raises is the outcome
            return Failure(int(self.running[0]), error)
        if excess:
            name = list(self.outputs)[excess - 1]
            _, _, most, units = self.parts.outputs[name]
            return Failure(int(self.running[0]), f"it published more into '{name}' than max_out = {most}, max_payload = {units}")
        return None

    def everything(self) -> dict[str, np.ndarray]:
        """Return every array that the handler may have changed, by the name under which a difference is reported."""
        published = {name: port.records for name, port in self.outputs.items()}
        payload = {f"payload of {name}": port.payload for name, port in self.outputs.items() if port.payload.size}
        positions = {f"position of {name}": port.cell for name, port in self.outputs.items()}
        returned = {"returned": self.returned, "whether it returned": self.has_returned}
        return {"event": self.events, **self.records, **self.arrays, **published, **payload, **positions, **returned}

    def _trouble(self, kind: str, flag: int) -> None:
        if divides(sys._getframe(1)):
            if kind == "divide by zero":
                raise ZeroDivisionError("division by zero")
            self.divided.add(int(self.running[0]))


def _same(array: np.ndarray) -> np.ndarray:
    return array


def keep(returned, has_returned, index, value):
    """Store what a handler returned, if it returned something."""
    if value is not None:
        returned[index] = value
        has_returned[index] = True


@overload(keep, jit_options={"forceinline": True})
def _keep_overload(returned, has_returned, index, value):
    if isinstance(value, (types.NoneType, types.Generator)):  # disruptor.review refuses generators with a better text
        return lambda returned, has_returned, index, value: None
    if isinstance(value, types.Optional):

        def keep_some(returned, has_returned, index, value):
            if value is not None:
                returned[index] = value
                has_returned[index] = True

        return keep_some

    if not isinstance(value, (types.Integer, types.Boolean)):
        raise TypingError(f"the handler returns {value}; it returns nothing, or a whole number as status code")

    def keep_all(returned, has_returned, index, value):
        returned[index] = value
        has_returned[index] = True

    return keep_all


def _port(events: int, dtype: np.dtype, unit: Any, most: int, units: int) -> Port:
    """Return a port with room for everything that `events` calls may publish, so that it never wraps."""
    slots = next_power_of_two(max(1, events * (most + 1)))
    capacity = next_power_of_two(max(1, events * units)) if unit is not None else 0
    cell = np.zeros(1, PORT)
    cell[0]["mask"] = slots - 1
    cell[0]["gate"] = -1
    cell[0]["payload_gate"] = capacity
    cell[0]["payload_mask"] = max(capacity - 1, 0)
    return Port(np.zeros(slots, dtype), np.zeros(2 * capacity, unit if unit is not None else np.uint8), cell)


def _text(parts: Parts) -> str:
    names = [*parts.records, *parts.arrays]
    ports = [f"{name}_{part}" for name in parts.outputs for part in ("records", "payload", "cell")]
    call = {
        "event": "events[index]", "sequence": "first_sequence + index",
        "end_of_batch": "(index + 1) % batch == 0 or index == events.shape[0] - 1",
    }
    call |= {name: f"{name}_record" for name in parts.records} | {name: f"given_{name}" for name in parts.arrays}
    call |= {name: repr(value) for name, value in parts.numbers.items()} | {name: f"{name}_port" for name in parts.outputs}
    given = ", ".join(["events, first_sequence, begin, end, batch, running, returned, has_returned",
                       *(f"given_{name}" for name in names), *ports])
    lines = [f"def run({given}):"]
    lines += [f"    {name}_record = given_{name}[0]" for name in parts.records]
    lines += [f"    {name}_port = Port({name}_records, {name}_payload, {name}_cell[0])" for name in parts.outputs]
    lines += ["    for index in range(begin, end):", "        running[0] = index"]
    for name in parts.outputs:
        lines += [f"        {name}_next = {name}_cell[0]['next']", f"        {name}_unit = {name}_cell[0]['payload_next']"]
    lines += [f"        keep(returned, has_returned, index, on_event({', '.join(call[a] for a in parts.arguments)}))"]
    for number, (name, (_, _, most, units)) in enumerate(parts.outputs.items()):
        lines += [f"        if {name}_cell[0]['next'] - {name}_next > {most}:", f"            return {number + 1}"]
        lines += [f"        if {name}_cell[0]['payload_next'] - {name}_unit > {units}:", f"            return {number + 1}"]
    return "\n".join([*lines, "    return 0", ""])
