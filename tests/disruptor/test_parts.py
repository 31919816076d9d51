"""What loops are made of, taken from the disk: by other loops, by other processes, after edits, and damaged."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from disruptor.compiled import JIT_ENABLED

pytestmark = pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")

ROOT = Path(__file__).resolve().parents[2]
FACTORY = """
from disruptor.compiled import compiled

def times(k):
    @compiled(inline=False)
    def impl(x):
        return x * k
    return impl
"""
HANDLERS = {
    "threefold": "from disruptor.handler import handler\nfrom factory import times\nhelper = times(3)\n\n"
                 "@handler(state=[('total', 'i8')])\ndef threefold(event, state):\n    state['total'] += helper(event['value'])\n",
    "fivefold": "from disruptor.handler import handler\nfrom factory import times\nhelper = times(5)\n\n"
                "@handler(state=[('total', 'i8')])\ndef fivefold(event, state):\n    state['total'] += helper(event['value'])\n",
    "talks": "from disruptor.handler import handler\n\n@handler\ndef talks(event):\n    print(event['value'])\n",
    "divides": "from disruptor.handler import handler\n\n@handler(state=[('total', 'i8')])\ndef divides(event, state):\n"
               "    state['total'] += 100 // event['value']\n",
}
PROGRAM = """
import importlib, json, sys, warnings
import numpy as np
from disruptor import apart, codegen
from disruptor.parts import Parts
from tests.reference.loop_driver import OneTurn

apart._apart = True   # compile here and not in a forked process
said, taken, inner = [], [], Parts.__exit__

def leave(self, *exception):
    taken.append(self.taken)
    return inner(self, *exception)

Parts.__exit__ = leave
names, values = sys.argv[1].split(","), json.loads(sys.argv[2])
turn = OneTurn([("value", "i8")], [getattr(importlib.import_module(n), n) for n in names], np.array(values), name="_".join(names))
out = {"names": names}
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    try:
        if sys.argv[3:] == ["kept"]:
            out["kept"] = Parts(codegen._dispatchers(turn.source), checked=False).are_kept()
        elif len(sys.argv) > 3:
            codegen.build_parts(turn.source)
        else:
            loop = codegen.build_loop(turn.source)
            out["from_cache"] = loop.from_cache
            loop.run()
    except Exception as error:
        out["error"] = f"{type(error).__name__}: {error}"
out["states"] = {n: int(s["total"][0]) for n, s in turn.states.items()}
out["taken"], out["said"] = taken[-1] if taken else 0, [str(w.message) for w in caught]
print(json.dumps(out))
"""


class Place:
    """A folder of handler modules, a cache, and processes that make loops of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.cache = folder, folder / "cache"
        (folder / "factory.py").write_text(FACTORY)
        for name, text in HANDLERS.items():
            (folder / f"{name}.py").write_text(text)

    def run(self, names: str, values: tuple[int, ...] = (1, 2, 4), *options: str) -> dict:
        environment = dict(os.environ, XDG_CACHE_HOME=str(self.cache), PYTHONPATH=os.pathsep.join([str(self.folder), str(ROOT)]),
                           PYTHONDONTWRITEBYTECODE="1")
        ran = subprocess.run([sys.executable, "-c", PROGRAM, names, json.dumps(values), *options], env=environment, cwd=self.folder,
                             capture_output=True, text=True, check=False, timeout=300)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout.splitlines()[-1])

    def parts(self) -> list[Path]:
        return sorted(p for p in self.cache.glob("hydraflow-x/parts/*/*") if not p.name.startswith("."))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_loop_of_several_takes_the_parts_of_loops_of_one_and_confuses_no_helpers(place):
    """Both helpers are called `times.<locals>.impl`, take an int64, and have the same number in their own process."""
    alone = [place.run("threefold"), place.run("fivefold")]
    assert [one["taken"] for one in alone] == [0, 0]
    both = place.run("threefold,fivefold")
    assert both["taken"] == 2
    assert not both["from_cache"]
    assert both["states"] == {"threefold": 21, "fivefold": 35}
    assert place.run("threefold,fivefold") == {**both, "from_cache": True, "taken": 0}


def test_parts_can_be_made_without_a_loop(place):
    made = place.run("threefold,fivefold", (1, 2, 4), "parts")
    assert made["states"] == {"threefold": 0, "fivefold": 0}
    assert len(place.parts()) == 2
    assert not list(place.cache.glob("hydraflow-x/loops/*/run-*"))
    assert place.run("fivefold,threefold")["taken"] == 2


def test_whether_parts_are_kept_is_known_before_anything_is_compiled(place):
    assert place.run("threefold,fivefold", (1,), "kept")["kept"] is False
    place.run("threefold", (1,), "parts")
    assert place.run("threefold,fivefold", (1,), "kept")["kept"] is False
    place.run("fivefold", (1,), "parts")
    assert place.run("threefold,fivefold", (1,), "kept")["kept"] is True


def test_after_an_edit_the_others_are_taken_and_the_edited_one_is_not(place):
    place.run("threefold,fivefold")
    file = place.folder / "fivefold.py"
    file.write_text(file.read_text().replace("times(5)", "times(7)"))
    after = place.run("threefold,fivefold")
    assert after["taken"] == 1
    assert after["states"] == {"threefold": 21, "fivefold": 49}
    factory = place.folder / "factory.py"
    factory.write_text(factory.read_text().replace("x * k", "x * k + 1"))
    assert place.run("threefold,fivefold") == {**after, "taken": 0, "states": {"threefold": 24, "fivefold": 52}}


def test_a_damaged_part_means_a_warning_and_a_fresh_one(place):
    place.run("threefold")
    (part,) = place.parts()
    whole = part.read_bytes()
    for damage in (whole[:-9], whole[:60] + bytes([whole[60] ^ 1]) + whole[61:], b""):
        part.write_bytes(damage)
        again = place.run("threefold,divides")
        assert again["taken"] == 0
        assert any("is broken" in text for text in again["said"])
        assert again["states"] == {"threefold": 21, "divides": 175}
        assert part.read_bytes() == whole or place.run("threefold,fivefold")["taken"] >= 1
        for loop in place.cache.glob("hydraflow-x/loops/*/run-*"):
            loop.unlink()
        for other in place.parts():
            if other != part:
                other.unlink()


def test_what_is_refused_is_refused_again_and_no_part_of_it_is_kept(place):
    first = place.run("talks,threefold")
    assert "print" in first["error"]
    assert place.parts() == []
    assert place.run("talks,threefold")["error"] == first["error"]


def test_errors_of_a_part_from_the_disk_say_where(place):
    place.run("divides", (1, 2))
    faulty = place.run("divides,threefold", (1, 0))
    assert faulty["taken"] == 1
    assert faulty["error"].startswith("ZeroDivisionError")
