"""`hfx render`: streams, formats, exit codes; what it prints is a topology again."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from hydraflow.cli.check import check
from hydraflow.cli.render import render
from hydraflow.scrubber import SECRETS

STUBS = "tests.reference.topology_stubs"
GOOD = (f"version: 1\nx-mine: 1\nsources: [{{name: s, use: '{STUBS}:simulator', with: {{frames: ${{N:-5}}}}}}]\n"
        f"handlers:\n  - {{name: d, use: '{STUBS}:deserialize', on: frames, into: decoded}}\n  - {{name: b, use: '{STUBS}:book'}}\n")
GOOD = GOOD.replace("${N:-5}", "'${N:-5}'")


@pytest.fixture
def run(tmp_path):
    def call(text, *options, **environment):
        path = tmp_path / "t.yaml"
        path.write_text(text)
        return CliRunner().invoke(render, [str(path), *options], env=environment)

    return call


@pytest.mark.parametrize("options", [(), ("--origin",), ("--defaults",), ("--defaults", "--origin")])
def test_what_is_rendered_is_accepted_again(run, tmp_path, options):
    result = run(GOOD, *options, "--set", "rings.main.slots=128")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "x-mine" not in result.stdout
    assert ("# --set" in result.stdout) == ("--origin" in options)
    (tmp_path / "again.yaml").write_text(result.stdout)
    assert CliRunner().invoke(check, [str(tmp_path / "again.yaml")]).exit_code == 0
    again = CliRunner().invoke(render, [str(tmp_path / "again.yaml"), *[o for o in options if o != "--origin"]])
    if "--origin" not in options:
        assert again.stdout == result.stdout


def test_render_prints_json(run):
    report = json.loads(run(GOOD, "--format", "json", "--origin", N="7").stdout)
    assert report["schema"] == "hfx.render/1"
    assert report["topology"]["sources"] == [{"name": "s", "use": f"{STUBS}:simulator", "with": {"frames": 7}}]
    assert report["origins"]["sources.0.with.frames"] == "N"
    assert report["origins"]["handlers.1.name"] == "t.yaml:6"
    assert "origins" not in json.loads(run(GOOD, "--format", "json").stdout)


def test_a_topology_with_mistakes_is_not_rendered(run, tmp_path):
    result = run(GOOD, "--set", "sources.s.with.frames=x")
    assert result.exit_code == 78
    assert result.stdout == ""
    assert result.stderr.endswith("\n\n1 error in --set\n")


def test_warnings_do_not_mix_with_data(run):
    result = run(GOOD + "rings: {spare: {record: egress, slots: 64, payload: 4096}}\n")
    assert result.exit_code == 0
    assert "warning[HF114]" in result.stderr
    assert result.stdout.startswith("version: 1\n")


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_secrets_stay_references(run, form):
    SECRETS.clear()
    text = GOOD.replace("'${N:-5}'", "'${secret:N_}'").replace("version: 1", "version: 1\nname: n-918273")
    result = run(text, "--format", form, "--defaults", "--origin", N_="918273")
    SECRETS.clear()
    assert result.exit_code == 0
    assert "918273" not in result.stdout + result.stderr
    assert "${secret:N_}" in result.stdout
