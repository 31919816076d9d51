"""The short way of compiling helpers against the ordinary one: the same machine code to look at from outside."""

import contextlib

import numba
import numpy as np
import pytest
from numba.core.typed_passes import BaseNativeLowering

from disruptor import codegen
from disruptor.compiled import JIT_ENABLED, compiled, loop_options
from disruptor.inlining import only_inlined
from tests.reference import kernels_dsl as kernels
from tests.reference.loop_driver import OneTurn

pytestmark = pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")
VALUES = np.random.default_rng(4).integers(-900, 900, 2_000)
HANDLERS = [kernels.doubles, kernels.squares, kernels.sums, kernels.adds]


def outcome_of_a_loop(name: str) -> tuple[bytes, dict[str, bytes]]:
    """Compile and run a loop that is not in any cache; return its records and states."""
    turn = OneTurn(kernels.FIELDS, HANDLERS, VALUES, name=name)
    source = codegen.LoopSource(turn.source.name, turn.source.text, turn.source.arguments, turn.source.functions, False)
    loop = codegen.build_loop(source)
    assert not loop.from_cache
    loop.run()
    return turn.ring.records.tobytes(), {n: s.tobytes() for n, s in turn.states.items()}


def test_loops_compiled_both_ways_do_the_same(monkeypatch):
    short = outcome_of_a_loop("short")
    with monkeypatch.context() as patch:
        patch.setattr(codegen, "only_inlined", lambda top, **_: contextlib.nullcontext())
        patch.setattr(codegen, "known", lambda: False)  # no parts either
        patch.setattr(codegen, "_compiled", {})  # else the helpers' signatures are already there
        ordinary = outcome_of_a_loop("ordinary")
    assert short == ordinary


def test_numba_is_as_it_was_after_the_context():
    before = BaseNativeLowering.run_pass
    with only_inlined(kernels.twice):
        assert BaseNativeLowering.run_pass is not before
    assert BaseNativeLowering.run_pass is before
    with pytest.raises(KeyError), only_inlined(kernels.twice):
        raise KeyError
    assert BaseNativeLowering.run_pass is before


def test_functions_compiled_after_the_context_are_ordinary():
    helper = compiled(kernels.square.py_func)

    def top(x):
        return helper(x) + 1

    def later(x):
        return other(x) + 1

    short = numba.njit(top, **loop_options(cache=False))
    with only_inlined(top):
        short.compile("int64(int64)")
    assert short(5) == 26
    other = compiled(kernels.twice.py_func)
    assert numba.njit(later, **loop_options(cache=False))(5) == 11
    assert other(6) == 12


def test_helper_compiled_inside_cannot_be_called_from_python_with_the_same_types():
    helper = compiled(kernels.square.py_func)

    def top(x):
        return helper(x) + 1

    with only_inlined(top):
        numba.njit(top, **loop_options(cache=False)).compile("int64(int64)")
    with pytest.raises((TypeError, ValueError)):
        helper(5)
    assert helper(1.5) == 2.25  # other types are compiled in the ordinary way


def test_errors_of_helpers_are_raised_through_inlined_code():
    turn = OneTurn(kernels.FIELDS, [kernels.divides], np.where(np.arange(50) == 20, 700, 0), name="raises")
    with pytest.raises(ZeroDivisionError):
        codegen.build_loop(turn.source).run()


def test_context_does_nothing_where_numba_is_not_what_it_was(monkeypatch):
    monkeypatch.setattr("disruptor.inlining.known", lambda: False)
    before = BaseNativeLowering.run_pass
    with only_inlined(kernels.twice):
        assert BaseNativeLowering.run_pass is before
