"""Producers of other processes: each has its lane; the owner takes them as arrays, or merges them into its ring."""

from __future__ import annotations

import gc
import os
import threading

import numpy as np
import pytest

from disruptor import Disruptor, GraphError, SharedRingError, WaitTimeout, shared
from disruptor.claims import CURSOR
from disruptor.sequence import CELLS
from tests.reference.shared_guests import FIELDS, adding
from tests.reference.shared_processes import Guest, await_

COUNT = 3000


@pytest.fixture
def start():
    """Start guests; end them when the test is over."""
    guests = []

    def begin(role, name, folder, *arguments):
        guests.append(Guest(role, name, folder, *arguments))
        return guests[-1]

    yield begin
    for guest in guests:
        guest.end()


def started(start, tmp_path, count=3):
    guests = [start("producer", "orders", tmp_path, whose, COUNT) for whose in range(count)]
    for guest in guests:
        assert guest.hear() == {"attached": True}
    for guest in guests:
        guest.tell()
    return guests


def test_the_owner_collects_from_all_in_the_order_of_each(start, tmp_path):
    with shared.create("orders", FIELDS, slots=64, lanes=4, lane_slots=128, folder=tmp_path) as ring:
        guests = started(start, tmp_path)
        parts = []
        while sum(map(len, parts)) < 3 * COUNT:
            parts.append(ring.collect(500, timeout=60))
            assert 0 < len(parts[-1]) <= 500
        whole = np.concatenate(parts)
        for whose, guest in enumerate(guests):
            mine = whole[whole["whose"] == whose]
            assert list(mine["number"]) == list(range(COUNT))
            assert (mine["twice"] == 2 * mine["number"]).all()
            assert guest.hear() == {"published": COUNT}
        assert len(ring.collect(timeout=0.01)) == 0
        assert sorted(c.label for c in ring.clients()) == ["producer 0", "producer 1", "producer 2"]


@pytest.mark.parametrize("producers", ["single", "multi"])
def test_merged_they_have_one_order_for_every_process(start, tmp_path, producers):
    with shared.create("orders", FIELDS, slots=256, producers=producers, lane_slots=128, folder=tmp_path) as ring:
        readers = [start(role, "orders", tmp_path) for role in ("follow", "batches")]
        for reader in readers:
            assert reader.hear() == {"attached": True}
        with Disruptor(ring).then(adding) as graph:
            with ring.merge():
                guests = started(start, tmp_path)
                for guest in guests:
                    guest.hear()
            graph.drain()
            assert graph.state(adding)["count"] == 3 * COUNT
            assert graph.state(adding)["wrong"] == 0
    first, second = (reader.hear()["numbers"] for reader in readers)
    assert first == second
    assert sorted(first) == sorted(list(range(COUNT)) * 3)


def test_while_lanes_are_merged_nobody_else_publishes_into_a_ring_of_one_producer(tmp_path):
    with shared.create("orders", FIELDS, slots=64, folder=tmp_path) as ring:
        with ring.merge():
            with pytest.raises(GraphError, match="has one producer, the thread that merges its lanes"):
                ring.publish(number=1)
            with pytest.raises(GraphError, match="its lanes are merged into it; read the ring itself"):
                ring.collect()
            with pytest.raises(GraphError, match="its lanes are merged into it already"):
                ring.merge()
        ring.publish(number=1, twice=2, whose=0)
        with pytest.raises(GraphError, match="let it wait by busy-spin, yielding or sleeping"):
            ring.merge(wait="blocking")


def test_a_compiled_handler_publishes_from_the_ring_into_a_lane(start, tmp_path):
    with shared.create("orders", FIELDS, slots=64, folder=tmp_path) as ring:
        guest = start("between", "orders", tmp_path)
        assert guest.hear() == {"attached": True}
        numbers = np.arange(50)
        ring.publish(number=numbers, twice=2 * numbers, whose=0)
        found = ring.collect(50, timeout=60)
        while len(found) < 50:
            found = np.concatenate([found, ring.collect(50, timeout=60)])
        assert list(found["number"]) == list(2 * numbers)
        assert list(found["whose"]) == list(numbers)


def test_a_lane_is_full_until_the_owner_reads_and_says_who(tmp_path):
    with shared.create("orders", FIELDS, slots=64, lane_slots=8, folder=tmp_path) as ring:
        with shared.attach("orders", FIELDS, producer=True, folder=tmp_path) as lane:
            lane.publish(number=np.arange(8), twice=0, whose=0)
            assert lane.unread == 8
            with pytest.raises(WaitTimeout, match=rf"the owner, process {os.getpid()}, is at -1, 8 behind"):
                lane.next(timeout=0.01)
            assert len(ring.collect(3)) == 3
            assert lane.next(3, timeout=60) == 10
            lane.sequencer.abort(8, 10)


