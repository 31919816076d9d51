"""Cycles and ancestors against brute force."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from hydraflow.topology.graph import ancestors, cycles

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
