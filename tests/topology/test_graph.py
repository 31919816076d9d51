"""Cycles and ancestors against brute force."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from hydraflow.topology.graph import Node, ancestors, cycles, gates, waits_for

GRAPHS = st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=3, unique=True), max_size=6)


def naive_ancestors(edges, name):
    reached = set(edges.get(name, ()))
    for _ in range(len(edges) + 1):
        reached |= {e for n in set(reached) for e in edges.get(n, ())}
    return reached


@settings(max_examples=200, deadline=None)
@given(GRAPHS)
def test_ancestors_agree_with_the_closure(edges):
    for name in "abcdef":
        assert ancestors(edges, name) == naive_ancestors(edges, name)


@settings(max_examples=300, deadline=None)
@given(GRAPHS)
def test_cycles_are_cycles_one_per_connected_part(edges):
    on_cycle = {n for n in edges if n in naive_ancestors(edges, n)}
    found = cycles(edges)
    for path in found:
        assert path[0] == path[-1]
        assert all(b in edges[a] for a, b in itertools.pairwise(path))
        assert len(set(path[1:])) == len(path) - 1
    parts = {frozenset(m for m in on_cycle if m in naive_ancestors(edges, n) and n in naive_ancestors(edges, m)) for n in on_cycle}
    assert len(found) == len(parts)
    assert {next(p for p in parts if path[0] in p) for path in found} == parts


# handlers on one ring; each may come after those before it in the list, in any order and redundantly
CHAINS = st.lists(st.lists(st.integers(0, 11), max_size=5), min_size=1, max_size=12)


@settings(max_examples=300, deadline=None)
@given(CHAINS)
def test_what_is_waited_for_says_all_and_no_more(chains):
    stages = [
        Node(name=f"h{i}", kind="handler", on="main", after=tuple(dict.fromkeys(f"h{a}" for a in after if a < i)))
        for i, after in enumerate(chains)
    ]
    full = {s.name: s.after for s in stages}
    waits = waits_for(stages)
    for stage in stages:
        assert ancestors(waits, stage.name) == ancestors(full, stage.name)
        for one in waits[stage.name]:  # none can be left out
            fewer = {**waits, stage.name: tuple(w for w in waits[stage.name] if w != one)}
            assert one not in ancestors(fewer, stage.name)
    leaves = gates(stages)["main"]
    covered = set(leaves).union(*(ancestors(full, leaf) for leaf in leaves))
    assert covered == {s.name for s in stages}
    assert not any(leaf in ancestors(full, s.name) for leaf in leaves for s in stages)


def test_gates_are_told_ring_by_ring():
    stages = [
        Node(name="source", kind="source", writes=("frames",)),
        Node(name="decode", kind="handler", on="frames"),
        Node(name="book", kind="handler", on="main"),
        Node(name="risk", kind="handler", on="main", after=("book",)),
        Node(name="journal", kind="handler", on="main"),
    ]
    assert gates(stages) == {"frames": ("decode",), "main": ("risk", "journal")}
