"""disruptor.aio: publishing from tasks: rings that are full, errors, cancelling."""

from __future__ import annotations

import asyncio
import gc
import threading

import numpy as np
import pytest

from disruptor import Disruptor, GraphError, HandlerError, RingBuffer, WaitTimeout, aio
from disruptor.errors import CapacityError
from tests.reference.streams import FIELDS, helpers, run


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    gc.collect()
    assert helpers() == []


@pytest.fixture(params=["single", "multi"])
def ring(request):
    return RingBuffer(FIELDS, 64, producers=request.param)



@pytest.mark.parametrize("how", ["columns", "records", "events"])
def test_publishing_into_a_full_ring_does_not_stop_the_loop(ring, how):
    async def send():
        if how == "columns":
            return await aio.publish(ring, value=np.arange(300), twice=1)
        if how == "records":
            records = np.zeros(300, ring.fields)
            records["value"], records["twice"] = np.arange(300), 1
            return await aio.publish(ring, records)
        for value in range(300):
            last = await aio.publish_event(ring, _fill, value)
        return last

    async def main():
        ticks = 0
        poller = ring.new_poller()
        task = asyncio.create_task(send())
        seen = []
        while len(seen) < 300:
            if ring.remaining_capacity() == 0 and not seen:
                for _ in range(5):  # the ring is full, and the loop goes on
                    await asyncio.sleep(0.005)
                    ticks += 1
                assert not task.done()
            batch = poller.take_batch(40)
            seen += batch["value"].tolist()
            assert (batch["twice"] == 1).all()
            await asyncio.sleep(0.001)
        poller.close()
        return await task, seen, ticks

    assert run(main()) == (299, list(range(300)), 5)


def _fill(event, sequence, value):
    event.value, event.twice = value, 1


def test_two_tasks_publish_into_one_ring(ring):
    async def main():
        async with aio.events(ring, count=400) as stream:
            tasks = [asyncio.create_task(aio.publish(ring, value=np.arange(k, 400, 2))) for k in (0, 1)]
            seen = [int(e.value) async for e in stream]
            await asyncio.gather(*tasks)
        return seen

    seen = run(main())
    assert sorted(seen) == list(range(400))
    assert [v for v in seen if v % 2] == list(range(1, 400, 2))


def test_publish_says_who_keeps_the_ring_full(ring):
    async def main():
        poller = ring.new_poller()
        with pytest.raises(WaitTimeout) as caught:
            await aio.publish(ring, value=np.arange(65), timeout=0.03)
        assert ring.sequencer.claimed == ring.sequencer.published() == 63
        poller.close()
        return str(caught.value)

    assert run(main()) == "ring 'ring': no room for 1 of 64 slots within 0.03 s; a poller is at -1, 64 behind"


def test_a_cancelled_publish_claims_nothing(ring):
    async def main():
        poller = ring.new_poller()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.03):
                await aio.publish(ring, value=np.arange(100))
        assert ring.sequencer.claimed == ring.sequencer.published() == 63
        assert poller.take_batch()["value"].tolist() == list(range(64))
        assert await aio.publish(ring, value=[1, 2]) == 65
        poller.close()

    run(main())


def test_publishing_is_told_that_a_handler_died():
    release = threading.Event()

    def fail(batch, first_sequence):
        release.wait()
        raise ValueError("broken")

    async def main():
        graph = Disruptor(FIELDS, 64).then(fail).start()
        asyncio.get_running_loop().call_later(0.05, release.set)
        with pytest.raises(HandlerError, match="handler 'fail' failed at sequence 0: ValueError: broken"):
            await aio.publish(graph, value=np.arange(1000))
        graph.halt()

    run(main())


def test_a_full_ring_of_a_graph_that_is_not_started_is_an_error():
    async def main():
        graph = Disruptor(FIELDS, 64).then(lambda batch, first: None)
        await aio.publish(graph, value=np.arange(65))

    with pytest.raises(GraphError, match="ring 'ring' is full, and nothing empties it"):
        run(main())


def test_rings_with_a_policy_never_wait():
    async def main():
        ring = RingBuffer(FIELDS, 64, when_full="drop")
        poller = ring.new_poller()
        await aio.publish(ring, value=np.arange(70))
        assert await aio.publish_event(ring, _fill, 1) == -1
        poller.close()
        return ring.dropped

    assert run(main()) == 7


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda r: aio.events(r, count=0), "a stream's count must be >= 1, got 0"),
        (lambda r: aio.batches(r, batch_limit=-1), "a stream's batch_limit must be >= 1, got -1"),
        (lambda r: aio.batches(r, timeout=-1), "a stream's timeout must be >= 0 seconds, got -1"),
        (lambda r: run(aio.publish(r)), "ring 'ring': publish an array of records or field=array, …; got neither"),
        (lambda r: run(aio.publish(r, valu=1)), "ring 'ring' has the fields value, twice, got ['valu']"),
        (lambda r: run(aio.publish(r, value=[1, 2], twice=[1, 2, 3])), "'value' has 2 elements, another field 3"),
        (lambda r: run(aio.publish(r, np.zeros(2, [("x", "f8")]))),
         "ring 'ring': its records are [('value', '<i8'), ('twice', '<i8')], got an array of [('x', '<f8')]"),
    ],
)
def test_bad_input(ring, call, text):
    with pytest.raises(CapacityError) as caught:
        call(ring)
    assert str(caught.value) == text
    assert ring.sequencer.gating_sequences == ()
