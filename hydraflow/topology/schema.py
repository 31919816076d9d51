"""The topology file as a JSON Schema (draft 2020-12), for editors: keys of `spec`, parameters of every component.

It refuses only what `hfx check` refuses as well. What it cannot know stays with the check: names, order, rings, and the
value that a variable or a quantity has. Every scalar may be `${NAME}`; keys that begin with `x-` are free everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from hydraflow.topology.keys import Key, keys_of
from hydraflow.topology.spec import HandlerSpec, SourceSpec, Topology, installed_records
from hydraflow.topology.values import DURATION_UNITS, SIZE_UNITS

__all__ = ["DRAFT", "schema"]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_VARIABLE = r"\$\{[A-Za-z_][A-Za-z0-9_]*((:-|:\?)[^}]*)?\}"
_DIGITS = r"[0-9]+(_[0-9]+)*"
_UNDERSCORED = {  # `1_000_000`, which editors take for text
    "type": "string", "pattern": r"^([-+]?[0-9]+(_[0-9]+)+|0o[0-7]+(_[0-7]+)*|0x[0-9a-fA-F]+(_[0-9a-fA-F]+)*)$"}
_OPEN = {"^x-": True}  # whatever a user keeps there
_SPECIFIC = {SourceSpec: "source", HandlerSpec: "handler"}


def schema(plugins: Iterable[Any] = ()) -> dict[str, Any]:
    """Return the schema. plugins : what `use:` knows (see hydraflow.plugins); of one with an error, any parameter passes."""
    known = [p for p in plugins if not p.shadowed]
    definitions: dict[str, Any] = {
        "variable": {"type": "string", "pattern": f"(^|[^$])(\\$\\$)*{_VARIABLE}", "title": "environment variable",
                     "description": "replaced by an environment variable: ${NAME}, ${NAME:-default}, ${NAME:?message}"},
        "text": {"type": "string", "pattern": rf"^([^$]|\$\$|\$(?![{{$])|{_VARIABLE})*$"},
    }
    root = _mapping(Topology, definitions, known)
    return {
        "$schema": DRAFT,
        "title": "HydraFlow-X topology",
        "description": "what is traded, where frames come from, which handlers see them; see `hfx explain`",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def _mapping(cls: type, definitions: dict[str, Any], known: list[Any]) -> dict[str, Any]:
    """Return the schema of a mapping that is read into `cls`."""
    properties: dict[str, Any] = {}
    needed: list[str] = []
    twice: list[dict[str, Any]] = []
    for key in keys_of(cls):
        one = _value(key, definitions, known)
        properties[key.name] = _told(key, one)
        if key.other:
            properties[key.other] = _told(key, _quantity_only(key))
            twice.append({"not": {"required": [key.name, key.other]}})
        if key.needed and key.other:
            twice.append({"anyOf": [{"required": [key.name]}, {"required": [key.other]}]})
        elif key.needed:
            needed.append(key.name)
    made: dict[str, Any] = {"type": "object", "properties": properties, "patternProperties": _OPEN, "additionalProperties": False}
    if needed:
        made["required"] = needed
    kind = _SPECIFIC.get(cls)
    cases = [_case(p, definitions) for p in known if p.kind == kind and p.component is not None]
    if kind:
        properties["use"] = _use([p for p in known if p.kind == kind], properties["use"])
    if twice or cases:
        made["allOf"] = twice + cases
    return made


def _use(known: list[Any], told: dict[str, Any]) -> dict[str, Any]:
    names = [{"const": p.name, "description": _sentence(p)} for p in known]
    own = {"type": "string", "pattern": "^.+:[^:]+$", "description": "package.module:name or ./file.py:name"}
    kept = {k: v for k, v in told.items() if k in ("description", "examples")}
    return {**kept, "anyOf": [*names, own, {"$ref": "#/$defs/variable"}]}


def _case(plugin: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the rule: with this `use:`, these parameters."""
    name = f"{plugin.kind}.{plugin.name}"
    handler = plugin.component.handler
    keys = keys_of(handler.params)
    definitions[name] = _mapping(handler.params, definitions, []) if keys else {
        "type": "object", "patternProperties": _OPEN, "additionalProperties": False}
    definitions[name]["description"] = f"parameters of {plugin.kind} {plugin.name}"
    names = {key.name for key in keys}
    parameters: dict[str, Any] = {"$ref": _reference(name)}
    policy = plugin.kind == "source" and "when_full" in names
    then: dict[str, Any] = {"properties": {"with": {"anyOf": [{"type": "null"}, parameters]}}}
    required = [key for key in keys if key.needed]
    if required:
        then = {"properties": {"with": parameters}, "required": ["with"]}
    if plugin.kind == "source" and not policy:
        then["properties"]["when_full"] = {
            "anyOf": [{"enum": ["wait", None]}, {"$ref": "#/$defs/variable"}], "description": "this source always waits"}
    return {"if": {"properties": {"use": {"const": plugin.name}}, "required": ["use"]}, "then": then}


