"""Interpolation of variables, files and secrets into one scalar, after parsing.

    ${V}            the value of V; unset is an error
    ${V:-default}   the default when V is unset or empty
    ${V:?message}   an error with that message when V is unset or empty
    ${file:/path}   the contents of a small text file, without its last newline
    ${secret:NAME}  a secret: a file or a variable, see `lookup`
    $$              a dollar sign; any other `$` stands for itself

Because it happens per scalar after YAML has been parsed, no value can add keys, comments or structure to the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

import attrs

from hydraflow.topology.lookup import Lookup, LookupFailed

__all__ = ["Interpolated", "Problem", "interpolate"]

_TOKEN = re.compile(r"\$\$|\$\{([^}]*)(\}?)")
_BODY = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:(:-|:\?)(.*))?", re.DOTALL)
_OUTSIDE = re.compile(r"(file|secret):(?![-?])(.+)", re.DOTALL)
_SECRET_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")


@attrs.frozen
class Problem:
    """What cannot be replaced, or only with a warning. offset, length : characters in the scalar.

    kind : "unset", "malformed", "file", "secret"; "exposed": a secret that others can read, replaced all the same.
    close : names that are there, for "did you mean".
    """

    kind: str
    offset: int
    length: int
    name: str
    message: str
    close: tuple[str, ...] = ()


@attrs.frozen
class Interpolated:
    """The replaced text, the variables that were named, and the problems met.

    taken : where the text really came from, as it is written in the braces; defaults leave nothing here.
    secret : whether a secret is in it.
    """

    text: str
    names: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    taken: tuple[str, ...] = ()
    secret: bool = False


def interpolate(text: str, environment: Mapping[str, str] | Lookup, folder: str = ".") -> Interpolated:
    """Replace what stands in `${}` in `text`; folder : that relative paths of files begin in. Values are not interpolated again."""
    if "$" not in text:
        return Interpolated(text)
    one = _Interpolation(Lookup.of(environment), folder)
    replaced = _TOKEN.sub(one.replace, text)
    secret = any(name.startswith("secret:") for name in one.taken)
    return Interpolated(replaced, tuple(one.names), tuple(one.problems), tuple(one.taken), secret)


class _Interpolation:
    """Replaces the tokens of one scalar and keeps what was used and what is wrong."""

    def __init__(self, lookup: Lookup, folder: str) -> None:
        self._lookup = lookup
        self._folder = folder
        self.names: list[str] = []
        self.taken: list[str] = []
        self.problems: list[Problem] = []

    def replace(self, match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        body, outside = _BODY.fullmatch(match[1]), _OUTSIDE.fullmatch(match[1])
        if match[2] and outside is not None:
            self.names.append(match[1])
            return self._file(match, outside[2]) if outside[1] == "file" else self._secret(match, outside[2])
        if not match[2] or body is None:
            reason = "has no closing brace" if not match[2] else "is not a variable"
            self._problem("malformed", match, match[1], f"'{_short(match[0])}' {reason}")
            return ""
        name, operator, word = body.groups()
        self.names.append(name)
        value = self._lookup.variable(name)
        if value or (value is not None and operator is None):
            self.taken.append(name)
            return value
        if operator == ":-":
            return word
        state = "is not set" if value is None else "is empty"
        reason = f": {word}" if word else ""
        self._problem("unset", match, name, f"environment variable {name} {state}{reason}")
        return ""

    def _file(self, match: re.Match[str], path: str) -> str:
        try:
            value = self._lookup.value(os.path.join(self._folder, path))
        except LookupFailed as failed:
            self._problem("file", match, path, f"{_short(match[0])}: {failed}", failed.close)
            return ""
        self.taken.append(match[1])
        return value

    def _secret(self, match: re.Match[str], name: str) -> str:
        if not _SECRET_NAME.fullmatch(name):
            self._problem("malformed", match, name, f"'{_short(match[0])}' cannot be the name of a secret")
            return ""
        try:
            value, unsafe = self._lookup.secret(name)
        except LookupFailed as failed:
            self._problem("secret", match, name, f"secret {name}: {failed}", failed.close)
            return ""
        if unsafe:
            self._problem("exposed", match, name, f"secret {name}: {unsafe}")
        self.taken.append(match[1])
        return value

    def _problem(self, kind: str, match: re.Match[str], name: str, message: str, close: tuple[str, ...] = ()) -> None:
        self.problems.append(Problem(kind, match.start(), len(match[0]), name, message, close))


def _short(text: str) -> str:
    return text if len(text) <= 30 else text[:29] + "…"
