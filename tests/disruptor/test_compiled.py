import numpy as np
import pytest

from disruptor import compiled as package_name
from disruptor.compiled import JIT_ENABLED, compiled, entry, loop_options
from disruptor.memory import anonymous
from tests.reference import kernels_compiled as kernels

pytestmark = pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")


def assembly_of(function) -> str:
    return "\n".join(function.inspect_asm(signature) for signature in function.signatures)


def test_compiled_refuses_an_allocation():
    with pytest.raises(Exception, match=r"(?i)nrt|runtime|allocat|zeros|empty"):
        kernels.allocates(3)


def test_compiled_refuses_a_slice_assignment():
    with pytest.raises(Exception, match=r"(?i)nrt|runtime|allocat"):
        kernels.copies(np.zeros(8), np.zeros(8))


def test_compiled_code_counts_no_references():
    cells = anonymous(4096).array(np.int64)
    cells[0] = 5
    assert kernels.waits_in_a_helper(cells, 3) == 5
    assert "NRT_" not in assembly_of(kernels.waits_in_a_helper).split("cpython")[0]
    assert "NRT_incref" not in assembly_of(kernels.waits_in_a_helper)


def test_compiled_code_of_the_ordinary_decorator_would_count_them():
    cells = anonymous(4096).array(np.int64)
    cells[0] = 5
    assert kernels.waits_with_references(cells, 3) == 5
    assert "NRT_incref" in assembly_of(kernels.waits_with_references)  # else the test above proves nothing


def test_division_by_zero_leaves_the_loop_as_an_exception():
    with pytest.raises(ZeroDivisionError):
        kernels.divides(1, 0)


def test_loop_options_can_check_bounds():
    assert loop_options(cache=False, boundscheck=True)["boundscheck"] is True
    assert "boundscheck" not in loop_options(cache=False)
    with pytest.raises(IndexError):
        kernels.reads_checked(np.zeros(3), 3)


def test_decorators_take_options_or_a_function():
    assert compiled(inline=False)(kernels.plain)(2) == 4
    assert entry(cache=False)(kernels.plain)(2) == 4
    assert package_name is compiled