def _value(key: Key, definitions: dict[str, Any], known: list[Any]) -> dict[str, Any]:
    """Return the schema of what may stand at a key."""
    if key.kind == "anything":
        return {}
    if key.kind == "names":
        one = {"$ref": "#/$defs/text"}
        return {"anyOf": [one, {"type": "null"}, {"type": "array", "items": one}]}
    if key.kind in ("object", "objects", "table") and key.inner is not None:
        reference = {"$ref": _reference(_define(key.inner, definitions, known))}
        if key.kind == "objects":
            return {"type": "array", "items": reference}
        if key.kind == "table":
            return {"type": ["object", "null"], "patternProperties": _OPEN,
                    "additionalProperties": {"anyOf": [{"type": "null"}, reference]}}
        short = getattr(key.inner, "SHORTHAND", None)
        mode = next((k for k in keys_of(key.inner) if k.name == short), None)
        return {"anyOf": [*_scalar(mode), reference]} if mode else reference
    if key.kind == "object":
        return {"type": ["object", "null"]}
    forms = _scalar(key)
    return {"anyOf": [*forms, {"type": "null"}]} if key.optional else {"anyOf": forms}


def _define(cls: type, definitions: dict[str, Any], known: list[Any]) -> str:
    name = getattr(cls, "NOUN", f"{cls.__module__}.{cls.__qualname__}")
    if name not in definitions:
        definitions[name] = {}  # a class may hold itself
        definitions[name].update(_mapping(cls, definitions, known))
        definitions[name].setdefault("description", " ".join((cls.__doc__ or "").split("\n\n")[0].split()))
    return name


def _reference(name: str) -> str:
    return f"#/$defs/{quote(name.replace('~', '~0').replace('/', '~1'))}"


def _scalar(key: Key) -> list[dict[str, Any]]:
    """Return the forms of a scalar; a variable is always one of them."""
    variable = {"$ref": "#/$defs/variable"}
    limits = {word: limit for word, limit in (("minimum", key.minimum), ("maximum", key.maximum)) if limit is not None}
    if key.choices:
        forms: list[dict[str, Any]] = [{"enum": list(key.choices)}]
        if key.own:
            forms += [{"type": "string", "pattern": "^.+:[^:]+$", "description": "./file.py:NAME or package.module:NAME"},
                      *([{"enum": names}] if (names := installed_records()) else [])]
        if key.kind == "word":
            forms += [{"type": "string", "pattern": f"^({'|'.join(_any_case(c) for c in key.choices)})$"}, {"type": "integer"}]
        return [*forms, variable]
    if key.kind in ("whole", "duration", "size", "capacity"):
        forms = [{"type": "integer", **({"minimum": -(1 << 63), "maximum": (1 << 63) - 1} | limits)}, dict(_UNDERSCORED)]
        if key.kind != "whole":
            forms.append(_quantity(DURATION_UNITS if key.kind == "duration" else SIZE_UNITS))
        return [*forms, variable]
    if key.kind == "number":
        return [{"type": "number", **limits}, dict(_UNDERSCORED), variable]
    if key.kind == "flag":
        return [{"type": "boolean"}, variable]
    if key.kind == "decimal":
        number = r"^\s*[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?\s*$"
        return [{"type": "number"}, {"type": "string", "pattern": number}, variable]
    if key.kind in ("scalar", "path"):
        return [{"type": ["number", "boolean"]}, {"$ref": "#/$defs/text"}]
    return [{"$ref": "#/$defs/text"}]


def _quantity_only(key: Key) -> dict[str, Any]:
    """Return the schema of the short spelling, which needs a unit unless it is 0."""
    units = DURATION_UNITS if key.kind == "duration" else SIZE_UNITS
    return {"anyOf": [{"const": 0}, _quantity(units), {"$ref": "#/$defs/variable"}]}


def _quantity(units: dict[str, int]) -> dict[str, Any]:
    return {"type": "string", "pattern": rf"^\s*{_DIGITS}(\.[0-9]+)?\s*({'|'.join(units)})\s*$"}


def _any_case(word: str) -> str:
    letters = (f"[{c.lower()}{c.upper()}]" if c.isalpha() else "[-_]" if c in "-_" else c for c in word)
    return "".join(letters)


def _told(key: Key, made: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with what an editor shows beside it."""
    facts = [key.unit, key.range, "needed" if key.needed else ""]
    shown = ", ".join(fact for fact in facts if fact)
    text = f"{key.description} ({shown})" if key.description and shown else key.description or shown
    return {**({"description": text} if text else {}), **({} if key.default is None else {"default": key.default}), **made}


def _sentence(plugin: Any) -> str:
    if plugin.component is None:
        return plugin.error
    text = " ".join((plugin.component.handler.function.__doc__ or "").split())
    return text.partition(". ")[0].rstrip(".") or plugin.target
