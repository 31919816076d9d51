"""Why numba refuses a handler, and what to write instead: the table of causes.

A cause is recognised by what numba says (a pattern), by what stands on the line (a shape of the syntax tree), or both;
the first that fits is taken. Where numba names no line, the reachable functions are searched for the shape.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any

import attrs

from disruptor import readings
from disruptor.fault import Case, call_of, is_format, is_made_error, is_maker, is_slice_store, node_of
from disruptor.readings import COLLECT, DICT, LOOP, NOTE, NUMBERS, PARSE, never

__all__ = ["explain"]

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


_ALLOCATES = "NRT required|_ol_array_allocate|Only accept returning of array"
_MISSING = r"No implementation of function Function\(<(?:built-in function|function|class|intrinsic) '?([\w.]+)'?[^\n]*\) found for signature:\s+>>> [\w.<>]+\((.*)\)\n"

_CAUSES = [
    Cause(
        "",
        call_of("print"),
        "print is not for compiled code: it would wait for the GIL",
        NOTE.replace("{", "{{").replace("}", "}}"),
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
    Cause(r"Unknown attribute '(\w+)' of type ([^\n]+)", None, look=readings.unknown_attribute),
    Cause(
        r"KeyError: \"?'([^']+)'|Field '([^']+)' was not found in record with fields \(([^)]*)\)",
        None,
        look=readings.unknown_field,
    ),
    Cause(r"NameError: name '(\w+)'", None, look=readings.unknown_name),
    Cause(r"module '(\w+)' has no attribute '(\w+)'", None, look=readings.numpy_name),
    Cause(r"Untyped global name '(\w+)':[^\n]*<class '([\w.<>]+)'>", None, look=readings.plain_global),
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
    Cause(r"Cannot unify ([^\n]+) and ([^\n]+) for '([^']+)'", None, look=readings.unify),
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
        PARSE,
    ),
    Cause("", is_format, never("a text"), NUMBERS),
    Cause(
        _ALLOCATES,
        node_of(ast.ListComp, ast.GeneratorExp),
        never("a list"),
        "a for loop that adds up: total = 0.0; for x in …: total += x",
    ),
    Cause(_ALLOCATES, node_of(ast.Dict, ast.DictComp), DICT[0], DICT[1]),
    Cause(_ALLOCATES, call_of("dict"), DICT[0], DICT[1]),
    Cause("DictType|Function\\(<built-in function hash>\\)", None, DICT[0], DICT[1]),
    Cause(
        _ALLOCATES,
        node_of(ast.Set, ast.SetComp),
        never("a set"),
        "`x in (1, 2, 3)`, a bit mask, or an open-addressing table (disruptor.table)",
    ),
    Cause(
        _ALLOCATES,
        call_of("set"),
        never("a set"),
        "`x in (1, 2, 3)`, a bit mask, or an open-addressing table (disruptor.table)",
    ),
    Cause("", is_maker, never("{code} makes an array"), "a sub-array field of the state, filled by a loop"),
    Cause(
        "",
        call_of("sorted", "sort", "argsort"),
        "{code} is not supported in compiled handlers",
        "keep the elements sorted while they are stored: a loop that moves the larger ones up by one",
    ),
    Cause("", call_of("list", "reversed"), never("{code} makes a list"), COLLECT),
    Cause("", call_of("where"), "{code} is not supported for single values", "an expression: a if condition else b"),
    Cause("", call_of("clip"), "{code} is not supported for single values", "min(max(x, low), high)"),
    Cause(_ALLOCATES, node_of(ast.List), never("a list"), COLLECT),
    Cause("arrayexpr", None, never("an expression over whole arrays makes a temporary one"), LOOP),
    Cause(_ALLOCATES, is_slice_store, never("an assignment to a slice may copy first"), LOOP),
    Cause(r"found for signature:\s+>>> getitem\((.*)\)\n", None, look=readings.no_getitem),
    Cause(r"found for signature:\s+>>> setitem\((.*)\)\n", None, look=readings.no_setitem),
    Cause("NRT required", None, never("a list, an array, a text"), "numbers, and sub-array fields of the state"),
    Cause(
        r"the handler returns ([^\n;]+);",
        lambda n: isinstance(n, ast.Return) and n.value is not None,
        "it returns {0}",
        "nothing, or a whole number as status code",
    ),
    Cause(_MISSING, None, look=readings.no_function),
    Cause(
        r"unsupported opcode \((\w+)\)",
        None,
        "this statement is not supported in compiled code ({0})",
        "plain statements with numbers, if, for and while; or a Python handler (one that takes `batch`)",
    ),
]
