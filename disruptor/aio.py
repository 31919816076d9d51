"""Rings in asyncio: events and batches by `async for`, and publishing that does not stop the loop when a ring is full.

    from disruptor import aio

    async for event in aio.events(graph): ...               every record; gates the producers
    async for batch in aio.batches(graph, decode): ...      numpy views, behind the handler `decode`
    async with aio.batches(ring, observer=True) as stream:  lossy copies; stream.lost counts what was overwritten
        async for batch in stream: ...
    await aio.publish(ring, price=prices, size=sizes)

Nothing polls: one helper thread for a loop and a ring sleeps in the ring's blocking wait while tasks wait, and wakes them
through the loop. It is started by the first stream and joined when the last one is closed. Not loaded by `import disruptor`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from disruptor.errors import CapacityError, InsufficientCapacity, WaitTimeout
from disruptor.intake import Gated, Lossy, open_reader
from disruptor.observer import Observer
from disruptor.poller import EventPoller
from disruptor.sentry import Sentry, post

__all__ = ["Stream", "batches", "events", "publish", "publish_event"]

_PART = 65_536  # most records published between two turns of the loop


def events(
    source: Any, *after: Any, observer: bool = False, count: int | None = None, timeout: float | None = None,
    batch_limit: int = 256,
) -> Stream:
    """Return a stream of records, one at a time, from now on.

    source : a Disruptor, a RingBuffer, an EventPoller or an Observer. after : handlers of a Disruptor, or sequences of a
    ring, that must have passed a record first. observer : False: producers wait for this stream, and a record is released
    when the next one is asked for (in groups of a 64th of the ring; all before it waits); True: copies, `lost` counts what
    was overwritten. count : records after which it ends, None for never. timeout : longest wait for a record in seconds,
    then WaitTimeout. batch_limit : most records between two turns of the loop.
    Raises: GraphError for unknown handlers, a ring that overwrites and no observer; CapacityError for limits < 1; while it
    runs WaitTimeout, and HandlerError when a handler of the ring has died and nothing is left to read.
    """
    return Stream(source, after, observer, count, timeout, batch_limit, singly=True)


def batches(
    source: Any, *after: Any, observer: bool = False, count: int | None = None, timeout: float | None = None,
    batch_limit: int = 4096,
) -> Stream:
    """Return a stream of arrays of records, whatever is at hand, at most `batch_limit` and never empty.

    Without `observer` they are views of the ring, released when the next one is asked for; copy what must last. Else as
    `events`.
    """
    return Stream(source, after, observer, count, timeout, batch_limit, singly=False)


class Stream:
    """An asynchronous iterator over a ring; made by `events` and `batches`. For one task of one loop at a time.

    Leaving `async with`, the end of an `async for` that nothing else holds, `close` and the end of the stream let go of the
    ring at once.
    """

    def __init__(
        self, source: Any, after: tuple[Any, ...], observer: bool, count: int | None, timeout: float | None,
        batch_limit: int, *, singly: bool,
    ) -> None:
        self._sentry: Sentry | None = None
        self._closed = True  # until it is complete
        for name, value in (("count", count), ("batch_limit", batch_limit)):
            if value is not None and value < 1:
                raise CapacityError(f"a stream's {name} must be >= 1, got {value}")
        if timeout is not None and timeout < 0:
            raise CapacityError(f"a stream's timeout must be >= 0 seconds, got {timeout}")
        self._left = -1 if count is None else count
        self._timeout, self._most, self._singly = timeout, batch_limit, singly
        self._batch: np.ndarray | None = None
        self._next = self._released = 0  # of _batch: the next one to give, those that are released
        self._last: int | None = None  # sequence after which it ends
        self._owned = not isinstance(source, (EventPoller, Observer))
        self._reader: Gated | Lossy = open_reader(source, after, observer)
        self._group = max(1, self._reader.ring.slots // 64)  # records released together
        self._closed = False

    @property
    def sequence(self) -> int:
        """The last record that it is done with, or has lost."""
        return self._reader.sequence

    @property
    def lost(self) -> int:
        """Records that were overwritten before this stream had read them: always 0 for one that gates."""
        return self._reader.lost

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> Any:
        if self._batch is not None and self._singly and self._next < len(self._batch) and not self._closed:
            return self._give()
        self._forget()
        if self._left == 0:
            self.close()
        while not self._closed:
            if self._reader.ring.sequencer.ended and self._last is None:
                self.end()
            ended = self._last is not None and self._reader.sequence >= self._last
            most = self._most if self._left < 0 else min(self._most, self._left)
            self._batch = None if ended else self._reader.read(most)
            if ended:
                self.close()
            elif self._batch is not None:
                await self._pass_on()
                if self._closed:
                    break
                return self._give()
            else:
                await self._wait()
        raise StopAsyncIteration

    def end(self) -> None:
        """Let it end after what is published now. From any thread."""
        self._last = self._reader.ring.sequencer.published()
        if self._sentry is not None:
            self._sentry.look_again()

    def close(self) -> None:
        """Let go of the ring: producers no longer wait for it, and a task that waits in it ends its loop. From any thread."""
        if self._closed:
            return
        self._closed = True
        self._batch = None
        if self._owned:
            self._reader.close()
        sentry, self._sentry = self._sentry, None
        if sentry is not None:
            sentry.look_again()
            sentry.leave()

    async def aclose(self) -> None:
        """The same as `close`, for contextlib.aclosing."""
        self.close()

    async def __aenter__(self) -> Stream:
        return self

    async def __aexit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def _give(self) -> Any:
        batch = self._batch
        if not self._singly:
            self._left -= len(batch) if self._left > 0 else 0  # type: ignore[arg-type]
            return batch
        if self._next - self._released >= self._group:
            self._reader.release(self._next)
            self._released = self._next
        event = batch[self._next]  # type: ignore[index]
        self._next += 1
        self._left -= self._left > 0
        return event

    def _forget(self) -> None:
        """Release what was given before."""
        if self._batch is not None:
            self._reader.release(len(self._batch))
        self._batch, self._next, self._released = None, 0, 0

    async def _pass_on(self) -> None:
        """Let other tasks run: a stream that always finds something must not keep the loop to itself."""
        try:
            await asyncio.sleep(0)
        except BaseException:
            self._batch = self._reader.keep(self._batch)  # cancelled: what was read and not given comes again
            raise

    async def _wait(self) -> None:
        reader = self._reader
        failures = reader.ring.sequencer.failures
        if failures:
            if not len(reader.upstream) and reader.ring.sequencer.published() > reader.sequence:
                return  # published since it was looked for, before whoever failed did
            raise failures[0]
        if self._sentry is None:
            sequencer = reader.ring.sequencer
            self._sentry = post(
                asyncio.get_running_loop(), reader.ring, "published", lambda: reader.upstream,
                lambda: bool(sequencer.failures) or sequencer.ended, key=tuple(reader.upstream),
            )
        wanted = reader.sequence + 1
        if not await _patient(self._sentry.reached(wanted), self._timeout):
            raise WaitTimeout(f"ring '{reader.ring.name}': sequence {wanted:,} was not to be read", self._timeout or 0)


async def publish(ring: Any, *what: Any, timeout: float | None = None, **columns: Any) -> int:
    """Publish as `RingBuffer.publish` does, by an array of records or `field=array, …`; while there is no room, only this
    task waits.

    ring : a RingBuffer or Disruptor. timeout : longest wait for room in seconds, None for as long as it takes (a field
    named timeout is published in an array of records). A long array is published part by part; when it is cancelled,
    or too late, the parts published stay. Returns the last sequence, −1 for none. A ring that drops, raises or overwrites
    never waits: there it is the same as `ring.publish`.
    Raises: WaitTimeout, which says who keeps the ring full; HandlerError when a handler has died; GraphError when the graph
    is not started and the ring full; CapacityError for arrays that do not fit the ring's fields.
    """
    ring = getattr(ring, "ring", ring)
    if not columns and not (what and isinstance(what[0], np.ndarray)):
        raise CapacityError(f"ring '{ring.name}': publish an array of records or field=array, …; got neither")
    if ring.when_full != "block":
        return int(ring.publish(*what, **columns))
    if columns:
        arrays, length = _columns(ring, columns)
    else:
        ring.publish(what[0][:0])  # says what is wrong with its dtype
        arrays, length = {field: what[0][field] for field in ring.fields.names}, len(what[0])
    last, done = -1, 0
    deadline = None if timeout is None else time.monotonic() + timeout
    while done < length:
        last, claimed = await _claim(ring, min(length - done, ring.slots, _PART), deadline, timeout)
        ring._fill(arrays, done, last - claimed + 1, claimed)
        ring.sequencer.publish(last - claimed + 1, last)
        done += claimed
        if done < length:
            await asyncio.sleep(0)
    return last


async def publish_event(ring: Any, translator: Callable[..., Any], *args: Any, timeout: float | None = None) -> int:
    """Publish as `RingBuffer.publish_event` does: `translator(event, sequence, *args)` fills the record; while there is no
    room, only this task waits. Else as `publish`.
    """
    ring = getattr(ring, "ring", ring)
    if ring.when_full != "block":
        return int(ring.publish_event(translator, *args))
    deadline = None if timeout is None else time.monotonic() + timeout
    sequence, _ = await _claim(ring, 1, deadline, timeout)
    ring._translate(lambda: sequence, (), translator, [args])
    return sequence


async def _claim(ring: Any, most: int, deadline: float | None, timeout: float | None) -> tuple[int, int]:
    """Claim 1..most slots, waiting for the first; return (highest sequence, how many). Nothing is claimed while it waits."""
    s = ring.sequencer
    sentry = None
    try:
        while True:
            count = most
            while count > 0:
                try:
                    return s.try_next(count), count
                except InsufficientCapacity as error:
                    count -= error.missing
            s._interrupted()
            if sentry is None:
                sentry = post(asyncio.get_running_loop(), ring, "room", lambda: _gates(s), lambda: _may_claim(ring))
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not await _patient(sentry.reached(s.claimed + 1 - ring.slots), left):
                raise WaitTimeout(f"ring '{ring.name}': no room for {most:,} of {ring.slots:,} slots", timeout or 0, s.why())
    finally:
        if sentry is not None:
            sentry.leave()


def _gates(sequencer: Any) -> np.ndarray:
    return np.array([s.word for s in sequencer.gating_sequences], np.int64)


def _may_claim(ring: Any) -> bool:
    return ring.remaining_capacity() > 0 or bool(ring.sequencer.failures)


async def _patient(future: Any, seconds: float | None) -> bool:
    """Await a future for so long; return whether it came."""
    if seconds is None:
        await future
        return True
    done, _ = await asyncio.wait([future], timeout=seconds)
    return bool(done)


def _columns(ring: Any, columns: dict[str, Any]) -> tuple[dict[str, np.ndarray], int]:
    arrays = {field: np.atleast_1d(np.asarray(values)) for field, values in columns.items()}
    known = ring.fields.names
    unknown = [field for field in arrays if field not in known]
    if unknown:
        raise CapacityError(f"ring '{ring.name}' has the fields {', '.join(known)}, got {unknown}")
    length = max(len(values) for values in arrays.values())
    for field, values in arrays.items():
        if len(values) not in (1, length):
            raise CapacityError(f"'{field}' has {len(values)} elements, another field {length}")
    return arrays, length
