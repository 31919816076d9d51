"""disruptor.aio: streams and publishing in asyncio, gated and lossy, cancelled, closed, full, idle."""

from __future__ import annotations

import asyncio
import gc
import threading
import time

import numpy as np
import pytest

from disruptor import Disruptor, HandlerError, RingBuffer, WaitTimeout, aio, handler
from disruptor.compiled import JIT_ENABLED
from disruptor.waiting import PARK_NS
from tests.reference.rest import sleeps_per_second
from tests.reference.streams import COUNT, FEW, FIELDS, Publishing, helpers, later, run


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    gc.collect()
    assert helpers() == []


@pytest.fixture(params=["single", "multi"])
def ring(request):
    return RingBuffer(FIELDS, 64, producers=request.param)


def test_events_come_each_once_and_in_order(ring):
    async def main():
        seen = []
        stream = aio.events(ring, count=COUNT)
        with Publishing(ring):
            async for event in stream:
                seen.append(int(event.value))
        return seen

    assert run(main()) == list(range(COUNT))
    assert ring.sequencer.gating_sequences == ()


def test_batches_are_views_of_the_ring_and_end_at_its_end(ring):
    async def main():
        parts = []
        async with aio.batches(ring, count=COUNT) as stream:
            with Publishing(ring):
                async for batch in stream:
                    assert np.shares_memory(batch, ring.records)
                    parts.append(batch["value"].copy())
        return parts

    parts = run(main())
    assert np.concatenate(parts).tolist() == list(range(COUNT))
    assert max(map(len, parts)) <= 64


def test_a_batch_limit_limits(ring):
    async def main():
        stream = aio.batches(ring, batch_limit=5, count=12)
        ring.publish(value=np.arange(12))
        return [len(batch) async for batch in stream]

    assert run(main()) == [5, 5, 2]


def test_a_stream_holds_its_producers_back_and_releases_one_by_one(ring):
    async def main():
        stream = aio.events(ring)
        ring.publish(value=np.arange(64))
        assert ring.remaining_capacity() == 0
        first = await anext(stream)
        assert (first.value, ring.remaining_capacity()) == (0, 0)
        second = await anext(stream)
        assert (second.value, ring.remaining_capacity(), stream.sequence) == (1, 1, 0)
        stream.close()
        assert ring.remaining_capacity() == 64
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    run(main())


def test_leaving_the_loop_lets_go_of_the_ring_and_joins_the_thread(ring):
    async def main():
        later(ring, 3)
        async for event in aio.events(ring):
            assert helpers() == ["dis-aio"]
            if event.value == 2:
                break
        assert helpers() == []
        assert ring.sequencer.gating_sequences == ()

    run(main())


def test_a_cancelled_task_lets_go_of_the_ring(ring):
    async def consume():
        async for _ in aio.events(ring):
            pass

    async def main():
        task = asyncio.create_task(consume())
        while not helpers():
            await asyncio.sleep(0.001)
        assert len(ring.sequencer.gating_sequences) == 1
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        del task
        gc.collect()
        assert ring.sequencer.gating_sequences == ()

    run(main())


@pytest.mark.parametrize("observer", [False, True])
def test_nothing_is_lost_when_single_waits_are_cancelled(observer):
    ring = RingBuffer(FIELDS, 1 << 15)

    async def main():
        seen, cancelled, turn = [], 0, 0
        async with aio.events(ring, observer=observer, batch_limit=7) as stream:
            with Publishing(ring, FEW):
                while len(seen) < FEW:
                    turn += 1
                    task = asyncio.ensure_future(anext(stream))
                    await asyncio.sleep(0)
                    if not task.done() and turn % 3:
                        task.cancel()
                    try:
                        seen.append(int((await task).value))
                    except asyncio.CancelledError:
                        cancelled += 1
                        await asyncio.sleep(0)
        return seen, cancelled

    seen, cancelled = run(main())
    assert seen == list(range(FEW))
    assert cancelled > 0


def test_an_observer_holds_nobody_back_and_counts_what_it_missed(ring):
    async def main():
        stream = aio.events(ring, observer=True)
        ring.publish(value=np.arange(64))
        assert (await anext(stream)).value == 0
        ring.publish(value=np.arange(64, 300))
        stream.end()
        seen = [int(event.value) async for event in stream]
        return seen, stream.lost

    seen, lost = run(main())
    assert seen[-1] == 299
    assert seen == sorted(set(seen))
    assert 1 + len(seen) + lost == 300
    assert lost > 0


def test_batches_of_an_observer_are_copies(ring):
    async def main():
        async for batch in aio.batches(ring, observer=True):
            assert not np.shares_memory(batch, ring.records)
            return batch["value"].tolist()

    async def both():
        later(ring, 3)
        return await main()

    assert run(both()) == [0, 1, 2]


