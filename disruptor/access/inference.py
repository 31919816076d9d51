"""What a handler touches: from the walk of its source to sets of fields, places and effects."""

from __future__ import annotations

import contextlib
import inspect
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from disruptor.access.origin import is_library
from disruptor.access.purity import Effect
from disruptor.access.source import Place, refresh
from disruptor.access.things import plain, shared_as
from disruptor.access.values import ANYTHING, EVERY, NUMBER, PRIVATE, RECORD, Ref, Thing, Value, just, refs_of
from disruptor.access.walk import EXPRESSIONS_MAX, TooMuch, Unresolved, Walk
from disruptor.handler import Handler, as_handler, params_dtype

__all__ = ["Access", "accesses", "combined", "inferred", "overlap", "own_layouts"]

_NUMBERS = ("sequence", "first_sequence", "end_of_batch", "batch_size", "queue_depth")


@attrs.frozen(kw_only=True)
class Access:
    """What a handler touches. reads, writes : fields of its record, EVERY for all of them; one changed in place is in both.

    beside_reads, beside_writes : of what it shares with others besides the record: "argument.field", "argument.*",
    "module:NAME". places : ("reads" or "writes", name) → where it was found first. effects, unresolved : see there.
    undeclared : (verb, field) that the source shows although the handler declares others.
    """

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    beside_reads: frozenset[str] = frozenset()
    beside_writes: frozenset[str] = frozenset()
    places: Mapping[tuple[str, str], Place] = attrs.field(factory=dict, eq=False)
    effects: tuple[Effect, ...] = attrs.field(default=(), eq=False)
    unresolved: tuple[Unresolved, ...] = attrs.field(default=(), eq=False)
    undeclared: tuple[tuple[str, str], ...] = attrs.field(default=(), eq=False)

    def place(self, verb: str, field: str) -> Place | None:
        """Return where a field was found first, or where all of them were."""
        return self.places.get((verb, field)) or self.places.get((verb, EVERY))


def accesses(handler: Any, layouts: Mapping[str, np.dtype] | None = None) -> Access:
    """Return what a Handler, or a function that could be one, touches.

    layouts : argument → dtype of its records ("event" for the record in hand, also of `batch`; of an array one with as many
    dimensions, as np.dtype((LEVEL, (1,)))), where they are known: then views are told from numbers, and expressions over
    whole arrays are found. Without them a field that is put into a container may be a view: it counts as
    written, and is named.
    """
    declared = as_handler(handler)
    return combined(declared, inferred(declared, layouts)[0])


def combined(handler: Handler, found: Access) -> Access:
    """Return what counts: what the handler declares, and of what it does not declare what was found."""
    changes: dict[str, Any] = {}
    undeclared: list[tuple[str, str]] = []
    for verb in ("reads", "writes"):
        declared = getattr(handler, verb)
        if declared is not None:
            changes[verb] = frozenset(declared)
            beyond = sorted(getattr(found, verb) - {EVERY} - frozenset(declared))
            undeclared.extend((verb, field) for field in beyond if (verb, field) in found.places)
    if handler.reads is not None and handler.writes is not None:
        changes["unresolved"] = ()
    return attrs.evolve(found, undeclared=tuple(undeclared), **changes)


def inferred(handler: Handler, layouts: Mapping[str, np.dtype] | None = None) -> tuple[Access, Walk]:
    """Return what the source of a handler shows, and the walk that found it."""
    refresh()
    walk = Walk(jit=handler.jit, layouts=layouts)
    known = {**own_layouts(handler), **(layouts or {})}
    _run(walk, handler.function, handler.arguments, handler, known, first=0)
    for hook in (handler.on_timer, handler.on_params, handler.on_batch_start, handler.on_timeout):  # what they touch is touched by the stage
        _run(walk, hook, None, handler, known, first=1)
    effects, walk.jit = dict(walk.effects), False  # before its first record and after its last it may allocate
    for hook in (handler.on_start, handler.on_shutdown):
        _run(walk, hook, None, handler, known, first=1)
    walk.effects = effects
    return _result(walk), walk


