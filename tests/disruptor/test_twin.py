import numpy as np
import pytest

from disruptor.compiled import JIT_ENABLED
from disruptor.twin import callees, compiled_twin, plain_twin
from tests.reference import kernels_dsl, kernels_twin

compiled_only = pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")
WAYS = [kernels_twin.through_globals, kernels_twin.through_a_module, kernels_twin.recursive, kernels_twin.nested]


@pytest.mark.parametrize("function", [*WAYS, kernels_twin.makes_closure(3)])
def test_twins_compute_the_same(function):
    wanted = function(7)
    assert plain_twin(function)(7) == wanted
    assert compiled_twin(function)(7) == wanted


@compiled_only
@pytest.mark.parametrize("function", [*WAYS, kernels_twin.makes_closure(3)])
def test_plain_twin_runs_no_compiled_code(function, monkeypatch):
    """A text is nothing that compiled arithmetic takes; plain Python doubles it."""

    class Number:
        def __add__(self, other):
            return self

        __mul__ = __radd__ = __sub__ = __add__

        def __le__(self, other):
            return True

    assert isinstance(plain_twin(function)(Number()), Number | int)


@compiled_only
def test_compiled_twin_leaves_the_originals_alone():
    before = {name: list(getattr(kernels_dsl, name).signatures) for name in ("twice", "square")}
    assert compiled_twin(kernels_twin.through_globals)(np.int16(3)) == 15
    assert {name: list(getattr(kernels_dsl, name).signatures) for name in ("twice", "square")} == before


@compiled_only
def test_compiled_twin_checks_bounds_in_helpers_that_did_not():
    array = np.arange(4)
    kernels_twin.ordinary(array, 1)
    with pytest.raises(IndexError):
        compiled_twin(kernels_twin.reads_through_ordinary, boundscheck=True)(array, 4)


def test_callees_are_found_through_everything():
    def names(function):
        return sorted(one.__name__ for one in callees(function))

    assert names(kernels_twin.through_globals) == (["square", "through_globals", "twice"] if JIT_ENABLED else ["through_globals"])
    assert names(kernels_twin.nested) == (["fourfold", "nested", "twice"] if JIT_ENABLED else ["nested"])
    assert names(kernels_twin.through_a_module) == (["through_a_module", "twice"] if JIT_ENABLED else ["through_a_module"])
    assert names(kernels_dsl.doubles) == (["doubles", "twice"] if JIT_ENABLED else ["doubles"])
