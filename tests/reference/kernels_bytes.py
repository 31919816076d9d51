"""Producers and readers of byte rings and broadcasts, as compiled threads run them, and checks of what they pass."""

from __future__ import annotations

from disruptor.atomics import load_acquire, pause, store_release
from disruptor.broadcast import broadcast_join, broadcast_next, broadcast_send, broadcast_valid
from disruptor.byte_consumer import bytes_next, bytes_put_back, bytes_release, bytes_rewind
from disruptor.byte_layout import BytePort
from disruptor.byte_producer import bytes_abort, bytes_claim, bytes_commit, bytes_correlation, bytes_write_many
from disruptor.compiled import entry
from disruptor.stores import copy_bytes, store_word
from disruptor.system_calls import yield_core


@entry
def produce(octets, words, cells, me, messages):
    """Write `messages` messages of type `me`; number n has (7 n) % 97 bytes that are all n + me. Every 13th try is aborted."""
    port = BytePort(octets, words, cells)
    for n in range(messages):
        length = (7 * n) % 97
        if n % 13 == 0:
            index = bytes_claim(port, 40, me)
            if index >= 0:
                for i in range(40):
                    octets[index + i] = 255
                bytes_abort(port, index)
        index = bytes_claim(port, length, me)
        while index < 0:
            yield_core()
            index = bytes_claim(port, length, me)
        for i in range(length):
            octets[index + i] = (n + me) & 255
        bytes_commit(port, index)
    return messages


@entry
def produce_batches(octets, words, cells, source, offsets, type_ids, rounds):
    """Write all the messages of `source` in batches, `rounds` times."""
    port = BytePort(octets, words, cells)
    for _ in range(rounds):
        done = 0
        while done < offsets.shape[0] - 1:
            done += bytes_write_many(port, source, offsets, type_ids, done)
            yield_core()
    return rounds


@entry
def consume(octets, words, cells, counts, total, batch):
    """Read `total` messages of `produce`; counts[me] is how many came from each. Returns how many were not as written.

    Every 11th message is put back once and taken again; room is given back after `batch` messages or when none is there.
    """
    port = BytePort(octets, words, cells)
    broken = 0
    done = 0
    held = 0
    while done < total:
        type_id, index, length = bytes_next(port)
        if type_id < 0:
            bytes_release(port)
            held = 0
            yield_core()
            continue
        if done % 11 == 0:
            bytes_put_back(port)
            again, index, length = bytes_next(port)
            if again != type_id:
                broken += 1
        n = counts[type_id]
        if length != (7 * n) % 97:
            broken += 1
        for i in range(length):
            if octets[index + i] != (n + type_id) & 255:
                broken += 1
        counts[type_id] += 1
        done += 1
        held += 1
        if held == batch:
            bytes_release(port)
            held = 0
    bytes_release(port)
    return broken


@entry
def room_stays_within(octets, words, cells, halt, capacity):
    """Watch the positions until halt[0]; return how often more than `capacity` bytes were in use: must be 0."""
    broken = 0
    while load_acquire(halt, 0) == 0:
        head = load_acquire(cells, 32)
        tail = load_acquire(cells, 0)
        if load_acquire(cells, 32) == head and not 0 <= tail - head <= capacity:
            broken += 1
        yield_core()
    return broken


@entry
def take(octets, words, cells, out):
    """Take one message without giving it back: out = type, index, length."""
    found = bytes_next(BytePort(octets, words, cells))
    out[0] = found[0]
    out[1] = found[1]
    out[2] = found[2]


@entry
def give_back(octets, words, cells):
    bytes_release(BytePort(octets, words, cells))


@entry
def release_said(octets, words, cells):
    return bytes_release(BytePort(octets, words, cells))


@entry
def rewind(octets, words, cells):
    bytes_rewind(BytePort(octets, words, cells))


@entry
def claim_only(octets, words, cells, length, type_id):
    return bytes_claim(BytePort(octets, words, cells), length, type_id)


@entry
def commit_only(octets, words, cells, index):
    return bytes_commit(BytePort(octets, words, cells), index)


@entry
def correlate(octets, words, cells, out):
    port = BytePort(octets, words, cells)
    for i in range(out.shape[0]):
        out[i] = bytes_correlation(port)


@entry
def broadcast_many(octets, words, cells, source, messages):
    """Send `messages` messages; number n (from 1) is of type n % 5 and has 1 + n % 20 words that are all n."""
    port = BytePort(octets, words, cells)
    for n in range(1, messages + 1):
        count = 1 + n % 20
        for i in range(count):
            store_word(source, 8 * i, n)
        broadcast_send(port, source, 0, 8 * count, n % 5)
    return messages


@entry
def observe(octets, words, cells, state, target, last, slow):
    """Receive until message `last`. Returns how many were torn, out of order or of a wrong kind: must be 0.

    state[8] counts the messages received, state[9] the copies that `broadcast_valid` threw away. slow : pauses per message.
    """
    port = BytePort(octets, words, cells)
    broadcast_join(port, state)
    broken = 0
    before = 0
    while before < last:
        type_id, index, length = broadcast_next(port, state)
        if type_id < 0:
            yield_core()
            continue
        for _ in range(slow):
            pause()
        copy_bytes(target, 0, octets, index, length)
        if not broadcast_valid(port, state):
            state[9] += 1
            continue
        n = target[0]
        if n <= before or type_id != n % 5 or length != 8 * (1 + n % 20):
            broken += 1
        for i in range(length >> 3):
            if target[i] != n:
                broken += 1
        before = n
        state[8] += 1
    return broken


@entry
def set_halt(halt):
    store_release(halt, 0, 1)
