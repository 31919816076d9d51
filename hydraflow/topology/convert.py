"""From nodes to attrs objects, by the types and metadata of the class; what does not fit becomes a diagnostic.

The same code reads the file's own keys (`spec`) and the parameters of components. Quantities: a field whose name ends
in `_ns` takes `1ms`, `250us`, `2s`, and its key may drop the `_ns`; one that ends in `_bytes` or `_size` takes `64KiB`.
"""

from __future__ import annotations

import enum
import functools
import math
import pathlib
import re
import types
import typing
from decimal import Decimal, InvalidOperation
from difflib import SequenceMatcher
from typing import Any

import attrs

from hydraflow.topology.diagnose import Findings, Span, did_you_mean
from hydraflow.topology.nodes import Node, forget, is_unknown
from hydraflow.topology.spec import Located, key_of
from hydraflow.topology.values import duration_ns, duration_text, resolve, size_bytes

__all__ = ["Bytes", "Codes", "PARAMETER_CODES", "SPEC_CODES", "aliases", "convert", "describe"]

_EMPTY = {str: "", int: 0, bool: False, float: 0.0, tuple: (), dict: {}}
_MISSING = object()
_SURE = 0.65  # how much of a misspelt key must be that of the one meant, to go on as if it were


class Bytes(int):
    """A capacity that was written as a size, to be divided by the size of its unit."""


@attrs.frozen
class Codes:
    """Diagnostic codes for the four ways in which a value can be wrong."""

    unknown: str
    wrong_type: str
    range: str
    missing: str
    word: str  # what a key is called: "key" or "parameter"


SPEC_CODES = Codes("HF007", "HF006", "HF011", "HF008", "key")
PARAMETER_CODES = Codes("HF304", "HF305", "HF306", "HF307", "parameter")


class _Bad(Exception):
    def __init__(self, message: str, label: str = "", out_of_range: bool = False) -> None:
        super().__init__(message)
        self.label = label
        self.out_of_range = out_of_range


def convert(cls: type, node: Node, findings: Findings, *, codes: Codes, owner: str = "", at: Span | None = None) -> Any:
    """Return an instance of the attrs class `cls` made from a map node, or None when it cannot be made.

    owner : how messages call it ("source 'simulator'"); default: from the class and its `name`.
    at : where a missing key is reported when the node has no place.
    """
    shorthand = getattr(cls, "SHORTHAND", None)
    if shorthand and node.kind == "scalar":
        node = Node("map", node.span, entries={shorthand: (node.span, node)})
    noun = getattr(cls, "NOUN", cls.__name__)
    if node.kind != "map":
        if not is_unknown(node):
            article = "an" if noun[0] in "aeiou" else "a"
            findings.error(codes.wrong_type, f"{article} {noun} is a mapping, got {describe(node)}", node.span or at)
            forget(node)
        return None
    if not owner:
        named = next((node.entries[k] for k in ("name", "symbol", "use") if k in node.entries), None)
        owner = f"{noun} '{named[1].text}'" if named and named[1].text else noun
    fields, keys = _declared(cls)
    absent = [f for f in fields.values() if not any(alias in node.entries for alias in aliases(f))]
    missing = [f for f in absent if f.default is attrs.NOTHING]
    strange = 0
    values: dict[str, Any] = {}
    written: dict[str, str] = {}
    for key, (span, child) in list(node.entries.items()):
        if key not in keys:
            misplaced = getattr(cls, "MISPLACED", {}).get(key)
            if misplaced is not None:
                findings.error(misplaced[0], f"{owner} cannot have '{key}': {misplaced[1]}", span or at, label="remove it")
                continue
            meant = _unknown(key, span or at, fields, absent, missing, findings, codes, owner)
            if meant is None or not _fits(keys[meant], meant, child, codes, owner):
                strange += 1
                continue
            del node.entries[key]  # the rest is checked as it is meant
            node.entries[meant] = (span, child)
            absent.remove(keys[meant])
            key = meant
        field = keys[key]
        if field.name in values:
            findings.error("HF003", f"{owner}: '{written[field.name]}' and '{key}' are the same {codes.word}", span or at)
            continue
        written[field.name] = key
        values[field.name] = _field(field, key, child, span or at, findings, codes, owner)
    missing = [f for f in missing if f in absent]
    for field in missing:
        values[field.name] = _MISSING
        if len(missing) > strange + len(node.repeated):  # else what is strange, or there twice, stands for what is missing
            findings.error(codes.missing, f"{owner}: {codes.word} '{key_of(field)}' is missing", node.span or at,
                           label=f"add {key_of(field)}: {_sample(field)}")
    return _make(cls, fields, values, node, at, findings, codes, owner)