def _run(walk: Walk, called: Any, names: Sequence[str] | None, handler: Handler, known: Mapping[str, np.dtype], *, first: int) -> None:
    """Walk a function of a handler. names : of its arguments, None for its own; first : the place of the first one."""
    if called is None:
        return
    function, owner = plain(called), None
    if isinstance(function, types.MethodType):
        owner = Thing(function.__self__, shared_as(function.__self__, ""))
        function = function.__func__
    elif not isinstance(function, types.FunctionType) and not is_library(type(function)):
        inside = inspect.getattr_static(type(function), "__call__", None)
        owner, function = Thing(function, shared_as(function, "")), inside
    if owner is not None:
        walk.kept = False
    if not isinstance(function, types.FunctionType):
        walk.unseen(called, f"{getattr(called, '__name__', type(called).__name__)} is no function of Python that can be followed")
        return
    if names is None:
        names = tuple(inspect.signature(called).parameters)
    arguments = [_argument(name, place + first, handler, owner is not None, known) for place, name in enumerate(names)]
    walk.given |= {Ref(r.region) for value in arguments for r in refs_of(value) if r.region not in PRIVATE}
    try:
        walk.run(function, arguments, owner)
    except TooMuch:
        walk.give_up(function, f"it reaches more code than is followed ({EXPRESSIONS_MAX:,} expressions)")
    except Exception as error:  # source that the walk is not made for is a question to its author, not the end of a check
        walk.give_up(function, f"its source cannot be followed ({type(error).__name__}: {error})")


def own_layouts(handler: Handler) -> dict[str, np.dtype]:
    """Return argument → record type of what the handler owns, as far as its declaration says it without parameters."""
    found: dict[str, np.dtype | None] = {}
    with contextlib.suppress(Exception):  # what is wrong with a declaration is told when the handler is built
        found["state"] = None if callable(handler.state) else handler.state_dtype()
    with contextlib.suppress(Exception):
        found["counters"] = handler.counters_dtype()
    with contextlib.suppress(Exception):
        found["params"] = None if handler.params is None else params_dtype(handler.params)
    return {name: dtype for name, dtype in found.items() if dtype is not None and name in handler.arguments}


def overlap(one: Iterable[str], other: Iterable[str]) -> frozenset[str]:
    """Return what two sets of fields have in common; EVERY stands for all that the other names."""
    left, right = frozenset(one), frozenset(other)
    found = set(left & right)
    for some, all_of in ((left, right), (right, left)):
        for name in all_of:
            if name == EVERY:
                found |= {n for n in some if "." not in n and ":" not in n}
            elif name.endswith(f".{EVERY}"):
                found |= {n for n in some if n.startswith(name[:-1])}
    specific = {n for n in found if not n.endswith(EVERY)}
    return frozenset(specific or found)


def _argument(name: str, place: int, handler: Handler, is_method: bool, layouts: Mapping[str, np.dtype]) -> Value:
    if name == "batch" or (name == "event" or (is_method and place == 0)):
        return just(Ref(RECORD, None, 1 if name == "batch" else 0, layouts.get("event")))
    if name in _NUMBERS or is_method:
        return just(NUMBER)
    if name in handler.max_out or name == "release":
        return ANYTHING  # its own port
    if name in PRIVATE:
        return just(Ref(name, None, 0, layouts.get(name)))
    layout = layouts.get(name)
    if layout is not None and layout.subdtype is not None:
        base, shape = layout.subdtype
        return just(Ref(name, None, len(shape), base))
    return just(Ref(name, None, None, layout))


def _result(walk: Walk) -> Access:
    places: dict[tuple[str, str], Place] = {}
    sets: dict[str, set[str]] = {name: set() for name in ("reads", "writes", "beside_reads", "beside_writes")}
    for verb, found in (("reads", walk.reads), ("writes", walk.writes)):
        for (region, field), place in found.items():
            name = field if region == RECORD else region if ":" in region else f"{region}.{field}"
            sets[verb if region == RECORD else f"beside_{verb}"].add(name)
            places.setdefault((verb, name), place)
    return Access(places=places, effects=tuple(walk.effects.values()), unresolved=tuple(walk.unresolved.values()),
                  reads=frozenset(sets["reads"]), writes=frozenset(sets["writes"]),
                  beside_reads=frozenset(sets["beside_reads"]), beside_writes=frozenset(sets["beside_writes"]))
