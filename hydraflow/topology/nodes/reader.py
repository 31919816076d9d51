"""From bytes to a tree of nodes: the parser's events, bounded, with duplicate keys found and variables interpolated."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import yaml

from hydraflow.scrubber import is_secret
from hydraflow.topology.diagnose import Findings, Related, Span, did_you_mean, split_lines
from hydraflow.topology.interpolate import Problem, interpolate
from hydraflow.topology.lookup import Lookup
from hydraflow.topology.nodes.node import Node, Unknown, forget
from hydraflow.topology.nodes.syntax import report_syntax
from hydraflow.topology.values import resolve

__all__ = ["BYTES_MAX", "DEPTH_MAX", "NODES_MAX", "read", "report_problems"]

BYTES_MAX = 1 << 20
DEPTH_MAX = 32
NODES_MAX = 20_000  # of all files, after aliases are expanded

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAGS = {None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float",
         "tag:yaml.org,2002:bool", "tag:yaml.org,2002:null", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"}
_CODES = {"unset": "HF009", "malformed": "HF010", "file": "HF014", "secret": "HF015"}  # of interpolation's problems
_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Stop(Exception):
    """The rest of the file cannot be read; what is wrong has been reported."""


def read(data: bytes | str, findings: Findings, environment: Mapping[str, str] | Lookup, *, deferred: bool = False) -> Node | None:
    """Return the root of the file, or None when its text cannot be read at all. What is wrong goes to `findings`.

    deferred : what is wrong with `${…}` is left in the nodes for `report_problems`, for another file or an option may still
    replace the value.
    """
    text = _decode(data, findings)
    if text is None:
        return None
    findings.text = text
    bad = _UNPRINTABLE.search(text)
    if bad:
        line, column = _position(text, bad.start())
        what = f"character U+{ord(bad[0]):04X} is not allowed in a text file"
        findings.error("HF001", what, Span(line, column), label="remove it, or write it as an escape in quotes")
        return None
    reader = _Reader(text, findings, Lookup.of(environment))
    try:
        root = reader.document()
        if root is not None and not deferred:
            report_problems(root, findings)
        return root
    except _Stop:
        return None
    except yaml.YAMLError as error:
        report_syntax(error, text, findings)
        return None


def report_problems(root: Node, findings: Findings) -> None:
    """Report what could not be interpolated in the values below `root`, once."""
    for node in root.everything():
        for span, problem in node.problems:
            _report(problem, span, findings)
        node.problems = ()


def _report(problem: Problem, span: Span, findings: Findings) -> None:
    if problem.kind == "exposed":
        findings.warning("HF016", problem.message, span, label="chmod o-r")
        return
    close = did_you_mean(problem.name.rpartition("/")[2], problem.close)
    label = f"did you mean '{close}'?" if close else ""
    notes: tuple[str, ...] = ()
    if problem.kind == "unset":
        label = f"set {problem.name}, or write ${{{problem.name}:-default}}"
    elif problem.kind == "malformed":
        notes = ("write ${NAME}, ${NAME:-default}, ${NAME:?message}, ${file:PATH} or ${secret:NAME}; $$ is a dollar sign",)
    findings.error(_CODES[problem.kind], problem.message, span, label=label, notes=notes)


def _decode(data: bytes | str, findings: Findings) -> str | None:
    if len(data) > BYTES_MAX:
        findings.error("HF005", f"the file has more than {BYTES_MAX:,} bytes, which no topology needs")
        return None
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        line, column = _position(before, len(before))
        hint = "; it looks like UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        findings.error(
            "HF001", f"the file is not UTF-8: byte 0x{data[error.start]:02x} at line {line}, column {column}{hint}"
        )
        return None


def _position(text: str, index: int) -> tuple[int, int]:
    lines = split_lines(text[:index])
    return len(lines), len(lines[-1]) + 1


class _Reader:
    """Composes nodes from the parser's events. Recursion is bounded by DEPTH_MAX."""

    def __init__(self, text: str, findings: Findings, lookup: Lookup) -> None:
        self._lines = split_lines(text)
        self._findings = findings
        self._lookup = lookup
        self._path = findings.path if findings.inner else ""
        self._folder = os.path.dirname(findings.path) or "."
        self._events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self._anchors: dict[str, list[Any] | None] = {}

    def document(self) -> Node | None:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                break
        else:
            return Node("scalar", Span(1, 1, 1, self._path))
        tree = self._tree(next(self._events), 0)
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                span = self._span(event)
                self._fail("HF001", "a topology is one document; a second one begins here", span, "remove the '---'")
        return self._node(tree, 0)

    # First pass: a bounded tree of (event, children); anchors point into it, aliases stay aliases.

    def _tree(self, event: Any, depth: int) -> list[Any]:
        self._count(event, depth)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor is None or event.anchor not in self._anchors:
                self._fail("HF001", f"alias '*{event.anchor}': no anchor of this name stands above", self._span(event))
            if self._anchors[event.anchor] is None:
                self._fail("HF005", f"alias '*{event.anchor}' contains itself", self._span(event))
            return [event, self._anchors[event.anchor]]
        if event.tag not in _TAGS:
            self._findings.error("HF001", f"tag '{event.tag}' has no meaning here", self._span(event), label="remove it")
        if event.anchor:
            self._anchors[event.anchor] = None
        tree = [event]
        if not isinstance(event, yaml.ScalarEvent):
            for child in self._events:
                if isinstance(child, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
                    break
                tree.append(self._tree(child, depth + 1))
        if event.anchor:
            self._anchors[event.anchor] = tree
        return tree

    # Second pass: nodes, with aliases expanded and counted.

    def _node(self, tree: list[Any], depth: int) -> Node:
        event = tree[0]
        self._count(event, depth)
        if isinstance(event, yaml.AliasEvent):
            return self._node(tree[1], depth + 1)
        span = self._span(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, span)
        if isinstance(event, yaml.SequenceStartEvent):
            return Node("list", span, items=[self._node(child, depth + 1) for child in tree[1:]])
        node = Node("map", span)
        merged: list[tuple[Span, Node]] = []
        again: dict[str, Span] = {}
        for key_tree, value_tree in zip(tree[1::2], tree[2::2], strict=True):
            key, key_span = self._key(key_tree)
            if key.startswith("x-"):
                continue
            if key == "<<":
                merged.append((key_span, self._node(value_tree, depth + 1)))
            elif key in node.entries:
                again.setdefault(key, key_span)
            else:
                node.entries[key] = (key_span, self._node(value_tree, depth + 1))
        for key_span, source in merged:
            self._merge(node, key_span, source)
        if again:
            self._report_repeated(node, again)
        return node

    def _report_repeated(self, node: Node, again: dict[str, Span]) -> None:
        """Report keys that are given twice: when several are, two mappings have become one, which is one mistake."""
        key, *others = again
        also = f"; so {'is' if len(others) == 1 else 'are'} {', '.join(others)}: is a '- ' or a name missing above?" if others else ""
        self._findings.error("HF003", f"key '{key}' is given twice", again[key], label=f"again{also}",
                             related=(Related(node.entries[key][0] or again[key], "first here"),))
        for key in again:
            forget(node.entries[key][1])
        node.repeated = tuple(again)

    def _merge(self, node: Node, span: Span, source: Node) -> None:
        for part in source.items if source.kind == "list" else [source]:
            if part.kind != "map":
                self._findings.error("HF006", "'<<' merges a mapping, or a list of them", span)
                return
            for key, entry in part.entries.items():
                node.entries.setdefault(key, entry)

    def _key(self, tree: list[Any]) -> tuple[str, Span]:
        event = tree[0]
        if isinstance(event, yaml.AliasEvent):
            event = tree[1][0]
        span = self._span(tree[0])
        if not isinstance(event, yaml.ScalarEvent):
            self._fail("HF001", "a key must be a word", span, label="this is a list or a mapping")
        return event.value, span

    def _scalar(self, event: Any, span: Span) -> Node:
        result = interpolate(event.value, self._lookup, self._folder)
        problems = tuple((self._part(event, span, problem), problem) for problem in result.problems)
        is_text = bool(event.style) or event.tag in _TEXT_TAGS
        if any(problem.kind != "exposed" for problem in result.problems):
            return Node("scalar", span, Unknown(), "", result.names, problems=problems)
        unwritable = bool(result.taken) and _SURROGATE.search(result.text) is not None  # bytes that are no UTF-8
        hidden = result.secret or unwritable or any(map(is_secret, result.taken))
        return Node("scalar", span, result.text if is_text else resolve(result.text), result.text, result.names, result.taken,
                    result.secret, event.value if hidden else "", problems)

    def _part(self, event: Any, span: Span, problem: Any) -> Span:
        column = span.column + problem.offset + bool(event.style)
        line = self._lines[span.line - 1]
        wanted = event.value[problem.offset : problem.offset + problem.length]
        return Span(span.line, column, problem.length, self._path) if line[column - 1 :].startswith(wanted) else span

    def _span(self, event: Any) -> Span:
        start, end = event.start_mark, event.end_mark
        line = self._lines[start.line] if start.line < len(self._lines) else ""
        flow = isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent))
        if end.line == start.line and end.column > start.column and not flow:
            length = end.column - start.column
        else:
            length = len(line[start.column :].split(" #")[0].rstrip())
        return Span(start.line + 1, start.column + 1, max(1, length), self._path)

    def _count(self, event: Any, depth: int) -> None:
        self._lookup.nodes += 1
        if depth > DEPTH_MAX:
            self._fail("HF005", f"nested deeper than {DEPTH_MAX} levels", self._span(event))
        if self._lookup.nodes > 2 * NODES_MAX:
            self._fail("HF005", f"more than {NODES_MAX:,} values once aliases are expanded", self._span(event))

    def _fail(self, code: str, message: str, span: Span | None, label: str = "") -> NoReturn:
        self._findings.error(code, message, span, label=label)
        raise _Stop
