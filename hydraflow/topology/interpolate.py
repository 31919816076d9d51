"""Interpolation of environment variables into one scalar, after parsing.

    ${V}            the value of V; unset is an error
    ${V:-default}   the default when V is unset or empty
    ${V:?message}   an error with that message when V is unset or empty
    $$              a dollar sign; any other `$` stands for itself

Because it happens per scalar after YAML has been parsed, no value can add keys, comments or structure to the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

__all__ = ["Interpolated", "Problem", "interpolate"]

_TOKEN = re.compile(r"\$\$|\$\{([^}]*)(\}?)")
_BODY = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:(:-|:\?)(.*))?", re.DOTALL)


@attrs.frozen
class Problem:
    """What cannot be replaced. offset, length : characters in the scalar; kind : "unset" or "malformed"."""

    kind: str
    offset: int
    length: int
    name: str
    message: str


@attrs.frozen
class Interpolated:
    """The replaced text, the variables that were used, and the problems met."""

    text: str
    names: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def interpolate(text: str, environment: Mapping[str, str]) -> Interpolated:
    """Replace the variables in `text` by their values in `environment`. Values are not interpolated again."""
    if "$" not in text:
        return Interpolated(text)
    names: list[str] = []
    problems: list[Problem] = []

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        offset, length = match.start(), len(match[0])
        body = _BODY.fullmatch(match[1])
        if not match[2] or body is None:
            reason = "has no closing brace" if not match[2] else "is not a variable"
            problems.append(Problem("malformed", offset, length, match[1], f"'{_short(match[0])}' {reason}"))
            return ""
        name, operator, word = body.groups()
        names.append(name)
        value = environment.get(name)
        if value or (value is not None and operator is None):
            return value
        if operator == ":-":
            return word
        state = "is not set" if value is None else "is empty"
        reason = f": {word}" if word else ""
        problems.append(Problem("unset", offset, length, name, f"environment variable {name} {state}{reason}"))
        return ""

    replaced = _TOKEN.sub(replace, text)
    return Interpolated(replaced, tuple(names), tuple(problems))


def _short(text: str) -> str:
    return text if len(text) <= 30 else text[:29] + "…"
