"""What handlers hide from a reader of their source is seen, or named as not understood: compared with what they do."""

from __future__ import annotations

import types

import numpy as np
import pytest

from disruptor.access import EVERY, accesses
from disruptor.handler import handler
from tests.reference import hidden_objects, hidden_shares, hidden_views, hidden_writes
from tests.reference.hidden_writes import LAYOUT


def functions_of(module):
    found = [f for name, f in vars(module).items() if isinstance(f, types.FunctionType) and not name.startswith("_")]
    return [f for f in found if f.__code__.co_varnames[:1] == ("event",) and f.__module__ == module.__name__]


def changed_by(function) -> set[str]:
    """Return the fields that change when the function runs, as Python, on a record of zeros."""
    rows = np.recarray(2, LAYOUT)
    rows.view(np.uint8)[:] = 0
    function(rows[0])
    return {name for name in LAYOUT.names if rows[0][name].tobytes().strip(b"\0")}


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("function", functions_of(hidden_writes) + functions_of(hidden_views) + functions_of(hidden_objects), ids=lambda f: f.__name__)
def test_what_a_handler_changes_is_among_its_writes(function, jit):
    changed = changed_by(function)
    assert changed, "it hides nothing"
    found = accesses(handler(jit=jit)(function), {"event": LAYOUT})
    assert EVERY in found.writes or changed <= found.writes


@pytest.mark.parametrize("function", functions_of(hidden_writes) + functions_of(hidden_views) + functions_of(hidden_objects), ids=lambda f: f.__name__)
def test_so_it_is_where_the_layout_is_not_known(function):
    found = accesses(handler(jit=False)(function))
    assert EVERY in found.writes or changed_by(function) <= found.writes


SHARES = [*functions_of(hidden_shares), hidden_shares.by_nonlocal_variable]


@pytest.mark.parametrize("function", SHARES, ids=lambda f: f.__name__)
def test_what_a_handler_changes_that_others_may_use_is_named(function):
    found = accesses(handler(jit=False)(function), {"event": LAYOUT})
    assert found.beside_writes or found.unresolved


def own_name_hides_a_helper(event):
    def inner():
        put = 1
        return put

    [put for put in (1, 2)]
    inner()
    put(event)


def put(record):
    record["x"] = 1


def an_import_hides_a_helper(event):
    import operator as put

    put.setitem(event, "x", 1)


def test_a_name_means_what_its_scope_says():
    assert accesses(handler(jit=False)(own_name_hides_a_helper), {"event": LAYOUT}).writes == {"x"}
    assert EVERY in accesses(handler(jit=False)(an_import_hides_a_helper), {"event": LAYOUT}).writes


def reads_in_passing(event, state):
    def later(n=event["first"]):
        return n

    match state["a"]:
        case event.x:
            state["b"] = later()
    take = event["win"].sum
    state["c"] = take()


def copies_out(event, state):
    np.copyto(state["window"], event["win"])
    state["sum"] = np.sum(event["win"]) + np.argmax(event["win"])
    state["list"] = [event["x"], event["first"]]


@pytest.mark.parametrize(("function", "reads"), [(reads_in_passing, "first x win"), (copies_out, "x first win")])
def test_what_only_reads_is_understood(function, reads):
    found = accesses(handler(jit=False)(function), {"event": LAYOUT})
    assert (found.reads, found.writes, found.unresolved) == (set(reads.split()), set(), ())
