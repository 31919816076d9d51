"""The handler contract: a plain function that gets one message at a time, and what it owns.

    @handler(state=[("count", "i8")])
    def count(event, sequence, end_of_batch, state):
        state["count"] += 1

Arguments are matched by name, so a handler takes only what it uses:

    event, sequence, end_of_batch    the record, its sequence, whether it is the last one at hand
    state                            a record that this handler alone owns
    params                           a record made of the fields of an attrs class
    counters                         a record of int64 counters, visible to other processes while it runs
    payload                          the payload units of the ring that it reads
    <ring name>                      a Port into a ring that it publishes to (see disruptor.single_producer.claim)
    anything else                    what the graph offers under that name (a table, a lane beside the ring, an Inlet)

It returns nothing, or an int64 status code. It never allocates, prints, waits, does I/O or reads a clock.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np

from disruptor.errors import LayoutError
from disruptor.layout import record_dtype
from disruptor.note_format import check_codes

__all__ = ["Handler", "as_handler", "handler", "params_dtype", "params_record"]


@attrs.frozen(kw_only=True)
class Handler:
    """A declared handler. Calling it calls the plain function.

    name : as given or the function's own; function : the plain Python function; arguments : names of its parameters.
    state : list of fields, dtype, or callable(params, **context) → fields; None when it keeps none.
    params : attrs class with defaults; its fields become a record. counters : fields, each int64.
    max_out : most records per message into each output, by argument name; max_payload : most payload units, likewise.
    reads, writes : declared record fields, or None to have them inferred.
    notes : {code: text}, what the handler may write down with `note(code, …)`; see disruptor.notes.
    prepare : callable(state, params, **context) that fills the fresh state, in Python, before the run.
    digest : compiled callable(state, params) → int64 over the logical content; None folds every field in order.
    jit : False for a plain Python handler, on a thread of its own. One whose first parameter is named `batch` gets (batch,
    first_sequence), numpy views of the ring; any other one record after the other.
    on_start, on_shutdown : Python functions called on the handler's thread before its first record and after its last;
    they may take `state` and `params`.
    on_batch_start : called before each batch with `batch_size` and `queue_depth` (records at hand, batch included).
    on_timeout : called with `sequence`, the last handled, when the wait strategy's timeout passes without a record. Both
    are compiled with a compiled handler, take `state` and `params` by name, and need not take anything.
    on_timer : called in the order of the records when the stage's timer is due, in the place of the handler, with arguments of
    the handler's names (`event` : the timer's record). on_params : called after parameters have changed while it runs, before
    the handler gets the record that changed them. Both are for engines that put timers and changes into the order (hydraflow:
    `every:`, parameters with metadata {"live": True}) and are compiled with a compiled handler.
    batch_limit : most records of a batch, 0 for no limit. rewind : a RewindStrategy. on_error : "halt", "skip" or an
    ExceptionHandler; on_error_choices : what an engine may be told about its faults, instead of "halt" (which it always may): those
    that its state survives. wait : a Wait or its name, None for the graph's. follow : called with the handler's own Sequence, so
    that a Python handler can release records before its batch ends (a compiled one takes `release`).
    """

    name: str
    function: Callable
    arguments: tuple[str, ...]
    state: Any = None
    params: type | None = None
    counters: Any = None
    max_out: Mapping[str, int] = attrs.field(factory=dict)
    max_payload: Mapping[str, int] = attrs.field(factory=dict)
    reads: tuple[str, ...] | None = None
    writes: tuple[str, ...] | None = None
    notes: Mapping[str, str] = attrs.field(factory=dict)
    prepare: Callable | None = None
    digest: Callable | None = None
    jit: bool = True
    on_start: Callable | None = None
    on_shutdown: Callable | None = None
    on_batch_start: Callable | None = None
    on_timeout: Callable | None = None
    on_timer: Callable | None = None
    on_params: Callable | None = None
    batch_limit: int = 0
    rewind: Any = None
    on_error: Any = "halt"
    on_error_choices: tuple[str, ...] = ("halt", "skip", "park")
    wait: Any = None
    follow: Callable | None = None

    def __attrs_post_init__(self) -> None:
        if self.notes:
            check_codes(self.notes, f"handler '{self.name}'")

    @property
    def takes_batches(self) -> bool:
        """Whether it is a Python handler of whole batches."""
        return not self.jit and self.arguments[:1] == ("batch",)

    def using(self, **changes: Any) -> Handler:
        """Return the same handler with other settings: `report.using(batch_limit=100, on_error="skip")`."""
        return attrs.evolve(self, **changes)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def state_dtype(self, params: Any = None, **context: Any) -> np.dtype | None:
        """Return the record dtype of the state for these params (None for a handler without state)."""
        if self.state is None:
            return None
        fields = self.state(params, **context) if callable(self.state) else self.state
        return record_dtype(fields, name=f"state of '{self.name}'", fill=True)

    def counters_dtype(self) -> np.dtype | None:
        """Return the record dtype of the counters, or None."""
        return None if self.counters is None else record_dtype(self.counters, name=f"counters of '{self.name}'")


def handler(function: Callable | None = None, *, name: str | None = None, **settings: Any) -> Any:
    """Declare a function as a handler; see `Handler` for the settings. The function itself stays plain Python.

    Without `params=`, an argument `params: Limits` says it, where Limits is an attrs class.
    Raises: LayoutError for a setting that there is not, a dataclass as `params`, or notes that cannot be written.
    """
    known = {field.name for field in attrs.fields(Handler)} - {"function", "arguments"}
    for setting in settings:
        if setting not in known:
            raise LayoutError(f"a handler has no setting '{setting}'; known: {', '.join(sorted(known))}")

    def decorate(f: Callable) -> Handler:
        declared = settings if settings.get("params") is not None else settings | {"params": _annotated(f)}
        return Handler(
            name=name or str(getattr(f, "__name__", type(f).__name__)),
            function=f,
            arguments=tuple(inspect.signature(f).parameters),
            **declared,
        )

    return decorate if function is None else decorate(function)


def as_handler(thing: Any) -> Handler:
    """Return `thing` if it is a Handler, else declare it.

    A function whose first parameter is named `batch` is a Python batch handler; any other is compiled. An object with a
    method `on_event(event, sequence, end_of_batch)` or `on_batch(batch, first_sequence)` is a Python handler; its methods
    on_start, on_shutdown, on_batch_start, on_timeout and follow are called where it has them.
    Raises: LayoutError for anything else.
    """
    if isinstance(thing, Handler):
        return thing
    method = getattr(thing, "on_batch", None) or getattr(thing, "on_event", None)
    if callable(method):
        hooks: dict[str, Any] = {hook: getattr(thing, hook, None) for hook in _HOOKS}
        name = str(getattr(thing, "name", type(thing).__name__))
        arguments = tuple(inspect.signature(method).parameters)
        if method.__name__ == "on_batch":
            arguments = ("batch", *arguments[1:])
        return Handler(name=name, function=method, arguments=arguments, jit=False, **hooks)
    if not callable(thing):
        raise LayoutError(f"a handler must be a function, got {type(thing).__name__}")
    first = next(iter(inspect.signature(thing).parameters), "")
    return handler(thing, jit=first != "batch")


def _annotated(function: Callable) -> type | None:
    """Return the attrs class with which the argument `params` is annotated, or None."""
    hint = getattr(function, "__annotations__", {}).get("params")
    if isinstance(hint, str):  # from __future__ import annotations
        try:
            hint = eval(hint, getattr(function, "__globals__", {}))
        except Exception:  # a name for type checkers only
            return None
    if not isinstance(hint, type):
        return None
    if attrs.has(hint):
        return hint
    if dataclasses.is_dataclass(hint):
        raise LayoutError(f"params of handler '{function.__name__}' is a dataclass: declare {hint.__name__} with @attrs.frozen")
    return None


_HOOKS = ("on_start", "on_shutdown", "on_batch_start", "on_timeout", "follow")
def params_dtype(params: type) -> np.dtype:
    """Return the record dtype for an attrs class: whole numbers, bool and IntEnum → int64, floats → float64.

    Anything else (texts, paths, decimals, tuples, what may be None) is for Python only, as in `prepare`, and left out. A field
    without a type is an int64. Fields with metadata {"structural": True} shape the state and the code; they are in the record
    all the same. Fields with metadata {"live": True} may change while the handler runs, where an engine offers it.
    """
    fields = []
    for field in attrs.fields(attrs.resolve_types(params)):
        kind = int if field.type in (None, Any) else field.type
        if isinstance(kind, type) and issubclass(kind, (int, bool, float, np.integer, np.floating, np.bool_)):
            fields.append((field.name, "f8" if issubclass(kind, (float, np.floating)) else "i8"))
    return record_dtype(fields or [("unused", "i8")], name=f"params {params.__name__}")


def params_record(params: Any) -> np.ndarray:
    """Return a length-1 record array holding the values of an attrs instance."""
    record = np.zeros(1, params_dtype(type(params)))
    for field in attrs.fields(type(params)):
        if field.name in (record.dtype.names or ()):
            record[0][field.name] = getattr(params, field.name)
    return record
