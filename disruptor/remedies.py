"""Why numba refuses a handler, and what to write instead: the table of causes.

A cause is recognised by what numba says (a pattern), by what stands on the line (a shape of the syntax tree), or both;
the first that fits is taken. Where numba names no line, the reachable functions are searched for the shape.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from disruptor.fault import (
    Case,
    call_of,
    first_and_rest,
    is_format,
    is_made_error,
    is_maker,
    is_slice_store,
    kind_in_words,
    node_of,
    split_types,
)

__all__ = ["explain"]

_NUMBERS = "store the numbers in fields, and make text of them in a Python handler (one that takes `batch`)"
_COLLECT = 'keep a sub-array and a count in the state: state=[("values", "f8", (64,)), ("count", "i8")]'
_PARSE = "keep numbers in records; make numbers of texts before they are published"
_LOOP = 'write a loop over the elements: for i in range(…): state["window"][i] = …'
_CLOCKS = {"time", "datetime"}


@attrs.frozen
class Cause:
    """said : pattern in numba's text, or ""; shape : of the syntax, or None; what and remedy : texts with {groups}.

    {0}, {1} … are the pattern's groups, {code} the source of the node. look : (case, match, node) → (what, remedy) instead.
    """

    said: str
    shape: Callable[[ast.AST], Any] | None
    what: str = ""
    remedy: str = ""
    look: Callable[[Case, Any, Any], tuple[str, str] | None] | None = None


def explain(case: Case) -> tuple[str, str]:
    """Return (what is wrong, what to write instead), both "" when no cause of the table fits."""
    for cause in _CAUSES:
        match = re.search(cause.said, case.text) if cause.said else None
        if cause.said and match is None:
            continue
        node = case.search(cause.shape) if cause.shape is not None else None
        if cause.shape is not None and node is None:
            continue
        if cause.look is not None:
            found = cause.look(case, match, node)
            if found is not None:
                return found
            continue
        groups = [g or "" for g in match.groups()] if match else []
        code = ast.unparse(node) if node is not None else ""
        return cause.what.format(*groups, code=code), cause.remedy.format(*groups, code=code)
    return "", ""


def _unknown_field(case: Case, match: Any, node: Any) -> tuple[str, str] | None:
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


def _unknown_name(case: Case, match: Any, node: Any) -> tuple[str, str]:
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


def _numpy_name(case: Case, match: Any, node: Any) -> tuple[str, str]:
    module, name = match[1], match[2]
    case.search(lambda n: isinstance(n, ast.Attribute) and n.attr == name)
    close = difflib.get_close_matches(name, dir(np), 1, 0.75) if module == "numpy" else []
    return (
        f"{module} has no '{name}'",
        f"{module}.{close[0]}, the closest name there is" if close else f"look its name up in the manual of {module}",
    )


def _plain_global(case: Case, match: Any, node: Any) -> tuple[str, str]:
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


def _unknown_attribute(case: Case, match: Any, node: Any) -> tuple[str, str] | None:
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
        return f"it makes a text (.{name})", _NUMBERS
    if "rray" in kind:
        if name in ("append", "extend", "insert", "pop", "remove"):
            return f"an array has no '{name}': its size is fixed", _COLLECT
        return f"an array has no '{name}' in compiled code", _LOOP
    return f"{kind_in_words(kind)} has no attribute '{name}'", 'event["field"] reads a field; a number has none'


def _unify(case: Case, match: Any, node: Any) -> tuple[str, str]:
    first, second, name = kind_in_words(match[1]), kind_in_words(match[2]), match[3].partition(".")[0]
    name = "the returned value" if name.startswith("$") else f"variable '{name}'"
    return (
        f"{name} is {first} on one path and {second} on another",
        "one type on every path: begin with 0.0 for a float, 0 for an integer, or use two variables",
    )


def _no_getitem(case: Case, match: Any, node: Any) -> tuple[str, str] | None:
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


def _no_setitem(case: Case, match: Any, node: Any) -> tuple[str, str] | None:
    target, rest = first_and_rest(match[1])
    index, value = first_and_rest(rest)
    field = re.sub(r"^Literal\[str\]\((\w+)\)$", r"field '\1'", index)
    if target.startswith("DictType"):
        return _DICT
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


def _no_function(case: Case, match: Any, node: Any) -> tuple[str, str]:
    name, arguments = match[1], match[2]
    kinds = ", ".join(kind_in_words(a) for a in split_types(arguments))
    if "none" in split_types(arguments):
        return f"None is used as a number ({_sign(name)})", "begin with a number: 0, or np.nan for nothing yet"
    if any("str" in a or "unicode" in a for a in split_types(arguments)):
        return f"a text is used as a number: {_sign(name)} of {kinds}", _PARSE
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


def _never(what: str) -> str:
    return f"it allocates memory ({what}), which compiled handlers never do"


_DICT = (
    _never("a dict"),
    "a sub-array of the state indexed by a small number, or an open-addressing table (disruptor.table)",
)
_ALLOCATES = "NRT required|_ol_array_allocate|Only accept returning of array"
_MISSING = r"No implementation of function Function\(<(?:built-in function|function|class|intrinsic) '?([\w.]+)'?[^\n]*\) found for signature:\s+>>> [\w.<>]+\((.*)\)\n"

_CAUSES = [
    Cause(
        "",
        call_of("print"),
        "print is not for compiled code: it would wait for the GIL",
        "count in a field, and print in a Python handler (one that takes `batch`)",
    ),
    Cause(
        "STORE_GLOBAL",
        node_of(ast.Assign, ast.AugAssign),
        "it writes a global variable",
        'a field of the state: state=[("count", "i8")]',
    ),
    Cause(
        "IMPORT_NAME",
        node_of(ast.Import, ast.ImportFrom),
        "it imports inside the function",
        "import at the top of the module",
    ),
    Cause(
        "LOAD_BUILD_CLASS",
        node_of(ast.ClassDef),
        "it defines a class",
        "fields of the state, and functions with @compiled",
    ),
    Cause(
        r"'with|with \(context manager\)",
        node_of(ast.With),
        "`with` is not supported in compiled code",
        "do it in a Python handler (one that takes `batch`), or in `prepare`",
    ),
    Cause(
        "del found at",
        node_of(ast.Delete),
        "`del` is not supported in compiled code",
        "leave it out: locals end with the call",
    ),
    Cause(
        "use of yield",
        None,
        "a generator expression is not supported in compiled code",
        "a for loop that adds up: total = 0.0; for x in …: total += x",
    ),
    Cause(
        "exception_match|UnsupportedError.*except",
        None,
        "`except` that names an exception is not supported in compiled code",
        'a test before it: if event["n"] != 0: …',
    ),
    Cause(
        "",
        is_made_error,
        "an exception with a text made at run time",
        'raise ValueError("a constant text"): handler and sequence are named anyway; or return a status code',
    ),
    Cause(r"Unknown attribute '(\w+)' of type ([^\n]+)", None, look=_unknown_attribute),
    Cause(
        r"KeyError: \"?'([^']+)'|Field '([^']+)' was not found in record with fields \(([^)]*)\)",
        None,
        look=_unknown_field,
    ),
    Cause(r"NameError: name '(\w+)'", None, look=_unknown_name),
    Cause(r"module '(\w+)' has no attribute '(\w+)'", None, look=_numpy_name),
    Cause(r"Untyped global name '(\w+)':[^\n]*<class '([\w.<>]+)'>", None, look=_plain_global),
    Cause(
        r"Untyped global name '(\w+)':[^\n]*",
        None,
        "the global '{0}' is a Python object",
        "numbers: constants of the module, or fields of a params class",
    ),
    Cause(
        r"use of a (?:reflected )?(\w+)\([^\n]*assigned to variable '(\w+)' in globals",
        None,
        "the global '{1}' is a {0}",
        "a tuple of numbers",
    ),
    Cause(
        r"Cannot modify readonly array|Cannot modify value of type (?:readonly|Array)",
        None,
        "it writes to a global array",
        "a sub-array field of the state",
    ),
    Cause(
        "runaway recursion|Type infer recursion|compile-time recursion",
        None,
        "a function calls itself",
        "a loop with a limit: for _ in range(64): …",
    ),
    Cause(r"Cannot unify ([^\n]+) and ([^\n]+) for '([^']+)'", None, look=_unify),
    Cause(
        r"Cannot bind 'args=[^\n]*' to signature '([^\n]*)' due to \"TypeError: ([^\n\"]*)\"",
        None,
        "a function is called with the wrong arguments: {1}",
        "its signature is {0}",
    ),
    Cause(
        r"unsupported NumPy function 'numpy\.([\w.]+)'",
        None,
        "np.{0} is not supported in compiled code",
        "write it out with a loop, or do it in a Python handler (one that takes `batch`), which has all of numpy",
    ),
    Cause(
        r"scipy [\d.+]+ is required",
        call_of("dot", "vdot", "inv", "solve", "norm", "matmul"),
        "{code} needs scipy's linear algebra",
        "a loop: total = 0.0; for i in range(…): total += a[i] * b[i]",
    ),
    Cause(
        "cannot be determined, operation",
        node_of(ast.NamedExpr),
        "`:=` is not supported here",
        "an assignment on a line of its own",
    ),
    Cause(
        r"Invalid use of getiter with parameters \(Record",
        None,
        "a record is iterated over",
        'name its fields: event["value"]',
    ),
    Cause(
        r">>> \w+\((?:u?int\d+|float\d+|bool|Literal\[int\]\(\d+\)), (?:Literal\[str\]|unicode)",
        node_of(ast.BinOp),
        "a text is used as a number",
        _PARSE,
    ),
    Cause("", is_format, _never("a text"), _NUMBERS),
    Cause(
        _ALLOCATES,
        node_of(ast.ListComp, ast.GeneratorExp),
        _never("a list"),
        "a for loop that adds up: total = 0.0; for x in …: total += x",
    ),
    Cause(_ALLOCATES, node_of(ast.Dict, ast.DictComp), _DICT[0], _DICT[1]),
    Cause(_ALLOCATES, call_of("dict"), _DICT[0], _DICT[1]),
    Cause("DictType|Function\\(<built-in function hash>\\)", None, _DICT[0], _DICT[1]),
    Cause(
        _ALLOCATES,
        node_of(ast.Set, ast.SetComp),
        _never("a set"),
        "`x in (1, 2, 3)`, a bit mask, or an open-addressing table (disruptor.table)",
    ),
    Cause(
        _ALLOCATES,
        call_of("set"),
        _never("a set"),
        "`x in (1, 2, 3)`, a bit mask, or an open-addressing table (disruptor.table)",
    ),
    Cause("", is_maker, _never("{code} makes an array"), "a sub-array field of the state, filled by a loop"),
    Cause(
        "",
        call_of("sorted", "sort", "argsort"),
        "{code} is not supported in compiled handlers",
        "keep the elements sorted while they are stored: a loop that moves the larger ones up by one",
    ),
    Cause("", call_of("list", "reversed"), _never("{code} makes a list"), _COLLECT),
    Cause("", call_of("where"), "{code} is not supported for single values", "an expression: a if condition else b"),
    Cause("", call_of("clip"), "{code} is not supported for single values", "min(max(x, low), high)"),
    Cause(_ALLOCATES, node_of(ast.List), _never("a list"), _COLLECT),
    Cause("arrayexpr", None, _never("an expression over whole arrays makes a temporary one"), _LOOP),
    Cause(_ALLOCATES, is_slice_store, _never("an assignment to a slice may copy first"), _LOOP),
    Cause(r"found for signature:\s+>>> getitem\((.*)\)\n", None, look=_no_getitem),
    Cause(r"found for signature:\s+>>> setitem\((.*)\)\n", None, look=_no_setitem),
    Cause("NRT required", None, _never("a list, an array, a text"), "numbers, and sub-array fields of the state"),
    Cause(
        r"the handler returns ([^\n;]+);",
        lambda n: isinstance(n, ast.Return) and n.value is not None,
        "it returns {0}",
        "nothing, or a whole number as status code",
    ),
    Cause(_MISSING, None, look=_no_function),
    Cause(
        r"unsupported opcode \((\w+)\)",
        None,
        "this statement is not supported in compiled code ({0})",
        "plain statements with numbers, if, for and while; or a Python handler (one that takes `batch`)",
    ),
]
