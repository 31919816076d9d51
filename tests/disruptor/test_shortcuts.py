"""The shorter ways through numba's front end, each against the one that it replaces."""

import itertools
import operator
import re

import numba
import numpy as np
import pytest
from numba.core import compiler, event, ir, targetconfig, types
from numba.core.registry import cpu_target
from numba.core.types.functions import BaseFunction
from numba.core.typing.npydecl import NumpyRulesArrayOperator

from disruptor import shortcuts
from disruptor.codegen import compile_once
from disruptor.compiled import JIT_ENABLED, loop_options
from disruptor.errors import CompileError
from disruptor.review import review
from tests.reference import kernels_dsl as kernels
from tests.reference import kernels_numbers as numbers

ORDINARY_VALUES = targetconfig.TargetConfig.values
ORDINARY_LIST = ir.Inst._rec_list_vars
ORDINARY_CALL = BaseFunction.get_call_type
ORDINARY_OPERATOR = NumpyRulesArrayOperator.generic
KINDS = [types.int64, types.uint64, types.int32, types.float64, types.boolean, types.literal(3), types.none,
         types.UniTuple(types.int64, 2), types.Array(types.int64, 1, "C"), types.unicode_type]


@pytest.mark.skipif(numba.__version__ != "0.68.1", reason="of another numba the ordinary way may be taken")
def test_of_this_numba_every_way_is_replaced():
    assert len(shortcuts._FITTING) == len(shortcuts._REPLACED)


def test_a_function_whose_source_is_another_is_left_alone():
    owner, name, _new, source = shortcuts._REPLACED[0]
    assert shortcuts._fits(owner, name, source)
    assert not shortcuts._fits(owner, name, "0" * 16)
    assert not shortcuts._fits(owner, "no_such_name", source)


def test_numba_is_as_it_was_after_the_context():
    def now():
        return [owner.__dict__[name] for owner, name, *_ in shortcuts._REPLACED]

    before = now()
    with shortcuts.shortcuts():
        assert now() != before
        with shortcuts.shortcuts():
            pass
        assert now() != before
    assert now() == before
    with pytest.raises(KeyError), shortcuts.shortcuts():
        raise KeyError
    assert now() == before


def test_options_compare_as_before():
    flags = [compiler.Flags()]
    for name, value in itertools.product(("nrt", "no_compile", "forceinline", "boundscheck", "release_gil"), (True, False)):
        one = compiler.Flags()
        setattr(one, name, value)
        flags.append(one)
    for one in flags:
        assert list(shortcuts._values(one).items()) == list(ORDINARY_VALUES(one).items())
    assert any(a != b for a, b in itertools.combinations(flags, 2))


def test_variables_of_instructions_are_the_same_in_the_same_order():
    count = 0
    for function in (kernels.adds.function, kernels.sums.function, kernels.fills.function, shortcuts._collect):
        for block in compiler.run_frontend(function).blocks.values():
            for statement in block.body:
                for part in (statement.__dict__, [statement], (1, "a", None, {"k": [statement]}), getattr(statement, "value", None)):
                    assert statement._rec_list_vars(part) == ORDINARY_LIST(statement, part) == shortcuts._rec_list_vars(statement, part)
                    count += 1
    assert count > 200


@pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")
def test_operators_and_functions_are_resolved_as_before_and_so_are_mistakes():
    context = cpu_target.typing_context
    context.refresh()
    functions = [operator.add, operator.iadd, operator.truediv, operator.lt, operator.and_, operator.getitem, operator.contains, min, len, abs]
    fitting, failing = 0, 0
    for function in functions:
        kind = context.resolve_value_type(function)
        for width in (1, 2):
            for args in itertools.product(KINDS, repeat=width):
                outcomes = []
                for way in (ORDINARY_CALL, shortcuts._get_call_type):
                    try:
                        outcomes.append(way(kind, context, args, {}))
                    except Exception as error:  # numba's own for what does not fit, and what a candidate raises
                        told = re.sub(r"0x[0-9a-f]+|^ +", "", str(error), flags=re.MULTILINE)  # numba indents by how deep it is
                        outcomes.append(f"{type(error).__name__}: {told}")
                    kind._depth = 0
                assert outcomes[0] == outcomes[1], (function, args)
                if isinstance(outcomes[0], str):
                    failing += 1
                else:
                    fitting += 1
    assert fitting > 200
    assert failing > 200


