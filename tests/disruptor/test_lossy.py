import re

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core import ir

from disruptor.compiled import JIT_ENABLED, compiled
from disruptor.layout import record_dtype
from disruptor.lossy import DIFFERS, LOSES, NARROWS, ROUNDS, check_stores
from disruptor.ranges import Ranges
from disruptor.twin import compiled_twin
from disruptor.typed import codes
from tests.reference import kernels_lossy as kernels

pytestmark = pytest.mark.skipif(not JIT_ENABLED, reason="types are known of compiled code only")
RECORD = np.zeros(1, record_dtype(kernels.FIELDS, fill=True))

WIDER = "declare the field wider, or keep the value within it: min(max(x, low), high), or x & 255 for its last bits"
CUT = "write int(...) to cut it or int(round(...)) to round it, or declare the field as 'f8'"
LOST = "what is behind the point is lost"

LOSING = {
    "float_into_i8": f"event['i8'] is int64 and gets a float64: {LOST}; {CUT}",
    "float_into_u2": f"event['u2'] is uint16 and gets a float32: {LOST}; {CUT.replace('int(', 'np.uint16(', 2)}",
    "quotient_into_i8": f"event['i8'] is int64 and gets a float64: {LOST}; write // for a whole quotient, int(...) to cut it,"
                        " or declare the field as 'f8'",
    "float_into_element": f"event['w2'][1] is uint16 and gets a float64: {LOST}; {CUT.replace('int(', 'np.uint16(', 2)}",
    "float_by_attribute": f"event.i4 is int32 and gets a float64: {LOST}; {CUT.replace('int(', 'np.int32(', 2)}",
    "float_added_in_place": f"event['i8'] is int64 and gets a float64: {LOST}; {CUT}",
    "floor_into_i8": f"event['i8'] is int64 and gets a float64: {LOST}; {CUT}",
    "constant_too_large": f"event['u1'] is uint8 (0..255) and gets an int64 of 300; {WIDER}",
    "constant_negative": f"event['u8'] is uint64 (0..18,446,744,073,709,551,615) and gets an int64 of -1; {WIDER}",
    "global_too_large": f"event['u2'] is uint16 (0..65,535) and gets an int64 of 70,000; {WIDER}",
    "never_fits": f"event['i1'] is int8 (-128..127) and gets an int64 of 1,000..1,007; {WIDER}",
    "in_a_helper": f"event['i8'] is int64 and gets a float64: {LOST}; {CUT}",
}
NARROWING = {
    "wider_field": "event['u2'] is uint16 (0..65,535) and gets an int64",
    "signed_into_unsigned": "event['u8'] is uint64 (0..18,446,744,073,709,551,615) and gets an int64",
    "unsigned_into_signed": "event['i8'] is int64 (-9,223,372,036,854,775,808..9,223,372,036,854,775,807) and gets a uint64",
    "sequence_into_i4": "event['i4'] is int32 (-2,147,483,648..2,147,483,647) and gets an int64 of 0..9,223,372,036,854,775,807",
    "remainder_too_large": "event['u1'] is uint8 (0..255) and gets an int64 of 0..999",
    "loop_that_grows": "event['u1'] is uint8 (0..255) and gets an int64",
    "int_of_a_wider_field": "event['u1'] is uint8 (0..255) and gets a uint16",
}
EXACT = [
    "cast_to_int", "cast_to_the_field", "rounded", "whole_quotient", "narrower_field", "masked", "shifted", "counted_up",
    "own_type", "chosen", "chosen_in_a_loop", "clamped", "clamped_in_a_helper", "from_a_helper", "remainder",
    "sequence_into_u8", "truth", "float_into_float", "character", "widened_first",
]


def arguments(function):
    kinds = {"event": RECORD[0], "sequence": np.int64(0), "end_of_batch": True}
    return tuple(kinds[name] for name in function.__code__.co_varnames[: function.__code__.co_argcount])


def findings(name, **options):
    function = getattr(kernels, name)
    return check_stores(function, arguments(function), **options)


