"""numba's sentences read: what they say about the author's line, and the remedy, in the author's words.

Each function is given a case, the match of the pattern that recognised the sentence, and the syntax found for it; it
returns (what is wrong, what to write instead), or None where the sentence is about something else.
"""

from __future__ import annotations

import ast
import difflib
import re
from typing import Any

import numpy as np

from disruptor.fault import Case, call_of, first_and_rest, kind_in_words, node_of, split_types

__all__ = [
    "COLLECT",
    "DICT",
    "LOOP",
    "NOTE",
    "NUMBERS",
    "PARSE",
    "never",
    "no_function",
    "no_getitem",
    "no_setitem",
    "numpy_name",
    "plain_global",
    "unify",
    "unknown_attribute",
    "unknown_field",
    "unknown_name",
]

NUMBERS = "store the numbers in fields, and make text of them in a Python handler (one that takes `batch`)"
COLLECT = 'keep a sub-array and a count in the state: state=[("values", "f8", (64,)), ("count", "i8")]'
PARSE = "keep numbers in records; make numbers of texts before they are published"
LOOP = 'write a loop over the elements: for i in range(…): state["window"][i] = …'
NOTE = (
    'note("CODE", a, b) writes numbers without waiting (declared: notes={"CODE": "text {a}, {b}"}); or print in a Python'
    " handler"
)
_CLOCKS = {"time", "datetime"}


def never(what: str) -> str:
    """Return the sentence about an allocation."""
    return f"it allocates memory ({what}), which compiled handlers never do"


DICT = (
    never("a dict"),
    "a sub-array of the state indexed by a small number, or an open-addressing table (disruptor.table)",
)


def unknown_field(case: Case, match: Any, node: Any) -> tuple[str, str] | None:
    """A field that the record does not have, or something of a dict asked of a record."""
    name = match[1] or match[2]

    def shape(one: ast.AST) -> bool:
        if isinstance(one, ast.Subscript):
            return isinstance(one.slice, ast.Constant) and one.slice.value == name
        return isinstance(one, ast.Attribute) and one.attr == name

    if name == "__call__":
        case.search(node_of(ast.Call))
        return "a record is called like a function", 'read a field with event["name"]'
    method = case.search(
        lambda n: isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr == name
    )
    if method is not None:
        return f"a record has no method '{name}'", 'read a field with event["name"], a constant name'
    found = case.search(shape)
    if found is None and any(True for _ in case.nodes()):
        return None
    known = [w.strip(" '\"") for w in (match[3] or "").split(",") if w.strip()] or _fields_of(case, found)
    known = [w for w in known if not re.fullmatch(r"pad_\d+", w)]
    listed = f" ({', '.join(known)})" if known else ""
    close = difflib.get_close_matches(name, known, 1, 0.6)
    remedy = (
        f"'{close[0]}', the closest name there is"
        if close
        else "declare it in the list of fields, or use one that is there"
    )
    return f"field '{name}' is not in the record{listed}", remedy


def _fields_of(case: Case, node: Any) -> list[str]:
    """Return the fields of the record that `state["x"]` or `event.x` reads, as far as the name of the record says it."""
    name = getattr(getattr(node, "value", None), "id", "")
    named = [names for array, names in case.fields.items() if array == name or array.endswith(f"_{name}")]
    if name == "event" and not named:
        named = [names for array, names in case.fields.items() if array == "events" or array.endswith("_records")]
    return list(named[0]) if len(named) == 1 else []


def unknown_name(case: Case, match: Any, node: Any) -> tuple[str, str]:
    """A name that is defined nowhere."""
    name = match[1]
    known = {n for f in case.functions for n in (*f.__globals__, *f.__code__.co_varnames)} - {
        f.__name__ for f in case.functions
    }
    case.search(lambda n: isinstance(n, ast.Name) and n.id == name)
    close = difflib.get_close_matches(name, sorted(known), 1, 0.7)
    return (
        f"nothing is called '{name}'",
        f"'{close[0]}', the closest name there is" if close else "define it in the module, or import it there",
    )


def numpy_name(case: Case, match: Any, node: Any) -> tuple[str, str]:
    """A name that a module does not have."""
    module, name = match[1], match[2]
    case.search(lambda n: isinstance(n, ast.Attribute) and n.attr == name)
    close = difflib.get_close_matches(name, dir(np), 1, 0.75) if module == "numpy" else []
    return (
        f"{module} has no '{name}'",
        f"{module}.{close[0]}, the closest name there is" if close else f"look its name up in the manual of {module}",
    )


def plain_global(case: Case, match: Any, node: Any) -> tuple[str, str]:
    """A global that numba cannot use."""
    name, kind = match[1], match[2]
    if kind == "function":
        return (
            f"'{name}' is a plain Python function",
            f"put @compiled above `def {name}`: from disruptor import compiled",
        )
    if kind.endswith("Handler"):
        return (
            f"'{name}' is a handler, and handlers do not call each other",
            "move what they share into a function with @compiled",
        )
    if kind in ("list", "dict", "set"):
        instead = "a tuple of numbers" if kind != "dict" else "constants, or fields of the state filled by `prepare`"
        return f"the global '{name}' is a {kind}", instead
    return (
        f"the global '{name}' is a {kind.rpartition('.')[2]}, a Python object",
        "numbers: constants of the module (LIMIT = 3), or fields of a params class that `params` hands over",
    )


