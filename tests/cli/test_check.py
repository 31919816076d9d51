"""`hfx check`: streams, formats, exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from hydraflow.cli.annotations import annotation
from hydraflow.cli.check import check
from hydraflow.errors import InputNotFound, UsageError
from hydraflow.topology.diagnose import Diagnostic, Related, Span

CONFIGS = Path(__file__).parents[2] / "config"
GOOD = ("version: 1\nsources: [{name: s, use: 'tests.reference.topology_stubs:simulator'}]\n"
        "handlers:\n  - {name: d, use: 'tests.reference.topology_stubs:deserialize', on: frames, into: decoded}\n"
        "  - {name: b, use: 'tests.reference.topology_stubs:book'}\n")


@pytest.fixture
def run(tmp_path):
    def call(text, *options):
        path = tmp_path / "t.yaml"
        path.write_text(text)
        return CliRunner().invoke(check, [str(path), *options])

    return call


def test_check_prints_one_line_when_all_is_well(run):
    result = run(GOOD)
    assert result.exit_code == 0
    assert re.fullmatch(r"\S+t\.yaml: ok: 1 source, 2 handlers, 3 rings \(checked in [\d,]+ ms\)\n", result.stdout)
    assert result.stderr == ""


def test_check_puts_mistakes_on_stderr_and_exits_78(run):
    result = run(GOOD.replace("version: 1", "version: 1\nnmae: x"))
    assert result.exit_code == 78
    assert result.stdout == ""
    assert "error[HF007]: the topology has no key 'nmae'" in result.stderr
    assert "\x1b" not in result.stderr
    assert re.search(r"\n1 error in \S+t\.yaml \(checked in [\d,]+ ms\)\n$", result.stderr)


def test_check_exits_0_with_warnings(run):
    result = run(GOOD + "rings: {spare: {record: egress, slots: 64, payload: 4096}}\n")
    assert result.exit_code == 0
    assert "warning[HF114]: ring 'spare' is declared, but nothing writes or reads it" in result.stderr
    assert "4 rings, 1 warning" in result.stdout


@pytest.mark.parametrize(("text", "code", "errors"), [(GOOD, 0, 0), (GOOD.replace("frames", "framse"), 78, 1), ("\x00", 78, 1)])
def test_check_prints_json(run, text, code, errors):
    result = run(text, "--format", "json")
    assert (result.exit_code, result.stderr) == (code, "")
    report = json.loads(result.stdout)
    assert (report["schema"], report["ok"], report["errors"]) == ("hfx.check/1", not errors, errors)
    assert len(report["diagnostics"]) == report["errors"] + report["warnings"]
    for diagnostic in report["diagnostics"]:
        assert {"code", "severity", "message", "path", "line", "column", "length", "label", "related", "notes"} == set(diagnostic)


def test_check_takes_a_placement(run):
    assert run(GOOD, "--placement", "a=s,d;b=sequencer,b").exit_code == 0
    result = run(GOOD, "--placement", "a=s,d;b=sequencer")
    assert result.exit_code == 78
    assert "error[HF401]: the placement leaves out 'b'" in result.stderr
    assert isinstance(run(GOOD, "--placement", "a:warp=s").exception, UsageError)


def test_check_takes_values_from_options(run):
    assert run(GOOD, "--set", "sources.s.with.frames=10", "--set", "placement=fused").exit_code == 0
    result = run(GOOD, "--set", "sources.s.with.frmes=10", "--set", "sources.z.with.frames=10")
    assert result.exit_code == 78
    assert " --> --set sources.s.with.frmes=10\n  = did you mean 'frames'?\n" in result.stderr
    assert re.search(r"\n2 errors in --set \(checked in [\d,]+ ms\)\n$", result.stderr)
    (first, second) = json.loads(run(GOOD, "--format", "json", "--set", "name=-", "--set", "x=1").stdout)["diagnostics"]
    assert (first["path"], first["line"], second["path"], second["line"]) == ("--set name=-", 0, "--set x=1", 0)


def test_check_prints_workflow_commands(run, tmp_path):
    result = run(GOOD.replace("version: 1", "version: 1\nnmae: x"), "--format", "github", "--set", "a%,b:c=1")
    path = str(tmp_path / "t.yaml")
    assert result.exit_code == 78
    assert result.stderr == ""
    assert result.stdout.splitlines() == [
        "::error title=HF007::--set a%25,b:c=1: the topology has no key 'a%25,b:c'%0Aknown: version, name, include, instruments, sources, "
        "rings, after, handlers, sinks, placement, tests",
        f"::error file={path},line=2,col=1,endColumn=5,title=HF007::the topology has no key 'nmae'%0Adid you mean 'name'?%0Aknown: "
        "version, name, include, instruments, sources, rings, after, handlers, sinks, placement, tests",
    ]
    assert run(GOOD, "--format", "github").stdout == ""


def test_an_annotation_escapes_and_shows_the_other_end():
    diagnostic = Diagnostic(code="HF101", message="100%\r\nx", path="a,b:c%.yaml", span=Span(2, 3, 4), severity="warning", label="again",
                            related=(Related(Span(1, 1, 1, "o.yaml"), "first here"),))
    assert annotation(diagnostic) == ("::warning file=a%2Cb%3Ac%25.yaml,line=2,col=3,endColumn=7,title=HF101::100%25%0D%0Ax%0Aagain%0A"
                                      "o.yaml:1: first here")


def test_check_names_a_missing_file(tmp_path):
    result = CliRunner().invoke(check, [str(tmp_path / "none.yaml")])
    assert isinstance(result.exception, InputNotFound)
    assert result.exception.exit_code == 66


@pytest.mark.parametrize("name", sorted(p.name for p in CONFIGS.glob("*.yaml")))
def test_check_passes_every_shipped_topology(name, monkeypatch):
    monkeypatch.setenv("HYDRAFLOW_CAPTURE", "capture.gz")
    result = CliRunner().invoke(check, [str(CONFIGS / name)])
    assert (result.exit_code, result.stderr) == (0, "")


def test_check_asks_for_the_capture(monkeypatch):
    monkeypatch.delenv("HYDRAFLOW_CAPTURE", raising=False)
    result = CliRunner().invoke(check, [str(CONFIGS / "capture.yaml")])
    assert result.exit_code == 78
    assert "error[HF009]: environment variable HYDRAFLOW_CAPTURE is not set: set it to a capture file" in result.stderr
    assert "1 error in" in result.stderr


MANY = """\
version: 1
nam: x
instruments:
  - {symbol: btcusdt, tick: 0.10, lot: -1}
  - {symbol: P, venue: pol}
