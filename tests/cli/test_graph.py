"""`hfx graph`: what is drawn, where it goes, widths, characters, exit codes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from hydraflow.cli.graph import graph
from hydraflow.errors import InputNotFound, OutputError, UsageError
from tests.reference.calls import calls_of

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "picture" / "golden"
PLACEMENT = "ingest=simulator,deserialize;core=sequencer,journal,book,strategy,risk,route,mev,wire,paper"
GOOD = "version: 1\nsources: [{use: simulator}]\nhandlers: [{use: deserialize.binance}, {use: book}]\n"
WIDE = "version: 1\nsources: [{use: simulator}]\nhandlers:\n  - {use: deserialize.binance}\n" + "".join(
    f"  - {{name: h{n}, use: book}}\n" for n in range(30)) + f"  - {{use: risk, after: [{', '.join(f'h{n}' for n in range(30))}]}}\n"


def call(*arguments, **options):
    return CliRunner().invoke(graph, [str(a) for a in arguments], **options)


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "t.yaml"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(("name", "options"), [("demo", ["--width", 80]), ("demo_ascii", ["--width", 80, "--ascii"]),
                                               ("demo_wide", ["--width", 260])])
def test_the_demo_is_drawn_as_ever(name, options):
    result = call("demo", "--placement", PLACEMENT, *options)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert max(map(len, result.stdout.splitlines())) <= options[1]


def test_a_broken_file_is_drawn_as_far_as_it_can_be_read_and_exits_78():
    result = call(GOLDEN / "broken.yaml", "--placement", "fused", "--width", 80)
    assert result.exit_code == 78
    assert result.stdout.partition("\n\n")[0] + "\n" == (GOLDEN / "broken.txt").read_text(encoding="utf-8")
    assert "error[HF106]: source 'two' fills 'framse', which is not a ring" in result.stderr
    assert result.stderr.endswith("6 errors, 2 warnings in " + str(GOLDEN / "broken.yaml") + "\n")


@pytest.mark.parametrize("form", ["text", "mermaid", "dot", "svg", "json"])
@pytest.mark.parametrize("text", ["a: [", "", "\x00", "[]", "version: 2\n"])
def test_a_file_that_cannot_be_read_draws_nothing(file, text, form, tmp_path):
    result = call(file(text), "--format", form, "-o", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (78, "")
    assert "error[HF" in result.stderr
    assert not (tmp_path / "out").exists()


def test_json_says_whether_the_file_is_right(file):
    right, wrong = call(file(GOOD), "--format", "json"), call(file(GOOD.replace("use: book", "use: book, after: x")), "--format", "json")
    assert (right.exit_code, wrong.exit_code) == (0, 78)
    assert (json.loads(right.stdout)["ok"], json.loads(wrong.stdout)["ok"]) == (True, False)
    node = next(n for n in json.loads(right.stdout)["nodes"] if n["id"] == "ring/main")
    assert node == {"id": "ring/main", "name": "main", "kind": "ring", "record": "message", "slots": 4096}


def test_a_placement_on_the_command_line_is_shown(file):
    result = call(file(GOOD), "--placement", "one@0=simulator,deserialize;two=sequencer,book", "--format", "json")
    threads = {n["name"]: n["thread"] for n in json.loads(result.stdout)["nodes"] if n["kind"] != "ring"}
    assert threads == {"simulator": "one", "deserialize": "one", "sequencer": "two", "book": "two"}
    wrong = call(file(GOOD), "--placement", "one=simulator")
    assert wrong.exit_code == 78
    assert "the placement leaves out 'sequencer', 'deserialize', 'book'" in wrong.stderr
    assert "simulator · one" in wrong.stdout
    assert isinstance(call(file(GOOD), "--placement", "=").exception, UsageError)


def test_a_python_handler_of_ones_own_has_a_thread_of_its_own(file, tmp_path):
    (tmp_path / "mine.py").write_text("def watch(batch, first_sequence):\n    pass\n")
    result = call(file(GOOD.replace("{use: book}", "{use: './mine.py:watch'}")), "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert next(n["thread"] for n in json.loads(result.stdout)["nodes"] if n["name"] == "watch") == "watch"


def test_what_cannot_fit_is_drawn_and_said(file):
    result = call(file(WIDE), "--width", 40)
    assert result.exit_code == 0
    assert "columns wide, there is room for 40: show it with `less -S`, or write --format svg -o FILE.svg" in result.stderr
    assert all(result.stdout.count(f" h{n} ") == 1 for n in range(30))


def test_a_value_of_the_command_line_is_drawn(file):
    result = call(file(GOOD), "--set", "sources.simulator.name=flow", "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["nodes"][0]["name"] == "flow"


def test_a_pipe_has_80_columns_unless_columns_says_otherwise(file):
    path = file(GOOD)
    narrow, wide = call(path, env={"COLUMNS": "70"}), call(path, env={"COLUMNS": "200"})
    assert max(map(len, narrow.stdout.splitlines())) <= 70
    assert "──▶" in wide.stdout and "──▶" not in narrow.stdout


def test_a_file_is_whole_or_not_there(file, tmp_path, monkeypatch):
    out = tmp_path / "g.svg"
    out.write_text("old")
    result = call(file(GOOD), "--format", "svg", "-o", out)
    assert (result.exit_code, result.output) == (0, "")
    ElementTree.parse(out)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["g.svg", "t.yaml"]
    before = out.read_bytes()
    monkeypatch.setattr("hydraflow.cli.graph._as", lambda *_: 1 / 0)
    assert isinstance(call(file(GOOD), "--format", "svg", "-o", out).exception, ZeroDivisionError)
    assert out.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["g.svg", "t.yaml"]


def test_what_cannot_be_written_or_read_is_said(file, tmp_path):
    path = file(GOOD)
    same = call(path, "-o", path)
    assert isinstance(same.exception, UsageError) and "that is the topology itself" in str(same.exception)
    assert path.read_text() == GOOD
    assert isinstance(call(path, "-o", tmp_path).exception, OutputError)
    assert isinstance(call(path, "-o", tmp_path / "no" / "x").exception, OutputError)
    assert isinstance(call(tmp_path / "none.yaml").exception, InputNotFound)
    assert call(path, "--format", "png").exit_code == 2
    assert call(path, "--width", "5").exit_code == 2


def hfx(*arguments, **environment):
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
    return subprocess.run([sys.executable, "-m", "hydraflow_x_entry", "graph", *map(str, arguments)], cwd=ROOT,
                          env=kept | environment, capture_output=True, check=False, timeout=60)


def test_a_stream_that_knows_no_boxes_gets_ascii(file):
    path = file(GOOD)
    plain = hfx(path, PYTHONIOENCODING="ascii")
    assert (plain.returncode, plain.stderr) == (0, b"")
    assert plain.stdout.isascii() and b"+---" in plain.stdout
    assert plain.stdout == hfx(path, "--ascii", PYTHONIOENCODING="utf-8").stdout
    assert "┌──".encode() in hfx(path, PYTHONIOENCODING="utf-8").stdout


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_are_for_terminals(file, environment, coloured):
    main, side = pty.openpty()
    kept = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen([sys.executable, "-m", "hydraflow_x_entry", "graph", str(file(GOOD))], cwd=ROOT, stdout=side,
                          env=kept | environment) as process:
        os.close(side)
        seen = b""
        try:
            while chunk := os.read(main, 4096):
                seen += chunk
        except OSError:  # the terminal is gone with its last writer
            pass
        os.close(main)
    assert process.returncode == 0
    assert (b"\x1b[" in seen) is coloured


def test_two_hundred_handlers_are_drawn_at_once(tmp_path):
    """In calls, for which every machine takes as many; 150 ms on the machine for which they were counted."""
    from hydraflow.picture import picture_of
    from hydraflow.picture.text import draw_text
    from hydraflow.topology.load import load

    path = tmp_path / "t.yaml"
    calls = {}
    for handlers in (100, 200):
        path.write_text("version: 1\nsources: [{use: simulator}]\nhandlers:\n  - {use: deserialize.binance}\n" + "".join(
            f"  - {{name: h{n}, use: book{f', after: h{n - 1}' if n % 10 else ''}}}\n" for n in range(handlers)))
        calls[handlers], drawing = calls_of(lambda: draw_text(picture_of(load(path, components=False)), 80))
        assert drawing.width <= 80
    assert calls[200] < 3 * calls[100]
    assert calls[200] < 500_000
