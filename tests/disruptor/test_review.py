import numba
import numpy as np
import pytest

from disruptor.compiled import JIT_ENABLED
from disruptor.errors import CompileError
from disruptor.handler import params_record
from disruptor.layout import record_dtype
from disruptor.lossy import DIFFERS, LOSES, check_stores
from disruptor.review import FORBIDDEN, check_use, review
from disruptor.twin import compiled_twin
from handlers.mev import mev
from handlers.probe import probe, work_probe
from handlers.route import route
from hydraflow.records import INSTRUMENT, LEVEL, MESSAGE, ORDER
from tests.reference import kernels_lossy, kernels_mistakes, kernels_testing, kernels_twin
from tests.reference.calls import calls_of

pytestmark = pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")
EVENT = np.zeros(1, record_dtype(kernels_mistakes.FIELDS, fill=True))[0]
STATE = np.zeros(1, record_dtype(kernels_mistakes.STATE, fill=True))[0]


def compiled_for(function, *values):
    dispatcher = compiled_twin(function)
    dispatcher.compile(tuple(numba.typeof(v) for v in values))
    return dispatcher


@pytest.mark.parametrize("name", ["prints", "bytes_compared", "bytes_stored"])
def test_what_compiles_and_should_not_is_forbidden(name):
    dispatcher = compiled_for(getattr(kernels_mistakes, name), EVENT, STATE)
    assert {f.kind for f in check_use(dispatcher)} == {FORBIDDEN}
    with pytest.raises(CompileError, match=r"^handler 'mine' cannot be compiled: .*\n  at .*kernels_mistakes.py.*# here\n  instead: "):
        review("mine", dispatcher)


def test_lossy_store_is_refused_and_one_that_may_lose_is_not():
    record = np.zeros(1, record_dtype(kernels_lossy.FIELDS, fill=True))[0]
    with pytest.raises(CompileError, match=r"^handler 'mine' cannot be compiled: event\['i8'\] is int64 and gets a float64"):
        review("mine", compiled_for(kernels_lossy.in_a_helper, record))
    review("mine", compiled_for(kernels_lossy.wider_field, record))
    review("mine", compiled_for(kernels_mistakes.allowed, EVENT, 1, True, STATE))


@pytest.mark.parametrize("name, what", [
    ("global_array_read", "the global array 'WEIGHTS' is copied at compile time: later changes to it are not seen"),
    ("draws_numpy", "it draws random numbers: compiled code and Python have generators of their own"),
    ("draws_python", "it draws random numbers: compiled code and Python have generators of their own"),
])
def test_what_may_differ_is_noted_and_not_refused(name, what):
    dispatcher = compiled_for(getattr(kernels_twin, name), EVENT)
    assert [(f.kind, f.what) for f in check_use(dispatcher)] == [(DIFFERS, what)]
    review("mine", dispatcher)


def test_review_of_code_without_types_passes():
    review("mine", compiled_twin(kernels_mistakes.prints))
    review("mine", kernels_mistakes.prints)


def test_real_handlers_pass_and_take_few_calls():
    """Four that compile in seconds."""
    event, payload, orders = np.zeros(1, MESSAGE)[0], np.zeros(16, LEVEL), np.zeros((64, 4), ORDER)
    instruments = np.zeros(2, INSTRUMENT)
    for one in (probe, work_probe, route, mev):
        instance = one.params() if one.params else None
        offered = {
            "event": event, "sequence": np.int64(0), "end_of_batch": True, "payload": payload, "orders": orders,
            "instruments": instruments, "state": np.zeros(1, one.state_dtype(instance, instruments=instruments))[0],
        }
        if instance is not None:
            offered["params"] = params_record(instance)[0]
        if one.counters is not None:
            offered["counters"] = np.zeros(1, one.counters_dtype())[0]
        dispatcher = compiled_for(one.function, *(offered[name] for name in one.arguments))
        review(one.name, dispatcher)  # the first look at code builds its tables
        calls, _ = calls_of(review, one.name, dispatcher)
        assert calls < 100_000
        assert [f for f in check_stores(dispatcher) if f.kind == LOSES] == []


def test_nested_fields_are_looked_at_too():
    record = np.zeros(1, record_dtype(kernels_testing.NESTED, fill=True))[0]
    found = check_stores(kernels_twin.nested_lossy, (record,))
    assert [f.what.partition(":")[0] for f in found if f.kind == LOSES] == [
        "event['levels'][1]['n'] is int32 and gets a float64", "event['inner']['n'] is int32 and gets a float64",
        "event['grid'][…] is int32 and gets a float64",
    ]
