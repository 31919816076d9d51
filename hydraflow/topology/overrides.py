"""Values from the command line: `--set sources.simulator.with.frames=1000`.

The path is the keys as the file writes them, separated by dots; an item of a list is named by its name (a stage's, a
thread's, an instrument's symbol) or its index. What is not there yet is added, for the file may leave
out what has a default. The value is YAML: a scalar, `[a, b]` or `{a: 1}`, and may hold `${…}`. What is wrong with it is
reported with the option as its place.
"""

from __future__ import annotations

from collections.abc import Iterable

from hydraflow.registry import default_name
from hydraflow.topology.diagnose import Findings, Span, did_you_mean
from hydraflow.topology.includes import APPENDED, KEY
from hydraflow.topology.lookup import Lookup
from hydraflow.topology.nodes import DEPTH_MAX, Node, read

__all__ = ["override"]

_WIDEST = 100  # characters of an option that are shown


class _Wrong(Exception):
    """The path of an option leads nowhere. label : what may be meant; notes : what there is."""

    def __init__(self, message: str, label: str = "", notes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.label = label
        self.notes = notes


def override(root: Node, options: Iterable[str], findings: Findings, lookup: Lookup) -> None:
    """Change the topology as each PATH=VALUE says, in order. What is wrong goes to `findings`."""
    for option in options:
        shown = option if len(option) <= _WIDEST else option[: _WIDEST - 1] + "…"
        span = Span.option(f"--set {shown}")
        path, equals, text = option.partition("=")
        steps = path.strip().split(".")
        try:
            if not equals or not all(steps):
                raise _Wrong(f"cannot read '{shown}'", "write PATH=VALUE, such as sources.simulator.with.frames=1000")
            if len(steps) > DEPTH_MAX:
                raise _Wrong(f"a path of {len(steps):,} steps is deeper than any topology")
            if steps[0] == KEY:
                raise _Wrong("files are included by files, not by options")
            value = _value(text, span, findings, lookup)
            if value is not None:
                _put(root, steps, value, span, "the topology")
        except _Wrong as wrong:
            findings.error("HF018", str(wrong), span, label=wrong.label, notes=wrong.notes)


def _value(text: str, span: Span, findings: Findings, lookup: Lookup) -> Node | None:
    """Return the value as nodes whose place is the option, or None when it is no YAML."""
    own = Findings()  # places within the value mean nothing to who wrote an option
    node = read(text, own, lookup)
    for found in own.diagnostics:
        add = findings.error if found.severity == "error" else findings.warning
        add(found.code, found.message, span, label=found.label, notes=found.notes)
    if node is None or own.failed:
        return None
    for part in node.everything():
        part.span = span
        part.entries = {key: (span, child) for key, (_, child) in part.entries.items()}
    return node


def _put(node: Node, steps: list[str], value: Node, span: Span, owner: str) -> None:
    """Put `value` at the path below `node`."""
    if node.kind == "list":
        index, used = _item(node, steps, owner)
        if used == len(steps):
            node.items[index] = value
        else:
            _put(node.items[index], steps[used:], value, span, f"{owner}.{'.'.join(steps[:used])}".removeprefix("the topology."))
        return
    if node.kind != "map":
        raise _Wrong(f"{owner} is one value and has no '{steps[0]}'", f"write {owner}=VALUE")
    key, rest = steps[0], steps[1:]
    if not rest:
        node.entries[key] = (span, value)
        return
    name = key if owner == "the topology" else f"{owner}.{key}"
    child = node.entries[key][1] if key in node.entries else None
    if child is None or (child.kind == "scalar" and child.value is None):
        if owner == "the topology" and key in APPENDED:
            raise _Wrong(f"the topology has no {key}, so none is called '{rest[0]}'")
        child = Node("map", span)
        node.entries[key] = (span, child)
    _put(child, rest, value, span, name)


def _item(node: Node, steps: list[str], owner: str) -> tuple[int, int]:
    """Return which item the first steps name, and how many steps that takes: names may hold dots."""
    names = [_name(item) for item in node.items]
    for used in range(len(steps), 0, -1):
        wanted = ".".join(steps[:used])
        if wanted in names:
            return names.index(wanted), used
    known = [name for name in names if name]
    if steps[0].isascii() and steps[0].isdigit() and len(steps[0]) < 9:
        if int(steps[0]) < len(node.items):
            return int(steps[0]), 1
        raise _Wrong(f"{owner} has {len(names):,} items; the first one is 0", notes=_notes(known))
    close = did_you_mean(steps[0], known)
    raise _Wrong(f"{owner} has nothing called '{steps[0]}'", f"did you mean '{close}'?" if close else "", _notes(known))


def _notes(known: list[str]) -> tuple[str, ...]:
    return (f"known: {', '.join(known)}",) if known else ()


def _name(item: Node) -> str:
    """Return what an item of a list is called."""
    if item.kind != "map":
        return ""
    named = next((item.entries[key][1] for key in ("name", "symbol") if key in item.entries), None)
    if named is not None:
        return named.text
    return default_name(item.entries["use"][1].text) if "use" in item.entries else ""
