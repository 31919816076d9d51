"""What a record's publication and its reading look like with nothing around them, for the order of aarch64's instructions."""

from disruptor.atomics import load_acquire, store_release
from disruptor.layout import record_dtype

__all__ = ["RECORD", "publishes", "reads"]

RECORD = record_dtype([("words", "i8", (16,))], size=128)


def publishes(cells, records, values):
    """Fill a record of 128 bytes, then publish it."""
    event = records[0]
    for i in range(16):
        event["words"][i] = values[i]
    store_release(cells, 0, 1)
    return 0


def reads(cells, records, values):
    """See that it is published, then read it."""
    published = load_acquire(cells, 0)
    event = records[0]
    for i in range(16):
        values[i] = event["words"][i]
    return published
