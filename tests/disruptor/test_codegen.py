import ast
import os
import platform
import re
import subprocess
import sys
import threading
from pathlib import Path

import attrs
import numpy as np
import pytest

from disruptor import codegen
from disruptor.codegen import build_loop
from disruptor.compiled import JIT_ENABLED
from disruptor.errors import CompileError
from tests.reference.kernels_dsl import FIELDS, adds, allocates, divides, doubles, fills, misspells, squares, sums
from tests.reference.loop_driver import OneTurn

ROOT = Path(__file__).resolve().parents[2]
VALUES = np.random.default_rng(9).integers(-500, 500, 1_000)
compiled_only = pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")

HELPER = "from disruptor.compiled import compiled\n\n\n@compiled\ndef scaled(x):\n    return x * {factor}\n"
HANDLERS = """from disruptor import handler
from sample.helper import scaled


@handler(state=[("total", "i8")])
def totals(event, state):
    state["total"] += scaled(event["value"])
"""
PROGRAM = """import os
from pathlib import Path
import numpy as np
from disruptor import Disruptor
from sample.handlers import totals
import disruptor.loop_processor as running
loops, build = [], running.build_loop
running.build_loop = lambda source: loops.append(build(source)) or loops[-1]
folder = Path(os.environ["XDG_CACHE_HOME"], "hydraflow-x", "loops")
before = len(list(folder.glob("*/run-*")))
with Disruptor([("value", "i8")], slots=64).then(totals) as graph:
    graph.publish(value=np.arange(5))
print(graph.state("totals")["total"], "compiled" if len(list(folder.glob("*/run-*"))) > before else loops[0].from_cache)
"""
IN_MAIN = """import numpy as np
from disruptor import Disruptor, handler

@handler(state=[("total", "i8")])
def totals(event, state):
    state["total"] += 3 * event["value"]

with Disruptor([("value", "i8")], slots=64).then(totals) as graph:
    graph.publish(value=np.arange(5))
print(graph.state("totals")["total"])
"""


def run_program(text: str, folder: Path) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", "XDG_CACHE_HOME": str(folder / "cache")},
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_loop_runs_its_handlers_in_order_on_every_record():
    turn = OneTurn(FIELDS, [doubles, squares, sums, adds], VALUES)
    assert build_loop(turn.source).run() == 0
    records = turn.ring.records[: len(VALUES)]
    assert (records["sum"] == 2 * VALUES + VALUES * VALUES).all()
    assert turn.states["sums"][0]["wrong"] == 0
    assert turn.states["adds"][0]["total"] == VALUES.sum()
    assert turn.cursors == [999] * 4


def test_text_of_a_loop_is_python_that_can_be_read():
    text = OneTurn(FIELDS, [doubles, squares], VALUES, name="readable").source.text
    module = ast.parse(text)
    assert ast.get_docstring(module).startswith("Generated loop of thread 'readable': doubles, squares. Do not edit")
    names = [node.name for node in module.body if isinstance(node, ast.FunctionDef)]
    assert names == ["run"]
    for line in (
        'on_doubles = compiled_function("tests.reference.kernels_dsl", "doubles")',
        "        # doubles: on events", "        # squares: on events",
        "                    status = status_of(on_doubles(events_records[next_doubles & 1023]))",
        "                    status = status_of(on_squares(events_records[next_squares & 1023], squares_state_record))",
    ):
        assert line in text.splitlines()
    assert max(len(line) for line in text.splitlines()) <= 140
    assert not any(line != line.rstrip() for line in text.splitlines())


def test_text_of_a_loop_is_the_same_whenever_it_is_written():
    assert OneTurn(FIELDS, [adds, sums], VALUES).source.text == OneTurn(FIELDS, [adds, sums], VALUES).source.text


@compiled_only
def test_machine_code_of_a_loop_counts_no_references_and_calls_no_python():
    source = OneTurn(FIELDS, [doubles, squares, sums, adds], VALUES, name="counted").source
    loop = build_loop(attrs.evolve(source, importable=False))  # code from the cache cannot be looked at
    (signature,) = loop.function.signatures
    assembly = loop.function.inspect_asm(signature)
    body = assembly.partition("cpython")[0]
    assert len(body.splitlines()) > 50
    assert "NRT_" not in assembly
    assert "PyObject" not in body and "PyGILState" not in body


