import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from disruptor import Record, handler
from disruptor.compiled import JIT_ENABLED
from disruptor.errors import CompileError, HandlerError, LayoutError
from disruptor.testing import run
from tests.reference import kernels_testing as kernels

ROOT = Path(__file__).resolve().parents[2]
compiled_only = pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")
TOTAL = [("total", "f8")]
VALUES = {"value": np.arange(6)}

DOCTEST = '''def bump(event, state):
    """Count up.

    >>> from disruptor.testing import run
    >>> outcome = run(bump, {"value": [1, 2]}, state=[("count", "i8")])
    >>> int(outcome.state["count"])
    3
    >>> outcome
    <Outcome of 'bump': 2 events, compiled and plain Python agree>
    >>> run(misspelt, {"value": [1]})
    Traceback (most recent call last):
    disruptor.errors.CompileError: handler 'misspelt' cannot be compiled: field 'vale' is not in the record (value)
      at ...:  event["vale"] = 1
      instead: 'value', the closest name there is
    """
    state["count"] += event["value"]


def misspelt(event):
    event["vale"] = 1


if __name__ == "__main__":
    import doctest

    print(doctest.testmod(optionflags=doctest.ELLIPSIS))
'''
CELL = """import linecache
text = '''
def cell(event):
    event["n"] = [event["n"]][0]
'''
linecache.cache["<ipython-input-1>"] = (len(text), None, text.splitlines(True), "<ipython-input-1>")
exec(compile(text, "<ipython-input-1>", "exec"), globals())
from disruptor.testing import run
try:
    run(cell, {"n": [1]})
except Exception as error:
    print(error)
def good(event):
    event["n"] += 1
print(run(good, {"n": [1]}).events["n"][0])
"""


def python(*arguments, **environment):
    ran = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


# What it returns.


def test_run_returns_events_state_params_counters_and_status_codes():
    values = np.arange(6.0)
    outcome = run(kernels.scales, {"value": values, "scaled": 0.0}, params={"factor": 3.0}, first_sequence=10, batch=4)
    assert list(outcome.events["scaled"]) == list(3.0 * values + 1)
    assert outcome.state["total"] == sum(3.0 * (s & 3) for s in range(10, 16))
    assert (outcome.params["factor"], outcome.params["offset"]) == (3.0, 1)
    assert outcome.counters["seen"] == 6
    assert list(outcome.returned) == [-1, -1, -1, 13, -1, 15]
    assert outcome.compared is JIT_ENABLED
    assert isinstance(outcome.state, Record)


def test_run_leaves_what_it_was_given_as_it_was():
    events, lane = np.zeros(3, [("value", "i8")]), np.zeros(4, np.int64)
    events["value"] = [1, 2, 3]
    outcome = run(kernels.fills_lane, events, lane=lane, limit=10, first_sequence=2)
    assert list(outcome.given["lane"]) == [30, 0, 10, 20]
    assert not lane.any()
    assert list(events["value"]) == [1, 2, 3]


def test_run_captures_what_is_published():
    outcome = run(kernels.publishes, {"value": [1, 2, 3, 4, 5]}, outputs={"orders": (kernels.ORDER, "i8")}, first_sequence=100)
    orders = outcome.outputs["orders"]
    assert list(orders["cause"]) == [100, 102, 102, 104]
    assert list(orders["payload_count"]) == [1, 3, 3, 1]
    assert list(outcome.payloads["orders"]) == [1000, 1040]


def test_run_hands_over_payload_as_a_ring_does():
    events = {"payload_position": [0, 2, 3], "payload_count": [2, 1, 2]}
    assert run(kernels.reads_payload, events, payload=np.array([1, 2, 3, 40, 50]), state=TOTAL).state["total"] == 96


def test_run_returns_no_codes_of_a_handler_that_returns_nothing():
    assert run(kernels.uses_helpers, {"value": [1, 2], "scaled": 0}).returned is None
    outcome = run(kernels.returns_sometimes, {"value": [1, 2]})
    assert list(outcome.returned) == [0, 20]


def test_run_says_where_batches_end():
    outcome = run(kernels.counts_batches, {"value": np.zeros(10, int)}, state=[("total", "i8"), ("small", "u1")], batch=4)
    assert (outcome.state["total"], outcome.state["small"]) == (10, 3)