def test_a_stream_stands_behind_handlers():
    @handler
    def double(event):
        event.twice = 2 * event.value

    async def main():
        graph = Disruptor(FIELDS, 64).then(double)
        async with aio.batches(graph, double, count=COUNT) as stream:
            with graph, Publishing(graph):
                wrong = [int((batch["twice"] != 2 * batch["value"]).sum()) async for batch in stream]
        return wrong

    assert sum(run(main())) == 0


def test_pollers_and_observers_of_ones_own_stay_open(ring):
    async def main():
        poller = ring.new_poller()
        ring.publish(value=[7, 8])
        async with aio.events(poller, count=1) as stream:
            assert [int(e.value) async for e in stream] == [7]
        assert poller.available == 1
        poller.close()
        observer = ring.new_observer()
        ring.publish(value=9)
        assert [int(e.value) async for e in aio.events(observer, count=1)] == [9]

    run(main())


@pytest.mark.parametrize("observer", [False, True])
def test_end_ends_it_after_what_is_published(ring, observer):
    async def main():
        stream = aio.events(ring, observer=observer)

        async def consume():
            return [int(event.value) async for event in stream]

        task = asyncio.create_task(consume())
        while not helpers():
            await asyncio.sleep(0.001)
        ring.publish(value=[1, 2, 3])
        await asyncio.to_thread(stream.end)
        return await task

    assert run(main()) == [1, 2, 3]


@pytest.mark.parametrize("where", ["task", "thread"])
def test_close_ends_a_task_that_waits(ring, where):
    async def main():
        stream = aio.events(ring)

        async def consume():
            return [event async for event in stream]

        task = asyncio.create_task(consume())
        while not helpers():
            await asyncio.sleep(0.001)
        if where == "task":
            stream.close()
        else:
            await asyncio.to_thread(stream.close)
        assert await task == []

    run(main())


def test_a_timeout_says_what_did_not_come(ring):
    async def main():
        async with aio.events(ring, timeout=0.05) as stream:
            start = time.monotonic()
            with pytest.raises(WaitTimeout) as caught:
                await anext(stream)
            assert time.monotonic() - start >= 0.049
            ring.publish(value=5)
            assert (await anext(stream)).value == 5
        return str(caught.value)

    assert run(main()) == "ring 'ring': sequence 0 was not to be read within 0.05 s"


def test_a_handler_that_died_ends_the_wait():
    def fail(batch, first_sequence):
        raise ValueError("broken")

    async def main():
        graph = Disruptor(FIELDS, 64).then(fail).start()
        async with aio.events(graph, fail) as stream:
            asyncio.get_running_loop().call_later(0.02, lambda: graph.publish(value=1))
            with pytest.raises(HandlerError, match="handler 'fail' failed at sequence 0: ValueError: broken"):
                await anext(stream)
        graph.halt()

    run(main())


def test_one_thread_serves_all_streams_of_a_loop_and_ring(ring):
    async def consume(stream):
        return sum([int(event.value) async for event in stream])

    async def main():
        streams = [aio.events(ring, observer=i % 2 == 0, count=3) for i in range(40)]
        tasks = [asyncio.create_task(consume(s)) for s in streams]
        while not helpers():
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        assert helpers() == ["dis-aio"]
        for value in (1, 2, 3):
            ring.publish(value=value)
            await asyncio.sleep(0.005)
        return await asyncio.gather(*tasks)

    assert run(main()) == [6] * 40


def test_a_stream_that_always_finds_something_lets_others_run(ring):
    async def main():
        turns = 0

        async def other():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        async with aio.events(ring, batch_limit=4) as stream:
            ring.publish(value=np.arange(64))
            for _ in range(64):
                await anext(stream)
        task.cancel()
        return turns

    assert run(main()) >= 15


@pytest.mark.skipif(not JIT_ENABLED, reason="waits are compiled")
@pytest.mark.parametrize("phase", ["idle", "gated", "full"])
def test_an_idle_loop_and_its_threads_sleep(phase):
    """What it costs is measured by `make bench BENCH=disruptor`."""

    def slow(batch, first_sequence):
        blocked.wait()

    blocked = threading.Event()

    async def main():
        graph = Disruptor(FIELDS, 64).then(slow).start()
        stream = aio.events(graph, *([slow] if phase == "gated" else []))
        task = asyncio.create_task(anext(stream)) if phase != "full" else asyncio.create_task(aio.publish(graph, value=np.arange(65)))
        if phase == "gated":
            graph.publish(value=1)
        most = await asyncio.to_thread(sleeps_per_second)
        task.cancel()
        stream.close()
        blocked.set()
        graph.halt()
        return most

    assert run(main()) < 2e9 / PARK_NS  # none polls: each wakes up when its wait parks anew, and when it is woken
