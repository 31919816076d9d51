"""What an attrs class says about its keys, for those who tell it further: the JSON Schema and the explanations.

A key's kind says how `convert` reads it:

    text, number, whole, flag, path      a scalar of that type            word        one of `choices`
    duration, size                       a whole number of ns or bytes, or a quantity with its unit
    decimal                              an exact decimal, as number or text
    capacity                             units, or a size that is divided by the size of a unit
    scalar                               any scalar, taken as text        anything    whatever stands there
    names                                a name or a list of names
    object, objects, table               a mapping of `inner`, a list of them, a mapping of them by name
"""

from __future__ import annotations

import enum
import pathlib
import types
import typing
from decimal import Decimal
from typing import Any

import attrs

from hydraflow.topology.convert import aliases

__all__ = ["Key", "keys_of"]

_KINDS = {"decimal": "decimal", "text": "scalar", "capacity": "capacity"}
_SCALARS = {str: "text", int: "whole", float: "number", bool: "flag", Decimal: "decimal", pathlib.Path: "path"}
_ENDLESS = 1 << 62  # a limit beyond it is that of the number's type
_WORDS = {
    "text": "text", "whole": "whole number", "number": "number", "flag": "true or false", "path": "path",
    "duration": "whole number or duration (250us, 1ms, 2s)", "size": "whole number or size (64KiB, 16MiB)",
    "decimal": "decimal number", "capacity": "whole number or size (32MiB)", "scalar": "text", "anything": "anything",
    "names": "name or list of names", "object": "mapping", "objects": "list of mappings", "table": "mapping of names to mappings",
}


@attrs.frozen(kw_only=True)
class Key:
    """One key of a mapping. name : as written first; other : a second spelling ("latency" of latency_ns), or "".

    kind : see above; inner : class of the mappings in it; optional : null may stand there. minimum, maximum : inclusive.
    own : besides `choices`, something of the user's own: ./file.py:NAME, package.module:NAME or a short name that a package offers.
    needed : there is no default. live : it may change while the engine runs. default : as written in a file, None when nothing is to be said.
    """

    name: str
    other: str = ""
    kind: str = "anything"
    inner: type | None = None
    optional: bool = False
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Any, ...] = ()
    own: bool = False
    needed: bool = False
    live: bool = False
    default: Any = None
    description: str = ""

    @property
    def words(self) -> str:
        """Its type in words."""
        if self.choices:
            return ", ".join([*(str(c) for c in self.choices), *(["or ./file.py:NAME"] if self.own else [])])
        return _WORDS[self.kind]

    @property
    def range(self) -> str:
        """Its range in words, "" when it has none."""
        low = None if self.minimum is None or self.minimum <= -_ENDLESS else _number(self.minimum)
        high = None if self.maximum is None or self.maximum >= _ENDLESS else _number(self.maximum)
        if low is None or high is None:
            return f"at least {low}" if low is not None else f"at most {high}" if high is not None else ""
        return f"{low} to {high}"


    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form (schema hfx.explain/1)."""
        row = attrs.asdict(self, recurse=False, filter=attrs.filters.exclude("inner", "kind"))
        return row | {"type": self.words, "choices": list(self.choices), "range": self.range}


def keys_of(cls: type | None) -> list[Key]:
    """Return the keys of an attrs class, in the order of its fields; none of None."""
    if cls is None:
        return []
    fields = attrs.fields(attrs.resolve_types(cls))
    return [_key(field) for field in fields if field.init and not field.metadata.get("internal")]


def _key(field: attrs.Attribute) -> Key:
    meta = field.metadata
    kind, inner, optional, choices = _kind(field)
    low, high = meta.get("range", (meta.get("minimum"), meta.get("maximum"))) if kind != "flag" else (None, None)
    seen = _validated(field.validator)
    spellings = aliases(field)
    return Key(
        name=spellings[0], other=spellings[1] if len(spellings) > 1 else "", kind=kind, inner=inner, optional=optional,
        unit=meta.get("unit", ""), live=bool(meta.get("live")), minimum=seen.get("minimum") if low is None else low,
        maximum=seen.get("maximum") if high is None else high, choices=tuple(meta.get("choices", choices)) or seen.get("choices", ()),
        own="also" in meta, needed=field.default is attrs.NOTHING, default=_default(field), description=meta.get("description", ""),
    )


def _kind(field: attrs.Attribute) -> tuple[str, type | None, bool, tuple[str, ...]]:
    """Return kind, inner class, whether null may stand there, and the words of an enum."""
    hint = field.type
    optional = False
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        arguments = typing.get_args(hint)
        optional = type(None) in arguments
        hint = next(a for a in arguments if a is not type(None))
    origin, arguments = typing.get_origin(hint) or hint, typing.get_args(hint)
    if origin in (tuple, list):
        inner = arguments[0] if arguments else Any
        return ("objects", inner, optional, ()) if attrs.has(inner) else ("names", None, optional, ())
    if origin is dict:
        inner = arguments[1] if len(arguments) > 1 else Any
        return ("table", inner, optional, ()) if attrs.has(inner) else ("object", None, optional, ())
    if not isinstance(hint, type):
        return "anything", None, optional, ()
    if attrs.has(hint):
        return "object", hint, optional, ()
    if "kind" in field.metadata:
        return _KINDS[field.metadata["kind"]], None, optional, ()
    if issubclass(hint, enum.Enum):
        return "word", None, optional, tuple(m.name.casefold().replace("_", "-") for m in hint)
    unit = field.metadata.get("unit")
    if hint is int and (field.name.endswith("_ns") or unit == "ns"):
        return "duration", None, optional, ()
    if hint is int and (field.name.endswith(("_bytes", "_size")) or unit == "bytes"):
        return "size", None, optional, ()
    return _SCALARS.get(hint, "anything"), None, optional, ()


def _validated(validator: Any) -> dict[str, Any]:
    """Return the limits that attrs' own validators state: ge, le, in_, and several of them together."""
    found: dict[str, Any] = {}
    for one in getattr(validator, "_validators", (validator,)):
        bound, sign = getattr(one, "bound", None), getattr(one, "compare_op", None)
        if isinstance(bound, (int, float)) and sign in (">=", "<="):
            found["minimum" if sign == ">=" else "maximum"] = bound
        options = getattr(one, "options", None)
        if isinstance(options, range) and options.step == 1 and options:
            found |= {"minimum": options[0], "maximum": options[-1]}
        elif isinstance(options, (tuple, list)) and options:
            found["choices"] = tuple(options)
    return found


def _default(field: attrs.Attribute) -> Any:
    default = field.default
    if default is attrs.NOTHING or isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return None
    if isinstance(default, enum.Enum):
        return default.name.casefold().replace("_", "-")
    if isinstance(default, (Decimal, pathlib.Path)):
        return str(default)
    if isinstance(default, (int, float)) and not isinstance(default, bool):
        least = field.metadata.get("minimum")
        return None if least is not None and default < least else default  # below it: stands for "not said"
    return default if isinstance(default, (bool, str)) and default != "" else None


def _number(value: float) -> str:
    if isinstance(value, float) and (not value.is_integer() or abs(value) >= 1e9):
        return f"{value:g}"
    return f"{int(value):,}"