def test_events_other_than_those_of_llvms_lock_are_still_told():
    class Listener(event.Listener):
        def __init__(self):
            self.kinds = set()

        def on_start(self, happened):
            self.kinds.add(happened.kind)

        on_end = on_start

    listener = Listener()
    for kind in ("numba:llvm_lock", "numba:compile"):
        event.register(kind, listener)
    try:
        with shortcuts.shortcuts():
            for kind in ("numba:llvm_lock", "numba:compile"):
                event.start_event(kind)
                event.end_event(kind)
    finally:
        for kind in ("numba:llvm_lock", "numba:compile"):
            event.unregister(kind, listener)
    assert listener.kinds == {"numba:compile"}


@pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")
def test_both_ways_make_the_same_code():
    def mean(values, least):
        total, count = 0.0, 0
        for value in values:
            if value >= least:
                total += value
                count += 1
        return total / count if count else least

    texts = []
    for way in (shortcuts.shortcuts, shortcuts.contextlib.nullcontext):
        with way():
            dispatcher = numba.njit(**loop_options(cache=False))(mean)
            dispatcher.compile((types.float64[::1], types.float64))
        (text,) = dispatcher.inspect_llvm().values()
        texts.append(re.sub(r"B\d+v\d+|v\d+B|\d{6,}|0x[0-9a-f]+", "", text))
    assert len(texts[0].splitlines()) > 50
    assert texts[0] == texts[1]


@pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")
def test_a_function_for_any_number_is_compiled_once():
    cells = np.arange(10)
    with shortcuts.shortcuts():
        calls = numba.njit(**loop_options(cache=False))(numbers.calls_with_numbers)
        assert calls(cells) == numbers.calls_with_numbers(cells) == 1 + 5 + 2 + 6 + 3 + 7 + 4 + 8 + 5
    array = numba.typeof(cells)
    three, one = types.UniTuple(types.int64, 3), types.UniTuple(types.int64, 1)
    assert set(numbers.smallest.signatures) == {(array, three), (array, one)}
    assert set(numbers.raised.signatures) == {(array, three, types.int64), (array, one, types.int64)}


@pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")
def test_what_compiles_for_constants_only_is_compiled_for_each():
    cells = np.arange(10)
    with shortcuts.shortcuts():
        picks = numba.njit(**loop_options(cache=False))(numbers.picks)
        assert picks(cells) == 1.5 + 2.5 + 0.25
    assert sorted(repr(index) for _, index in numbers.picked.signatures) == ["Literal[int](0)", "Literal[int](1)"]


@pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")
def test_a_constant_that_a_helper_stores_is_still_reviewed():
    record = np.zeros(1, [("small", "u1"), ("pad", "u1", (7,))])
    stores = compile_once(numbers.stores_too_much)
    with shortcuts.shortcuts():
        stores.compile((numba.typeof(record[0]),))
    with pytest.raises(CompileError, match=r"'small'\] is uint8 .* gets an int64 of 300"):
        review("stores", stores)


def test_operators_of_arrays_and_numbers_are_typed_as_before():
    context, typed, refused = cpu_target.typing_context, 0, 0
    kinds = [*KINDS, types.Array(types.float32, 2, "A"), types.Optional(types.int64)]
    for name in ("add", "true_divide", "left_shift", "equal"):
        operation = next(op for op, ufunc in NumpyRulesArrayOperator._op_map.items() if ufunc == name)
        candidate = type("Candidate", (NumpyRulesArrayOperator,), {"key": operation})(context)
        for args in itertools.product(kinds, repeat=2):
            outcomes = []
            for way in (ORDINARY_OPERATOR, shortcuts._array_operator):
                try:
                    outcomes.append(way(candidate, args, {}))
                except Exception as error:
                    outcomes.append(f"{type(error).__name__}: {error}")
            assert outcomes[0] == outcomes[1], (name, args)
            typed += outcomes[0] is not None
            refused += outcomes[0] is None
    assert typed > 50
    assert refused > 50
