"""The walk over a handler's source that finds what it touches: every statement, every function that it calls.

It computes with sets of what an expression may stand for (disruptor.access.values), over names that only ever gain
meanings, so both branches of an `if` count and loops end. What it cannot follow it reports as `lost`: everything that was
handed over counts as read and written. Functions are walked once for each set of arguments.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from disruptor.access import expressions, statements
from disruptor.access.frame import Frame, bound_arguments, own_names
from disruptor.access.origin import library_path, path_of
from disruptor.access.purity import ALLOCATES, CLOCK, PARAMS, RANDOM, Effect
from disruptor.access.source import Place, definition_of, goes_back, is_generator, place_of
from disruptor.access.things import is_mutable
from disruptor.access.values import (
    ANYTHING,
    EVERY,
    NOTHING,
    NUMBER,
    PRIVATE,
    RECORD,
    Local,
    Ref,
    Thing,
    Tuple,
    Value,
    held_of,
    joined,
    just,
    lift,
    refs_of,
)

__all__ = ["EXPRESSIONS_MAX", "TooMuch", "Unresolved", "Walk"]

EXPRESSIONS_MAX = 200_000  # looked at for one handler; the largest that is shipped needs a twentieth
_ROUNDS = 12
_PASSES = 64
_FUNCTIONS_MAX = 4_000  # walked for one handler: more is a library that should not be followed
_DEPTH_MAX = 60
_LIBRARY = library_path()
_DECLARE = "declare it: @handler(reads=(…), writes=(…))"


class TooMuch(Exception):
    """A handler reaches more code than is followed."""


@attrs.frozen
class Unresolved:
    """An access that was not understood. what : why; remedy : what to write instead."""

    what: str
    remedy: str
    place: Place


class Walk:
    """What was found. reads, writes : (region, field) → first place; effects, unresolved : by what they say.

    files : whose text decided; assumed : (module, name) → what it was. kept : False when that cannot be told on another day.
    """

    def __init__(self, *, jit: bool, layouts: Mapping[str, Any] | None = None) -> None:
        self.jit = jit
        self.layouts = dict(layouts or {})
        self.reads: dict[tuple[str, str], Place] = {}
        self.writes: dict[tuple[str, str], Place] = {}
        self.effects: dict[tuple, Effect] = {}
        self.unresolved: dict[tuple, Unresolved] = {}
        self.files: set[str] = set()
        self.assumed: dict[tuple[str, str], str] = {}
        self.kept = True
        self.walked_count = 0
        self._looked_count = 0
        self.given: set[Ref] = {Ref(RECORD)}  # all of what the handler is called with
        self._results: dict[Any, Value] = {}
        self._returned: dict[Any, Value] = {}  # nested function → what it returns
        self._defaults: dict[Any, tuple[list[Value], dict[str, Value]]] = {}  # (nested function, frame) → of its arguments
        self._done: set[Any] = set()
        self._active: set[Any] = set()
        self._stack: list[tuple[Frame, ast.AST]] = []
        self._grown = False  # something new was found in this round
        self._early = False  # a function's result was used before it was known: it calls itself
        self._alive: list[Any] = []

    def run(self, function: Any, arguments: Sequence[Value], owner: Thing | None = None) -> None:
        """Walk a function that is called with these values, until nothing new is found."""
        for _ in range(_ROUNDS):
            self._grown = self._early = False
            self._done.clear()
            self.enter(function, ([just(owner)] if owner else []) + list(arguments), {}, None, None)
            if not (self._grown and self._early):
                return
        self.give_up(function, "what its functions return to each other was not found out")

    def mark(self, verb: str, ref: Ref, node: ast.AST, frame: Frame) -> None:
        """Note that a part of a region is read or written."""
        if ref.region in PRIVATE:
            if ref.region == "params" and verb == "writes":
                self.effect(PARAMS, f"it writes {'its parameter ' + repr(ref.field) if ref.field else 'its parameters'}",
                            "a field of the state: parameters belong to the file and to whoever controls the run", node, frame)
            return
        self._note(verb, ref.region, ref.field or EVERY, node, frame)

    def share(self, verb: str, thing: Thing, node: ast.AST, frame: Frame) -> None:
        """Note that an object outside of the handler is read or written."""
        if thing.region and not (self.jit and verb == "reads"):  # compiled code has a copy
            self.kept = self.kept and not is_mutable(thing.object)  # another program may know it by another name
            self._note(verb, thing.region, EVERY, node, frame)

    def _note(self, verb: str, region: str, field: str, node: ast.AST, frame: Frame) -> None:
        found = self.reads if verb == "reads" else self.writes
        if (region, field) not in found:
            found[region, field] = self._place(node, frame)
            self._grown = True

    def take(self, ref: Ref, node: ast.AST, frame: Frame) -> None:
        """Note what the mention of a part reads: a number its field, a view nothing yet."""
        if ref.field is not None and not ref.is_view:
            self.mark("reads", ref, node, frame)

    def consume(self, value: Value, node: ast.AST, frame: Frame) -> None:
        """Note that a value is used up: computed with, compared, copied. All of it is read."""
        for ref in refs_of(value):
            self.mark("reads", ref, node, frame)

    def lost(self, value: Value, why: str, remedy: str, node: ast.AST, frame: Frame) -> None:
        """Note that it is not known what becomes of a value: whatever it refers to counts as read and written."""
        refs = [r for r in refs_of(value) if r.region not in PRIVATE and not (r.field and r.is_scalar)]
        for ref in refs:
            self.mark("reads", ref, node, frame)
            self.mark("writes", ref, node, frame)
        if refs:
            place = self._place(node, frame)
            self.unresolved.setdefault((place.path, place.line, why), Unresolved(why, remedy, place))

    def escape(self, value: Value, why: str, remedy: str, node: ast.AST, frame: Frame) -> None:
        """Note that records and views in a value, or that functions in it return, go where they are not followed."""
        self.lost(just(*held_of(value), *self._returned_by(value)), why, remedy, node, frame)

    def _returned_by(self, value: Value) -> list[Ref]:
        found: list[Ref] = []
        for atom in value:
            if isinstance(atom, Tuple):
                found.extend(ref for item in atom.items for ref in self._returned_by(item))
            elif isinstance(atom, Local):
                found.extend(held_of(self._returned.get(atom.node, NOTHING)))
        return found

    def hidden(self, why: str, remedy: str, node: ast.AST, frame: Frame) -> None:
        """Note that anything that the handler was given may be read and written here."""
        self.lost(just(*self.given), why, remedy, node, frame)

    def effect(self, kind: str, what: str, remedy: str, node: ast.AST, frame: Frame) -> None:
        """Note something that a handler should not do. How this library makes its arrays is its own affair."""
        if kind == ALLOCATES and (not self.jit or frame.path.startswith(_LIBRARY)):
            return
        place = self._place(node, frame)
        if kind in (CLOCK, RANDOM) and any(e.kind == kind and e.place == place for e in self.effects.values()):
            return
        self.effects.setdefault((kind, place.path, place.line, what), Effect(kind, what, remedy, place))

    def _place(self, node: ast.AST, frame: Frame) -> Place:
        """Return the place of a node; of one in this library, that of the call that led there."""
        for outer, call in [(frame, node), *reversed(self._stack)]:
            if not outer.path.startswith(_LIBRARY):
                frame, node = outer, call
                break
        return place_of(frame.path, node)  # type: ignore[arg-type]

    def enter(self, function: Any, positional: list[Value], named: dict[str, Value], node: ast.AST | None, caller: Frame | None) -> Value:
        """Walk the body of a Python function and return what it returns."""
        definition = definition_of(function.__code__)
        everything = joined(*positional, *named.values())
        if definition is None or self.walked_count > _FUNCTIONS_MAX or len(self._stack) > _DEPTH_MAX:
            if caller is not None and node is not None:
                self.lost(everything, f"the source of {function.__qualname__}() is not there to be read", _DECLARE, node, caller)
            elif refs_of(everything):
                self.give_up(function, "its source is not there to be read")
            return ANYTHING
        self.files.add(function.__code__.co_filename)
        bound = bound_arguments(definition.args, positional, named, [_default(function, d) for d in function.__defaults__ or ()],
                       {k: _default(function, v) for k, v in (function.__kwdefaults__ or {}).items()})
        if bound is None:
            if caller is not None and node is not None:
                self.escape(everything, f"which arguments of {function.__qualname__}() these are is not known", _DECLARE, node, caller)
            return ANYTHING
        key = (function.__code__, id(function) if function.__closure__ else 0, tuple(sorted(bound.items(), key=lambda b: b[0])))
        if key in self._done or key in self._active:
            self._early = self._early or key in self._active
            return self._results.get(key, NOTHING)
        self._alive.append(function)
        own = own_names(definition)
        frame = Frame(key, function.__code__.co_filename, own, function)
        return self._walk(frame, definition, bound, node, caller)

    def enter_local(self, local: Local, positional: list[Value], named: dict[str, Value], node: ast.AST, caller: Frame) -> Value:
        """Walk the body of a nested function or lambda."""
        definition, outer = local.node, local.frame
        defaults, keyword_defaults = self._defaults.get((definition, outer.key), ([ANYTHING] * len(definition.args.defaults), {}))
        bound = bound_arguments(definition.args, positional, named, defaults, keyword_defaults)
        if bound is None:
            self.escape(joined(*positional, *named.values()), "which arguments these are is not known", _DECLARE, node, caller)
            return ANYTHING
        key = (definition, outer.key, tuple(sorted(bound.items(), key=lambda b: b[0])))
        if len(self._stack) > _DEPTH_MAX:
            self.hidden(f"functions call each other more than {_DEPTH_MAX} deep", _DECLARE, node, caller)
            return ANYTHING
        if key in self._active:
            self._early = True
            return self._results.get(key, NOTHING)
        return self._walk(Frame(key, outer.path, own_names(definition), None, outer), definition, bound, node, caller)

    def _walk(self, frame: Frame, definition: Any, bound: dict[str, Value], node: ast.AST | None, caller: Frame | None) -> Value:
        self.walked_count += 1
        self._active.add(frame.key)
        if node is not None and caller is not None:
            self._stack.append((caller, node))
        for name, value in bound.items():
            frame.bind(name, value)
        if isinstance(definition, ast.Lambda):
            frame.result = self.value(definition.body, frame)
        else:
            for _ in range(_PASSES if goes_back(definition) else 1):
                before = frame.version
                self.block(definition.body, frame)
                if frame.version == before:
                    break
            else:
                if goes_back(definition):
                    self.hidden("what its variables may be was not found out", _DECLARE, definition.body[0], frame)
        if is_generator(definition):  # what it yields and is sent is lost
            frame.result = joined(frame.result, ANYTHING)
        if node is not None and caller is not None:
            self._stack.pop()
        self._active.discard(frame.key)
        self._done.add(frame.key)
        if frame.function is None:
            self._returned[definition] = joined(self._returned.get(definition, NOTHING), frame.result)
        known = self._results.get(frame.key, NOTHING)
        grown = joined(known, frame.result)
        if grown != known:
            self._results[frame.key] = grown
            self._grown = True
        return grown

    def give_up(self, function: Any, why: str) -> None:
        """Note that a handler's function could not be followed: it touches everything."""
        code = function.__code__
        self._unseen(Place(code.co_filename, code.co_firstlineno, 1, 1, function.__qualname__), why)

    def unseen(self, thing: Any, why: str) -> None:
        """Note that a handler is nothing that could be followed: it touches everything."""
        self._unseen(Place(path_of(thing) or "<built-in>", 1, 1, 1, type(thing).__name__), why)

    def _unseen(self, place: Place, why: str) -> None:
        for found in (self.reads, self.writes):
            found.setdefault((RECORD, EVERY), place)
        self.kept = False
        self.unresolved.setdefault((place.path, place.line, why), Unresolved(why, _DECLARE, place))

    def nested(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, frame: Frame) -> None:
        """Walk a nested function where it is defined, for nobody may be seen to call it."""
        key = (node, frame.key)
        before, before_named = self._defaults.get(key, ([], {}))
        values = [self.value(d, frame) for d in node.args.defaults]
        named = {a.arg: self.value(d, frame) for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults) if d is not None}
        self._defaults[key] = ([joined(v, *before[i : i + 1]) for i, v in enumerate(values)],
                               {k: joined(v, before_named.get(k, NOTHING)) for k, v in named.items()})
        names = [*node.args.posonlyargs, *node.args.args]
        self.enter_local(Local(node, frame), [just(NUMBER)] * len(names), {}, node, frame)

    def block(self, body: Sequence[ast.stmt], frame: Frame) -> None:
        """Walk statements."""
        statements.block(self, body, frame)

    def store(self, target: ast.expr, value: Value, node: ast.AST, frame: Frame) -> None:
        """Bind or write what an assignment assigns to."""
        statements.store(self, target, value, node, frame)

    def value(self, node: ast.expr, frame: Frame, *, store: bool = False, whole: bool = False, called: bool = False) -> Value:
        """Return what an expression may stand for, and note what it touches. Raises: TooMuch."""
        self._looked_count += 1
        if self._looked_count > EXPRESSIONS_MAX:
            raise TooMuch
        found = expressions.value(self, node, frame, store=store, whole=whole, called=called)
        if not store and not self.jit:
            for atom in found:
                if isinstance(atom, Thing) and atom.region:
                    self.share("reads", atom, node, frame)
        return found

    def items(self, value: Value, node: ast.AST, frame: Frame) -> Value:
        """Return what a loop over a value gets."""
        return expressions.items(self, value, node, frame)


def _default(function: Any, thing: Any) -> Value:
    """Return the value of an argument that is left out: one object for all calls, whoever makes them."""
    return lift(thing, f"{function.__module__}:{function.__qualname__}")
