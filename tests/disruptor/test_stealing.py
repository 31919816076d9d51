"""Work stealing: every task is done exactly once, whoever does it; a run ends when nothing is left, and not before."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disruptor.compiled import JIT_ENABLED
from disruptor.deque import BOTTOM, DEQUE_WORDS, EMPTY, TAKEN, TOP, deque_push, deque_room, deque_steal, deque_take
from disruptor.errors import CapacityError, CompileError, DisruptorError, GraphError
from disruptor.handler import handler
from disruptor.memory import anonymous
from disruptor.stealing_pool import StealingPool
from tests.reference import kernels_stealing as kernels
from tests.reference.two_threads import side_by_side

TASK = np.dtype(kernels.TREE)
plain = [getattr(f, "py_func", f) for f in (deque_room, deque_push, deque_take, deque_steal)]


def walked(node, depth, mixed):
    """Return how many nodes the tree below a node has, and the xor of their numbers."""
    todo, nodes, digest = [(node, depth)], 0, 0
    while todo:
        node, depth = todo.pop()
        nodes, digest = nodes + 1, digest ^ node
        if depth > 0:
            todo += [(mixed(4 * node + k + 1), depth - 1) for k in range(node & 3)]
    return nodes, digest


@settings(deadline=None)
@given(st.lists(st.sampled_from(["push", "take", "steal"]), max_size=200), st.sampled_from([1, 2, 8]))
def test_one_thread_at_a_time_it_is_a_list_with_two_ends(moves, slots):
    room, push, take, steal = plain
    cells, tasks, hand, model = np.zeros(DEQUE_WORDS, np.int64), np.zeros(slots, TASK), np.zeros(1, TASK), []
    for n, move in enumerate(moves):
        if move == "push":
            at = room(cells, 0, slots - 1)
            assert (at < 0) == (len(model) == slots)
            if at >= 0:
                tasks[at]["node"] = n
                push(cells, 0)
                model.append(n)
        else:
            found = take(cells, 0, tasks, 0, slots - 1, hand) if move == "take" else steal(cells, 0, tasks, 0, slots - 1, hand)
            assert found == (TAKEN if model else EMPTY)
            if model:
                assert hand[0]["node"] == model.pop(-1 if move == "take" else 0)
    assert cells[BOTTOM] - cells[TOP] == len(model)


@pytest.mark.parametrize("slots", [1, 2, 64])
@pytest.mark.parametrize("thieves", [1, 3])
def test_between_an_owner_and_thieves_no_task_is_lost_or_done_twice(slots, thieves):
    count = 1_000_000 if JIT_ENABLED else 3_000
    cells, halt, tasks = anonymous(4096).array(np.int64), anonymous(4096).array(np.int64), np.zeros(slots, TASK)
    seen = [np.zeros(count, np.int64) for _ in range(1 + thieves)]
    full, *stolen = side_by_side(
        (kernels.own, (cells, 0, tasks, np.zeros(1, TASK), seen[0], halt, count)),
        *((kernels.thieve, (cells, 0, tasks, np.zeros(1, TASK), s, halt)) for s in seen[1:]),
    )
    assert full >= 0
    assert stolen == [s.sum() for s in seen[1:]]
    assert (sum(seen) == 1).all()


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_a_tree_is_walked_whole_whoever_steals_what(workers):
    depth, roots = (13, range(1, 40)) if JIT_ENABLED else (5, range(1, 8))
    mixed = getattr(kernels.mixed, "py_func", kernels.mixed)
    tasks = [(mixed(root), depth) for root in roots]
    expected = [walked(*task, mixed) for task in tasks]
    with StealingPool(TASK, kernels.tree, workers=workers) as pool:
        for turn in range(1, 4):
            pool.run(tasks)
            states = pool.states
            assert states["nodes"].sum() == turn * sum(nodes for nodes, _ in expected)
            digest = np.bitwise_xor.reduce(states["digest"])
            assert digest == (np.bitwise_xor.reduce([d for _, d in expected]) if turn % 2 else 0)
            assert (states["spoiled"].sum(), pool.refused) == (0, 0)
        assert workers > 1 or pool.stolen == 0
        pool.clear()
        assert pool.states["nodes"].sum() == 0
        pool.run([])
        assert pool.states["nodes"].sum() == 0


def test_many_first_tasks_are_each_done_once():
    count = 100_000 if JIT_ENABLED else 500
    done = np.zeros(count, np.int64)
    with StealingPool(TASK, kernels.marks, workers=3, slots=8, shared={"shared_counts": done}) as pool:
        pool.run([(n, 0) for n in range(count)])
        assert (done == 1).all()


def test_a_full_deque_is_told_to_the_task():
    with StealingPool(TASK, kernels.tree, workers=1, slots=2) as pool:
        pool.run([(3, 1)])  # three children
        assert (pool.refused, pool.states["spoiled"].sum(), pool.states["nodes"].sum()) == (1, 1, 3)


def test_a_task_that_fails_ends_the_run_with_its_record():
    with StealingPool(TASK, kernels.fails, workers=2) as pool:
        with pytest.raises(DisruptorError) as error:
            pool.run([(1, 2), (2, 0), (3, 5)])
        assert "task 'fails' failed on worker " in str(error.value)
        assert "(ZeroDivisionError: " in str(error.value)
        assert str(error.value).endswith("; in hand: (2, 0)")
        pool.clear()
        pool.run([(1, 2), (3, 5)])  # it is as good as new
        assert pool.states["sum"].sum() == 7


def test_callers_in_several_threads_wait_for_each_other():
    with StealingPool(TASK, kernels.marks, workers=2, shared={"shared_counts": (done := np.zeros(64, np.int64))}) as pool:
        callers = [threading.Thread(target=pool.run, args=([(n, 0) for n in range(64)],)) for _ in range(4)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert (done == 4).all()
    with pytest.raises(DisruptorError, match=r"^stealing pool 'marks' is closed$"):
        pool.run([])
    pool.close()


def test_bad_declarations_are_refused():
    for settings_, kind, text in (
        ({"workers": 0}, CapacityError, "stealing pool 'tree': workers must be 1..1,024, got 0"),
        ({"slots": 3}, CapacityError, "stealing pool 'tree': slots must be a power of two from 2 on, got 3"),
        ({"workers": 2, "cpus": [0]}, CapacityError, "stealing pool 'tree': 1 cpus for 2 workers; name one for each"),
    ):
        with pytest.raises(kind) as error:
            StealingPool(TASK, kernels.tree, **settings_)
        assert str(error.value) == text

    with pytest.raises(GraphError, match="the task is plain Python, which one thread at a time can run"):
        StealingPool(TASK, handler(kernels.tree.function, jit=False))
    with pytest.raises(CompileError, match="nothing is called 'shared_counts'; known here: event, other, spawn"):
        StealingPool(TASK, kernels.marks, shared={"other": np.zeros(1)})
