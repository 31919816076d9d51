"""Compiled handlers for the conformance suite. Traces go into the state: `seen` holds what was handled, in order."""

from disruptor.claims import release_upto
from disruptor.handler import handler
from disruptor.rewind import REWIND
from disruptor.single_producer import claim

TRACE = [("count", "i8"), ("seen", "i8", (256,)), ("batches", "i8"), ("sizes", "i8", (64,)), ("depths", "i8", (64,)),
         ("timeouts", "i8"), ("ends", "i8"), ("fails", "i8", (64,))]


def batch_started(batch_size, queue_depth, state):
    state["sizes"][state["batches"]] = batch_size
    state["depths"][state["batches"]] = queue_depth
    state["batches"] += 1


def timed_out(sequence, state):
    state["timeouts"] += 1


@handler(state=TRACE, on_batch_start=batch_started, on_timeout=timed_out)
def traces(event, sequence, end_of_batch, state):
    state["seen"][state["count"] & 255] = sequence
    state["count"] += 1
    state["ends"] += end_of_batch


@handler(state=TRACE, on_batch_start=batch_started)
def fails_at_two(event, sequence, end_of_batch, state):
    if sequence == 2:
        state["seen"][1 // (state["count"] * 0)] = 1
    state["seen"][state["count"] & 255] = sequence
    state["count"] += 1


@handler(state=TRACE)
def returns_status_at_two(event, sequence, state):
    state["seen"][state["count"] & 255] = sequence
    state["count"] += 1
    return -7 if sequence == 2 else 0


@handler(state=TRACE, on_batch_start=batch_started)
def rewinds(event, sequence, state):
    """Asks for its batch again as often as the record's `value` says."""
    if state["fails"][sequence & 63] < event["value"]:
        state["fails"][sequence & 63] += 1
        return REWIND
    state["seen"][state["count"] & 255] = sequence
    state["count"] += 1
    return 0


@handler(state=TRACE)
def releases(event, sequence, state, release):
    """Lets each record go at once; at the last of a batch of 8 it waits until the test has seen that."""
    release_upto(release, sequence)
    state["count"] += 1


@handler(state=[("count", "i8"), ("sum", "i8"), ("last", "i8"), ("wrong", "i8")])
def consistent(event, sequence, state):
    """Counts records whose fields disagree with their sequence."""
    if event["value"] != sequence or event["other"] != 2.0 * sequence:
        state["wrong"] += 1
    if state["count"] > 0 and sequence != state["last"] + 1:
        state["wrong"] += 1
    state["last"] = sequence
    state["count"] += 1
    state["sum"] += event["value"]


@handler
def adds_one(event):
    event["value"] += 1


@handler
def doubles(event):
    event["value"] *= 2


@handler(state=[("count", "i8"), ("sum", "i8")])
def sums(event, state):
    state["count"] += 1
    state["sum"] += event["value"]


@handler
def copies(event, out):
    """Sends the record on."""
    copy = claim(out)
    copy["value"] = event["value"]
    copy["other"] = event["other"]
