"""`event.x` and `event["x"]` are the same, compiled and in plain Python, at every depth and whatever the field is called."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disruptor import Record
from disruptor.compiled import JIT_ENABLED, loop_options
from disruptor.errors import LayoutError
from disruptor.layout import record_dtype
from disruptor.testing import run
from disruptor.trial import Parts, Trial
from disruptor.twin import compiled_twin, plain_twin
from tests.reference import kernels_testing as kernels

RECORD = record_dtype(kernels.NESTED, fill=True)
SIZE = RECORD.itemsize
BOOLS = [("on",), ("inner", "on"), ("levels", "on")]


def records(raw):
    """Return the records that lie in `raw`, their booleans made 0 or 1."""
    array = np.frombuffer(bytearray(raw), RECORD).copy()
    for path in BOOLS:
        part = array
        for name in path:
            part = part[name]
        part[...] = part.view(np.uint8) & 1
    return array


def test_attributes_are_fields_at_every_depth():
    array = np.zeros(2, RECORD)
    one = array[1]
    one.mean, one.flags, one.inner.x, one.levels[2].n, one.row[3] = 1.5, 7, 2.5, 9, 4.0
    assert (one["mean"], one["flags"], one["inner"]["x"], one["levels"][2]["n"], one["row"][3]) == (1.5, 7, 2.5, 9, 4.0)
    assert (array["mean"][1], array["levels"]["n"][1, 2]) == (1.5, 9)
    assert {type(one), type(one.inner), type(one["inner"]), type(one.levels[0]), type(array["levels"][0, 1])} == {Record}
    assert one.dtype == RECORD and one.itemsize == SIZE
    with pytest.raises(AttributeError, match="no attribute"):
        getattr(one, "nothing")  # noqa: B009
    with pytest.raises(AttributeError, match="nothing"):
        one.nothing = 1


def test_field_called_dtype_is_refused():
    with pytest.raises(LayoutError, match=r"^r: field 'dtype' has the name of an attribute that numpy itself reads; rename it"):
        record_dtype([("dtype", "i8")], name="r")


@settings(deadline=None, max_examples=60)
@given(st.binary(min_size=SIZE, max_size=3 * SIZE).filter(lambda b: len(b) % SIZE == 0))
def test_item_and_attribute_access_agree_in_both_modes(raw):
    """run() compares compiled and plain; here the two spellings are compared with each other."""
    events = records(raw)
    for name in ("mean", "row"):
        events[name] = np.nan_to_num(events[name], nan=1.0, posinf=2.0, neginf=3.0)
    outcomes = [once(function, events) for function in (kernels.by_item, kernels.by_attribute)]
    assert outcomes[0] == outcomes[1]


def once(function, events):
    parts = Parts(
        name=function.__name__, arguments=("event", "state"), events=events, first_sequence=0, batch=1,
        records={"state": np.zeros(1, RECORD)}, arrays={}, numbers={}, outputs={},
    )
    results = []
    for made in (plain_twin(function), *((LOOPS[function.__name__],) if JIT_ENABLED else ())):
        trial = Trial(parts)
        failure = trial.run(made if hasattr(made, "py_func") else trial.loop(made))
        assert failure is None, failure
        results.append((trial.events.tobytes(), trial.records["state"].tobytes()))
    assert results.count(results[0]) == len(results)
    return results[0]


def compiled_loops():
    found = {}
    for function in (kernels.by_item, kernels.by_attribute):
        parts = Parts(
            name=function.__name__, arguments=("event", "state"), events=np.zeros(1, RECORD), first_sequence=0, batch=1,
            records={"state": np.zeros(1, RECORD)}, arrays={}, numbers={}, outputs={},
        )
        loop = Trial(parts).loop(compiled_twin(function, boundscheck=True))
        found[function.__name__] = numba.njit(loop, **loop_options(cache=False, boundscheck=True))
    return found


LOOPS = compiled_loops()


@pytest.mark.parametrize("function", [kernels.by_item, kernels.by_attribute])
@pytest.mark.parametrize("fields", [kernels.NESTED, np.dtype(kernels.NESTED, align=True), {f[0]: f[1] for f in kernels.NESTED[:5]}])
def test_records_declared_as_list_dtype_or_mapping(function, fields):
    if isinstance(fields, dict):
        def few(event, state):
            state.number = event["number"] + event.size

        assert run(few, [{"number": 3, "size": 4}], fields=fields, state=fields).state["number"] == 7
        return
    state = run(function, [{"number": 3, "size": 4, "on": True}], fields=fields, state=fields).state
    assert (state.number, state["size"], bool(state.on), state.row[1]) == (3, 4, True, 4.0)
