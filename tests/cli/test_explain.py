"""`hfx explain`: every diagnostic that `hfx check` refers to it is explained."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from hydraflow.cli import hfx
from hydraflow.cli.explain import explain
from hydraflow.errors import UsageError
from hydraflow.topology.diagnose import Diagnostic, render
from hydraflow.topology.explain import EXPLANATIONS


def test_the_command_that_a_diagnostic_names_explains_it():
    shown = render(Diagnostic(code="HF104", message="x"))
    command = shown.splitlines()[-1].partition("more: hfx ")[2].split()
    result = CliRunner().invoke(hfx, command)
    assert result.exit_code == 0
    assert result.output.startswith("HF104  `after` names a stage that does not exist.\n\n  wrong\n    version: 1\n")


@pytest.mark.parametrize("code", ["HF304", "hf304", "304"])
def test_a_code_is_found_however_it_is_typed(code):
    assert CliRunner().invoke(explain, [code]).output.startswith("HF304  The component has no parameter of this name.\n")


def test_all_diagnostics_are_listed_within_80_columns():
    lines = CliRunner().invoke(explain, ["codes"]).output.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == list(EXPLANATIONS)
    assert max(map(len, lines)) <= 80


def test_alone_it_lists_what_can_be_asked():
    shown = CliRunner().invoke(explain, []).output
    assert [line.split()[0] for line in shown.splitlines()[2:] if line[2] != " "] == [
        "handlers", "sources", "your", "keys", "rings", "records", "diagnostics"]
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("what", [[], ["book"], ["capture"], ["handlers.after"], ["rings"], ["message"], ["message.kind"], ["main"],
                                  ["book.window_ticks"], ["codes"]])
def test_what_is_said_is_data_as_well(what):
    shown = json.loads(CliRunner().invoke(explain, [*what, "--json"], catch_exceptions=False).output)
    assert shown["schema"] == "hfx.explain/1"
    assert shown.get("name", "") == ("" if what in ([], ["codes"]) else what[0])


def test_json_has_a_schema():
    shown = json.loads(CliRunner().invoke(explain, ["HF304", "--json"]).output)
    assert (shown["schema"], shown["kind"], shown["explanations"]) == ("hfx.explain/1", "diagnostic", {"HF304": EXPLANATIONS["HF304"]})
    assert "window: 4096" in shown["wrong"] and "window_ticks: 4096" in shown["right"]


def test_an_unknown_code_is_a_usage_error():
    with pytest.raises(UsageError, match="no diagnostic is called 'HF999'; `hfx explain codes` lists all of them"):
        CliRunner().invoke(explain, ["HF999"], catch_exceptions=False)