sources:
  - {use: simulator, with: {frames: ten, rat: 4, speed: -1}}
rings:
  main: {record: message, slots: 1000, payload: 262144}
handlers:
  - {use: deserialize.binance}
  - {use: book, with: {window_ticks: 96}}
  - {use: bok}
  - {use: strategy.market_maker, after: [book, bok, stratgy]}
  - {use: risk, after: risk, with: {max_position: "20"}}
  - {use: mev, on: nosuch}
  - {name: 9x, use: probe, latency: 3}
placement: automatic
"""


def test_one_mistake_hides_no_other(run):
    found = json.loads(run(MANY, "--format", "json").stdout)["diagnostics"]
    assert [(d["line"], d["column"], d["code"]) for d in found] == [
        (2, 1, "HF007"), (4, 14, "HF502"), (4, 40, "HF502"), (5, 24, "HF011"), (7, 37, "HF305"), (7, 42, "HF304"),
        (7, 57, "HF306"), (9, 34, "HF201"), (12, 38, "HF308"), (13, 11, "HF301"), (14, 53, "HF104"), (15, 24, "HF103"),
        (15, 51, "HF305"), (16, 20, "HF106"), (17, 12, "HF109"), (17, 28, "HF007"), (18, 12, "HF011"),
    ]


@pytest.mark.parametrize("section", ["sources", "handlers"])
def test_a_misspelt_section_is_the_only_thing_to_blame(run, section):
    found = json.loads(run(GOOD.replace(section, section[1:]), "--format", "json").stdout)["diagnostics"]
    assert [d["code"] for d in found] == ["HF007"]
