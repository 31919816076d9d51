"""What an expression may stand for, as far as reads and writes of records are concerned: a set of the things below.

    Ref      a part of something that stages share, or that a handler owns: the record, a field of it, a view
    Literal  a constant: field names come from these
    Tuple    a tuple, part by part
    Thing    an object of Python that is known by name: a module, a function, a global table
    Local    a function that is defined inside of another one
    Method   what is called on a Ref: `event.copy`
    NUMBER   a number, surely no text; ARRAY: numbers in memory of their own; FRESH: a container of its own; UNKNOWN: anything

A value only ever grows, so that the walk over loops and calls ends.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Any

import attrs
import numpy as np

from disruptor.access.things import shared_as

__all__ = [
    "ANYTHING", "ARRAY", "EVERY", "FRESH", "Literal", "Local", "Method", "NOTHING", "NUMBER", "PRIVATE", "RECORD", "Ref", "Thing",
    "Tuple", "UNKNOWN", "Value", "flat", "held_of", "joined", "just", "lift", "refs_of", "texts_of",
]

RECORD = ""  # the region of the record in hand; those of other arguments are called as the argument
EVERY = "*"  # every field
PRIVATE = ("state", "params", "counters")  # regions that belong to one stage
_MOST = 48  # atoms of a value that are told apart


class _Atom(enum.Enum):
    NUMBER = "number"
    ARRAY = "array"
    FRESH = "fresh"
    UNKNOWN = "unknown"


NUMBER, ARRAY, FRESH, UNKNOWN = _Atom.NUMBER, _Atom.ARRAY, _Atom.FRESH, _Atom.UNKNOWN


@attrs.frozen
class Ref:
    """A part of a region. field : of the record, None for all of it; dims, base : its shape and type, None where unknown.

    dims 0 is one record or number, more are arrays of `base`.
    """

    region: str
    field: str | None = None
    dims: int | None = 0
    base: np.dtype | None = None

    @property
    def is_scalar(self) -> bool:
        """Whether it is known to be a number, which cannot be stored into."""
        return self.dims == 0 and self.base is not None and self.base.names is None

    @property
    def is_view(self) -> bool:
        """Whether it is known to be an array or a record, which reads nothing before a part of it is taken."""
        return bool(self.dims) or (self.dims == 0 and self.base is not None and self.base.names is not None)

    def of(self, name: str) -> Ref:
        """Return the field `name` of this record, or of these records."""
        base, dims = None, self.dims or None  # a field of many records is an array, whatever is in it
        if self.base is not None and self.base.fields is not None and name in self.base.fields:
            base, dims = self.base.fields[name][0], self.dims
            if base.subdtype is not None:
                base, shape = base.subdtype
                dims = None if dims is None else dims + len(shape)
        return Ref(self.region, self.field or name, dims, base)

    def element(self, count: int | None) -> Ref:
        """Return what an index of `count` numbers (None: not known) takes out of this array."""
        dims = None if self.dims is None or count is None else max(0, self.dims - count)
        return attrs.evolve(self, dims=dims)


@attrs.frozen
class Literal:
    value: Any
    kind: type  # True is not 1


@attrs.frozen
class Tuple:
    items: tuple[Value, ...]


@attrs.frozen(eq=False)
class Thing:
    """An object that is known. region : the name by which stages share it ("module:NAME"), "" for what never changes.

    owner : the object whose method this function is.
    """

    object: Any
    region: str = ""
    owner: Thing | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Thing) and self.object is other.object and self.region == other.region and self.owner == other.owner

    def __hash__(self) -> int:
        return hash((id(self.object), self.region))


@attrs.frozen(eq=False)
class Local:
    """A nested function or lambda. node : its syntax; frame : where it was defined."""

    node: Any
    frame: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Local) and self.node is other.node and self.frame.key == other.frame.key

    def __hash__(self) -> int:
        return id(self.node)


@attrs.frozen
class Method:
    target: Ref | _Atom
    name: str


Value = frozenset
NOTHING: Value = frozenset()
ANYTHING: Value = frozenset({UNKNOWN})


def just(*atoms: Any) -> Value:
    """Return the value that is one of `atoms`."""
    return frozenset(atoms)


def joined(*values: Iterable[Any]) -> Value:
    """Return the value that is one of `values`. Of very many constants only that they are any is kept."""
    out = frozenset().union(*values)
    if len(out) > _MOST:
        kept = frozenset(a for a in out if not isinstance(a, Literal | Tuple))
        inner = frozenset(r for a in out if isinstance(a, Tuple) for r in refs_of(just(a)))
        out = kept | inner | ANYTHING
    return out


def lift(thing: Any, region: str = "") -> Value:
    """Return the value of an object that is at hand. region : the name by which it, or what it is in, is shared."""
    if thing is None or isinstance(thing, str | bytes | bool | int | float):
        return just(Literal(thing, type(thing)))
    if isinstance(thing, tuple) and len(thing) <= _MOST:
        return just(Tuple(tuple(lift(item, region) for item in thing)))
    if isinstance(thing, np.generic):
        return just(NUMBER)
    return just(Thing(thing, shared_as(thing, region)))


def refs_of(value: Value) -> list[Ref]:
    """Return the parts of regions that a value may be or hold."""
    found: list[Ref] = []
    for atom in value:
        if isinstance(atom, Ref):
            found.append(atom)
        elif isinstance(atom, Tuple):
            found.extend(ref for item in atom.items for ref in refs_of(item))
        elif isinstance(atom, Method) and isinstance(atom.target, Ref):
            found.append(atom.target)
    return found


def flat(value: Value) -> list[Any]:
    """Return the atoms of a value, those in its tuples in their places."""
    return [a for atom in value for a in ([i for item in atom.items for i in flat(item)] if isinstance(atom, Tuple) else [atom])]


def held_of(value: Value) -> list[Ref]:
    """Return the records and views that a value may be or hold: whoever has them may read and write what is in them.

    A part whose type is not known may be a view.
    """
    return [ref for ref in refs_of(value) if ref.field in (None, EVERY) or not ref.is_scalar]


def texts_of(value: Value) -> list[str] | None:
    """Return the texts that an index may be (a part of a record is a number); None when it may be one that is not known."""
    if UNKNOWN in value or FRESH in value or any(isinstance(a, Thing | Local | Method) for a in value):
        return None
    return sorted({a.value for a in value if isinstance(a, Literal) and isinstance(a.value, str)})
