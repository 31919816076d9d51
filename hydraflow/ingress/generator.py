"""Python generators as sources: how they are declared, and how what they yield becomes records.

    def sensors(stations: int = 4, pause_ns: int = 0): ...     parameters from the signature
    def sensors(params: Sensors): ...                          parameters from an attrs class

What may be yielded: a dict (fields that it leaves out are zero), a tuple with every field in order, a numpy record, a
one-dimensional array of records (by far the fastest), a list of any of these, None (nothing for now).
"""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import numpy as np

from disruptor.errors import LayoutError
from disruptor.handler import handler
from disruptor.plain import plain_dtype
from hydraflow.ingress.base import Source

__all__ = ["COUNTERS", "RecordError", "Rows", "begin", "declared_generator", "differing"]

COUNTERS = [
    ("records", "i8"),  # published
    ("yields", "i8"),  # times that it brought something
    ("full", "i8"),  # times that it found its ring full, and waited
]
_PARAMS = "params"
_TEXT = ("S", "U")


class RecordError(ValueError):
    """What a generator yielded is no record of its ring."""


def declared_generator(function: Callable, *, ready: Callable | None = None, **declaration: Any) -> Source:
    """Return the Source of a generator function. Raises: LayoutError for parameters that say neither type nor default."""
    arguments = inspect.signature(function).parameters
    spread = declaration.get(_PARAMS) is None and list(arguments) != [_PARAMS]
    if spread and arguments:
        declaration[_PARAMS] = _params_of(function)
    declared = handler(function, **{"counters": COUNTERS, **declaration, "jit": False})
    if not spread and declared.params is None:
        raise LayoutError(f"the argument 'params' of '{function.__name__}' is annotated with no attrs class")
    return Source(**attrs.asdict(declared, recurse=False), virtual=True, ready=ready, spread=spread)


def begin(source: Source, params: Any) -> Iterator[Any]:
    """Call the generator function of a source; nothing of its body runs before it is asked for something."""
    if params is None:
        return source.function()
    if not source.spread:
        return source.function(params)
    return source.function(**{field.name: getattr(params, field.name) for field in attrs.fields(type(params))})


@functools.lru_cache(maxsize=256)  # parameters that say the same are equal, however often a file is read
def _params_of(function: Callable) -> type:
    """Return an attrs class with a field for each parameter of a function."""
    try:
        hints = typing.get_type_hints(function)
    except Exception as error:  # a name for type checkers only, or one that is not there
        raise LayoutError(f"the types of its parameters cannot be read: {type(error).__name__}: {error}") from error
    fields = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise LayoutError(f"its parameter '{name}' is {parameter.kind.description}; a topology gives parameters by name")
        default = attrs.NOTHING if parameter.default is parameter.empty else parameter.default
        kind = hints.get(name, type(default) if default not in (attrs.NOTHING, None) else None)
        if kind is None:
            raise LayoutError(f"its parameter '{name}' has neither a type nor a default: write {name}: int, for example")
        fields[name] = attrs.field(default=default, type=kind)
    title = "".join(part.title() for part in function.__name__.split("_"))
    made = attrs.make_class(f"{title}Params", fields, frozen=True, kw_only=True)
    made.__module__ = function.__module__
    return made


def differing(found: np.dtype, wanted: np.dtype) -> str:
    """Return, in words, in what an array of `found` is none of the records of `wanted`; "" when it is."""
    if found.names is None:
        return f"an array of {found}, not of records"
    ours, theirs = list(wanted.names or ()), list(found.names)
    if ours != theirs:
        absent = [n for n in ours if n not in theirs]
        strange = [n for n in theirs if n not in ours]
        if absent:
            return f"field '{absent[0]}' is not in it (it has {', '.join(theirs)})"
        return f"field '{strange[0]}' is none of the record's ({', '.join(ours)})" if strange else "its fields come in another order"
    for name in ours:
        one, other = wanted.fields[name], found.fields[name]  # type: ignore[index]
        if np.dtype(one[0]).descr != np.dtype(other[0]).descr or one[0].shape != other[0].shape or one[0].base.kind != other[0].base.kind:
            return f"field '{name}' is {other[0]} there and {one[0]} in the record"
        if one[1] != other[1]:
            return f"field '{name}' lies at byte {other[1]} there and at byte {one[1]} in the record"
    return "" if found.itemsize == wanted.itemsize else f"a record of it has {found.itemsize} bytes, not {wanted.itemsize}"


