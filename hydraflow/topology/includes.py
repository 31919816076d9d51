"""Files that a topology builds on: `include: [base.yaml, limits.yaml]`, relative to the file that says so.

Later values win over earlier ones, the including file's over all. Mappings merge; the lists of named things (instruments,
sources, handlers, sinks) append, so a name that stands in two files is reported with both places. A file is taken once,
however many include it. A stage's `use: ./file.py:name` keeps meaning the file beside the topology that it stands in.
"""

from __future__ import annotations

import os

import attrs

from hydraflow.topology.diagnose import Findings, Span, did_you_mean
from hydraflow.topology.lookup import Lookup, LookupFailed
from hydraflow.topology.nodes import BYTES_MAX, Node, is_unknown, read, report_problems

__all__ = ["APPENDED", "DEPTH_MAX", "FILES_MAX", "KEY", "included"]

KEY = "include"
APPENDED = ("instruments", "sources", "handlers", "sinks")
DEPTH_MAX = 8
FILES_MAX = 64


def included(root: Node, findings: Findings, lookup: Lookup) -> tuple[Node, bool]:
    """Return the topology with everything that it includes merged into it, and whether that is all of it.

    What is wrong goes to `findings`.
    """
    bytes_read = len(findings.text.encode("utf-8", "replace"))
    files = _Files(findings, lookup, bytes_read)
    merged = files.merged(root, findings, (findings.path,))
    return merged, files.whole


class _Files:
    """What has been read so far; whole : nothing of it is missing. chain : the files that include each other, the topology first."""

    def __init__(self, findings: Findings, lookup: Lookup, bytes_read: int) -> None:
        self._lookup = lookup
        self._folder = os.path.dirname(findings.path)
        self._bytes = bytes_read
        self.whole = True
        self._known = {os.path.realpath(findings.path)}

    def merged(self, node: Node, findings: Findings, chain: tuple[str, ...]) -> Node:
        entry = node.entries.pop(KEY, None)
        if entry is None:
            return node
        base = Node("map", node.span)
        listed = entry[1]
        for item in listed.items if listed.kind == "list" else [listed]:
            part = self._included(item, entry[0], findings, chain)
            if part is None:
                self.whole = False
            else:
                _merge(base, part, top=True)
        _merge(base, node, top=True)
        return base

    def _included(self, item: Node, key: Span | None, findings: Findings, chain: tuple[str, ...]) -> Node | None:
        span = item.span or key
        report_problems(item, findings)
        if is_unknown(item):
            return None
        if item.kind != "scalar" or not isinstance(item.value, str) or not item.value or item.secret:
            findings.error("HF006", "include: names files", span, label="write include: [FILE, …]")
            return None
        path = os.path.normpath(os.path.join(os.path.dirname(chain[-1]), item.value))
        real = os.path.realpath(path) if "\0" not in path else path
        loop = [real == (os.path.realpath(outer)) for outer in chain]
        if any(loop):
            circle = " → ".join([*chain[loop.index(True):], path])
            findings.error("HF013", f"files include each other in a circle: {circle}", span, label="remove it")
            return None
        if real in self._known:
            return Node("map")
        if len(chain) > DEPTH_MAX or len(self._known) > FILES_MAX:
            what = f"nested deeper than {DEPTH_MAX} files" if len(chain) > DEPTH_MAX else f"more than {FILES_MAX} files"
            findings.error("HF005", f"includes {what}", span)
            return None
        self._known.add(real)
        return self._read(path, item, span, findings, chain)

    def _read(self, path: str, item: Node, span: Span | None, findings: Findings, chain: tuple[str, ...]) -> Node | None:
        try:
            data = self._lookup.contents(path, BYTES_MAX)
        except LookupFailed as failed:
            close = did_you_mean(os.path.basename(path), failed.close)
            findings.error("HF012", f"include: {failed}", span, label=f"did you mean '{close}'?" if close else "",
                           notes=("the path is relative to the file that includes",) if not os.path.isabs(item.value) else ())
            return None
        self._bytes += len(data)
        if self._bytes > BYTES_MAX:
            findings.error("HF005", f"the topology with all that it includes has more than {BYTES_MAX:,} bytes", span,
                           label="with this file")
            return None
        inside = findings.at(path, inner=True)
        node = read(data, inside, self._lookup, deferred=True)
        if node is None:
            return None
        if node.kind == "scalar" and node.value is None:
            return Node("map")
        if node.kind != "map":
            inside.error("HF006", "an included file is a mapping of sections, such as handlers:", node.span)
            return None
        self._check_version(node, inside)
        _rebase(node, os.path.dirname(path), self._folder)
        return self.merged(node, inside, (*chain, path))

    def _check_version(self, node: Node, inside: Findings) -> None:
        version = node.entries.pop("version", (None, None))[1]
        if version is not None:
            report_problems(version, inside)
        if version is not None and not is_unknown(version) and (version.value != 1 or isinstance(version.value, bool)):
            inside.error("HF004", f"version {version.text or version.kind} of the topology format is not known", version.span,
                         label="write version: 1, or leave it out: the including file says it")


def _merge(base: Node, later: Node, *, top: bool = False) -> None:
    """Put the entries of `later` into `base`."""
    for key, (span, child) in later.entries.items():
        before = base.entries[key][1] if key in base.entries else None
        if before is None:
            base.entries[key] = (span, child)
        elif before.kind == child.kind == "map":
            _merge(before, child)
        elif top and key in APPENDED and before.kind == child.kind == "list":
            base.entries[key] = (span, attrs.evolve(child, items=[*before.items, *child.items]))
        elif not (top and child.kind == "scalar" and child.value is None):  # a section without anything takes nothing away
            base.entries[key] = (span, child)


def _rebase(node: Node, folder: str, root: str) -> None:
    """Make `use: ./x.py:name`, and `record:` of a ring, of a file in `folder` relative to the topology's own folder."""
    if os.path.abspath(folder) == os.path.abspath(root):
        return
    stages = [stage for section in ("sources", "handlers", "sinks") if section in node.entries for stage in node.entries[section][1].items]
    rings = [ring for _, ring in node.entries["rings"][1].entries.values()] if "rings" in node.entries else []
    for key, owners in (("use", stages), ("record", rings)):
        for owner in owners:
            named = owner.entries[key][1] if key in owner.entries else None
            if named is None or not isinstance(named.value, str):
                continue
            where, colon, name = named.value.rpartition(":")
            if colon and where.endswith(".py") and not os.path.isabs(where):
                path = os.path.relpath(os.path.join(folder or ".", where), root or ".")
                named.value = named.text = f"./{path}:{name}" if not path.startswith(".") else f"{path}:{name}"
