"""Handlers and producers that our rows run. A producer makes the records `made` … `stop` − 1, and notes the ticks in `begin`.

A handler that sums notes the ticks in `end` when none of `left` records is left. With several producers a record's number is
not its sequence: a producer that ends gives up what it has claimed last.
"""

from __future__ import annotations

from bench.disruptor.work import SEED
from disruptor.atomics import pause, timestamp
from disruptor.compiled import compiled, entry
from disruptor.handler import handler
from disruptor.single_producer import claim

__all__ = [
    "MOST_TRIPS", "beside", "first", "now", "ping", "ping_marked", "pong", "pong_marked", "produces", "produces_marked", "second", "sums",
    "sums_marked",
]

MOST_TRIPS = 1 << 22
MAKES = [("made", "i8"), ("stop", "i8"), ("begin", "i8")]
SUMS = [("sum", "i8"), ("left", "i8"), ("end", "i8")]
TRIPS = [("sum", "i8"), ("count", "i8"), ("gap", "i8"), ("sent", "i8"), ("begin", "i8"), ("end", "i8"), ("samples", "i8", (MOST_TRIPS,))]


@compiled
def write_seven(event, value):
    """Fill the first seven words."""
    event["w0"] = value
    event["w1"] = value + 1
    event["w2"] = value + 2
    event["w3"] = value + 3
    event["w4"] = value + 4
    event["w5"] = value + 5
    event["w6"] = value + 6


@compiled
def sum_of_seven(event):
    """Return the sum of the first seven words."""
    return event["w0"] + event["w1"] + event["w2"] + event["w3"] + event["w4"] + event["w5"] + event["w6"]


@handler(state=MAKES)
def produces(event, state):
    """Fill eight words of each record."""
    made = state["made"]
    if state["begin"] == 0:
        state["begin"] = timestamp()
    if made == state["stop"]:
        return -1
    write_seven(event, SEED + made)
    event["w7"] = SEED + made + 7
    state["made"] = made + 1
    return 1


@handler(state=MAKES)
def produces_marked(event, state):
    """Fill seven words of each record; the eighth is its sequence, which the ring writes."""
    made = state["made"]
    if state["begin"] == 0:
        state["begin"] = timestamp()
    if made == state["stop"]:
        return -1
    write_seven(event, SEED + made)
    state["made"] = made + 1
    return 1


@handler(state=SUMS)
def sums(event, state):
    """Sum the eight words of every record."""
    state["sum"] += sum_of_seven(event) + event["w7"]
    state["left"] -= 1
    if state["left"] == 0:
        state["end"] = timestamp()


@handler(state=SUMS)
def sums_marked(event, sequence, state):
    """Sum seven words and an eighth, w6 + 1, from which the record's own sequence must not differ."""
    state["sum"] += sum_of_seven(event) + event["w6"] + 1 + (event["published_sequence"] - sequence)
    state["left"] -= 1
    if state["left"] == 0:
        state["end"] = timestamp()


@handler
def first(event):
    """Write w6."""
    event["w6"] = event["w0"] + event["w1"]


@handler
def second(event):
    """Write w7 from what `first` wrote."""
    event["w7"] = event["w6"] + event["w2"]


@handler
def beside(event):
    """Write w7 from what the producer wrote."""
    event["w7"] = event["w0"] + event["w2"]


@handler
def pong(event, back):
    """Send the record back."""
    answer = claim(back)
    _copy_seven(answer, event)
    answer["w7"] = event["w7"]


@handler
def pong_marked(event, back):
    """Send the seven words back."""
    _copy_seven(claim(back), event)


@handler(state=TRIPS)
def ping(event, sequence, state, there):
    """Note how long the record was away, wait for the gap, send the next one."""
    arrived = timestamp()
    state["sum"] += sum_of_seven(event) + event["w7"]
    if _note(state, sequence, arrived):
        answer = claim(there)
        write_seven(answer, SEED + sequence)
        answer["w7"] = SEED + sequence + 7


@handler(state=TRIPS)
def ping_marked(event, sequence, state, there):
    """The same for seven words."""
    arrived = timestamp()
    state["sum"] += sum_of_seven(event)
    if _note(state, sequence, arrived):
        write_seven(claim(there), SEED + sequence)


@entry
def now():
    """Return the ticks, for what Python begins."""
    return timestamp()


@compiled
def _copy_seven(target, source):
    target["w0"] = source["w0"]
    target["w1"] = source["w1"]
    target["w2"] = source["w2"]
    target["w3"] = source["w3"]
    target["w4"] = source["w4"]
    target["w5"] = source["w5"]
    target["w6"] = source["w6"]


@compiled
def _note(state, sequence, arrived):
    """Keep the sample of `sequence`; return whether another one is to be sent, from now on. The first is not timed: it began in Python."""
    if sequence == 0:
        state["begin"] = arrived
    else:
        state["samples"][sequence - 1] = arrived - state["sent"]
    while timestamp() - arrived < state["gap"]:
        pause()
    if sequence == state["count"]:
        state["end"] = timestamp()
        return False
    state["sent"] = timestamp()
    return True
