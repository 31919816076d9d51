"""Memory near its threads, and what is asked of states that lie in several places."""

from __future__ import annotations

import os

import numpy as np
import pytest

from hydraflow.codes import BookStatus
from hydraflow.placement import Machine
from hydraflow.runtime.graph import Graph, Member
from hydraflow.runtime.home import near

OWN = tuple(sorted(os.sched_getaffinity(0)))


@pytest.mark.skipif(len(OWN) < 2, reason="one cpu")
def test_what_is_built_near_a_node_is_touched_there():
    machine = Machine(cpus=OWN, nodes={cpu: int(cpu == OWN[-1]) for cpu in OWN})
    with near(machine, 1):
        assert os.sched_getaffinity(0) == {OWN[-1]}
    assert os.sched_getaffinity(0) == set(OWN)
    with pytest.raises(RuntimeError), near(machine, 1):
        raise RuntimeError
    assert os.sched_getaffinity(0) == set(OWN)


@pytest.mark.parametrize("node", [-1, 0, 7])
def test_on_one_node_nothing_moves(node):
    with near(Machine(cpus=OWN), node):
        assert os.sched_getaffinity(0) == set(OWN)


def test_books_of_a_sharded_stage_are_live_where_their_owner_says_so():
    graph = Graph(topology=None, instruments=np.zeros(3), virtual=False)
    live, empty, stale = int(BookStatus.LIVE), int(BookStatus.EMPTY), int(BookStatus.STALE)

    def add(name, statuses):
        state = np.zeros(1, [("books", [("status", "i8")], (3,))])
        state[0]["books"]["status"] = statuses
        graph.members[name] = Member(name=name, declared=None, stage=None, state=state)

    assert graph.books_not_live() == []
    add("book/0", [live, empty, stale])
    add("book/1", [empty, live, empty])
    add("another", [live, live, live])  # the first stage that keeps books is asked, all of its shards
    assert graph.books_not_live() == [2]
