"""`hfx check`: streams, formats, exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from hydraflow.cli.check import check
from hydraflow.errors import InputNotFound, UsageError

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
