"""Other processes read a shared ring, in every way, whole and in order; the owner is held back by those that gate."""

from __future__ import annotations

import os

import numpy as np
import pytest

from disruptor import Disruptor, ForkError, GraphError, OwnerGone, Sequence, SharedRingError, WaitTimeout, shared
from tests.reference.shared_guests import FIELDS, adding
from tests.reference.shared_processes import Guest, await_

COUNT = 5000
KINDS = [("single", "cursor"), ("single", "record"), ("multi", "record"), ("multi", "flags")]


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


def publish(ring, count=COUNT):
    numbers = np.arange(count)
    for part in np.array_split(numbers, 11):
        ring.publish(number=part, twice=2 * part, whose=0)


@pytest.mark.parametrize("role", ["follow", "batches", "poller", "streaming", "chain"])
def test_another_process_reads_everything_in_order(start, tmp_path, role):
    with shared.create("ticks", FIELDS, slots=256, folder=tmp_path) as ring:
        guest = start(role, "ticks", tmp_path)
        assert guest.hear() == {"attached": True}
        assert [c.pid for c in ring.clients() if c.role == "consumer"][:1] == [guest.pid]
        publish(ring)
    found = guest.hear()
    assert found.pop("numbers") == list(range(COUNT))
    assert found in ({}, {"orderly": True}, {"behind": True, "second": COUNT})
    assert not ring.file.path.exists()


