"""From a function to its syntax tree and to places in its source, by file; what is asked for twice is read once.

Read through `linecache`, which also knows the cells of a notebook and the examples of a doctest.
"""

from __future__ import annotations

import ast
import functools
import linecache
import os
from types import CodeType

import attrs

from disruptor.access.origin import library_path

__all__ = ["Definition", "Place", "definition_of", "globals_written", "goes_back", "is_generator", "place_of", "refresh"]

_BESIDE = os.path.join(os.path.dirname(library_path().rstrip(os.sep)), "")
_read: dict[str, tuple[int, int]] = {}  # path → (modified, size) when it was read
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@attrs.frozen
class Place:
    """A stretch of one line of source. line, column : 1-based, in characters; code : the expression there, on one line."""

    path: str
    line: int
    column: int
    length: int
    code: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


def definition_of(code: CodeType) -> Definition | None:
    """Return the syntax of the function that was compiled to `code`, None when its source cannot be read."""
    path = code.co_filename
    installed = path.startswith(_BESIDE)  # nobody edits that while it runs, and compiling it again takes long
    if not installed and code not in _codes(path):  # made at run time, or the file has changed since
        return None
    table = _lambdas if code.co_name == "<lambda>" else _definitions
    found = table(code.co_filename).get((code.co_name, code.co_firstlineno), ())
    if len(found) < 2:
        return found[0] if found else None
    columns = {column for *_, column, _ in code.co_positions() if column is not None}  # of several lambdas on a line
    inside = [d for d in found if any(d.col_offset <= c <= (d.end_col_offset or 0) for c in columns)]
    return min(inside or found, key=lambda d: (d.end_col_offset or 0) - d.col_offset)


@functools.cache
def globals_written(path: str) -> frozenset[str]:
    """Return the names that functions of a file declare `global` or `nonlocal`: they change while the program runs."""
    tree = _tree(path)
    nodes = ast.walk(tree) if tree is not None else ()
    return frozenset(name for node in nodes if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names)


@functools.cache
def goes_back(definition: Definition) -> bool:
    """Return whether a statement may come after one below it: there is a function inside that is called later."""
    inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    return any(isinstance(node, inner) for node in ast.walk(definition) if node is not definition)


@functools.cache
def is_generator(definition: Definition) -> bool:
    """Return whether calling a function only begins it: it has a `yield` of its own, or is awaited."""
    pending: list[ast.AST] = [definition.body] if isinstance(definition, ast.Lambda) else list(definition.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            pending.extend(ast.iter_child_nodes(node))
    return isinstance(definition, ast.AsyncFunctionDef)


def place_of(path: str, node: ast.expr | ast.stmt) -> Place:
    """Return the place of a node; one of several lines ends with its first."""
    text = linecache.getline(path, node.lineno).rstrip("\n").encode()
    end = node.end_col_offset if node.end_lineno == node.lineno and node.end_col_offset is not None else len(text)
    column = len(text[: node.col_offset].decode("utf-8", "replace"))
    return Place(path, node.lineno, column + 1, max(1, len(text[node.col_offset : end].decode("utf-8", "replace"))), _short(node))


def _short(node: ast.AST) -> str:
    text = ast.unparse(node)
    first = text.partition("\n")[0]
    return first if len(first) <= 60 and first == text else first[:59] + "…"


@functools.cache
def _definitions(path: str) -> dict[tuple[str, int], list[Definition]]:
    """Return the functions of a file by name and first line, that of their first decorator. Lambdas are looked up apart."""
    found: dict[tuple[str, int], list[Definition]] = {}
    tree = _tree(path)
    pending: list[ast.AST] = [tree] if tree is not None else []
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            found.setdefault((node.name, first), []).append(node)
        pending.extend(n for n in ast.iter_child_nodes(node) if isinstance(n, ast.stmt | ast.ExceptHandler | ast.match_case))
    return found


@functools.cache
def _lambdas(path: str) -> dict[tuple[str, int], list[Definition]]:
    found: dict[tuple[str, int], list[Definition]] = {}
    tree = _tree(path)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Lambda):
            found.setdefault(("<lambda>", node.lineno), []).append(node)
    return found


@functools.cache
def _codes(path: str) -> frozenset[CodeType]:
    """Return what the functions of a file are compiled to."""
    tree = _tree(path)
    found: set[CodeType] = set()
    try:
        pending = [compile(tree, path, "exec", dont_inherit=True)] if tree is not None else []
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    while pending:
        inside = [c for c in pending.pop().co_consts if isinstance(c, CodeType)]
        found.update(inside)
        pending += inside
    return frozenset(found)


def refresh() -> None:
    """Forget what was read of files that have changed since."""
    stale = [path for path, about in _read.items() if _about(path) != about]
    if stale:
        for path in stale:
            linecache.checkcache(path)
            del _read[path]
        for known in (_tree, _definitions, _lambdas, _codes, globals_written):
            known.cache_clear()


def _about(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


@functools.cache
def _tree(path: str) -> ast.Module | None:
    _read[path] = _about(path)
    linecache.checkcache(path)
    try:
        return ast.parse("".join(linecache.getlines(path)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