@compiled_only
@pytest.mark.parametrize("threads", [0, 1])
def test_a_process_that_has_threads_is_not_forked_to_compile(threads, monkeypatch):
    source = OneTurn(FIELDS, [doubles], VALUES, name="forked").source
    forks, done = [], threading.Event()
    monkeypatch.setattr(codegen, "_needs_build", lambda *_: True)
    monkeypatch.setattr(codegen, "run_apart", forks.extend)
    others = [threading.Thread(target=done.wait) for _ in range(threads)]
    for other in others:
        other.start()
    try:
        assert threading.active_count() == 1 + threads
        codegen.prebuild([source])
    finally:
        done.set()
        for other in others:
            other.join()
    assert len(forks) == (0 if threads else 1)


@compiled_only
def test_of_neighbouring_fields_vectors_are_stored_where_that_is_wanted():
    wide = [("value", "i8"), *((f"w{k}", "i8") for k in range(8))]
    assemblies = {}
    for side_by_side in (False, True):
        source = OneTurn(wide, [fills], VALUES, name=f"side{side_by_side}").source
        loop = build_loop(attrs.evolve(source, importable=False, side_by_side=side_by_side))
        (signature,) = loop.function.signatures
        assemblies[side_by_side] = loop.function.inspect_asm(signature).partition("cpython")[0]
    stores = {k: len(re.findall(r"v?mov(?:dq[au]|[ua]p[sd])\S*\s+%[xyz]mm\d+, [^%]*\(%r", text)) for k, text in assemblies.items()}
    if platform.machine() == "x86_64":
        assert stores[True] > stores[False], stores
    assert assemblies[True] != assemblies[False]


@compiled_only
def test_loop_is_loaded_from_disk_the_second_time():
    source = OneTurn(FIELDS, [doubles, adds], VALUES, name="twice").source
    build_loop(source)
    again = OneTurn(FIELDS, [doubles, adds], VALUES, name="twice")
    loop = build_loop(again.source)
    assert loop.from_cache
    loop.run()
    assert again.states["adds"][0]["total"] == VALUES.sum()


@compiled_only
def test_loop_is_compiled_again_when_a_callee_in_another_file_changes(tmp_path):
    package = tmp_path / "sample"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "handlers.py").write_text(HANDLERS)
    (package / "helper.py").write_text(HELPER.format(factor=10))
    assert run_program(PROGRAM, tmp_path) == "100 compiled"
    assert run_program(PROGRAM, tmp_path) == "100 True"
    (package / "helper.py").write_text(HELPER.format(factor=7))
    assert run_program(PROGRAM, tmp_path) == "70 compiled"
    assert run_program(PROGRAM, tmp_path) == "70 True"


@compiled_only
def test_handlers_without_a_module_run_uncached(tmp_path):
    assert run_program(IN_MAIN, tmp_path) == "30"
    assert run_program(IN_MAIN, tmp_path) == "30"
    assert not list((tmp_path / "cache").glob("hydraflow-x/loops/*/run-*"))


@compiled_only
def test_bounds_are_checked_when_asked_for():
    plain = OneTurn(FIELDS, [adds], VALUES).source
    assert build_loop(plain, checked=True).function.targetoptions["boundscheck"] is True
    assert not build_loop(plain).function.targetoptions.get("boundscheck")


@compiled_only
def test_complaint_about_an_allocation_names_handler_and_line():
    with pytest.raises(CompileError) as caught:
        build_loop(OneTurn(FIELDS, [doubles, allocates], VALUES).source)
    first, place, remedy = str(caught.value).splitlines()
    assert first == "handler 'allocates' cannot be compiled: it allocates memory (a list), which compiled handlers never do"
    assert re.fullmatch(r"  at .*tests/reference/kernels_dsl\.py:\d+:  state\[\"count\"\] \+= len\(.*", place)
    assert remedy.startswith("  instead: keep a sub-array and a count in the state")


@compiled_only
def test_complaint_about_an_unknown_field_names_handler_and_line():
    with pytest.raises(CompileError) as caught:
        build_loop(OneTurn(FIELDS, [doubles, misspells], VALUES).source)
    first, place, remedy = str(caught.value).splitlines()
    assert first == "handler 'misspells' cannot be compiled: field 'nix' is not in the record (value, doubled, squared, sum)"
    assert re.fullmatch(r"  at .*tests/reference/kernels_dsl\.py:\d+:  state\[\"count\"\] \+= event\[\"nix\"\]", place)
    assert remedy == "  instead: declare it in the list of fields, or use one that is there"


def test_error_leaves_the_number_and_sequence_of_the_culprit_in_the_running_cells():
    turn = OneTurn(FIELDS, [adds, divides], np.where(np.arange(100) == 60, 700, 0))
    with pytest.raises((ZeroDivisionError, RuntimeWarning)):
        build_loop(turn.source).run()
    assert list(turn.cells[32:64:16]) == [1, 60]
    assert turn.cursors[0] == 99
