"""Private arrays are marked for LLVM, nothing else is, and the results stay what they were."""

import re

import attrs
import numba
import numpy as np
import pytest

from disruptor import Disruptor, into
from disruptor.codegen import build_loop
from disruptor.compiled import JIT_ENABLED, loop_options
from disruptor.loop_processor import LoopProcessor
from disruptor.loop_producer import LoopProducer
from disruptor.noalias import private_arrays
from disruptor.wait import Wait
from tests.conformance import kernels
from tests.conformance.conftest import FIELDS, KINDS
from tests.reference import kernels_noalias, kernels_producer

needs_jit = pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda k: f"{k.producers}-{k.availability}")


def arrays():
    return {"values": np.arange(100), "sums": np.zeros(100, np.int64), "total": np.zeros(1, np.int64)}


def built(private):
    """Return the compiled function and what was marked in it."""
    function, arguments = numba.njit(**loop_options(cache=False))(kernels_noalias.run), arrays()
    with private_arrays(private, arguments) as marked:
        function.compile(tuple(numba.typeof(a) for a in arguments.values()))
    return function, marked


def parameters(function):
    """Return the parameters of the compiled function in LLVM's language, by name."""
    text = function.inspect_llvm(function.signatures[0])
    (head,) = [line for line in text.splitlines() if line.startswith("define") and "%excinfo" in line]
    return {name: kind for kind, name in re.findall(r"([^,]*)%(arg\.[\w.]+)", head)}


@needs_jit
def test_what_is_private_is_marked_and_nothing_else():
    function, marked = built(("total",))
    assert set(marked) == {"total"}
    found = parameters(function)
    assert [name for name, kind in found.items() if "noalias" in kind] == ["arg.total.4"]
    assert {"arg.values.4", "arg.sums.4"} <= set(found)


@needs_jit
def test_nothing_is_marked_afterwards():
    built(("total",))
    function, marked = built(())
    assert marked == []
    assert "noalias" not in parameters(function)["arg.total.4"]


@pytest.mark.parametrize("private", [(), ("total",), ("total", "sums")])
@needs_jit
def test_results_are_equal_with_and_without(private):
    function, given = built(private)[0], arrays()
    assert function(*given.values()) == 4950 == given["total"][0]
    assert (given["sums"] == np.cumsum(given["values"])).all()


@pytest.mark.parametrize("other", ["values", "sums"])
def test_what_shares_memory_is_refused(other):
    given = arrays()
    given["total"] = given[other][10:11]
    with pytest.raises(ValueError, match=f"^'total' is not private: it shares memory with '{other}'$"):
        with private_arrays(("total",), given):
            raise AssertionError("not reached")


@each_kind
def test_loops_hold_only_their_own_memory_private(kind):
    ring = kind.ring(64)
    for source in loops_of(kind):
        shared = (ring.records, ring.sequencer.marks)
        assert set(source.private) >= {"in_hand"}
        assert not set(source.private) & {"cells", "words", "records", "marks"}
        assert all(not np.may_share_memory(source.arguments[name], s) for name in source.private for s in shared)


@each_kind
@needs_jit
def test_machine_code_of_every_loop_counts_no_references(kind):
    for source in loops_of(kind):
        loop = build_loop(attrs.evolve(source, importable=False))  # code from the cache cannot be looked at
        assembly = loop.function.inspect_asm(loop.function.signatures[0])
        assert len(assembly.partition("cpython")[0].splitlines()) > 50
        assert "NRT_" not in assembly, source.name


def loops_of(kind):
    """Return the sources of a consumer with an output, of a worker and of a producer that claims one by one and in batches."""
    graph = Disruptor(FIELDS, 64, producers=kind.producers, availability=kind.availability, wait=Wait.by_phase("blocking", "sleeping"))
    out = Disruptor(FIELDS, 64, availability="cursor" if kind.availability == "cursor" else "record", name="out")
    group = graph.handle_events_with(kernels.traces, into(kernels.copies, out=out))
    pool = graph.handle_events_with_worker_pool(kernels.sums)
    producers = [LoopProducer(graph.ring, kernels_producer.numbers, batch=n, wait=graph.wait) for n in (1, 8)]
    members = [node.member for node in (*group.nodes, *pool.nodes)]
    return [*(LoopProcessor(graph.ring, [m], graph.wait).source() for m in members), *(p.source() for p in producers)]
