"""What only the compiler sees (`@overload`, `@intrinsic`, addresses) is followed or named: compared with what compiled handlers do."""

from __future__ import annotations

import types

import numba
import numpy as np
import pytest
from numba.extending import overload

from disruptor.access import EVERY, accesses
from disruptor.access.cache import AccessCache
from disruptor.handler import handler
from tests.reference import hidden_overloads
from tests.reference.hidden_overloads import LAYOUT

HIDING = [f for name, f in vars(hidden_overloads).items() if isinstance(f, types.FunctionType) and name.startswith("by_")]


def changed_by(function) -> set[str]:
    rows = np.zeros(2, LAYOUT)
    compiled = numba.njit(function)

    @numba.njit
    def run(rows):
        compiled(rows[0])

    run(rows)
    return {name for name in LAYOUT.names if rows[0][name].tobytes().strip(b"\0")}


@pytest.mark.parametrize("function", HIDING, ids=lambda f: f.__name__)
@pytest.mark.parametrize("layouts", [{"event": LAYOUT}, {}], ids=["layout", "none"])
def test_what_a_compiled_handler_changes_is_among_its_writes(function, layouts):
    found = accesses(handler(function), layouts)
    assert EVERY in found.writes or "x" in found.writes
    assert EVERY not in found.writes or found.unresolved


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="they hide nothing where nothing is compiled")
@pytest.mark.parametrize("function", HIDING, ids=lambda f: f.__name__)
def test_they_do_hide_it(function):
    assert "x" in changed_by(function)


@pytest.mark.parametrize("function", [hidden_overloads.by_overload, hidden_overloads.by_overload_that_returns_a_helper])
def test_an_overload_in_python_is_followed(function):
    found = accesses(handler(function), {"event": LAYOUT})
    assert (found.writes, found.unresolved, found.effects) == ({"x"}, (), ())


@pytest.mark.parametrize("function", [hidden_overloads.by_overload, hidden_overloads.by_overload_that_returns_a_helper])
def test_a_python_handler_runs_the_python(function):
    assert accesses(handler(jit=False)(function), {"event": LAYOUT}).writes == set()


_pauses = numba.types.ExternalFunction("usleep", numba.types.int32(numba.types.uint32))


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="plain Python cannot call it")
def test_a_c_function_that_no_address_fits_into_touches_nothing():
    def calls(event):
        event["x"] = _pauses(numba.types.uint32(1))

    found = accesses(handler(calls), {"event": LAYOUT})
    assert (found.writes, found.unresolved) == ({"x"}, ())


def waits(number):
    return number


def test_an_overload_that_is_registered_later_is_seen_by_who_has_a_finding_on_disk(tmp_path):
    def calls(event):
        waits(event)

    def found():
        cache = AccessCache(tmp_path)
        access = cache.accesses(handler(calls), {"event": LAYOUT})
        cache.save()
        return access.writes, cache.found_count

    assert (found(), found()) == ((set(), 0), (set(), 1))

    @overload(waits)
    def _waits(number):
        def run(number):
            number["x"] = 1

        return run

    assert found() == ({"x"}, 0)
    assert found() == ({"x"}, 1)


def test_what_this_library_gives_the_compiler_is_what_its_python_says():
    from disruptor.bits import next_bit

    def counts(event):
        event["x"] = next_bit(event["win"], event["first"])

    found = accesses(handler(counts), {"event": LAYOUT})
    assert (found.reads, found.writes, found.unresolved) == ({"first", "win"}, {"x"}, ())