def test_python_handlers_run_in_batches_and_nothing_is_compared():
    outcome = run(kernels.plain_batches, {"value": np.arange(5), "scaled": 0}, batch=2, first_sequence=100)
    assert list(outcome.events["scaled"]) == [100, 102, 106, 108, 112]
    assert not outcome.compared
    assert repr(outcome) == "<Outcome of 'plain_batches': 5 events, nothing compared: a Python handler is never compiled>"
    with pytest.raises(HandlerError, match=r"^handler 'plain_batches' failed at sequence 12: ValueError: thirteen\n  at .*:\d+:  raise"):
        run(kernels.plain_batches, {"value": np.arange(20), "scaled": 0}, batch=4)


def test_python_handlers_of_single_records_run_too():
    seen = []

    @handler(jit=False)
    def keeps(event, sequence):
        seen.append(f"{sequence}: {event['value']}")

    assert not run(keeps, {"value": [5, 6]}, first_sequence=7).compared
    assert seen == ["7: 5", "8: 6"]


@pytest.mark.parametrize("events, fields", [
    ({"value": [1, 2]}, None),
    ({"value": np.array([1, 2], "i4"), "scaled": 0.5}, None),
    (np.array([(1,), (2,)], [("value", "i8")]), None),
    (np.rec.array([(1,), (2,)], [("value", "i8")]), None),
    ([{"value": 1}, {"value": 2}], None),
    ([(1, 0.0), (2, 0.0)], [("value", "i8"), ("scaled", "f8")]),
    ([{"value": 1}, {"value": 2, "scaled": 3.0}], [("value", "i8"), ("scaled", "f8")]),
    ({"value": [1, 2]}, {"value": "u2", "scaled": "f4"}),
    ({"value": [1, 2]}, np.dtype([("scaled", "f8"), ("value", "i8")])),
])
def test_events_in_every_form(events, fields):
    outcome = run(kernels.returns_sometimes, events, fields=fields)
    assert list(outcome.events["value"]) == [1, 2]
    assert list(outcome.returned) == [0, 20]


@pytest.mark.parametrize("state, total", [
    ([("total", "i8")], 3), ({"total": "i8"}, 3), ({"total": 4}, 7), (np.dtype([("total", "i8")]), 3),
    (np.array([(5,)], [("total", "i8")]), 8), (np.array([(5,)], [("total", "i8")])[0], 8),
])
def test_state_in_every_form(state, total):
    def adds(event, state):
        state["total"] += event["value"]

    assert run(adds, {"value": [1, 2]}, state=state).state["total"] == total


def test_declared_state_begins_with_the_values_given():
    assert run(kernels.scales, {"value": [0.0], "scaled": 0.0}, state={"total": 9.0}).state["total"] == 9.0


def test_params_of_a_plain_function_are_a_mapping():
    def scaled(event, params):
        event["value"] *= params["by"]

    assert list(run(scaled, {"value": [1, 2]}, params={"by": 5}).events["value"]) == [5, 10]


def test_no_events_are_fine():
    assert len(run(kernels.uses_helpers, [], fields=[("value", "i8"), ("scaled", "i8")]).events) == 0


# What it finds.


@compiled_only
def test_difference_names_sequence_field_and_both_values():
    events = {"a": np.array([1, 70_000, 5], "i4"), "b": np.array([1, 70_000, 5], "i4")}
    with pytest.raises(AssertionError) as caught:
        run(kernels.narrow_product, events, state=[("total", "i8")], first_sequence=40)
    lines = str(caught.value).splitlines()
    assert lines[:2] == [
        "handler 'narrow_product' differs at sequence 41: state field 'total' is 4900000001 compiled, 605032705 in plain Python",
        "  event: a=70000, b=70000",
    ]
    assert re.fullmatch(
        r"  perhaps: .*kernels_testing.py:\d+: this \* wraps at 32 bits in numpy \(int32\) and is int64 compiled;"
        r" cast its operands: int\(...\) or np.int64\(...\)", lines[2],
    )


