"""The paper venue, late at random: at pseudo-random messages its thread sleeps or gives its core away.

What it answers does not change, only when: hashes and wire bytes must not either.
"""

import numpy as np
from numba import types
from numba.extending import overload

from disruptor.compiled import compiled
from disruptor.handler import handler
from disruptor.random import random_word
from disruptor.system_calls import yield_core
from hydraflow.egress.paper import paper

_SLEEPS = 128  # of 65,536 messages
_usleep = types.ExternalFunction("usleep", types.int32(types.uint32))
_answer = compiled(paper.function)


def sleep_us(microseconds):
    """Sleep; un-jitted a mere yield."""
    yield_core()


@overload(sleep_us)
def _sleep_overload(microseconds):
    def call(microseconds):
        _usleep(types.uint32(microseconds))

    return call


@compiled
def microseconds_at(sequence):
    """Return for how long the venue sleeps at a message, 0: not at all, -1: it yields."""
    draw = random_word(11, sequence) & 0xFFFF
    if draw < _SLEEPS:
        return 50 + (np.int64(draw) & 7) * 64
    return -1 if draw < 4096 else 0


def slept_seconds(messages: int) -> float:
    """Return how long the venue sleeps at least while it answers the first `messages`."""
    return sum(max(0, microseconds_at.py_func(sequence)) for sequence in range(messages)) / 1e6


@handler(
    name="paper", state=paper.state, params=paper.params, counters=paper.counters, max_out=paper.max_out,
    prepare=paper.prepare, digest=paper.digest,
)
def on_event(event, sequence, end_of_batch, state, params, payload, instruments, counters, egress, feedback):
    """Sleep for up to 0.5 ms at one message in 512, yield at one in 16; then do what the venue does."""
    microseconds = microseconds_at(sequence)
    if microseconds > 0:
        sleep_us(microseconds)
    elif microseconds < 0:
        yield_core()
    _answer(event, sequence, end_of_batch, state, params, payload, instruments, counters, egress, feedback)
