"""`hfx plan`: as a person and as a program read it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hydraflow.cli import main
from hydraflow.cli.plan import plan

ROOT = Path(__file__).resolve().parents[2]
DEMO = str(ROOT / "config" / "demo.yaml")


def printed(*arguments):
    result = CliRunner().invoke(plan, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_plan_prints_threads_order_rings_and_reasons_in_eighty_columns():
    text = printed(DEMO, "--placement", "ingest@0=simulator,deserialize;core@1=sequencer,journal,book,strategy,risk,route,mev,wire,paper")
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if line and not line.startswith(" ")] == ["threads of demo", "order: what each stage waits for", "rings", "why"]
    assert "  strategy     book" in lines and "  paper        wire; ring egress" in lines
    assert "threads as the placement says" in text and "freed by journal, paper" in text


def test_plan_as_json_names_its_schema():
    data = json.loads(printed(DEMO, "--json"))
    assert data["schema"] == "hfx.plan/1" and data["path"] == DEMO
    assert {"threads", "stages", "rings", "reasons", "ring_bytes"} <= data.keys() and "changes" not in data


def test_plan_against_another_file_says_what_changes(tmp_path):
    changed = tmp_path / "changed.yaml"
    changed.write_text(Path(DEMO).read_text().replace("{latency: 1ms}", "{latency: 2ms}"))
    lines = printed(str(changed), "--against", DEMO).splitlines()
    assert lines[:2] == ["~ sink paper", "    with.latency_ns: 1,000,000 → 2,000,000"]
    assert lines[-1].startswith("1 to restart; ")
    data = json.loads(printed(str(changed), "--against", DEMO, "--json"))
    assert [c["name"] for c in data["changes"] if c["kind"] != "keep"] == ["paper"]
    assert printed(DEMO, "--against", DEMO).startswith("nothing changes; ")


@pytest.mark.parametrize(("arguments", "code", "words"), [
    (["none.yaml"], 66, "cannot read the topology"),
    (["broken.yaml"], 78, "error[HF"),
    ([DEMO, "--against", "broken.yaml"], 78, "error[HF"),
    ([DEMO, "--placement", "x:fast=book"], 2, "unknown wait strategy 'fast'"),
])
def test_what_cannot_be_planned_is_said(arguments, code, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("broken.yaml").write_text("version: 1\nhandlers: [{use: bok}]\n")
    assert main(["plan", *arguments]) == code
    captured = capsys.readouterr()
    assert words in captured.err and "Traceback" not in captured.err and captured.out == ""
