"""Between two layers: no two lines lie on each other, whatever the columns."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from hydraflow.picture.channel import Bundle, tracks_of


@st.composite
def channels(draw):
    """Bundles whose tops are different columns and whose bottoms are, of all of them together."""
    count = draw(st.integers(1, 6))
    columns = st.integers(0, 9)
    tops = draw(st.lists(columns, min_size=count, max_size=count, unique=True))
    bottoms = draw(st.lists(columns, min_size=count, max_size=10, unique=True))
    shares = [bottoms[n::count] for n in range(count)]
    return [Bundle(top, tuple(share)) for top, share in zip(tops, shares, strict=True)]


def cells(bundle, tracks):
    """Return {cell: the directions in which the bundle runs there}."""
    out: dict[tuple[int, int], set[str]] = {}
    for end, column in enumerate(bundle.bottoms):
        for (a, c), (b, d) in pairwise([(-1, bundle.top), *bundle.way(end), (tracks, column)]):
            assert a == b or c == d
            for row in range(min(a, b), max(a, b) + 1):
                for across in range(min(c, d), max(c, d) + 1):
                    out.setdefault((row, across), set()).add("down" if c == d else "across")
    return out


@settings(max_examples=400, deadline=None)
@given(channels())
def test_lines_of_different_bundles_only_cross(bundles):
    tracks = tracks_of(bundles)
    drawn = [cells(bundle, tracks) for bundle in bundles]
    for number, one in enumerate(drawn):
        for other in drawn[number + 1 :]:
            for cell in one.keys() & other.keys():
                assert sorted([*one[cell], *other[cell]]) == ["across", "down"], f"{bundles} at {cell}"


@settings(max_examples=100, deadline=None)
@given(channels())
def test_a_way_only_leads_down(bundles):
    tracks_of(bundles)
    for bundle in bundles:
        for end in range(len(bundle.bottoms)):
            rows = [row for row, _ in bundle.way(end)]
            assert rows == sorted(rows)


def test_each_of_several_rings_of_waiting_gets_a_column_of_its_own():
    bundles = [Bundle(a, (b,)) for a, b in ((0, 1), (1, 0), (4, 5), (5, 4), (8, 9), (9, 8))]
    tracks = tracks_of(bundles)
    drawn = [cells(bundle, tracks) for bundle in bundles]
    assert all(sorted([*one[c], *other[c]]) == ["across", "down"]
               for n, one in enumerate(drawn) for other in drawn[n + 1 :] for c in one.keys() & other.keys())