def test_lanes_run_out_and_come_back(tmp_path):
    with shared.create("orders", FIELDS, slots=64, lanes=1, folder=tmp_path) as ring:
        lane = shared.attach("orders", FIELDS, producer=True, folder=tmp_path)
        with pytest.raises(SharedRingError) as error:
            shared.attach("orders", FIELDS, producer=True, folder=tmp_path)
        assert str(error.value) == (
            "ring 'orders': all 1 lanes for producers of other processes are taken; make it with lanes=8"
        )
        lane.publish(number=1, twice=2, whose=0)
        lane.next(5)
        lane.close()
        with pytest.raises(SharedRingError, match="this process has closed its lane; attach again"):
            lane.publish(number=1)
        del lane, error
        gc.collect()  # the errors that were raised hold frames
        await_(lambda: not ring.clients())
        with shared.attach("orders", FIELDS, producer=True, folder=tmp_path) as lane:
            lane.publish(number=2, twice=4, whose=0)
            assert list(ring.collect()["number"]) == [1, 2]


def test_a_place_comes_back_from_a_cycle_that_is_collected(tmp_path):
    """A collection finalizes what is in a cycle in any order: the memory of the cells may not go before the place is given back."""
    with shared.create("orders", FIELDS, slots=64, lanes=1, seats=1, folder=tmp_path) as ring:
        for _ in range(12):
            lane, reader = (shared.attach("orders", FIELDS, producer=producer, folder=tmp_path) for producer in (True, False))
            lane.itself, reader.itself, reader.sequence = lane, reader, reader.new_sequence()
            lane.close()
            reader.close()
            assert len(ring.clients()) == 2
            del lane, reader
            await_(lambda: not ring.clients())


def test_a_ring_without_lanes_says_so(tmp_path):
    with shared.create("orders", FIELDS, slots=64, lanes=0, folder=tmp_path) as ring:
        with pytest.raises(GraphError, match="has no lanes for producers of other processes; make it with lanes=…"):
            ring.collect()
        with pytest.raises(SharedRingError, match="it has no lanes for producers of other processes; make it with lanes=8"):
            shared.attach("orders", FIELDS, producer=True, folder=tmp_path)


def test_a_lane_is_read_by_its_owner_alone(tmp_path):
    with shared.create("orders", FIELDS, slots=64, folder=tmp_path):
        with shared.attach("orders", FIELDS, producer=True, folder=tmp_path) as lane:
            with pytest.raises(GraphError, match="a lane is read by its owner"):
                lane.new_poller()


@pytest.mark.parametrize("producers", ["single", "multi"])
def test_a_merger_that_ends_while_the_ring_is_full_waits_for_consumers_that_move(tmp_path, producers):
    with shared.create("orders", FIELDS, slots=8, producers=producers, lane_slots=64, folder=tmp_path) as ring:
        with shared.attach("orders", FIELDS, producer=True, folder=tmp_path) as lane, ring.new_poller() as poller:
            lane.publish(number=np.arange(40), twice=0, whose=0)
            merger = ring.merge()
            await_(lambda: ring.remaining_capacity() == 0)
            ending = threading.Thread(target=merger.close)
            ending.start()
            await_(lambda: CELLS[merger._control.word] == 1)
            got: list[int] = []
            while ending.is_alive() or poller.available:
                got += poller.take_batch(4, timeout=0.01)["number"].tolist()
            assert got == list(range(40))


def test_a_merger_that_ends_while_consumers_stand_still_says_what_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr("disruptor.shared.lanes._FULL_SECONDS", 0.05)
    ring = shared.create("orders", FIELDS, slots=8, lane_slots=64, folder=tmp_path)
    with shared.attach("orders", FIELDS, producer=True, folder=tmp_path) as lane, ring.new_poller() as poller:
        lane.publish(number=np.arange(40), twice=0, whose=0)
        ring.merge()
        await_(lambda: ring.remaining_capacity() == 0)
        with pytest.raises(WaitTimeout, match=r"ring 'orders': 32 records of other processes have not come into it .*a poller is at -1, 8 behind"):
            ring.close()
        assert list(tmp_path.iterdir()) == []
        assert poller.take_batch()["number"].tolist() == list(range(8)) and lane.unread == 32


def test_a_wait_that_there_is_not_costs_no_lane(tmp_path):
    with shared.create("orders", FIELDS, slots=64, lanes=1, folder=tmp_path) as ring:
        for _ in range(3):
            with pytest.raises(GraphError, match="dozing"):
                shared.attach("orders", FIELDS, producer=True, wait="dozing", folder=tmp_path)
        assert ring.clients() == []
        with shared.attach("orders", FIELDS, producer=True, folder=tmp_path) as lane:
            lane.publish(number=1, twice=2, whose=0)
            assert list(ring.collect()["number"]) == [1]


@pytest.mark.parametrize("ahead", [65, 1 << 40, -5])
def test_a_cursor_that_a_producer_cannot_have_set_makes_the_owner_read_its_lane_at_most(tmp_path, ahead):
    with shared.create("orders", FIELDS, slots=64, lanes=1, lane_slots=64, folder=tmp_path) as ring:
        with shared.attach("orders", FIELDS, producer=True, folder=tmp_path):
            block = ring.file.cells.lane_blocks[0].word
            CELLS[block + CURSOR] = ahead
            found = ring.collect()
            assert len(found) == (64 if ahead > 0 else 0)
