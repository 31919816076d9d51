"""Two threads on shared cells: what message passing and read-modify-write must and must not show."""

import numpy as np

from disruptor.atomics import (
    compare_exchange,
    crc32c_word,
    fence,
    fence_acquire,
    fence_release,
    fetch_add,
    leading_zeros,
    load_acquire,
    pause,
    prefetch_write,
    store_release,
    timestamp,
    words_at,
)
from disruptor.compiled import entry


@entry
def send(cells, data, rounds):
    """Message passing, writer: data first, then the flag (cells[0]); waits for the reader's cells[16]."""
    for n in range(1, rounds + 1):
        data[0] = n
        data[64] = -n
        store_release(cells, 0, n)
        while load_acquire(cells, 16) < n:
            pause()
    return rounds


@entry
def receive(cells, data, rounds):
    """Message passing, reader. Returns how often data was older than its flag: must be 0."""
    broken = 0
    for n in range(1, rounds + 1):
        while load_acquire(cells, 0) < n:
            pause()
        if data[0] != n or data[64] != -n:
            broken += 1
        store_release(cells, 16, n)
    return broken


@entry
def count_by_exchange(cells, rounds):
    """Add 1 to cells[0] `rounds` times by compare-exchange. Returns how often it had to try again."""
    retries = 0
    for _ in range(rounds):
        value = load_acquire(cells, 0)
        while not compare_exchange(cells, 0, value, value + 1):
            retries += 1
            value = load_acquire(cells, 0)
    return retries


@entry
def count_by_add(cells, rounds):
    """Add 1 to cells[0] `rounds` times by fetch-add. Returns the value that the last one saw."""
    before = -1
    for _ in range(rounds):
        before = fetch_add(cells, 0, 1)
    return before


@entry
def store_buffer(cells, me, other, rounds):
    """Store-buffer litmus: announce, fence, look at the other. cells[32 + me] counts rounds in which I saw nothing.

    With the fence at least one of two threads sees the other in each round.
    """
    for n in range(1, rounds + 1):
        store_release(cells, me, n)
        fence()
        if load_acquire(cells, other) < n:
            cells[1024 * (me + 1) + n] = 1
        fetch_add(cells, 48, 1)
        while load_acquire(cells, 48) < 2 * n:
            pause()
    return rounds


@entry
def announce(cells, data, rounds):
    """Write n into data[0] and data[64], announced before in cells[0] and shown after in cells[16], without waiting."""
    for n in range(1, rounds + 1):
        store_release(cells, 0, n)
        fence_release()
        data[0] = n
        data[64] = n
        store_release(cells, 16, n)
    return rounds


@entry
def overhear(cells, data, rounds):
    """Read what `announce` writes. Returns how often words that nobody was about to change did not belong together."""
    broken = 0
    shown = 0
    while shown < rounds:
        shown = load_acquire(cells, 16)
        first = data[0]
        second = data[64]
        fence_acquire()
        if load_acquire(cells, 0) == shown and (first != shown or second != shown):
            broken += 1
    return broken


@entry
def crc32c(words, start):
    """Return the running CRC-32C over int64 words."""
    value = np.uint32(start)
    for i in range(words.shape[0]):
        value = crc32c_word(value, words[i])
    return value


@entry
def leading(values, out):
    """out[i] = leading_zeros(values[i])."""
    for i in range(values.shape[0]):
        out[i] = leading_zeros(values[i])


@entry
def stamps(out):
    """Fill `out` with successive time stamps."""
    for i in range(out.shape[0]):
        out[i] = timestamp()


@entry
def reads_at(address, count):
    """Return the sum of `count` words at `address`, after doubling the last."""
    words = words_at(address, count)
    words[count - 1] *= 2
    total = 0
    for i in range(words.shape[0]):
        total += words[i]
    return total


@entry
def asks_ahead(records, slots):
    """Ask for lines before, in and far behind `records`, fill them, return their sum."""
    total = 0
    for slot in range(-slots, 2 * slots):
        prefetch_write(records, slot)
    prefetch_write(records, 1 << 40)
    for slot in range(slots):
        records[slot]["value"] = slot
        total += records[slot]["value"]
    return total