def _fits(field: attrs.Attribute, key: str, node: Node, codes: Codes, owner: str) -> bool:
    """Whether the value of a misspelt key could be that of the key that seems to be meant."""
    trial = Findings()
    if node.kind == "scalar" and node.value is None:
        return False
    return node.kind != "scalar" or (_field(field, key, attrs.evolve(node), None, trial, codes, owner) is not _MISSING and not trial.failed)


@functools.lru_cache(maxsize=1024)
def _declared(cls: type) -> tuple[dict[str, attrs.Attribute], dict[str, attrs.Attribute]]:
    """Return the fields of a class that a file may give, by name and by every spelling of their keys."""
    fields = {f.name: f for f in attrs.fields(attrs.resolve_types(cls)) if not f.metadata.get("internal") and f.init}
    return fields, {alias: f for f in fields.values() for alias in aliases(f)}


def describe(node: Node) -> str:
    """Return the value in words: "text 'abc'", "the number 5", "a list"."""
    if node.kind != "scalar":
        return f"a {'mapping' if node.kind == 'map' else 'list'}"
    value = node.value
    if node.secret:
        return "a secret"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = node.text if len(node.text) <= 40 else node.text[:39] + "…"
    return f"the number {text}" if isinstance(value, (int, float)) else f"text '{text}'"


def _make(cls: type, fields: dict, values: dict, node: Node, at: Span | None, findings: Findings, codes: Codes,
          owner: str) -> Any:
    is_spec = issubclass(cls, Located)
    broken = [name for name, value in values.items() if value is _MISSING]
    for name in broken:
        if not is_spec or fields[name].default is not attrs.NOTHING:
            del values[name]
        else:
            values[name] = _EMPTY.get(typing.get_origin(fields[name].type) or fields[name].type)
    given = {fields[n].alias: v for n, v in values.items()}
    if is_spec:
        return cls(node=node, **given)
    if any(fields[name].default is attrs.NOTHING for name in broken):
        return None
    try:
        made = cls(**given)  # defaults in the place of what is broken: the rest may be wrong as well
    except Exception as error:  # the class's own validators: whatever they raise is about the values
        said = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
        reason = next(iter(said.splitlines()), "") or type(error).__name__
        blamed = next((n for n in values if re.search(rf"\b{re.escape(n)}\b", reason)), None) or \
            next((n for n, value in values.items() if value not in ("", None) and repr(value) in reason), None)
        span = node.where(blamed) if blamed else node.span
        if blamed or not broken:
            findings.error("HF308", f"{owner}: {reason}", span or at)
        return None
    return None if broken else made


def _unknown(key: str, span: Span | None, fields: dict, absent: list, missing: list, findings: Findings, codes: Codes,
             owner: str) -> str | None:
    """Report a key that nothing has. What is meant is more likely one that is missing, then one that is absent.

    Returns the absent key that is surely meant, or None.
    """
    near = (did_you_mean(key, [alias for f in some for alias in aliases(f)]) for some in (missing, absent, fields.values()))
    close = next(filter(None, near), None)
    known = ", ".join(key_of(f) for f in fields.values())
    label = f"did you mean '{close}'?" if close else ""
    if missing and not any(close in aliases(f) for f in missing):
        label = " ".join([label, f"'{key_of(missing[0])}' is missing"]).lstrip()
    if not fields:
        findings.error(codes.unknown, f"{owner} takes no {codes.word}s, got '{key}'", span)
        return None
    findings.error(codes.unknown, f"{owner} has no {codes.word} '{key}'", span, label=label, notes=(f"known: {known}",))
    sure = close is not None and any(close in aliases(f) for f in absent) and SequenceMatcher(None, key, close).ratio() > _SURE
    return close if sure else None


def _field(field: attrs.Attribute, key: str, node: Node, span: Span | None, findings: Findings, codes: Codes,
           owner: str) -> Any:
    if is_unknown(node):
        return _MISSING
    try:
        return _value(field.type, field, key, node, findings, codes, f"{owner}: {key}")
    except _Bad as bad:
        code = field.metadata.get("code") or (codes.range if bad.out_of_range else codes.wrong_type)
        notes = [f"{key}: {field.metadata['description']}"] if field.metadata.get("description") else []
        if node.variables:
            notes.append(f"the value comes from {', '.join('${' + v + '}' for v in node.variables)}")
        message, label = _said(bad, node)
        below = node.kind != "scalar" and node.span and span and node.span.line > span.line  # then the key says more
        findings.error(code, f"{owner}: {key} {message}", span if below else node.span or span, label=label, notes=tuple(notes))
        forget(node)
        return _MISSING