class Rows:
    """Makes records of one dtype of what generators yield."""

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype
        self._names = tuple(dtype.names or ())
        self._known = frozenset(self._names)
        self._zero = dict(zip(self._names, np.zeros(1, plain_dtype(dtype))[0].item(), strict=True))
        kinds = [np.dtype(dtype[name]) for name in self._names]
        self._whole = [i for i, kind in enumerate(kinds) if kind.kind in "iu" and kind.subdtype is None]
        self._fractions = [i for i, kind in enumerate(kinds) if kind.kind == "f" and kind.subdtype is None]
        self._texts = [(i, kind.itemsize // (4 if kind.kind == "U" else 1)) for i, kind in enumerate(kinds)
                       if kind.kind in _TEXT and kind.subdtype is None]
        self._bytes = np.dtype((np.void, dtype.itemsize))
        self._same: set[int] = set()

    def values(self, row: Any) -> tuple:
        """Return the fields of one record, given as a dict or a tuple. Raises: RecordError."""
        if isinstance(row, dict):
            if len(row) == len(self._names):
                try:
                    row = tuple([row[name] for name in self._names])
                except KeyError:
                    self._strange(row)
            elif not self._known.issuperset(row):
                self._strange(row)
            else:
                row = tuple([row.get(name, zero) for name, zero in self._zero.items()])
        elif isinstance(row, tuple):
            if len(row) != len(self._names):
                raise RecordError(f"a tuple of {len(row)} values, for {len(self._names)} fields ({', '.join(self._names)})")
        else:
            raise RecordError(f"{_called(row)} is no record: yield a dict, a tuple or an array of records")
        for i in self._whole:
            value = row[i]
            if type(value) is not int and isinstance(value, (float, np.floating)) and not float(value).is_integer():
                raise RecordError(f"field '{self._names[i]}' is a whole number, {self.dtype[i]}, and gets {value!r}")
        for i in self._fractions:
            if row[i] is None:
                raise RecordError(f"field '{self._names[i]}' ({self.dtype[i]}) cannot hold None; nan stands for no value")
        for i, size in self._texts:
            if isinstance(row[i], (str, bytes)) and len(row[i]) > size:
                raise RecordError(f"field '{self._names[i]}' holds {size} characters, and gets {len(row[i])}: {row[i]!r}")
        return row

    def store(self, records: np.ndarray, index: int, row: Any) -> None:
        """Write one record, given as a dict or a tuple, into its place. Raises: RecordError; the place may be half written."""
        values = self.values(row)
        try:
            records[index] = values
        except (TypeError, ValueError, OverflowError) as error:
            raise RecordError(self._blamed(values, error)) from error

    def block(self, rows: np.ndarray) -> np.ndarray:
        """Return an array of records as one of plain bytes, itemsize apart. Raises: RecordError."""
        if id(rows.dtype) not in self._same:
            wrong = differing(rows.dtype, self.dtype)
            if wrong:
                raise RecordError(f"an array that does not fit: {wrong}")
            self._same = {id(self.dtype), id(rows.dtype)}
            self._kept = rows.dtype  # its id is nobody else's as long as it lives
        if rows.ndim != 1:
            raise RecordError(f"an array of {rows.ndim} dimensions; records come in one")
        return np.ascontiguousarray(rows).view(self._bytes)

    def array(self, rows: list) -> np.ndarray:
        """Return a new array of records given as dicts or tuples. Raises: RecordError that says which."""
        made = np.zeros(len(rows), self.dtype)
        for index, row in enumerate(rows):
            try:
                self.store(made, index, row)
            except RecordError as error:
                raise RecordError(f"record {index + 1:,}: {error}") from error
        return made

    def _strange(self, row: dict) -> None:
        name = next(n for n in row if n not in self._known)
        raise RecordError(f"the record has no field '{name}'; it has {', '.join(self._names)}")

    def _blamed(self, values: tuple, error: Exception) -> str:
        """Return what is wrong, with the field that does not take its value."""
        for name, value in zip(self._names, values, strict=True):
            one = np.zeros(1, [(name, self.dtype[name])])
            try:
                one[name][0] = value
            except (TypeError, ValueError, OverflowError) as own:
                return f"field '{name}' ({self.dtype[name]}) cannot hold {value!r}: {own}"
        return str(error)


def _called(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 40 else text[:39] + '…'}"
