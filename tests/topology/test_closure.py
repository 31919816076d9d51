"""The closure of a graph, against walking it from every stage; and how much is looked at for that."""

from __future__ import annotations

import random

import pytest

from hydraflow.topology.closure import closure
from hydraflow.topology.graph import Node, ancestors, waits_for


def graph(chance: random.Random, size: int, links: int) -> dict[str, list[str]]:
    names = [f"n{number}" for number in range(size)]
    edges: dict[str, list[str]] = {name: [] for name in names}
    for _ in range(links):
        edges[chance.choice(names)].append(chance.choice(names))
    return edges


@pytest.mark.parametrize("seed", range(200))
def test_the_closure_is_what_walking_finds(seed):
    chance = random.Random(seed)
    size = chance.randrange(1, 14)
    edges = graph(chance, size, chance.randrange(0, 3 * size))
    reach = closure(edges)
    for later in edges:
        expected = ancestors(edges, later)
        assert reach.ancestors(later) == expected
        assert {earlier for earlier in edges if reach.before(earlier, later)} == expected


def test_names_that_are_only_waited_for_come_before_as_well():
    reach = closure({"b": ["a"], "c": ["b"]})
    assert reach.ancestors("c") == {"a", "b"} and reach.ancestors("a") == set()
    assert not reach.before("z", "a") and not reach.before("a", "z")


def test_every_edge_is_looked_at_once():
    """A chain with shortcuts: walking from each stage would look at the edges again and again."""
    edges = {f"n{i}": [f"n{j}" for j in range(max(0, i - 8), i)] for i in range(1000)}
    assert closure(edges).edges_seen == sum(map(len, edges.values()))
    ring = {f"n{i}": [f"n{(i + 1) % 1000}"] for i in range(1000)}
    reach = closure(ring)
    assert reach.edges_seen == 1000
    assert len(reach.ancestors("n0")) == 1000


def test_a_very_long_chain_is_no_recursion():
    edges = {f"n{i}": [f"n{i - 1}"] if i else [] for i in range(20_000)}
    assert closure(edges).sets["n19999"].bit_count() == 19_999


def test_superfluous_waits_are_left_out():
    stages = [Node(name="a", kind="handler"), Node(name="b", kind="handler", after=("a",)),
              Node(name="c", kind="handler", after=("a", "b"))]
    assert waits_for(stages)["c"] == ("b",)