@pytest.mark.parametrize("name", LOSING)
def test_store_that_loses_is_found_with_field_types_and_remedy(name):
    for options in ({}, {"certain": True}):
        (found,) = [f for f in findings(name, **options) if f.kind == LOSES]
        assert f"{found.what}; {found.remedy}" == LOSING[name]
        assert found.path == kernels.__file__
        assert str(found) == f"{found.path}:{found.line}: {LOSING[name]}"
    with open(kernels.__file__) as file:
        assert file.read().splitlines()[found.line - 1].strip() == found.source
    assert re.match(r"event(\.|\[|\+)", found.source)


@pytest.mark.parametrize("name", NARROWING)
def test_store_that_may_lose_is_found_and_is_no_error(name):
    (found,) = [f for f in findings(name) if f.kind in (LOSES, NARROWS)]
    assert (found.kind, found.what, found.remedy) == (NARROWS, NARROWING[name], WIDER)
    assert findings(name, certain=True) == []


@pytest.mark.parametrize("name", EXACT)
def test_store_that_keeps_everything_is_no_finding(name):
    assert [f for f in findings(name) if f.kind != DIFFERS] == []
    assert findings(name, certain=True) == []


def test_store_into_float32_rounds():
    assert [(f.kind, f.what) for f in findings("float_into_f4")] == [
        (ROUNDS, "event['f4'] is float32 and gets a float64: it keeps seven digits")
    ]


@pytest.mark.parametrize("name, what", [
    ("products_of_i4", "this * wraps at 32 bits in numpy (int32) and is int64 compiled"),
    ("sum_of_u1", "this + wraps at 8 bits in numpy (uint8) and is uint64 compiled"),
    ("signed_and_unsigned", "uint64 - int64 is float64 in numpy and int64 compiled"),
])
def test_arithmetic_that_differs_is_found(name, what):
    assert [f.what for f in findings(name) if f.kind == DIFFERS] == [what]


def test_arithmetic_on_widened_operands_does_not_differ():
    assert findings("widened_first") == []


def test_code_that_was_not_compiled_here_gives_nothing():
    assert check_stores(compiled(kernels.float_into_i8)) == []
    assert check_stores(kernels.float_into_i8) == []


def test_library_and_example_functions_are_looked_at_once_each():
    dispatcher = compiled(kernels.clamped_in_a_helper)
    dispatcher.compile((numba.typeof(RECORD[0]),))
    assert sorted(code.name for code in codes(dispatcher)) == ["clamped_in_a_helper", "clipped"]


@settings(deadline=None, max_examples=300)
@given(st.integers(-(2**40), 2**40), st.integers(0, 2**16 - 1))
def test_bounds_hold_for_what_plain_python_computes(i8, u2):
    """Every value that a kernel stores lies within the bounds found for it."""
    record = np.zeros(1, RECORD.dtype)[0]
    for name in ("masked", "shifted", "chosen", "clamped", "character", "chosen_in_a_loop"):
        record["i8"], record["w2"] = i8, [u2, 3, u2, 9]
        getattr(kernels, name)(record)
        low, high = BOUNDS[name]
        assert low <= int(record["u1"]) <= high


def stored_bounds(name):
    dispatcher = compiled_twin(getattr(kernels, name))
    dispatcher.compile((numba.typeof(RECORD[0]),))
    code = next(iter(codes(dispatcher)))
    (store,) = [s for s in code.statements() if isinstance(s, (ir.SetItem, ir.StaticSetItem))]
    return Ranges(code).bounds(store.value.name)


BOUNDS = {
    name: stored_bounds(name)
    for name in ("masked", "shifted", "chosen", "clamped", "character", "chosen_in_a_loop") if JIT_ENABLED
}


def test_bounds_are_as_narrow_as_the_code_says():
    assert BOUNDS == {
        "masked": (0, 255), "shifted": (0, 15), "chosen": (0, 255), "clamped": (0, 255), "character": (48, 57),
        "chosen_in_a_loop": (0, 3),
    }
