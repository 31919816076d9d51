import linecache
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core.callconv import CPUCallConv
from numba.core.lowering import Lower

from disruptor.compiled import JIT_ENABLED, compiled, loop_options
from disruptor.inlining import only_inlined
from disruptor.raising import located_errors, place_of
from disruptor.twin import compiled_twin
from tests.reference import kernels_guard

pytestmark = pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")
FILE = kernels_guard.__file__
MOST = (1 << 63) - 1


def built(name, *values, checked=False):
    """Compile a kernel and all that it calls as a loop is compiled."""
    twin = compiled_twin(getattr(kernels_guard, name), boundscheck=checked).py_func
    dispatcher = numba.njit(**loop_options(cache=False, boundscheck=checked))(twin)
    with located_errors(checked=checked), only_inlined(twin):
        dispatcher.compile(tuple(numba.typeof(v) for v in values))
    return dispatcher


def line_of(error):
    path, line = place_of(error)
    assert Path(path) == Path(FILE)
    return linecache.getline(path, line).strip()


def test_division_by_zero_says_where():
    with pytest.raises(ZeroDivisionError) as caught:
        built("divided", 1)(0)
    assert line_of(caught.value) == "return 100 // value  # fails at 0"


def test_index_out_of_bounds_says_where_when_it_is_checked():
    array = np.zeros(4)
    with pytest.raises(IndexError) as caught:
        built("read", array, 1, checked=True)(array, 4)
    assert line_of(caught.value) == "return array[place]"


@pytest.mark.parametrize("name, arguments, says, line", [
    ("doubled_until", (1, 40), "product of int64 out of range", "total = number * 4"),
    ("doubled_until", (MOST // 4, 1), "sum of int64 out of range", "total += 7"),
    ("lowered", (MOST,), "difference of int64 out of range", "return -5 - number"),
])
def test_overflow_raises_when_it_is_checked_and_wraps_when_not(name, arguments, says, line):
    with pytest.raises(OverflowError, match=f"^{says}$") as caught:
        built(name, *arguments, checked=True)(*arguments)
    assert line_of(caught.value) == line
    assert isinstance(built(name, *arguments)(*arguments), int)


@pytest.mark.parametrize("name, arguments", [("doubled_until", (1, 20)), ("lowered", (7,)), ("narrow", (np.int32(1 << 30),)), ("hashed", (MOST,)),
    ("scrambled", (MOST,))])
def test_checked_code_gives_what_unchecked_code_gives_where_nothing_overflows_or_the_library_wraps(name, arguments):
    assert built(name, *arguments, checked=True)(*arguments) == built(name, *arguments)(*arguments)


def test_parts_of_numba_are_put_back():
    before = Lower.lower_inst, Lower.lower_binop, CPUCallConv.return_user_exc
    with pytest.raises(RuntimeError), located_errors(checked=True):
        assert before != (Lower.lower_inst, Lower.lower_binop, CPUCallConv.return_user_exc)
        raise RuntimeError
    assert before == (Lower.lower_inst, Lower.lower_binop, CPUCallConv.return_user_exc)


def test_error_that_says_nothing_has_no_place():
    assert place_of(ValueError()) is None
    assert compiled(lambda: None) is not None
