"""What Python calls of a byte ring: disruptor.byte_producer and disruptor.byte_consumer, compiled for its three arrays."""

from __future__ import annotations

from disruptor import byte_consumer as consumer
from disruptor import byte_producer as producer
from disruptor.byte_layout import BytePort
from disruptor.compiled import entry

__all__ = ["abort", "claim", "commit", "correlation", "free", "scan", "size", "unblock", "write", "write_many"]


@entry(brief=True)
def claim(octets, words, cells, length, type_id):
    return producer.bytes_claim(BytePort(octets, words, cells), length, type_id)


@entry(brief=True)
def commit(octets, words, cells, index):
    return producer.bytes_commit(BytePort(octets, words, cells), index)


@entry(brief=True)
def abort(octets, words, cells, index):
    return producer.bytes_abort(BytePort(octets, words, cells), index)


@entry
def write(octets, words, cells, source, type_id):
    return producer.bytes_write(BytePort(octets, words, cells), source, 0, source.shape[0], type_id)


@entry
def write_many(octets, words, cells, source, offsets, type_ids):
    return producer.bytes_write_many(BytePort(octets, words, cells), source, offsets, type_ids, 0)


@entry
def scan(octets, words, cells, table, position, until):
    return consumer.bytes_scan(BytePort(octets, words, cells), table, position, until)


@entry(brief=True)
def free(octets, words, cells, position):
    cells[producer.TAKEN] = position
    return consumer.bytes_release(BytePort(octets, words, cells))


@entry
def unblock(octets, words, cells):
    return consumer.bytes_unblock(BytePort(octets, words, cells))


@entry(brief=True)
def correlation(octets, words, cells):
    return producer.bytes_correlation(BytePort(octets, words, cells))


@entry(brief=True)
def size(octets, words, cells):
    return consumer.bytes_size(BytePort(octets, words, cells))
