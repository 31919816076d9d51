"""Compiled loops of bench_journal."""

from __future__ import annotations

from disruptor.atomics import load_acquire, pause, store_release, timestamp
from disruptor.compiled import compiled, entry
from disruptor.ring import Port
from disruptor.single_producer import stream_room
from handlers.journal import MAX_RECORD_BYTES
from handlers.journal import on_event as journal

__all__ = ["COUNTERS", "pace", "stage_all"]

COUNTERS = journal.counters_dtype()
BATCH = 64

_on_event = compiled(journal.function)


@entry
def stage_all(cells, staged, consumed, records, payload, ports, messages, units, first, counters):
    """Hand all messages to the handler, publishing every BATCH; wait for room."""
    port = Port(records, payload, ports[0])
    for i in range(messages.shape[0]):
        while stream_room(port, cells, (consumed,), MAX_RECORD_BYTES) < MAX_RECORD_BYTES:
            store_release(cells, staged, ports[0]["payload_next"])
            pause()
        _on_event(messages[i], first + i, units, port, counters[0])
        if i % BATCH == BATCH - 1:
            store_release(cells, staged, ports[0]["payload_next"])
    store_release(cells, staged, ports[0]["payload_next"])


@entry
def pace(cells, staged, consumed, records, payload, ports, messages, units, durable, step, latencies, counters):
    """Hand a message to the handler each `step` ticks; note the ticks from its planned time until it is durable.

    latencies : int64[count]. Messages are used again from the first when they run out.
    """
    port = Port(records, payload, ports[0])
    count = latencies.shape[0]
    start = timestamp()
    sent = 0
    seen = 0
    while seen < count:
        now = timestamp()
        planned = start + int(sent * step)
        while sent < count and planned <= now:
            if stream_room(port, cells, (consumed,), MAX_RECORD_BYTES) < MAX_RECORD_BYTES:
                break
            _on_event(messages[sent % messages.shape[0]], sent, units, port, counters[0])
            sent += 1
            planned = start + int(sent * step)
        store_release(cells, staged, ports[0]["payload_next"])
        highest = load_acquire(cells, durable)
        now = timestamp()
        while seen <= highest:
            latencies[seen] = now - start - int(seen * step)
            seen += 1
        pause()
