"""Waits from Python: who is woken by a publication under the GIL does not ask for the GIL before it is given up."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from disruptor import RingBuffer, lookout
from disruptor.lookout import GIL_HELD, Lookout
from disruptor.sequence import CELLS, take_cells
from disruptor.wait import Wait

FIELDS = [("value", "i8")]


@pytest.fixture
def ring():
    return RingBuffer(FIELDS, 8, wait="busy-spin")


@pytest.mark.parametrize("publish", [
    lambda ring: ring.publish(np.zeros(1, ring.fields)),
    lambda ring: ring.publish(value=3),
    lambda ring: ring.publish_event(lambda event, sequence: None),
    lambda ring: ring.publish(ring.next()),
])
@pytest.mark.parametrize("producers", ["single", "multi"])
def test_a_publication_under_the_gil_says_so_and_a_wait_takes_it_back(publish, producers):
    ring = RingBuffer(FIELDS, 8, producers=producers)
    poller = ring.new_poller()
    publish(ring)
    assert CELLS[GIL_HELD] == 1
    poller.barrier.await_(0, 0)  # another thread of Python may run now
    assert CELLS[GIL_HELD] == 0


def test_who_finds_a_record_while_it_spins_lets_the_publisher_come_to_its_end(ring):
    """The publisher holds the GIL hint for ever: the wait ends all the same, after a bounded courtesy."""
    barrier = ring.new_barrier()
    waits = Lookout(ring.sequencer.base, ring.sequencer.marks, barrier.upstream, Wait.busy_spin(), barrier.alert_word)
    got = []
    waiter = threading.Thread(target=lambda: got.append(waits.until(0, 20_000_000_000)))
    waiter.start()
    ring.publish(value=7)  # and no wait of this thread follows
    waiter.join(20)
    assert got == [0]


@pytest.mark.parametrize(("held_for", "turns"), [(0, 0), (3, 3), (10**9, lookout._COURTESY_TURNS)])
def test_courtesy_ends_when_the_gil_is_free_or_when_it_has_lasted_long_enough(monkeypatch, held_for, turns):
    function = getattr(lookout._until_gil_is_free, "py_func", lookout._until_gil_is_free)
    looks = []

    def load(cells, word):
        looks.append(word)
        return int(len(looks) <= held_for)

    monkeypatch.setitem(function.__globals__, "load_acquire", load)
    paused = []
    monkeypatch.setitem(function.__globals__, "pause", lambda: paused.append(1))
    function(np.zeros(8, np.int64))
    assert len(paused) == turns
    assert set(looks) <= {GIL_HELD}


def test_the_hint_lies_in_the_cell_that_is_never_a_sequence():
    assert take_cells(1).word != GIL_HELD == 0


def test_a_lookout_waits_as_long_as_it_is_told_on_every_call(ring):
    barrier = ring.new_barrier()
    waits = Lookout(ring.sequencer.base, ring.sequencer.marks, barrier.upstream, Wait.blocking(), barrier.alert_word)
    slices = []
    for _ in range(3):
        assert waits.until(0, 120_000_000, lambda: slices.append(1)) == -1
    assert len(slices) >= 3 * 2  # 50 ms each, and what remains
    barrier.alert()
    assert waits.until(0) == -1  # at once, for ever is the patience
