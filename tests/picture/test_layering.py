"""Layers: as early as possible, sources beside their first reader, and no wider than asked for."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hydraflow.picture.layering import layers_of, orient


def test_a_box_stands_behind_everything_it_follows_and_a_late_source_beside_its_reader():
    #       0 → 1 → 2 → 3,  4 → 3,  0 → 3
    assert layers_of([[1, 3], [2], [3], [], [3]], [1] * 5) == [0, 1, 2, 3, 2]


def test_a_full_layer_leaves_the_rest_to_the_next():
    assert layers_of([[1, 2, 3, 4], [], [], [], []], [5] * 5, limit=12) == [0, 1, 1, 2, 2]


def test_lines_that_pass_take_room():
    assert layers_of([[3], [4], [5], [], [], []], [4] * 6, limit=14, passing=2) == [0, 0, 0, 1, 1, 2]
    assert layers_of([[3], [4], [5], [], [], []], [4] * 6, limit=14, passing=0) == [0, 0, 0, 1, 1, 1]


def test_feedback_goes_back_and_so_does_what_closes_another_cycle():
    assert orient(3, [(0, 1, False), (1, 2, False), (2, 0, True)]) == [False, False, True]
    assert orient(3, [(0, 1, False), (1, 2, False), (2, 1, False)]) == [False, False, True]


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 10).flatmap(lambda n: st.tuples(st.just(n), st.lists(
    st.tuples(st.integers(0, n - 1), st.integers(0, n - 1), st.booleans()).filter(lambda e: e[0] != e[1]), max_size=25,
    unique_by=lambda e: e[:2]))), st.sampled_from((None, 3, 8)))
def test_turned_round_no_edge_leads_upwards(graph, limit):
    count, edges = graph
    back = orient(count, edges)
    followers = [[] for _ in range(count)]
    for (source, target, _), turned in zip(edges, back, strict=True):
        upper, lower = (target, source) if turned else (source, target)
        followers[upper].append(lower)
    layer = layers_of([sorted(set(f)) for f in followers], [2] * count, limit)
    assert all(layer[upper] < layer[lower] for upper in range(count) for lower in followers[upper])
    assert set(layer) == set(range(max(layer) + 1)) or limit is None
