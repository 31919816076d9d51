"""Where a handler cannot be compiled: the author's line, its syntax, and numba's types in plain words."""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Any

import attrs

__all__ = [
    "Case",
    "call_of",
    "first_and_rest",
    "is_format",
    "is_made_error",
    "is_maker",
    "is_slice_store",
    "kind_in_words",
    "node_of",
    "split_types",
]

_MAKERS = {
    "arange",
    "array",
    "asarray",
    "concatenate",
    "copy",
    "cumsum",
    "diff",
    "empty",
    "empty_like",
    "full",
    "hstack",
    "linspace",
    "ones",
    "ones_like",
    "repeat",
    "roll",
    "stack",
    "tile",
    "unique",
    "vstack",
    "zeros",
    "zeros_like",
    "append",
    "astype",
    "flatten",
}


@attrs.define
class Case:
    """What is known of a failure. text : numba's; path, line : the author's line, "" and 0 until it is known;
    functions : what the handler
    reaches; fields : of the records passed to the loop, by the name of the array.
    """

    text: str
    path: str
    line: int
    functions: list[FunctionType]
    fields: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)

    def nodes(self) -> Iterator[ast.AST]:
        """Yield the syntax on the author's line, outer nodes first; of all reachable functions when there is no line."""
        for path, tree in self._trees():
            for node in ast.walk(tree):
                if getattr(node, "lineno", 0) and (not self.path or self._is_on_line(path, node)):
                    yield node

    def search(self, shape: Callable[[ast.AST], Any]) -> ast.AST | None:
        """Return the first node of that shape, and take its line for the author's if there was none."""
        for path, tree in self._trees():
            for node in ast.walk(tree):
                if not getattr(node, "lineno", 0) or (self.path and not self._is_on_line(path, node)):
                    continue
                if shape(node):
                    if not self.path:
                        self.path, self.line = path, node.lineno  # type: ignore[attr-defined]
                    return node
        return None

    def _trees(self) -> Iterator[tuple[str, ast.AST]]:
        for function in self.functions:
            tree = _tree_of(function)
            if tree is not None:
                yield function.__code__.co_filename, tree

    def _is_on_line(self, path: str, node: Any) -> bool:
        if path != self.path:
            return False
        if isinstance(node, (ast.stmt, ast.excepthandler)) and hasattr(node, "body"):
            return node.lineno == self.line
        return node.lineno <= self.line <= (node.end_lineno or node.lineno)


def _tree_of(function: FunctionType) -> ast.AST | None:
    """Return the syntax tree of a function's definition, with the line numbers of its file."""
    code = function.__code__
    try:
        module = ast.parse("".join(linecache.getlines(code.co_filename, function.__globals__)))
    except SyntaxError:
        return None
    for node in ast.walk(module):
        if isinstance(node, (ast.FunctionDef, ast.Lambda)) and getattr(node, "name", "<lambda>") == code.co_name:
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
            if first == code.co_firstlineno:
                return node
    return None


def call_of(*names: str) -> Callable[[ast.AST], bool]:
    """Return the shape of a call of one of the functions or methods called `names`."""

    def shape(node: ast.AST) -> bool:
        if not isinstance(node, ast.Call):
            return False
        function = node.func
        return (function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")) in names

    return shape


def node_of(*kinds: type) -> Callable[[ast.AST], bool]:
    """Return the shape of a node of one of these classes."""
    return lambda node: isinstance(node, kinds)


def is_format(node: ast.AST) -> bool:
    """Return whether this makes a text."""
    if isinstance(node, ast.JoinedStr) or call_of("str", "repr", "format", "join", "encode", "decode")(node):
        return True
    text = (ast.Constant, ast.JoinedStr)
    return isinstance(node, ast.BinOp) and any(
        isinstance(side, text) and isinstance(getattr(side, "value", ""), str) for side in (node.left, node.right)
    )


def is_slice_store(node: ast.AST) -> bool:
    """Return whether this assigns to a slice."""
    targets = (
        node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
    )
    return any(isinstance(t, ast.Subscript) and isinstance(t.slice, (ast.Slice, ast.Tuple)) for t in targets)


def is_made_error(node: ast.AST) -> bool:
    """Return whether this raises an exception whose arguments are no constants."""
    if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
        return False
    return any(not isinstance(a, ast.Constant) for a in node.exc.args)


def is_maker(node: ast.AST) -> bool:
    """Return whether this calls a function or method of numpy that makes an array."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _MAKERS


def kind_in_words(text: str) -> str:
    """Return a numba type as its author would say it."""
    text = text.strip()
    for pattern, word in (
        (r"^Record\(", "a record"),
        (r"^Literal\[str\]|^unicode|\[char x|\[unichr x", "a text"),
        (r"^none$", "None"),
        (r"^Literal\[int\]", "int64"),
        (r"^Literal\[bool\]|^bool", "bool"),
        (r"rray\(", "an array"),
        (r"uple\(", "a tuple"),
        (r"^(reflected )?list", "a list"),
        (r"^DictType", "a dict"),
        (r"^(reflected )?set", "a set"),
        (r"^omitted", "nothing"),
    ):
        if re.search(pattern, text):
            return word
    return text


def first_and_rest(arguments: str) -> tuple[str, str]:
    """Return the first of a list of numba types, and the others."""
    first, *rest = split_types(arguments)
    return first, ", ".join(rest)


def split_types(arguments: str) -> list[str]:
    """Split a list of numba types at its top-level commas."""
    parts, depth, current = [], 0, ""
    for letter in arguments:
        depth += letter in "([<"
        depth -= letter in ")]>"
        if letter == "," and depth == 0:
            parts.append(current.strip())
            current = ""
        else:
            current += letter
    return [*parts, current.strip()] if current.strip() else parts or [""]
