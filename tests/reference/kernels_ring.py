"""A producer and a consumer of one ring, written out by hand as the generated loops do it."""

from disruptor.atomics import load_acquire, pause, store_release
from disruptor.compiled import entry
from disruptor.ring import Port
from disruptor.single_producer import claim, payload_claim, payload_index, payload_room, publish, room


@entry
def free_slots(records, payload, port, cells, wanted):
    """Return room() for the ring whose cursor is word 0 and whose consumers are words 16 and 32."""
    return room(Port(records, payload, port[0]), cells, (16, 32), wanted)


@entry
def free_payload(records, payload, port, cells, wanted):
    """Return payload_room() for the same ring."""
    return payload_room(Port(records, payload, port[0]), cells, (16, 32), wanted)


@entry
def put(records, payload, port, cells, value, count):
    """Claim one record with `count` payload units value, value + 1, …; do not publish. Precondition: there is room."""
    end = Port(records, payload, port[0])
    start = payload_index(end)
    for i in range(count):
        end.payload[start + i] = value + i
    event = claim(end)
    event["value"] = value
    event["payload_count"] = count
    event["payload_position"] = payload_claim(end, count)
    return event["payload_position"]


@entry
def release(records, payload, port, cells):
    """Publish what was claimed."""
    publish(Port(records, payload, port[0]), cells, 0)


@entry
def produce(records, payload, port, cells, messages, batch):
    """Publish `messages` records; record n has n % 7 units that all hold n. Publishes every `batch` records."""
    end = Port(records, payload, port[0])
    unpublished = 0
    for n in range(messages):
        count = n % 7
        while room(end, cells, (16, 32), 1) < 1 or payload_room(end, cells, (16, 32), count) < count:
            publish(end, cells, 0)
            unpublished = 0
            pause()
        start = payload_index(end)
        for i in range(count):
            end.payload[start + i] = n
        event = claim(end)
        event["value"] = n
        event["payload_count"] = count
        event["payload_position"] = payload_claim(end, count)
        unpublished += 1
        if unpublished == batch:
            publish(end, cells, 0)
            unpublished = 0
    publish(end, cells, 0)
    return messages


@entry
def consume(records, payload, cells, cursor, messages):
    """Read `messages` records at word `cursor`. Returns how many were not what `produce` wrote: must be 0."""
    mask = records.shape[0] - 1
    payload_mask = payload.shape[0] // 2 - 1
    broken = 0
    following = 0
    while following < messages:
        available = load_acquire(cells, 0)
        while following <= available:
            event = records[following & mask]
            if event["value"] != following or event["payload_count"] != following % 7:
                broken += 1
            start = event["payload_position"] & payload_mask
            for i in range(event["payload_count"]):
                if payload[start + i] != following:
                    broken += 1
            following += 1
        store_release(cells, cursor, following - 1)
        pause()
    return broken
