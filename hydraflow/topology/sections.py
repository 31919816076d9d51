"""Stages that stand in the wrong section, because the line that begins their own is gone, moved or indented too far.

    sources:
      - {use: simulator}
      - {use: book}              # handlers: is missing above this line

That is one mistake, told once. The tree is mended, so that everything else in the file is checked as it was meant.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from hydraflow.topology.diagnose import Findings, Span, plural
from hydraflow.topology.nodes import Node
from hydraflow.topology.spec import CaseSpec, HandlerSpec, InstrumentSpec, SourceSpec, keys_of_spec

__all__ = ["mend"]

_LISTS = ("instruments", "sources", "handlers", "sinks", "tests")
_SPECS = {"instruments": InstrumentSpec, "sources": SourceSpec, "handlers": HandlerSpec, "sinks": HandlerSpec, "tests": CaseSpec}
_OWN = {  # keys that tell where an item belongs, when nothing else does
    "sources": keys_of_spec(SourceSpec) - keys_of_spec(HandlerSpec),
    "handlers": keys_of_spec(HandlerSpec) - keys_of_spec(SourceSpec),
    "instruments": keys_of_spec(InstrumentSpec) - keys_of_spec(HandlerSpec) - keys_of_spec(SourceSpec),
    "tests": {"input", "expect", "parameters"},
}


def mend(root: Node, sections: Collection[str], findings: Findings, names: Callable[[str, str], bool]) -> None:
    """Report what stands in the wrong section, and move it. names : (kind, use) → whether that is a short name of the kind."""
    rings = root.entries["rings"][1] if "rings" in root.entries else Node("map")
    _take_keys_in(root, sections, findings)
    raised = _raise_sections([rings], root, sections, findings)
    strays: dict[tuple[str, str], list[Node]] = {}  # (where they stand, where they belong) → items
    lost = False
    for section in _LISTS:
        listed = root.entries[section][1] if section in root.entries else None
        if listed is None or listed.kind != "list" or section in root.repeated:
            continue
        own = keys_of_spec(CaseSpec) if section == "tests" else frozenset()
        raised |= _raise_sections(listed.items, root, set(sections) - own, findings)
        astray = 0
        for item in listed.items:
            target = _belongs(item, section, names)
            if target != section:
                strays.setdefault((section, target), []).append(item)
                astray += 1
        lost |= astray > 1 or 0 < astray < len(listed.items)  # a single item, alone, is more likely wrong itself
    if not lost:
        return
    for (section, target), items in strays.items():
        listed = root.entries[section][1]
        listed.items = [item for item in listed.items if item not in items]
        _move(section, target, items, root, findings, quiet=target in raised)
    for section in _LISTS:
        if section in root.entries and root.entries[section][1].kind == "scalar" and root.entries[section][1].value is None:
            del root.entries[section]  # what stood below it has been moved away


def _take_keys_in(root: Node, sections: Collection[str], findings: Findings) -> None:
    """A key of an item that stands in the first column below it is indented too little: put it into the item."""
    section = ""
    for key, (span, _) in list(root.entries.items()):
        if key in sections:
            section = key
            continue
        listed = root.entries[section][1] if section in _SPECS else None
        item = listed.items[-1] if listed is not None and listed.kind == "list" and listed.items else None
        if item is None or item.kind != "map" or key in item.entries or key not in keys_of_spec(_SPECS[section]):
            continue
        findings.error("HF007", f"'{key}' is a key of the {section.removesuffix('s')} above, not of the topology", span,
                       label="indented too little")
        item.entries[key] = root.entries.pop(key)


def _raise_sections(items: list[Node], root: Node, sections: Collection[str], findings: Findings) -> set[str]:
    """Sections that are keys of an item are indented too far: put them where they belong, and return their names."""
    raised = set()
    for item in items:
        for key in [key for key in item.entries if key in sections and key in _LISTS]:
            span, value = item.entries.pop(key)
            findings.error("HF007", f"'{key}' is a section of the topology, not a key in one", span, label="indented too far")
            raised.add(key)
            if key not in root.entries:
                root.entries[key] = (span, value)
    return raised


def _belongs(item: Node, section: str, names: Callable[[str, str], bool]) -> str:
    if item.kind != "map":
        return section
    use = item.entries["use"][1].value if "use" in item.entries else None
    if isinstance(use, str):
        own = {"sources": "source", "handlers": "handler", "sinks": "handler"}.get(section)
        if own and names(own, use):
            return section  # what else is called so need not be looked for among what is installed
        kinds = [kind for kind in ("source", "handler") if names(kind, use)]
        if kinds == ["source"]:
            return "sources"
        if kinds == ["handler"]:
            return section if section in ("handlers", "sinks") else "handlers"
    foreign = {target for target, keys in _OWN.items() if keys & set(item.entries)}
    if len(foreign) != 1 or (foreign == {"handlers"} and section == "sinks"):
        return section
    (target,) = foreign
    return target if use is None or target in ("handlers", "sources") else section


def _move(section: str, target: str, items: list[Node], root: Node, findings: Findings, *, quiet: bool) -> None:
    if not quiet:
        count = plural(len(items), target.removesuffix("s"))
        first = items[0].span
        findings.error("HF119", f"{count} {'stand' if len(items) > 1 else 'stands'} under '{section}:'", first,
                       label=f"{target}: is missing above this line" if target not in root.entries else f"move it below {target}:")
    place: Span | None = items[0].span
    span, there = root.entries.get(target, (place, Node("list", place)))
    if there.kind != "list":
        there = Node("list", there.span)
    there.items = [*items, *there.items]
    root.entries[target] = (span, there)
