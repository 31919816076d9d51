"""The short forms of the verification's parts: litmus tests, ThreadSanitizer, fuzzing, aarch64; and what its runner does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from disruptor.compiled import JIT_ENABLED

if not JIT_ENABLED:
    pytest.skip("compiled code only", allow_module_level=True)

from tools.verify import __main__ as verify
from tools.verify import figures
from tools.verify.arm import instructions, misplaced
from tools.verify.figures import FAILED, PASSED, MissingTool, Row
from tools.verify.fuzz_targets import PLANTS as FUZZ_PLANTS
from tools.verify.fuzz_targets import TARGETS as FUZZ_TARGETS
from tools.verify.litmus import outcomes
from tools.verify.litmus_tests import LITMUS
from tools.verify.race_engine import engine
from tools.verify.race_plants import PLANTS, Plant
from tools.verify.toolchain import find_clang

ROOT = Path(__file__).parents[2]


def part(name: str) -> list[dict]:
    """Run a part's short form; return its rows. Skips with the package to install when a tool is missing."""
    ran = subprocess.run(
        [sys.executable, "-m", f"tools.verify.{name}", "--json"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=550,
        stdin=subprocess.DEVNULL,
    )
    if ran.returncode == figures.MISSING_TOOL:
        pytest.skip(ran.stderr.strip().splitlines()[-1])
    assert ran.returncode == 0, ran.stdout + ran.stderr[-4000:]
    rows = json.loads(ran.stdout)
    assert rows and all(row["result"].startswith(PASSED) and row["count"] > 0 for row in rows)
    return rows


@pytest.mark.spins
@pytest.mark.slow
def test_litmus_forbids_what_no_order_allows_and_sees_what_it_does() -> None:
    rows = part("litmus")
    assert sum("0 forbidden" in row["result"] for row in rows) >= 18
    assert sum("the harness sees" in row["result"] for row in rows) == 2


@pytest.mark.spins
@pytest.mark.slow
def test_no_race_in_compiled_loops_and_every_planted_one_is_found() -> None:
    rows = part("races")
    assert sum("0 races, sums right" in row["result"] for row in rows) == 3
    assert sum("planted fault found" in row["result"] for row in rows) == len(PLANTS)


@pytest.mark.slow
def test_no_parser_leaves_its_memory_and_the_planted_overflow_is_found() -> None:
    rows = part("fuzz")
    assert sum("0 crashes" in row["result"] for row in rows) == len(FUZZ_TARGETS)
    assert sum("planted overflow found" in row["result"] for row in rows) == len(FUZZ_PLANTS)


@pytest.mark.slow
def test_every_order_is_an_instruction_of_aarch64() -> None:
    rows = part("arm")
    assert [row["count"] for row in rows if row["what"].startswith("128-byte")] == [16, 16]


def test_a_litmus_test_counts_each_trial_once() -> None:
    try:
        seen = outcomes(LITMUS[0], 4096)
    except MissingTool as missing:
        pytest.skip(str(missing))
    assert sum(seen.values()) == 4096
    assert all(x == y == 1 for *_, x, y in seen)


def test_a_plant_that_changes_nothing_is_an_error() -> None:
    plant = Plant("nothing", "pair", True, in_ir=lambda text: text)
    with pytest.raises(ValueError, match="'nothing' changes nothing: the generated loop is another one now"):
        plant.ir(type("One", (), {"produces": True})(), "text")


def test_what_lies_on_the_wrong_side_of_an_order_is_counted() -> None:
    code = ["stp x0, x1, [x2]", "str x3, [sp, #8]", "stlr x4, [x5]", "str xzr, [x0]"]
    assert misplaced(code, True) == (2, "")
    assert misplaced([*code, "str x7, [x2, #16]"], True) == (2, "1 accesses on the wrong side")
    assert misplaced(["str x4, [x5]"], True) == (0, "no ordered access")
    assert misplaced(["ldr x1, [sp]", "ldr x1, [x2]", "ldapr x0, [x1]", "ldp x3, x4, [x2]"], False) == (2, "1 accesses on the wrong side")
    assert dict(instructions(["ldapr x0, [x1]", "stlr x0, [x1]", "dmb ish", "dmb ishld", "casal x0, x1, [x2]", "ldaddal x0, x1, [x2]"])) == {
        "acquire": 1, "release": 1, "fence": 1, "exchange": 2,
    }


def test_a_missing_clang_is_named_with_its_package(monkeypatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.delenv("HYDRAFLOW_CLANG", raising=False)
    with pytest.raises(MissingTool, match=r"clang-(\d+) is not there; install clang-\1 and libclang-rt-\1-dev"):
        find_clang("tsan")


def test_a_part_ends_with_69_when_a_tool_is_missing_and_1_when_something_failed(capsys) -> None:
    def lacking(long):
        raise MissingTool("install qemu-user-static")
        yield

    assert figures.command("part", "", lacking, []) == 69
    assert "part: install qemu-user-static" in capsys.readouterr().err
    assert figures.command("part", "", lambda long: [Row("part", "a", 1, "trials", f"{FAILED}: 1 forbidden")], []) == 1
    assert figures.command("part", "", lambda long: [], []) == 1  # nothing was looked at
    assert figures.command("part", "", lambda long: [Row("part", "a", 1234, "trials", PASSED, 0.5)], []) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "part  what         count  result  seconds", "part  a     1,234 trials  ok          0.5",
    ]


def test_the_runner_names_its_parts_and_takes_what_a_part_prints(capsys) -> None:
    assert verify.main(["--only", "nothing"]) == 64
    assert "no part is called 'nothing'; there are " in capsys.readouterr().err
    row = {"part": "a", "what": "b", "count": 2, "unit": "states", "result": "ok", "seconds": 1.0}
    assert verify.rows_of("a", json.dumps([row])) == verify.rows_of("a", json.dumps({"rows": [row], "more": 1})) == [Row(**row)]
    assert verify.rows_of("a", "Traceback")[0].failed


def test_a_loop_reads_the_stamp_of_a_record_before_it_gives_the_slot_back() -> None:
    texts = [one.source.text for one in engine(100).threads]
    found = 0
    for lines in ([line.strip() for line in text.splitlines()] for text in texts):
        for at, line in enumerate(lines):
            if line.startswith("published = ") and "_stamps[first & " in line:
                assert lines[at + 1].startswith("store_release(cells, "), lines[at : at + 2]
                found += 1
        assert not any("_stamps[first & " in line for line in lines if not line.startswith("published = "))
    assert found == 8  # deserialize to paper: every handler
