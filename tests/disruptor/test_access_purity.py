"""What a handler must not do is found with its line, the expression there and what to write instead; nothing is compiled."""

from __future__ import annotations

import linecache
import re

import attrs
import numba
import pytest

from disruptor.access import ALLOCATES, CLOCK, PARAMS, RANDOM, accesses
from disruptor.handler import handler
from tests.reference import impure_handlers as impure

FILE = impure.__file__
SAID = re.compile(r"#\s+(it .+?)(?:\s+# noqa.*)?$")


def wanted(function) -> dict[int, str]:
    """The comments of a function's lines."""
    first = function.__code__.co_firstlineno
    last = max(line for _, _, line in function.__code__.co_lines() if line)
    found = {line: SAID.search(linecache.getline(FILE, line)) for line in range(first, last + 1)}
    return {line: match[1] for line, match in found.items() if match}


@pytest.mark.parametrize("name", ["makes_arrays", "makes_temporaries", "makes_containers", "reads_clocks", "draws"])
def test_each_line_is_named_with_what_it_does(name):
    declared = getattr(impure, name)
    said = wanted(declared.function)
    assert len(said) >= 3
    found = accesses(declared).effects
    assert {e.place.line: e.what for e in found} == said
    assert {e.place.path for e in found} == {FILE}
    assert all(e.remedy and e.place.code in linecache.getline(FILE, e.place.line).replace('"', "'") for e in found if e.kind != ALLOCATES)


def test_the_line_is_that_of_the_helper_that_does_it():
    effect, = accesses(impure.allocates_elsewhere).effects
    assert {effect.place.line: effect.what} == wanted(impure.smoothed.py_func)


def test_kinds_are_told_apart():
    kinds = {name: {e.kind for e in accesses(getattr(impure, name)).effects} for name in ("makes_arrays", "reads_clocks", "draws")}
    assert kinds == {"makes_arrays": {ALLOCATES}, "reads_clocks": {CLOCK}, "draws": {RANDOM}}


def test_python_handlers_may_allocate():
    assert accesses(impure.python_may_allocate).effects == ()


@attrs.frozen
class Limits:
    most: int = 3


def lowers_its_limit(event, params: Limits):
    params["most"] -= 1


def copies_its_limit(event, params: Limits):
    most = params["most"]
    most -= 1
    event["a"] = most


def test_a_parameter_that_is_written_is_named_a_copy_is_free():
    effect, = accesses(handler(lowers_its_limit)).effects
    assert (effect.kind, effect.what) == (PARAMS, "it writes its parameter 'most'")
    assert accesses(handler(copies_its_limit)).effects == ()


def durations_and_dates(event, state):
    state["a"] = impure.datetime.timedelta(seconds=1).total_seconds()
    impure.time.sleep(0)


def test_a_duration_is_no_clock():
    assert accesses(handler(durations_and_dates, jit=False)).effects == ()


def test_nothing_is_compiled(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("compiled")

    monkeypatch.setattr(numba.core.dispatcher.Dispatcher, "compile", refuse)
    for name in ("makes_arrays", "allocates_elsewhere", "reads_clocks", "draws"):
        assert accesses(getattr(impure, name)).effects
