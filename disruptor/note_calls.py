"""Whether the notes that a handler writes are those that it declares: looked up in its source, and in that of its helpers."""

from __future__ import annotations

import ast
from typing import Any

import attrs

from disruptor.access.search import calls, constant
from disruptor.errors import CompileError
from disruptor.note_format import ARGUMENTS, fields_of
from disruptor.notes import note

__all__ = ["NoteFault", "check_notes", "note_faults"]


@attrs.frozen
class NoteFault:
    """A call of `note` that no reader could make sense of. path, line : where it stands. what, remedy : in words."""

    path: str
    line: int
    what: str
    remedy: str


def note_faults(handler: Any) -> list[NoteFault]:
    """Return what is wrong with the notes of a Handler, in the order of the lines."""
    found = []
    for function, call in calls(handler.function, note):
        what, remedy = _judged(handler, function, call)
        if what:
            found.append(NoteFault(function.__code__.co_filename, call.lineno, what, remedy))
    return sorted(set(found), key=lambda f: (f.path, f.line))


def check_notes(handler: Any) -> None:
    """Raises: CompileError for the first call of `note` that does not fit the handler's declaration."""
    for fault in note_faults(handler):
        raise CompileError(handler.name, fault.what, path=fault.path, line=fault.line, remedy=fault.remedy)


def _judged(handler: Any, function: Any, call: ast.Call) -> tuple[str, str]:
    given = [*call.args, *(k.value for k in call.keywords if k.arg == "code")]
    if not given or any(isinstance(a, ast.Starred) for a in call.args):
        return "a note without a code", 'write note("CODE", a, b)'
    code = constant(call.args[0] if call.args else given[0], function)
    if not isinstance(code, str):
        return "the code of a note is no constant text", 'write note("CODE", a, b), or give a name of the module that stands for a text'
    names = [*ARGUMENTS[: max(0, len(call.args) - 1)], *(k.arg for k in call.keywords if k.arg in ARGUMENTS)]
    if code not in handler.notes:
        known = ", ".join(handler.notes) or "none"
        text = " ".join(f"{{{name}}}" for name in names) or "what happened"
        return f"note '{code}' is not declared (declared: {known})", f'declare it: @handler(notes={{"{code}": "{text}"}})'
    missing = sorted(fields_of(handler.notes[code]) - set(names))
    if missing:
        given_words = "1 number" if len(names) == 1 else f"{len(names)} numbers"
        return (f"the text of note '{code}' shows {{{missing[0]}}}, but it is given {given_words}",
                f"give it, or leave {{{missing[0]}}} out")
    return "", ""