def _said(bad: _Bad, node: Node) -> tuple[str, str]:
    """Return message and label; of a secret neither shows anything, not even in part or as a number."""
    if any(part.secret for part in node.everything()):
        return f"{str(bad).partition(', got ')[0]}, got a secret", ""
    return str(bad), bad.label


def _value(kind: Any, field: attrs.Attribute, key: str, node: Node, findings: Findings, codes: Codes, owner: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if node.kind == "scalar" and node.value is None and type(None) in arguments:
            return None
        kind = next(a for a in arguments if a is not type(None))
        return _value(kind, field, key, node, findings, codes, owner)
    if origin in (tuple, list) or kind in (tuple, list):
        inner = arguments[0] if arguments else Any
        return _list(inner, field, key, node, findings, codes, owner)
    if origin is dict or kind is dict:
        return _mapping(arguments[1] if arguments else Any, node, findings, codes, owner)
    if isinstance(kind, type) and attrs.has(kind):
        made = convert(kind, node, findings, codes=codes)
        return _MISSING if made is None else made
    return _checked(_scalar(kind, field, key, node), field)


def _list(inner: Any, field: attrs.Attribute, key: str, node: Node, findings: Findings, codes: Codes, owner: str) -> tuple:
    is_object = isinstance(inner, type) and attrs.has(inner)
    if node.kind != "list":
        if is_object or node.kind == "map":
            raise _Bad(f"must be a list, got {describe(node)}", "begin each item with '- '")
        return () if node.value is None else (_value(inner, field, key, node, findings, codes, owner),)
    out = []
    for child in node.items:
        if is_unknown(child):
            continue
        try:
            made = _value(inner, field, key, child, findings, codes, owner)
        except _Bad as bad:
            code = codes.range if bad.out_of_range else codes.wrong_type
            message, label = _said(bad, child)
            findings.error(code, f"{owner}: an item {message}", child.span or node.span, label=label)
            forget(child)
            continue
        if made is not _MISSING:
            out.append(made)
    return tuple(out)


def _mapping(inner: Any, node: Node, findings: Findings, codes: Codes, owner: str) -> dict[str, Any]:
    if node.kind == "scalar" and node.value is None:
        return {}
    if node.kind != "map":
        raise _Bad(f"must be a mapping, got {describe(node)}")
    if not (isinstance(inner, type) and attrs.has(inner)):
        return {key: child.plain() for key, (_, child) in node.entries.items()}
    out = {}
    for key, (span, child) in node.entries.items():
        if is_unknown(child):
            continue
        empty = child.kind == "scalar" and child.value is None
        made = convert(inner, Node("map", span) if empty else child, findings, codes=codes,
                       owner=f"{getattr(inner, 'NOUN', 'item')} '{key}'")
        if made is not None:
            out[key] = attrs.evolve(made, name=key)
    return out


def _scalar(kind: Any, field: attrs.Attribute, key: str, node: Node) -> Any:
    special = field.metadata.get("kind")
    if kind is Any:
        return node.plain()
    if node.kind != "scalar":
        raise _Bad(f"must be {'a duration such as 100ms' if _is_period(field) else _words(kind)}, got {describe(node)}")
    if node.variables:  # a variable has no type of its own, quoted or not: the field decides
        node.as_text = kind is str
        node = attrs.evolve(node, value=node.text if kind is str else resolve(node.text))
    value = node.value
    if special == "decimal":
        return _decimal(node)
    if special == "text":
        return node.text
    if special == "capacity" and isinstance(value, str):
        return Bytes(_quantity(size_bytes, value))
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return _member(kind, value)
    if kind is int:
        return _integer(field, key, node)
    if kind is bool and isinstance(value, bool):
        return value
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise _Bad(f"must be a finite number, got {node.text}")
        return float(value)
    if kind is str and isinstance(value, str):
        return value
    if kind in (Decimal, pathlib.Path) and value is not None:
        return Decimal(_decimal(node)) if kind is Decimal else pathlib.Path(node.text)
    if kind not in _EMPTY and kind not in (Decimal, pathlib.Path):
        return value  # a type this reader does not know: the class itself validates
    hint = f"quote it: \"{node.text}\"" if kind is str and value is not None else ""
    raise _Bad(f"must be {_words(kind)}, got {describe(node)}", hint)


def _integer(field: attrs.Attribute, key: str, node: Node) -> int:
    value, name = node.value, field.name
    unit = field.metadata.get("unit")
    is_time = name.endswith("_ns") or unit == "ns"
    is_size = name.endswith(("_bytes", "_size")) or unit == "bytes"
    if isinstance(value, str) and (is_time or is_size):
        return _quantity(duration_ns if is_time else size_bytes, value)
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Bad(f"must be {'a duration such as 100ms' if _is_period(field) else 'a whole number'}, got {describe(node)}")
    if value and key != name and (is_time or is_size):
        raise _Bad(f"needs a unit, got {describe(node)}", f"write {node.text}{'ms' if is_time else 'KiB'}, for example")
    if not -(1 << 63) <= value < 1 << 63:
        raise _Bad(f"must fit 64 bits, got {describe(node)}", out_of_range=True)
    return value


def _quantity(parse: Any, text: str) -> int:
    try:
        return parse(text)
    except ValueError as error:
        raise _Bad(f"must be {error}, got text '{text[:40]}'") from None


def _decimal(node: Node) -> str:
    text = node.text.strip()
    try:
        number = Decimal(text)
        if number.is_finite() and "_" not in text:
            return format(number, "f")
    except InvalidOperation:
        pass
    raise _Bad(f"must be a decimal number such as 0.001, got {describe(node)}")


def _member(kind: type[enum.Enum], value: Any) -> Any:
    names = {m.name.casefold().replace("_", "-"): m for m in kind}
    if isinstance(value, str) and value.casefold().replace("_", "-") in names:
        return names[value.casefold().replace("_", "-")]
    if not isinstance(value, bool):
        try:
            return kind(value)
        except ValueError:
            pass
    close = did_you_mean(str(value), names)
    label = f"did you mean '{close}'?" if close else ""
    raise _Bad(f"must be one of {', '.join(names)}, got '{value}'", label, out_of_range=True)


def _checked(value: Any, field: attrs.Attribute) -> Any:
    metadata = field.metadata
    choices = metadata.get("choices")
    if choices and value not in choices and not metadata.get("also", _never)(value):
        close = did_you_mean(str(value), [str(c) for c in choices])
        listed = ", ".join(str(c) for c in choices)
        raise _Bad(f"must be one of {listed}, got '{value}'", f"did you mean '{close}'?" if close else "", True)
    low, high = metadata.get("range", (metadata.get("minimum"), metadata.get("maximum")))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if low is not None and value < low:
            raise _Bad(f"must be at least {_amount(low, field)}, got {_amount(value, field, bare=True)}", out_of_range=True)
        if high is not None and value > high:
            raise _Bad(f"must be at most {_amount(high, field)}, got {_amount(value, field, bare=True)}", out_of_range=True)
    return value


def _never(value: Any) -> bool:
    return False


def _is_period(field: attrs.Attribute) -> bool:
    """Whether a field is a duration that a file writes with its unit, always."""
    return field.name.endswith("_ns") and key_of(field) != field.name


def _amount(value: Any, field: attrs.Attribute, *, bare: bool = False) -> str:
    """Return a number as a message shows it; bare : without the unit of its parameter."""
    if _is_period(field):
        return duration_text(value)
    unit = field.metadata.get("unit")
    return f"{value:,}" if bare or unit in (None, *_UNITLESS) else f"{value:,} {unit}"


_UNITLESS = ("", "number", "ratio", "text", "policy")


def aliases(field: attrs.Attribute) -> list[str]:
    """Return the spellings of a field's key in a file, the preferred one first."""
    names = [key_of(field)]
    if field.type is int or int in typing.get_args(field.type):
        names += [field.name.removesuffix(s) for s in ("_ns", "_bytes") if field.name.endswith(s)]
    return list(dict.fromkeys(names))


def _sample(field: attrs.Attribute) -> str:
    choices = field.metadata.get("choices")
    return str(choices[0]) if choices else "…"


def _words(kind: Any) -> str:
    words = {str: "text", int: "a whole number", float: "a number", bool: "true or false", Decimal: "a decimal number",
             pathlib.Path: "a path"}
    return words.get(kind, "one value")