@compiled_only
def test_difference_deep_inside_is_named_by_its_path():
    events = {"a": np.array([70_000], "i4"), "b": np.array([70_000], "i4")}
    with pytest.raises(AssertionError, match=r"state field 'levels\[1\].x' is 4900000000.0 compiled, 605032704.0 in plain"):
        run(kernels.product_of_elements, events, state=kernels.NESTED)


@compiled_only
def test_helpers_run_plain_in_the_plain_run():
    """A helper that stayed compiled would hide what differs inside it."""
    events = {"value": np.array([1, 2**30], "i4"), "scaled": 0}
    with pytest.raises(AssertionError, match=r"sequence 1: event field 'scaled' is 4294967296 compiled, 0 in plain Python"):
        run(kernels.uses_helpers, events)


@compiled_only
def test_different_endings_differ():
    with pytest.raises(AssertionError, match=r"at sequence 0: compiled, it returned; in plain Python, UnboundLocalError: "):
        run(kernels.unbound, {"value": [1]}, state=TOTAL)


def test_nan_is_equal_to_nan():
    assert np.isnan(run(kernels.not_a_number, {"x": [np.inf, np.inf]}, state=TOTAL).state["total"])


def test_index_outside_is_reported_with_its_line():
    with pytest.raises(HandlerError) as caught:
        run(kernels.outside, {"value": [0, 3, 4]}, state=[("row", "f8", (4,))])
    assert re.fullmatch(
        r"handler 'outside' failed at sequence 2: IndexError: index 4 is out of bounds for axis 0 with size 4\n"
        r"  at .*kernels_testing.py:\d+:  state\[\"row\"\]\[event\[\"value\"\]\] = 1.0", str(caught.value),
    )
    assert isinstance(caught.value.cause, IndexError)


@pytest.mark.parametrize("function", [kernels.divides, kernels.divides_floats])
def test_division_by_zero_is_the_same_failure_in_both(function):
    if not JIT_ENABLED and function is kernels.divides_floats:
        pytest.skip("0.0 / 0.0 is nan in numpy; only compiled code raises")
    with pytest.raises(HandlerError, match=rf"^handler '{function.__name__}' failed at sequence 1: ZeroDivisionError: division by zero"):
        run(function, {"value": [1, 0, 2]}, state=TOTAL if function is kernels.divides_floats else [("total", "i8")])


def test_infinity_from_a_function_is_no_failure():
    assert run(kernels.logarithm_of_zero, {"value": [1.0]}, state=TOTAL).state["total"] == -np.inf


def test_exception_of_the_handler_is_the_users_to_see():
    with pytest.raises(HandlerError, match=r"^handler 'raises' failed at sequence 3: ValueError: too large\n  at .*  raise Value"):
        run(kernels.raises, {"value": np.arange(5)})


def test_publishing_more_than_declared_is_a_failure():
    with pytest.raises(HandlerError, match=r"sequence 2: it published more into 'orders' than max_out = 1, max_payload = 0$"):
        run(kernels.publishes_too_much, {"value": [0, 1, 2]}, outputs={"orders": kernels.ORDER})


@pytest.mark.parametrize("function, state, text", [
    (kernels.narrow_store, [("small", "u1")], "field 'small' is uint8 (0..255) and cannot hold 300"),
    (kernels.nested_store, [("levels", [("small", "i1")], (3,))], "field 'small' is int8 (-128..127) and cannot hold 300"),
    (kernels.element_store, [("row", "u1", (3,))], "element is uint8 (0..255) and cannot hold 300"),
])
def test_value_that_a_field_cannot_hold_is_seen_when_it_comes(function, state, text):
    assert run(function, {"value": [1, 100]}, state=state).events["value"][1] == 100
    with pytest.raises(AssertionError) as caught:
        run(function, {"value": [1, 300]}, state=state)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"handler '{function.__name__}' loses a value at sequence 1: {text}"
    assert re.fullmatch(r"  at .*kernels_testing.py:\d+:  state.*", lines[1])
    assert lines[2] == (
        "  instead: declare the field wider, or keep the value within it: min(max(x, low), high), or x & 255 for its last bits"
    )


