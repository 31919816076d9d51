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
    assert (result.exit_code, result.output) == (0, "HF104  `after` names a stage that does not exist.\n")


@pytest.mark.parametrize("code", ["HF304", "hf304", "304"])
def test_a_code_is_found_however_it_is_typed(code):
    assert CliRunner().invoke(explain, [code]).output == "HF304  The component has no parameter of this name.\n"


def test_all_are_listed_within_80_columns_when_none_is_named():
    lines = CliRunner().invoke(explain, []).output.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == list(EXPLANATIONS)
    assert max(map(len, lines)) <= 80


def test_json_has_a_schema():
    shown = json.loads(CliRunner().invoke(explain, ["HF304", "--json"]).output)
    assert shown == {"schema": "hfx.explain/1", "explanations": {"HF304": EXPLANATIONS["HF304"]}}


def test_an_unknown_code_is_a_usage_error():
    with pytest.raises(UsageError, match="no diagnostic is called 'HF999'; `hfx explain` lists all of them"):
        CliRunner().invoke(explain, ["HF999"], catch_exceptions=False)
