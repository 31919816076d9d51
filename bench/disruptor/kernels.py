"""Handlers and step functions that the compiled rows run. `state` of a producer: count, made, begin, end."""

from __future__ import annotations

from bench.disruptor.work import SEED
from disruptor.atomics import load_acquire, pause, store_release, timestamp
from disruptor.compiled import compiled, entry
from disruptor.single_producer import claim, lowest
from disruptor.stage import FINISHED
from disruptor.waiting import wake_all

WAIT = 16  # word index of the cell on which blocking loops sleep


@compiled
def write(event, value):
    """Fill the eight words."""
    event["w0"] = value
    event["w1"] = value + 1
    event["w2"] = value + 2
    event["w3"] = value + 3
    event["w4"] = value + 4
    event["w5"] = value + 5
    event["w6"] = value + 6
    event["w7"] = value + 7


@compiled
def total(event):
    """Return the sum of the eight words."""
    return event["w0"] + event["w1"] + event["w2"] + event["w3"] + event["w4"] + event["w5"] + event["w6"] + event["w7"]


def sums(event, state):
    """Sum every record."""
    state["sum"] += total(event)


def first(event):
    """Write w6."""
    event["w6"] = event["w0"] + event["w1"]


def second(event):
    """Write w7 from what `first` wrote."""
    event["w7"] = event["w6"] + event["w2"]


def beside(event):
    """Write w7 from what the producer wrote."""
    event["w7"] = event["w0"] + event["w2"]


def produce_one(feed, cells, room, state, consumers, halt):
    """Publish one record per turn; FINISHED when `count` have been consumed by all."""
    made = state["made"]
    if made < state["count"]:
        if room < 1:
            return 0
        if made == 0:
            state["begin"] = timestamp()
        write(claim(feed), SEED + made)
        state["made"] = made + 1
        return 1
    return _finish(cells, state, consumers, halt, made)


def produce_ten(feed, cells, room, state, consumers, halt):
    """Publish ten records per turn."""
    made = state["made"]
    if made < state["count"]:
        if room < 10:
            return 0
        if made == 0:
            state["begin"] = timestamp()
        for _ in range(10):
            write(claim(feed), SEED + made)
            made += 1
        state["made"] = made
        return 10
    return _finish(cells, state, consumers, halt, made)


def produce_hundred(feed, cells, room, state, consumers, halt):
    """Publish a hundred records per turn."""
    made = state["made"]
    if made < state["count"]:
        if room < 100:
            return 0
        if made == 0:
            state["begin"] = timestamp()
        for _ in range(100):
            write(claim(feed), SEED + made)
            made += 1
        state["made"] = made
        return 100
    return _finish(cells, state, consumers, halt, made)


@compiled
def _finish(cells, state, consumers, halt, made):
    if lowest(cells, consumers) < made - 1:
        return 0
    state["end"] = timestamp()
    store_release(cells, halt, 1)
    return FINISHED


def pong(event, back):
    """Send the record back."""
    answer = claim(back)
    answer["w0"] = event["w0"]
    answer["w1"] = event["w1"]
    answer["w2"] = event["w2"]
    answer["w3"] = event["w3"]
    answer["w4"] = event["w4"]
    answer["w5"] = event["w5"]
    answer["w6"] = event["w6"]
    answer["w7"] = event["w7"]


def ping(event, sequence, state, there, samples, words, halt):
    """Note how long the record was away, wait for the gap, send the next one."""
    now = timestamp()
    samples[sequence] = now - state["sent"]
    state["sum"] += total(event)
    while timestamp() - now < state["gap"]:
        pause()
    if sequence + 1 < state["count"]:
        state["sent"] = timestamp()
        write(claim(there), SEED + sequence + 1)
    else:
        state["end"] = timestamp()
        store_release(words, halt, 1)


def begin_round_trips(feed, state):
    """Send the first record."""
    state["begin"] = timestamp()
    state["sent"] = state["begin"]
    write(claim(feed), SEED)
    return FINISHED


@entry
def wait_for(cells, cursor, wanted, halt):
    """Wait until the cursor has reached `wanted` or the halt cell is set; return the cursor."""
    available = load_acquire(cells, cursor)
    while available < wanted and load_acquire(cells, halt) == 0:
        pause()
        available = load_acquire(cells, cursor)
    return available


@entry
def wake(cells):
    """Wake whoever sleeps. Compiled before the loops, which call `wake_all` with the same constant."""
    wake_all(cells, WAIT)
