"""Recording whole arrays."""

from disruptor.compiled import entry
from disruptor.histogram import record, record_many


@entry
def record_each(buckets, values):
    """Record every value once."""
    for i in range(values.shape[0]):
        record(buckets, values[i])


@entry
def record_counted(buckets, values, counts):
    """Record values[i] counts[i] times."""
    for i in range(values.shape[0]):
        record_many(buckets, values[i], counts[i])
