"""A function while it is walked: what its variables may be, at the statement in hand and anywhere; how it was called."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Mapping
from typing import Any

from disruptor.access.values import (
    ANYTHING,
    FRESH,
    NOTHING,
    NUMBER,
    Literal,
    Tuple,
    Value,
    joined,
    just,
)

__all__ = ["Frame", "bound_arguments", "bound_by", "merged", "own_names"]


class Frame:
    """A function while it is walked. function : None of a nested one, which has a parent.

    names : what its variables may be at the statement in hand; ever : what they may be anywhere, for functions inside of it.
    """

    def __init__(self, key: Any, path: str, own: Iterable[str], function: Any = None, parent: Frame | None = None) -> None:
        self.key = key
        self.path = path
        self.own = set(own)
        self.loose: set[str] = set()  # assigned by functions inside of it
        self.function = function
        self.parent = parent
        self.names: dict[str, Value] = {}
        self.ever: dict[str, Value] = {}
        self.bound: list[dict[str, Value]] = []  # per statement that may be left anywhere, what was bound inside of it
        self.outer: set[str] = set()  # declared `global`
        self.outer_of_function: set[str] = set()  # declared `nonlocal`
        self.version = 0
        self.result: Value = NOTHING

    def bind(self, name: str, value: Value, *, perhaps: bool = False) -> None:
        """Let a variable be one of `value` from here on. perhaps : or what it was."""
        self.names[name] = joined(self.names.get(name, NOTHING), value) if perhaps else value
        for inside in self.bound:
            inside[name] = joined(inside.get(name, NOTHING), value)
        known = self.ever.get(name, NOTHING)
        grown = joined(known, value)
        if grown != known:
            self.ever[name] = grown
            self.version += 1


def bound_arguments(arguments: ast.arguments, positional: list[Value], named: dict[str, Value], defaults: list[Value],
           keyword_defaults: dict[str, Value]) -> dict[str, Value] | None:
    """Return parameter → value of a call, None when its arguments do not fit."""
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    bound: dict[str, Value] = {}
    for name, value in zip(names, positional):
        bound[name] = value
    rest = positional[len(names) :]
    if arguments.vararg is not None:
        bound[arguments.vararg.arg] = just(Tuple(tuple(rest)))
    elif rest:
        return None
    known = {*names, *(a.arg for a in arguments.kwonlyargs)}
    others: list[Value] = []
    for name, value in named.items():
        if name in known:
            bound[name] = joined(bound.get(name, NOTHING), value)
        else:
            others.append(value)
    if arguments.kwarg is not None:
        bound[arguments.kwarg.arg] = just(FRESH) if not others else just(Tuple((joined(*others),)))
    for name, value in zip(names[len(names) - len(defaults) :], defaults):
        bound.setdefault(name, value)
    for argument in arguments.kwonlyargs:
        bound.setdefault(argument.arg, keyword_defaults.get(argument.arg, ANYTHING))
    for name in names:
        bound.setdefault(name, ANYTHING)
    return {name: just(*(NUMBER if isinstance(a, Literal) and not isinstance(a.value, str) else a for a in value)) for name, value in bound.items()}


@functools.cache
def own_names(definition: Any) -> frozenset[str]:
    """Return the variables of a function, without those of functions and comprehensions inside of it."""
    a = definition.args
    own = {p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg) if p is not None}
    outer: set[str] = set()
    pending: list[ast.AST] = [definition.body] if isinstance(definition, ast.Lambda) else list(definition.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Nonlocal | ast.Global):
            outer |= set(node.names)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            own.add(node.name)
            pending.extend(node.decorator_list)
            continue
        elif isinstance(node, ast.Lambda):
            continue
        elif isinstance(node, _COMPREHENSIONS):
            own |= {n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr)}
            continue
        own |= bound_by(node)
        pending.extend(ast.iter_child_nodes(node))
    return frozenset(own - outer)


def bound_by(node: ast.AST) -> set[str]:
    """Return the names that a node of syntax, without what is inside of it, gives something to."""
    match node:
        case ast.Name(ctx=ast.Store()):
            return {node.id}
        case ast.alias():
            return {(node.asname or node.name).partition(".")[0]}
        case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar():
            return {node.name} if node.name else set()
        case ast.MatchMapping():
            return {node.rest} if node.rest else set()
    return set()


_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def merged(*states: Mapping[str, Value]) -> dict[str, Value]:
    """Return what variables may be that are as in one of `states`."""
    found: dict[str, Value] = {}
    for state in states:
        for name, value in state.items():
            known = found.get(name)
            found[name] = value if known is None or known == value else joined(known, value)
    return found
