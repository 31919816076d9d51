"""Text → nodes: positions, duplicate keys, merges, bounds."""

from __future__ import annotations

import pytest
import yaml

from hydraflow.topology.diagnose import Findings, Span
from hydraflow.topology.nodes import reader as nodes
from tests.reference.calls import calls_of


def read(data, environment=None):
    findings = Findings("f.yaml")
    return nodes.read(data, findings, environment or {}), findings


@pytest.fixture(params=["libyaml", "pure"])
def loader(request, monkeypatch):
    """Both parsers: PyYAML may have been built without libyaml."""
    monkeypatch.setattr(nodes, "_LOADER", yaml.SafeLoader if request.param == "pure" else nodes._LOADER)


def test_read_knows_every_place(loader):
    root, findings = read("a: 1\nb:\n  - x\n  - {c: 'yy'}\n")
    assert not findings.diagnostics
    assert root.plain() == {"a": 1, "b": ["x", {"c": "yy"}]}
    assert root.where("b", 0) == Span(3, 5, 1)
    assert root.where("b", 1, "c") == Span(4, 9, 4)
    assert root.where_key("b") == Span(2, 1, 1)
    assert root.where("b", 1, "nothing") == root.where("b", 1)


def test_read_resolves_only_plain_scalars(loader):
    root, _ = read("a: '1'\nb: 1\nc: !!str 1\nd: on\ne: \"true\"\nf: |\n  3\n1: x\n")
    assert root.plain() == {"a": "1", "b": 1, "c": "1", "d": "on", "e": "true", "f": "3\n", "1": "x"}


def test_read_interpolates_values_but_not_keys(loader):
    root, findings = read("${V}: '${V}'\nn: ${N}\n", {"V": "v: {x: 1}", "N": "12"})
    assert not findings.diagnostics
    assert root.plain() == {"${V}": "v: {x: 1}", "n": 12}


def test_read_skips_extensions(loader):
    root, findings = read("x-note: ${UNSET}\na: {x-b: ${UNSET2, c: 1}\n".replace("${UNSET2", "1"))
    assert not findings.diagnostics
    assert root.plain() == {"a": {"c": 1}}


def test_read_merges_anchors_without_overriding(loader):
    root, findings = read("x-base: &b {p: 1, q: 2}\nx-more: &m {q: 3, r: 4}\na: {<<: [*b, *m], p: 9}\nc: {<<: *m}\n")
    assert not findings.diagnostics
    assert root.plain() == {"a": {"p": 9, "q": 2, "r": 4}, "c": {"q": 3, "r": 4}}


def test_read_reports_every_duplicate(loader):
    _, findings = read("a: 1\nb: {c: 1, c: 2}\na: 2\n")
    assert [(d.code, d.line, d.related[0].span.line) for d in findings.diagnostics] == [("HF003", 2, 2), ("HF003", 3, 1)]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff\xfea\x00", "HF001"), (b"a: \xff", "HF001"), (b"a: \x00", "HF001"), ("a: \ud800", "HF001"), (b"a: b: c", "HF001"),
        (b"- ]", "HF001"), (b"a: *none", "HF001"), (b"%YAML 3\n---\na", "HF001"), (b"? [a]\n: b", "HF001"), (b"a: &x", None),
        (b"\tb: 1", "HF002"), (b"a: 'open", "HF001"), (b"a: !x", "HF001"), (b"<<: 3", "HF006"), (b"a: 1\n---\n", "HF001"),
    ],
)
def test_read_reports_what_cannot_be_read(loader, data, code):
    _, findings = read(data)
    assert [d.code for d in findings.diagnostics] == ([code] if code else [])


def test_read_takes_a_byte_order_mark(loader):
    assert read(b"\xef\xbb\xbfa: 1")[0].plain() == {"a": 1}


def test_read_counts_lines_as_the_parser_does(loader):
    root, _ = read("a: 1\r\nb: 2\rc: 3\n\nd: x\n")
    assert root.where("d") == Span(5, 4, 1)


@pytest.mark.parametrize(
    "text",
    ["[" * 1_000_000, "{a: " * 200_000, "- " * 500_000, "? " * 500_000, "a:\n" * 300_000, "&a " * 1000, "*a " * 1000,
     "a: [" + "1," * 500_000, "x" * (1 << 20), "'" + "a" * 1_000_000, "\n" * 1_000_000, "!" * 100_000, "%" * 100_000,
     "a: ${" * 150_000, "# " * 500_000],
    ids=lambda t: t[:6],
)
@pytest.mark.timeout(60)
def test_read_bounds_hostile_files(text):
    calls, _ = calls_of(read, text[: nodes.BYTES_MAX])
    assert calls < 500_000


def test_read_refuses_a_file_over_the_limit():
    _, findings = read(b"#" * (nodes.BYTES_MAX + 1))
    assert findings.diagnostics[0].message == "the file has more than 1,048,576 bytes, which no topology needs"
