"""Checks of `tests:`: names, inputs that are there, overrides that fit, expectations about things that exist.

What a test puts in the place of a stage's component or parameters is bound like the stage itself, so that its mistakes
have the same codes, at their place in the test.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from hydraflow.codes import FrameError, Reason
from hydraflow.registry import Registry
from hydraflow.topology.check_test_records import check_expected_rings, check_records, fed_ring
from hydraflow.topology.comparison import FORMS, comparison
from hydraflow.topology.components import Bound, bind
from hydraflow.topology.convert import PARAMETER_CODES, convert, describe
from hydraflow.topology.diagnose import Findings, Related, Span, did_you_mean
from hydraflow.topology.doubts import doubtful
from hydraflow.topology.nodes import Node, is_unknown
from hydraflow.topology.rows import ROW_FIELDS, words_of
from hydraflow.topology.spec import (
    SEQUENCER,
    CaseSpec,
    ExpectSpec,
    HandlerSpec,
    InputSpec,
    Located,
    RowSpec,
    Topology,
    is_own,
)
from hydraflow.topology.values import duration_ns

__all__ = ["COUNTED", "PERCENTILES", "check_tests", "replaced"]

COUNTED = ("frames", "messages", "decisions", "orders", "fills", "sequence_gaps")  # numbers under these names in a result
PERCENTILES = ("mean", "p50", "p90", "p99", "p999", "p9999", "max")
_REASONS = {r.name.lower() for r in Reason} - {"accepted"}
_KINDS = {e.name.lower() for e in FrameError} - {"none"} | {"stamp_backwards", "stamp_ahead", "truncated_input"}
_TOTALS = (("rejects", "reason", _REASONS), ("frame_errors", "kind of frame error", _KINDS))


def check_tests(topology: Topology, bound: Mapping[str, Bound], registry: Registry, findings: Findings, *, named: bool = True) -> None:
    """Add everything that is wrong with the tests of a topology to `findings`. named : the names of all its stages are known."""
    sound = not findings.failed
    first: dict[str, CaseSpec] = {}
    strangers: dict[str, _Stranger] = {}
    for case in topology.tests:
        if case.name in first and case.name:
            at = first[case.name].where("name")
            findings.error("HF601", f"two tests are called '{case.name}'", case.where("name"), label="again",
                           related=(Related(at, "first here"),) if at else ())
        first.setdefault(case.name, case)
        if not case.name.strip() and case.node and "name" in case.node.entries and not doubtful(case, "name"):
            findings.error("HF601", "a test has an empty name", case.where("name"))
        _Check(topology, bound, registry, findings, case, named, strangers, sound).all()
    for one in strangers.values():
        one.report(findings)


def replaced(topology: Topology, case: CaseSpec) -> dict[str, HandlerSpec]:
    """Return, by name, the stages that the test changes, as it changes them.

    A stage with another component has the parameters that the test names, no others.
    """
    out = {}
    for spec in topology.stages:
        use, values = case.handlers.get(spec.name), case.parameters.get(spec.name)
        use = use if isinstance(use, str) else None
        if use is None and values is None:
            continue
        values = values if isinstance(values, dict) else {}
        node = spec.node or Node("map")
        entries = dict(node.entries)
        kept = entries["with"][1].entries if "with" in entries and use is None else {}
        given = case.node.entries["parameters"][1].entries.get(spec.name) if case.node and values else None
        span, written = given or (case.where("handlers", spec.name), Node.of(values))
        entries["with"] = (span, Node("map", written.span, entries={**kept, **written.entries}))
        if use is not None:
            entries["use"] = (None, Node("scalar", case.where("handlers", spec.name), use, use))
        out[spec.name] = attrs.evolve(
            spec, use=use or spec.use, parameters=entries["with"][1].plain(),
            node=Node("map", written.span or case.where("handlers", spec.name), entries=entries),
        )
    return out


@attrs.define
class _Stranger:
    """A stage that tests speak of and that is not there: one message, with all its places."""

    case: str
    noun: str
    name: str
    known: list[str]
    places: list[Span | None] = attrs.field(factory=list)

    def report(self, findings: Findings) -> None:
        close = did_you_mean(self.name, self.known)
        first, *others = self.places
        findings.error("HF603", f"test '{self.case}': there is no {self.noun} '{self.name}'", first,
                       label=f"did you mean '{close}'?" if close else "",
                       related=tuple(Related(place, "and here") for place in others if place),
                       notes=(f"known: {', '.join(self.known)}",) if self.known else ())


@attrs.frozen
class _Check:
    topology: Topology
    bound: Mapping[str, Bound]
    registry: Registry
    findings: Findings
    case: CaseSpec
    named: bool
    strangers: dict[str, _Stranger]
    sound: bool  # nothing was wrong but perhaps in tests: otherwise that may be why a ring is not there

    def all(self) -> None:
        if self.case.input is not None:
            self._input(self.case.input)
        elif self.case.node and "input" in self.case.node.entries and self.case.node.entries["input"][1].value is None:
            self.findings.error("HF602", f"test '{self.case.name}' has no input", self.case.where_key("input"), notes=(_INPUTS,))
        self._overrides()
        if self.case.node and "expect" in self.case.node.entries:
            self._expect(self.case.expect)

    # -- what comes in

    def _input(self, given: InputSpec) -> None:
        if given.node and {"lines", "file", "simulator", "records", "source"}.isdisjoint(given.node.entries) and given.node.entries:
            return  # a strange key stands for what is missing, and has been reported
        ring = fed_ring(self.topology, given)
        own = ring is not None and is_own(ring.record)
        written = [k for k in ("lines", "file", "simulator", "records") if given.node and k in given.node.entries]
        if len(written) != 1:
            what = f"has {' and '.join(written)}" if written else "brings nothing"
            self.findings.error("HF602", f"test '{self.case.name}': its input {what}", given.where(), notes=(_OWN_INPUTS if own else _INPUTS,))
            return
        if ring is not None and self.sound and (written[0] == "records" if not own else written[0] in ("lines", "simulator")):
            self.findings.error("HF602", f"test '{self.case.name}': its input is {written[0]}, and ring '{ring.name}' holds "
                                f"{'records of its own' if own else ring.record + 's'}", given.where(written[0]),
                                notes=(_OWN_INPUTS if own else _INPUTS,))
            return
        if own and written[0] in ("file", "records") and (given.file is None or (Path(self.topology.path).parent / given.file).is_file()):
            assert ring is not None
            check_records(self.topology, self.case, ring, self.findings)
        if written == ["lines"] and not any(line.strip() for line in given.lines):
            self.findings.error("HF602", f"test '{self.case.name}': its input holds no line", given.where("lines"),
                                notes=("a line is '<receive ns> <json>'",))
        if given.file is not None:
            path = Path(self.topology.path).parent / given.file
            if not path.is_file():
                self.findings.error("HF602", f"test '{self.case.name}': there is no file '{path}'", given.where("file"),
                                    notes=("paths in tests are relative to the folder of the topology file",))
        if given.simulator is not None:
            params = self.registry.resolve("source", "simulator").params
            node = given.node.entries["simulator"][1] if given.node else Node.of(given.simulator)
            if params is not None:
                convert(params, node, self.findings, codes=PARAMETER_CODES, owner="the simulator", at=given.where("simulator"))
        if given.source is not None:
            self._known(given.source, [s.name for s in self.topology.sources], "source", given.where("source"))

    def _overrides(self) -> None:
        case, names = self.case, [s.name for s in self.topology.stages]
        for key, given in (("handlers", case.handlers), ("parameters", case.parameters)):
            for name in given:
                at = case.node.entries[key][1].where_key(name) if case.node else None
                self._known(name, names, "handler", at)
        for name, use in case.handlers.items():
            if not isinstance(use, str) and not (case.node and is_unknown(case.node.entries["handlers"][1].entries[name][1])):
                self._wrong("HF006", f"handlers: {name} must be text", case.node, "handlers", name)
        for name, values in case.parameters.items():
            if not isinstance(values, dict):
                self._wrong("HF006", f"parameters: {name} must be a mapping", case.node, "parameters", name)
        for spec in replaced(self.topology, case).values():
            if spec.use:
                bind(spec, self.registry, self.topology.path.rpartition("/")[0] or ".", self.findings)

    # -- what must come out

    def _expect(self, expect: ExpectSpec) -> None:
        for name in COUNTED:
            self._number(expect, name)
        for name, noun, known in _TOTALS:
            value = getattr(expect, name)
            if not isinstance(value, dict):
                self._number(expect, name)
                continue
            for key in value:
                if self._known(key.lower(), sorted(known), noun, self._key_span(expect, name, key)):
                    self._number(expect, name, key)
        for key in expect.book_checks:
            if self._known(key, ("passed", "failed"), "book check", self._key_span(expect, "book_checks", key)):
                self._number(expect, "book_checks", key)
        self._counters(expect)
        check_expected_rings(self.topology, self.case, expect, self.findings, known=self.sound)
        for row in expect.rows:
            self._row(row)
        self._hash(expect)
        self._budgets(expect)

    def _counters(self, expect: ExpectSpec) -> None:
        known = [n for n, one in self.bound.items() if one.spec in self.topology.stages and _counters(one)]
        for stage, wanted in expect.counters.items():
            at = self._key_span(expect, "counters", stage)
            if stage not in known and self.topology.sequenced and stage == SEQUENCER:
                continue
            if any(stage == spec.name and stage not in self.bound for spec in self.topology.stages):
                continue  # what it uses could not be found, which has been reported
            if not self._known(stage, known, "handler with counters", at):
                continue
            if not isinstance(wanted, dict):
                self._wrong("HF006", f"counters: {stage} must be a mapping", expect.node, "counters", stage)
                continue
            for name in wanted:
                node = expect.node.entries["counters"][1].entries[stage][1] if expect.node else None
                if self._known(name, _counters(self.bound[stage]), f"counter of '{stage}'", node.where_key(name) if node else None):
                    self._number(expect, "counters", stage, name)

    def _row(self, row: RowSpec) -> None:
        number = row.row
        if number != "last" and (not isinstance(number, int) or isinstance(number, bool) or number == 0):
            self._wrong("HF604", "row must be a number from 1, a negative one, or last", row.node, "row")
        for field in row.values if row.stream else ():
            at = row.node.entries["has"][1].where_key(field) if row.node else None
            if self._known(field, ROW_FIELDS.get(row.stream, ()), f"field of '{row.stream}'", at) and row.node:
                self._value(row, field, row.node.entries["has"][1].entries[field][1])

    def _value(self, row: RowSpec, field: str, node: Node) -> None:
        """A value that no row can have would fail its test for ever."""
        if is_unknown(node):
            return
        words = words_of(row.stream, field)
        if node.kind != "scalar":
            self._wrong("HF604", f"{field} must be one value, got {describe(node)}", row.node, "has", field)
        elif words and node.value is not None and node.text not in words:
            close = did_you_mean(node.text, words)
            self._wrong("HF604", f"{field} must be one of {', '.join(words)}, got {describe(node)}", row.node, "has", field,
                        label=f"did you mean '{close}'?" if close else "")

    def _hash(self, expect: ExpectSpec) -> None:
        if expect.state_hash is not None and not re.fullmatch(r"[0-9a-f]{8,64}", expect.state_hash):
            self._wrong("HF604", "state_hash must be 8 to 64 hexadecimal digits", expect.node, "state_hash")

    def _budgets(self, expect: ExpectSpec) -> None:
        known = _latencies(self.topology)
        for name, limits in expect.budgets.items():
            if not self._known(name, known, "latency", self._key_span(expect, "budgets", name)):
                continue
            if not isinstance(limits, dict):
                self._wrong("HF006", f"budgets: {name} must be a mapping such as {{p99: 50us}}", expect.node, "budgets", name)
                continue
            for percentile, limit in limits.items():
                node = expect.node.entries["budgets"][1].entries[name][1] if expect.node else None
                self._known(percentile, PERCENTILES, "percentile", node.where_key(percentile) if node else None)
                if node is not None and not is_unknown(node.entries[percentile][1]):
                    self._duration(expect, name, percentile, limit)

    def _duration(self, expect: ExpectSpec, name: str, percentile: str, limit: Any) -> None:
        try:
            duration_ns(str(limit))
        except ValueError as error:
            self._wrong("HF604", f"budgets: {percentile} must be {error}", expect.node, "budgets", name, percentile)

    # -- how it is said

    def _number(self, owner: Located, *path: str) -> None:
        if owner.node is None or path[0] not in owner.node.entries:
            return
        node = owner.node
        for step in path:
            node = node.entries[step][1]
        if not is_unknown(node) and (node.kind != "scalar" or comparison(node.value) is None):
            self._wrong("HF604", f"{' '.join(path)} must be a number or a comparison, got {describe(node)}", owner.node, *path,
                        notes=(f"write {FORMS}",))

    def _known(self, name: str, known: Iterable[str], noun: str, span: Span | None) -> bool:
        known = list(known)
        if name in known:
            return True
        if noun in _STAGES and not self.named:
            return False
        if noun in _STAGES:
            self.strangers.setdefault(name, _Stranger(self.case.name, noun, name, known)).places.append(span)
            return False
        close = did_you_mean(name, known)
        noun, _, owner = noun.partition(" of '")
        whose = f" of '{owner}" if owner else ""
        self.findings.error("HF603", f"test '{self.case.name}': there is no {noun} '{name}'{whose}", span,
                            label=f"did you mean '{close}'?" if close else "",
                            notes=(f"known: {', '.join(known)}",) if known else ())
        return False

    def _wrong(self, code: str, message: str, node: Node | None, *path: str, **more: Any) -> None:
        self.findings.error(code, f"test '{self.case.name}': {message}", node.where(*path) if node else None, **more)

    def _key_span(self, owner: Located, *path: str) -> Span | None:
        node = owner.node
        for step in path[:-1]:
            if node is None or step not in node.entries:
                return None
            node = node.entries[step][1]
        return node.where_key(path[-1]) if node else None


_OWN_INPUTS = "an input for a ring of own records is {records: [{field: value, …}, …]}, or {file: readings.npy}"
_STAGES = ("source", "handler", "handler with counters", "latency")
_INPUTS = "an input is text with lines '<receive ns> <json>', {file: capture.gz}, or {simulator: {frames: 10_000, seed: 7}}"


def _counters(one: Bound) -> tuple[str, ...]:
    dtype = one.handler.counters_dtype()
    return tuple(n for n in dtype.names or () if not n.startswith("pad")) if dtype is not None else ()


def _latencies(topology: Topology) -> list[str]:
    """Return the names under `latency_ns` of a result."""
    names = [s.name for s in topology.sources] + ([SEQUENCER] if topology.sequenced else [])
    for spec in topology.stages:
        names += [spec.name, f"{spec.name}.age"]
        names += [f"frame_to_{spec.name}" for ring in spec.into if ring in topology.rings and topology.rings[ring].record == "egress"]
    return names
