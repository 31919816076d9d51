"""`hfx plan`: as a person and as a program read it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hydraflow.cli import main
from hydraflow.cli.plan import plan
from hydraflow.scrubber import SECRETS

ROOT = Path(__file__).resolve().parents[2]
DEMO = str(ROOT / "config" / "demo.yaml")


def printed(*arguments):
    result = CliRunner().invoke(plan, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


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


def test_plan_takes_values_from_options_and_shows_no_secret(tmp_path):
    SECRETS.clear()
    text = Path(DEMO).read_text()
    for name, seed in (("old", "${secret:SEED_A}"), ("new", "${secret:SEED_B}")):
        (tmp_path / f"{name}.yaml").write_text(text.replace("${HYDRAFLOW_SEED:-7}", seed))
    environment = {"SEED_A": "918273645", "SEED_B": "564738291"}
    for options in ([], ["--json"]):
        arguments = [str(tmp_path / "new.yaml"), "--against", str(tmp_path / "old.yaml"), "--set", "handlers.risk.with.order_burst=5", *options]
        result = CliRunner().invoke(plan, arguments, env=environment)
        assert result.exit_code == 0
        for digits in ("918273645", "918,273,645", "564738291", "564,738,291"):
            assert digits not in result.stdout
        assert "***" in result.stdout
        assert "order_burst" in result.stdout
    SECRETS.clear()


def test_plan_says_who_owns_what_and_why_a_thread_waits_as_it_does(tmp_path):
    file = tmp_path / "divided.yaml"
    file.write_text("version: 1\nsources: [{use: simulator}]\nhandlers:\n  - {use: deserialize.binance, name: decode}\n"
                    "  - {use: book, replicas: 2, by: symbol, wait: blocking}\n  - {use: probe, after: book}\n")
    text = printed(str(file), "--placement", "front@0:yielding=simulator,decode,sequencer;a=book/0,probe;b=book/1")
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1:7] == [
        "  front  cpu 0, yielding: as the placement says", "         simulator, decode, sequencer", "  a      unpinned, blocking: as 'book' asks",
        "         book/0, probe", "  b      unpinned, blocking: as 'book' asks", "         book/1",
    ]
    assert lines[lines.index("shards: who owns a record") + 1 :][:3] == ["  book: number (symbol modulo 2)", "    on a: book/0", "    on b: book/1"]
    data = json.loads(printed(str(file), "--placement", "fused", "--json"))
    assert next(s for s in data["stages"] if s["name"] == "book")["shards"] == [{"name": f"book/{k}", "thread": "core"} for k in (0, 1)]
    assert {"cpus", "quota", "isolated", "cores", "caches", "nodes"} <= data["machine"].keys()