def test_store_that_always_loses_is_refused():
    wanted = CompileError if JIT_ENABLED else AssertionError
    with pytest.raises(wanted, match="event\\['ticks'\\] is int64 and gets a float64" if JIT_ENABLED else "cannot hold 1.5"):
        run(kernels.lossy, {"price": [1.0], "ticks": [0]})


# What does not fit together.


@pytest.mark.parametrize("call, text", [
    (lambda: run(kernels.scales, {"vale": [1.0]}, fields=[("value", "f8")]),
     "events of 'scales': no field 'vale' in (value); did you mean 'value'?"),
    (lambda: run(kernels.raises, {"value": [1, 2], "x": [1, 2, 3]}), "events of 'raises': 'value' has 2 elements, another field 3"),
    (lambda: run(kernels.raises, []), "events of 'raises': nothing says which fields there are; pass fields=[(name, format), …]"),
    (lambda: run(kernels.raises, 7), "events of 'raises': give a structured array, arrays by field name, or rows (dicts, or tuples"
     " with fields=…), got int"),
    (lambda: run(kernels.raises, [(1, 2)], fields=[("value", "i8")]), "events of 'raises': 2 values in (1, 2), the record has 1 fields"),
    (lambda: run(kernels.raises, {"value": ["a"]}), "events of 'raises': field 'value' holds <U1; records hold numbers, booleans"
     " and fixed sub-arrays"),
    (lambda: run(kernels.outside, VALUES), "'outside' takes state and declares none: pass state=[(field, format), …], or declare it"
     " in @handler"),
    (lambda: run(kernels.scales, {"value": [1.0], "scaled": 0.0}, state=[("total", "f8")]), "state of 'scales': the handler declares"
     " its fields; give values by field name, got list"),
    (lambda: run(kernels.scales, {"value": [1.0], "scaled": 0.0}, state={"totl": 1.0}), "state of 'scales': no field 'totl' in"
     " (table, total); did you mean 'total'?"),
    (lambda: run(kernels.scales, {"value": [1.0]}, params={"factr": 1}), "params of 'scales': Scale.__init__() got an unexpected"
     " keyword argument 'factr'"),
    (lambda: run(kernels.publishes, VALUES), "'publishes' publishes to 'orders': pass outputs={'orders': [(field, format), …]}"),
    (lambda: run(kernels.fills_lane, VALUES, limit=3), "'fills_lane' takes 'lane', which nothing here is called: pass"
     " lane=<array or number>"),
    (lambda: run(kernels.fills_lane, VALUES, lane="x", limit=3), "'lane' of 'fills_lane': an array or a number is needed, got str"),
    (lambda: run(3, VALUES), "a handler must be a function, got int"),
])
def test_what_does_not_fit_is_refused_by_name(call, text):
    with pytest.raises(LayoutError) as caught:
        call()
    assert str(caught.value) == text


# Where handlers come from.


def test_handler_of_a_test_closure_and_decorated_run():
    limit = 3

    @handler(state=[("above", "i8")])
    def above(event, state):
        state["above"] += event["value"] > limit

    assert run(above, VALUES).state["above"] == 2
    assert repr(run(above, VALUES)) == (
        "<Outcome of 'above': 6 events, compiled and plain Python agree>" if JIT_ENABLED else
        "<Outcome of 'above': 6 events, nothing compared: NUMBA_DISABLE_JIT=1 leaves no compiled run>"
    )


@compiled_only
def test_handlers_in_a_doctest(tmp_path):
    (tmp_path / "bumps.py").write_text(DOCTEST)
    assert python(str(tmp_path / "bumps.py")) == "TestResults(failed=0, attempted=5)\n"


@compiled_only
def test_handlers_in_a_notebook_cell():
    out = python("-c", CELL)
    assert out.splitlines() == [
        "handler 'cell' cannot be compiled: it allocates memory (a list), which compiled handlers never do",
        '  at <ipython-input-1>:3:  event["n"] = [event["n"]][0]',
        '  instead: keep a sub-array and a count in the state: state=[("values", "f8", (64,)), ("count", "i8")]',
        "2",
    ]


@compiled_only
def test_the_same_tests_without_the_compiler():
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__, str(ROOT / "tests/disruptor/test_record.py")],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=False, timeout=300, cwd=ROOT,
    )
    assert ran.returncode == 0, ran.stdout[-4000:]