@pytest.mark.parametrize("producers, availability", KINDS)
def test_a_compiled_handler_of_another_process(start, tmp_path, producers, availability):
    with shared.create(
        "ticks", FIELDS, slots=256, producers=producers, availability=availability, folder=tmp_path
    ) as ring:
        guests = [start("compiled", "ticks", tmp_path) for _ in range(2)]
        for guest in guests:
            assert guest.hear() == {"attached": True}
        with Disruptor(ring).then(adding) as graph:
            publish(ring)
        assert graph.state(adding)["count"] == COUNT
    for guest in guests:
        assert guest.hear() == {"count": COUNT, "sum": COUNT * (COUNT - 1) // 2, "wrong": 0}


def test_given_up_records_are_passed_by_in_every_process(start, tmp_path):
    with shared.create("ticks", FIELDS, slots=256, producers="multi", folder=tmp_path) as ring:
        guest = start("follow", "ticks", tmp_path)
        guest.hear()
        low = ring.next(3) - 2
        ring.publish(number=7, twice=14, whose=0)
        ring.sequencer.abort(low, low + 2)
    assert guest.hear() == {"numbers": [7]}


def test_an_observer_holds_nobody_back_and_counts_what_it_misses(start, tmp_path):
    with shared.create("ticks", FIELDS, slots=64, folder=tmp_path) as ring:
        guest = start("observer", "ticks", tmp_path)
        guest.hear()
        assert ring.sequencer.gating_sequences == ()
        publish(ring, 100_000)
    found = guest.hear()
    assert found["seen"] + found["lost"] == 100_000
    assert found["wrong"] == 0


def test_a_ring_that_overwrites_has_observers_in_other_processes(start, tmp_path):
    with shared.create("ticks", FIELDS, slots=64, when_full="overwrite", folder=tmp_path) as ring:
        guest = start("observer", "ticks", tmp_path)
        guest.hear()
        publish(ring, 1000)
    found = guest.hear()
    assert found["seen"] + found["lost"] == 1000


def test_the_owner_waits_for_a_consumer_of_another_process_and_says_so(tmp_path):
    with shared.create("ticks", FIELDS, slots=64, folder=tmp_path) as ring:
        with shared.attach("ticks", FIELDS, folder=tmp_path, label="slow one") as guest:
            poller = guest.new_poller()
            ring.publish(number=np.arange(64), twice=0, whose=0)
            with pytest.raises(WaitTimeout) as error:
                ring.next(timeout=0.01)
            assert f"consumer 'slow one' of process {os.getpid()} is at -1, 64 behind" in str(error.value)
            assert len(poller.take_batch(10)) == 10
            assert ring.next(timeout=60) == 64
            ring.sequencer.abort(64)
            assert [c.label for c in ring.clients()] == ["slow one"]
            poller.close()
            await_(lambda: ring.remaining_capacity() == 64)


def test_leaving_with_lets_go_of_every_consumer(tmp_path):
    with shared.create("ticks", FIELDS, slots=64, folder=tmp_path) as ring:
        with shared.attach("ticks", FIELDS, folder=tmp_path) as guest:
            guest.new_poller()
            follower = guest.follow()
            assert len(ring.sequencer.gating_sequences) == 2
        await_(lambda: not ring.sequencer.gating_sequences)
        del follower


def test_a_place_comes_back_when_its_consumer_is_gone(tmp_path):
    with shared.create("ticks", FIELDS, slots=64, seats=2, folder=tmp_path) as ring:
        guest = shared.attach("ticks", FIELDS, folder=tmp_path)
        for _ in range(5):
            poller = guest.new_poller()
            assert len(ring.clients()) == 1
            poller.close()
            del poller
            await_(lambda: not ring.clients())
        pollers = [guest.new_poller() for _ in range(2)]
        with pytest.raises(SharedRingError) as error:
            guest.new_poller()
        assert str(error.value) == (
            "ring 'ticks': all 2 places for consumers of other processes are taken; make it with seats=64"
        )
        assert len(pollers) == 2
        guest.close()


@pytest.mark.parametrize("producers", ["single", "multi"])
def test_a_ring_of_another_process_is_not_published_into(tmp_path, producers):
    with shared.create("ticks", FIELDS, slots=64, producers=producers, folder=tmp_path):
        guest = shared.attach("ticks", FIELDS, folder=tmp_path)
        said = f"ring 'ticks' has one producer, its owner, process {os.getpid()}: attach with producer=True to publish"
        for attempt in (
            guest.next, guest.try_next, lambda: guest.publish(number=1),
            lambda: guest.publish(np.zeros(3, guest.fields)), lambda: guest.publish().__enter__(),
        ):
            with pytest.raises(GraphError, match=said):
                attempt()
        with pytest.raises(GraphError, match="has one producer, the handler 'its owner"):
            Disruptor(guest).produce(adding)
        with pytest.raises(GraphError, match="only a new owner starts it again"):
            guest.reset()
        guest.close()


def test_a_sequence_of_one_process_cannot_gate_another(tmp_path):
    with shared.create("ticks", FIELDS, slots=64, folder=tmp_path):
        guest = shared.attach("ticks", FIELDS, folder=tmp_path)
        with pytest.raises(GraphError, match=r"cannot see this sequence; take one of ring.new_sequence\(\)"):
            guest.add_gating_sequences(Sequence())
        guest.close()


def test_a_closed_ring_is_read_to_its_end(tmp_path):
    ring = shared.create("ticks", FIELDS, slots=64, folder=tmp_path)
    guest = shared.attach("ticks", FIELDS, folder=tmp_path)
    follower, poller = guest.follow(), guest.new_poller()
    assert guest.join(timeout=0.01) is False
    ring.publish(number=np.arange(10), twice=0, whose=0)
    ring.close()
    assert guest.join() is True
    await_(lambda: guest.sequencer.ended)
    assert [int(e["number"]) for e in follower] == list(range(10))
    assert len(poller.take_batch(timeout=60)) == 10
    with pytest.raises(OwnerGone) as error:
        poller.take_batch(timeout=60)
    assert str(error.value) == (
        f"ring 'ticks': its owner, process {os.getpid()}, has closed it; attach again when the next owner has made it"
    )
    guest.close()


def test_memory_stays_while_anybody_holds_it(tmp_path):
    ring = shared.create("ticks", FIELDS, slots=64, folder=tmp_path)
    guest = shared.attach("ticks", FIELDS, folder=tmp_path)
    follower = guest.batches()
    ring.publish(number=np.arange(10), twice=0, whose=0)
    batch = next(follower)
    guest.close()
    ring.close()
    del ring, guest, follower
    assert list(batch["number"]) == list(range(10))


def test_waiting_for_an_owner_that_comes_later(start, tmp_path):
    guest = start("owning", "ticks", tmp_path, 10)
    with shared.attach("ticks", FIELDS, folder=tmp_path, timeout=None) as ring:
        guest.hear()
        follower = ring.follow(count=10)
        guest.tell()
        assert [int(e["number"]) for e in follower] == list(range(10))


def test_follow_ends_by_count_and_by_time(tmp_path):
    with shared.create("ticks", FIELDS, slots=64, folder=tmp_path) as ring:
        with ring.follow(count=3) as follower:
            ring.publish(number=np.arange(10), twice=0, whose=0)
            assert [int(e["number"]) for e in follower] == [0, 1, 2]
        with pytest.raises(WaitTimeout, match=r"sequence 10 was not to be read within 0\.01 s"):
            next(ring.follow(timeout=0.01))


def test_a_fork_after_attaching_is_the_library_s_error(tmp_path):
    with shared.create("ticks", FIELDS, slots=64, folder=tmp_path) as ring:
        guest = shared.attach("ticks", FIELDS, folder=tmp_path)
        lane = shared.attach("ticks", FIELDS, producer=True, folder=tmp_path)
        poller, follower = guest.new_poller(), guest.follow()
        attempts = [
            lambda: ring.publish(number=1), guest.new_poller, lambda: next(follower), poller.take_batch,
            lambda: lane.publish(number=1), ring.collect, ring.new_poller,
        ]
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            seen = b""
            for attempt in attempts:
                try:
                    attempt()
                    seen += b"."
                except ForkError:
                    seen += b"F"
                except BaseException:
                    seen += b"?"
            for thing in (ring, guest, lane):
                thing.close()  # the parent's: nothing happens
            os.write(write, seen)
            os._exit(0)
        os.waitpid(pid, 0)
        assert os.read(read, 100) == b"F" * len(attempts)
        os.close(read), os.close(write)
        assert ring.file.path.exists()
        ring.publish(number=5, twice=10, whose=0)
        assert int(next(follower)["number"]) == 5
        lane.publish(number=6, twice=12, whose=0)
        assert len(ring.collect()) == 1
        guest.close()
        lane.close()


def test_a_forked_child_attaches_by_itself(tmp_path):
    with shared.create("ticks", FIELDS, slots=64, folder=tmp_path) as ring:
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                with shared.attach("ticks", FIELDS, folder=tmp_path) as guest:
                    follower = guest.follow(count=1)
                    os.write(write, b"a")
                    os.write(write, str(int(next(follower)["number"])).encode())
            finally:
                os._exit(0)
        assert os.read(read, 1) == b"a"
        ring.publish(number=5, twice=10, whose=0)
        assert os.read(read, 1) == b"5"
        os.waitpid(pid, 0)
        os.close(read), os.close(write)
