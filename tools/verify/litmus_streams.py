"""Streams between two pinned threads: what is written must arrive whole, once, in order, and no wait may sleep for ever.

    byte ring       messages of changing length through claim, commit, next and release
    hand-over       a word from thread to thread and back; both wait by `idle_turn`, whose parks last longer than the test may
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import numpy as np

from disruptor.atomics import load_acquire, pause, store_release
from disruptor.byte_consumer import bytes_next, bytes_release
from disruptor.byte_layout import BytePort
from disruptor.byte_producer import bytes_claim, bytes_commit
from disruptor.byte_ring import ByteRing
from disruptor.compiled import entry
from disruptor.memory import anonymous
from disruptor.system_calls import CLOCK_MONOTONIC, clock_ns
from disruptor.waiting import WaitStrategy, idle_turn, wake

__all__ = ["STREAMS", "Stream", "stream"]

PARK_NS = 20_000_000_000  # a lost wake-up shows as a wait of this length
NAP_NS = 100
LATE_NS = 5_000_000_000  # no thread of a busy machine waits that long for a core, and no park of the others lasts it


@attrs.frozen
class Stream:
    """make(messages) : (two functions to run side by side, what returns how much was wrong). of : one in how many trials is run."""

    name: str
    make: Callable[[int], tuple[list[Callable], Callable[[], int]]]
    of: int = 1


def stream(one: Stream, messages: int, side_by_side: Callable) -> int:
    """Run a stream; return how many messages were torn, out of order, late or lost."""
    functions, wrong = one.make(messages)
    side_by_side(functions)
    return wrong()


@entry
def write_bytes(octets, words, cells, messages):
    """Message n has 8 × (n % 5 + 1) bytes: words that are all n. Its type is n % 1000."""
    port = BytePort(octets, words, cells)
    for n in range(messages):
        length = 8 * (n % 5 + 1)
        index = bytes_claim(port, length, n % 1000)
        while index < 0:
            pause()
            index = bytes_claim(port, length, n % 1000)
        for i in range(index >> 3, (index + length) >> 3):
            words[i] = n
        bytes_commit(port, index)
    return messages


@entry
def read_bytes(octets, words, cells, messages, wrong):
    """Count the messages that are not what `write_bytes` wrote, in order."""
    port = BytePort(octets, words, cells)
    n = 0
    held = 0
    while n < messages:
        type_id, index, length = bytes_next(port)
        if type_id < 0:
            bytes_release(port)
            held = 0
            pause()
            continue
        whole = type_id == n % 1000 and length == 8 * (n % 5 + 1)
        for i in range(index >> 3, (index + length) >> 3):
            whole = whole and words[i] == n
        if not whole:
            wrong[0] += 1
        n += 1
        held += 1
        if held == 16:
            bytes_release(port)
            held = 0
    bytes_release(port)
    return n


@entry
def hand_over(cells, me, turns, strategy, spins, park_ns, wrong):
    """Wait until the word is mine, give it on, wake the other. wrong[me] : waits that took longer than LATE_NS."""
    own = 256 + 64 * me
    mine, theirs = 64 + 64 * me, 128 - 64 * me  # wait cells
    idle_count = 0
    for n in range(turns):
        began = 0
        while load_acquire(cells, 0) != 2 * n + me:
            if began == 0 and idle_count != 0:
                began = clock_ns(CLOCK_MONOTONIC, cells, own)
            idle_count = idle_turn(strategy, spins, 0, park_ns, 0, 0, idle_count, cells, mine, own)
        if began != 0 and clock_ns(CLOCK_MONOTONIC, cells, own) - began > LATE_NS:
            wrong[me] += 1
        idle_count = 0
        store_release(cells, 0, 2 * n + me + 1)
        wake(cells, theirs)
    return turns


def _bytes(producers: str, messages: int) -> tuple[list[Callable], Callable[[], int]]:
    ring = ByteRing("litmus", 1 << 14, producers)
    wrong = np.zeros(1, np.int64)
    port: Any = ring.port
    return [partial(write_bytes, *port, messages), partial(read_bytes, *port, messages, wrong)], lambda: int(wrong[0]) + ring.size()


def _hand_over(strategy: WaitStrategy, spins: int, messages: int) -> tuple[list[Callable], Callable[[], int]]:
    cells = anonymous(4096).array(np.int64, 512)
    wrong = np.zeros(2, np.int64)
    turns = messages // 2
    park_ns = NAP_NS if strategy == WaitStrategy.SLEEPING else PARK_NS  # naps end by themselves
    functions = [partial(hand_over, cells, me, turns, int(strategy), spins, park_ns, wrong) for me in (0, 1)]
    return functions, lambda: int(wrong.sum()) + 2 * turns - int(cells[0])


STREAMS = (
    Stream("byte ring, one producer", partial(_bytes, "single")),
    Stream("byte ring, mode of many producers", partial(_bytes, "multi")),
    Stream("hand-over, blocking, at once", partial(_hand_over, WaitStrategy.BLOCKING, 0), 500),
    Stream("hand-over, blocking, after 4 spins", partial(_hand_over, WaitStrategy.BLOCKING, 4), 50),
    Stream("hand-over, phased", partial(_hand_over, WaitStrategy.PHASED, 0), 500),
    Stream("hand-over, sleeping", partial(_hand_over, WaitStrategy.SLEEPING, 100), 50),
)