def unknown_attribute(case: Case, match: Any, node: Any) -> tuple[str, str] | None:
    """An attribute or method that a value does not have in compiled code."""
    name, kind = match[1], match[2]
    if case.search(lambda n: isinstance(n, ast.Attribute) and n.attr == name) is None:
        return None  # inside numba's own sources
    if kind.startswith("Module"):
        module = re.sub(r"^Module\(<module '([\w.]+)'.*", r"\1", kind)
        if module in _CLOCKS:
            return (
                f"it reads a clock ({module}.{name})",
                "let the producer stamp the event, and read the stamp from its field",
            )
        return f"compiled code cannot use {module}.{name}", "do it in a Python handler (one that takes `batch`)"
    if "str" in kind or "unicode" in kind:
        return f"it makes a text (.{name})", NUMBERS
    if "rray" in kind:
        if name in ("append", "extend", "insert", "pop", "remove"):
            return f"an array has no '{name}': its size is fixed", COLLECT
        return f"an array has no '{name}' in compiled code", LOOP
    return f"{kind_in_words(kind)} has no attribute '{name}'", 'event["field"] reads a field; a number has none'


def unify(case: Case, match: Any, node: Any) -> tuple[str, str]:
    """A variable with two types."""
    first, second, name = kind_in_words(match[1]), kind_in_words(match[2]), match[3].partition(".")[0]
    name = "the returned value" if name.startswith("$") else f"variable '{name}'"
    return (
        f"{name} is {first} on one path and {second} on another",
        "one type on every path: begin with 0.0 for a float, 0 for an integer, or use two variables",
    )


def no_getitem(case: Case, match: Any, node: Any) -> tuple[str, str] | None:
    """An index that does not fit what is indexed."""
    target, index = first_and_rest(match[1])
    if target.startswith("Record"):
        if "unicode" in index or "str" in index:
            return "a field is named by a variable", 'write the name out: event["value"]; one statement per field'
        return f"a record is indexed by {kind_in_words(index)}", 'read its fields by name: event["value"]'
    if target.startswith("Tuple"):
        return (
            "a tuple of different types is indexed by a variable",
            "make all its elements the same type, or write the index out",
        )
    if "rray" in target and "float" in index:
        return f"an array is indexed by a {kind_in_words(index)}", "int(…) around the index"
    return None


def no_setitem(case: Case, match: Any, node: Any) -> tuple[str, str] | None:
    """A value that does not fit where it is stored."""
    target, rest = first_and_rest(match[1])
    index, value = first_and_rest(rest)
    field = re.sub(r"^Literal\[str\]\((\w+)\)$", r"field '\1'", index)
    if target.startswith("DictType"):
        return DICT
    if "rray" in target and "float" in index:
        return f"an array is indexed by a {kind_in_words(index)}", "int(…) around the index"
    if not target.startswith("Record"):
        return None
    if not field.startswith("field"):
        return "a field is named by a variable", 'write the name out: event["value"] = …; one statement per field'
    kind = re.search(rf"{field[7:-1]}\[type=([^;]+);", target)
    holds = f" ({kind[1]})" if kind else ""
    remedy = "a number"
    if "str" in value or "unicode" in value:
        remedy = 'a number that stands for the text, or a sub-array of bytes: ("name", "u1", (8,))'
    elif value == "none":
        remedy = "a number that means nothing is there: 0, -1 or np.nan"
    elif value.startswith("Record"):
        remedy = 'one of its fields: event["value"]'
    elif "rray" in value:
        remedy = "one element, or a loop over the elements"
    elif "uple" in value:
        remedy = "one statement per value"
    elif value.startswith("complex"):
        remedy = "its .real or .imag"
    return f"{field}{holds} cannot hold {kind_in_words(value)}", remedy


def no_function(case: Case, match: Any, node: Any) -> tuple[str, str]:
    """A function or operator that does not take these arguments."""
    name, arguments = match[1], match[2]
    kinds = ", ".join(kind_in_words(a) for a in split_types(arguments))
    if "none" in split_types(arguments):
        return f"None is used as a number ({_sign(name)})", "begin with a number: 0, or np.nan for nothing yet"
    if any("str" in a or "unicode" in a for a in split_types(arguments)):
        return f"a text is used as a number: {_sign(name)} of {kinds}", PARSE
    if name == "len" and arguments.startswith("Record"):
        return "a record has no length", 'len(state["window"]) is the length of a sub-array'
    call = case.search(lambda n: call_of(name)(n) and isinstance(n.func, ast.Attribute))  # type: ignore[attr-defined]
    whole = f"{ast.unparse(call.func)}()" if isinstance(call, ast.Call) else _sign(name)
    return (
        f"{whole} of {kinds} is not supported in compiled code",
        "write it out with numbers and loops (min, max, abs, round and math.* of numbers work)",
    )


_OPERATORS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "truediv": "/",
    "floordiv": "//",
    "mod": "%",
    "eq": "==",
    "lt": "<",
    "gt": ">",
    "iadd": "+=",
    "isub": "-=",
    "imul": "*=",
    "and_": "&",
    "or_": "|",
    "contains": "in",
}


def _sign(name: str) -> str:
    return f"'{_OPERATORS[name]}'" if name in _OPERATORS else f"{name}()"
