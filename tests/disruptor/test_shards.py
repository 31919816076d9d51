"""A loop's handlers that own a share of the records: each record is seen once, in order, and each share has its end."""

from __future__ import annotations

import numpy as np
import pytest

from disruptor.codegen import build_loop
from disruptor.loop_writer import identifier
from disruptor.shard import Shard
from tests.reference.kernels_shards import owner
from tests.reference.loop_driver import OneTurn

VALUES = np.array([5, -1, 0, 7, 7, 12, -4, 3, 8, 8, 0, 1], np.int64)


def turn(count, values=VALUES):
    handlers = [owner.using(name=f"owner/{k}") for k in range(count)]
    shards = {h.name: Shard(field="value", index=k, count=count) for k, h in enumerate(handlers)}
    one = OneTurn([("value", "i8"), ("calls", "i8")], handlers, values, f"shards{count}", shards)
    assert build_loop(one.source).run() == 0
    return one


@pytest.mark.parametrize("count", [2, 3])
def test_each_record_is_seen_by_its_owner_once_and_in_order(count):
    one = turn(count)
    assert one.ring.records["calls"][: len(VALUES)].tolist() == [1] * len(VALUES)
    for k in range(count):
        own = [i for i, v in enumerate(VALUES.tolist()) if v % count == k]
        state = one.states[f"owner/{k}"][0]
        assert (int(state["calls"]), int(state["sum"])) == (len(own), sum(int(VALUES[i]) for i in own))
        assert (int(state["ends"]), int(state["last_end"])) == (1, own[-1]), "the end of the batch is the last record that is its own"
    assert one.cursors == [len(VALUES) - 1] * count, "those of others count as handled"
    assert one.counts == [sum(v % count == k for v in VALUES.tolist()) for k in range(count)], "histograms count calls"


def test_a_shard_that_owns_nothing_at_hand_moves_on():
    one = turn(2, np.zeros(4, np.int64))
    assert one.cursors == [3, 3] and one.counts == [4, 0]
    assert int(one.states["owner/1"][0]["calls"]) == 0


def test_two_names_never_become_one_in_a_loop():
    names = ["a-b", "a_b", "a.b", "a/b", "a_x2d_b", "a_x5f_x2d_b", "x", "_x", "ab"]
    assert len({identifier(n) for n in names}) == len(names)
    assert all(identifier(n).isidentifier() for n in names)
    assert identifier("market_maker") == "market_maker"


@pytest.mark.parametrize("names", [("a-b", "a_b")])
def test_stages_whose_names_differ_in_a_sign_keep_their_own_state_and_place(names):
    one = OneTurn([("value", "i8"), ("calls", "i8")], [owner.using(name=n) for n in names], VALUES, "signs")
    assert build_loop(one.source).run() == 0
    assert one.ring.records["calls"][: len(VALUES)].tolist() == [2] * len(VALUES)
    assert [int(one.states[n][0]["calls"]) for n in names] == [len(VALUES)] * 2
