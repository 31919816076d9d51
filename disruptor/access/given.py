"""The arguments of a call, and what becomes of them where it is not known what is called, or where memory is taken."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import attrs

from disruptor.access.purity import ALLOCATES, allocation_of
from disruptor.access.values import ANYTHING, Ref, Value, joined, just

if TYPE_CHECKING:
    from disruptor.access.frame import Frame
    from disruptor.access.walk import Walk

__all__ = ["LOST", "Given", "allocation", "unknown"]

LOST = "declare what it touches: @handler(reads=(…), writes=(…))"


@attrs.define
class Given:
    """The arguments of a call. spread : it has `*args` or `**kwargs` whose length is not known."""

    positional: list[Value]
    named: dict[str, Value]
    spread: bool = False

    @property
    def everything(self) -> Value:
        return joined(*self.positional, *self.named.values())


def unknown(walk: Walk, given: Given, why: str, node: ast.Call, frame: Frame) -> Value:
    walk.lost(given.everything, why, LOST, node, frame)
    walk.consume(given.everything, node, frame)
    return joined(ANYTHING, just(*(a for a in given.everything if isinstance(a, Ref) and not a.is_scalar)))


def allocation(walk: Walk, function: Any, name: str, given: Given, node: ast.Call, frame: Frame, on_array: bool | None = None) -> None:
    if not walk.jit:
        return
    if on_array is None:
        on_array = any(isinstance(a, Ref) and bool(a.dims) for a in given.everything)
    made = allocation_of(function, name, on_array)
    if made is not None:
        walk.effect(ALLOCATES, f"it allocates: {ast.unparse(node)} makes {made[0]}", made[1], node, frame)
