"""Every mistake has its exact text: golden/NAME.yaml is the file, golden/NAME.txt what is said about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hydraflow.topology import examine, render, summary
from hydraflow.topology.diagnose import Diagnostic, Related, Span, did_you_mean
from hydraflow.topology.explain import EXPLANATIONS
from tests.reference.topology_stubs import registry

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(p.stem for p in GOLDEN.glob("*.yaml"))


@pytest.mark.parametrize("case", CASES)
def test_check_says_exactly_this(case, monkeypatch):
    monkeypatch.chdir(GOLDEN)  # paths in a topology are relative to its folder
    text = (GOLDEN / f"{case}.yaml").read_text(encoding="utf-8")
    _, findings = examine(text, f"{case}.yaml", {}, registry=registry(), cpus=(0, 1))
    parts = [*(render(d, findings.texts) for d in findings.diagnostics), summary(findings.diagnostics, f"{case}.yaml")]
    assert "\n\n".join(parts) + "\n" == (GOLDEN / f"{case}.txt").read_text(encoding="utf-8")


def test_golden_cases_are_many():
    assert len(CASES) >= 45


def test_explanations_cover_every_code_of_the_sources():
    folder = Path(__file__).parents[2] / "hydraflow"
    sources = folder.rglob("*.py")
    used = set(re.findall(r"HF\d{3}", "".join(p.read_text() for p in sources if p.name != "explain.py")))
    assert used - {"HF"} <= set(EXPLANATIONS)
    assert set(EXPLANATIONS) <= used, "an explained code that nothing reports"


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("signl", ["book", "signal", "risk"], "signal"),
        ("Book", ["book"], "book"),
        ("xyz", ["book"], None),
        ("", ["book"], None),
        ("book", [], None),
    ],
)
def test_did_you_mean_finds_the_close_name(name, known, meant):
    assert did_you_mean(name, known) == meant


def test_render_aligns_under_wide_characters_and_tabs():
    diagnostic = Diagnostic(code="HF007", message="m", path="f", span=Span(1, 5, 2), label="here")
    assert render(diagnostic, "a\t東京xy").splitlines()[3:5] == ["1 | a 東京xy", "  |       ^^ here"]


def test_render_cuts_long_lines_around_the_place():
    diagnostic = Diagnostic(code="HF007", message="m", path="f", span=Span(1, 50_001, 3))
    source, pointer = render(diagnostic, "x" * 50_000 + "abc" + "y" * 50_000).splitlines()[3:5]
    assert len(source) < 130
    assert source[pointer.index("^"):][:3] == "abc"


def test_render_shows_control_characters_as_replacements():
    diagnostic = Diagnostic(code="HF007", message="m", path="f", span=Span(1, 1, 1))
    assert "\x1b" not in render(diagnostic, "\x1b[31mred\x07")


def test_render_colours_only_when_asked():
    diagnostic = Diagnostic(code="HF007", message="m", path="f", span=Span(2, 1, 1),
                            related=(Related(Span(1, 1, 1), "first"),))
    assert "\x1b[" in render(diagnostic, "a\nb", colour=True)
    plain = render(diagnostic, "a\nb")
    assert "\x1b[" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", render(diagnostic, "a\nb", colour=True)) == plain


def test_as_dict_holds_place_and_other_ends():
    diagnostic = Diagnostic(code="HF003", message="m", path="f", span=Span(2, 3, 4), label="again",
                            related=(Related(Span(1, 1, 1), "first"),), notes=("n",))
    assert diagnostic.as_dict() == {
        "code": "HF003", "severity": "error", "message": "m", "path": "f", "line": 2, "column": 3, "length": 4,
        "label": "again", "related": [{"path": "f", "line": 1, "column": 1, "length": 1, "label": "first"}], "notes": ["n"],
    }
