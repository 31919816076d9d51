"""Producers and handlers of the topologies that ThreadSanitizer watches; each keeps sums that show what it has seen."""

from disruptor.handler import handler
from disruptor.single_producer import claim

FIELDS = [("value", "i8"), ("doubled", "i8"), ("squared", "i8"), ("total", "i8")]
_SOURCE = [("made", "i8"), ("most", "i8")]


@handler(state=_SOURCE)
def counts(event, state):
    """Write 0, 1, 2 … into `value`; finished after `most`."""
    if state["made"] >= state["most"]:
        return -1
    event["value"] = state["made"]
    state["made"] += 1
    return 1


counts_too, counts_as_well = counts.using(name="counts_too"), counts.using(name="counts_as_well")


@handler(state=[("count", "i8"), ("sum", "i8")])
def adds(event, state):
    state["count"] += 1
    state["sum"] += event["value"]


adds_after = adds.using(name="adds_after")  # behind others
works, works_too = adds.using(name="works"), adds.using(name="works_too")  # of a pool


@handler
def doubles(event):
    event["doubled"] = 2 * event["value"]


@handler
def squares(event):
    event["squared"] = event["value"] * event["value"]


@handler(state=[("count", "i8"), ("sum", "i8"), ("wrong", "i8")])
def joins(event, state):
    """Follows doubles and squares."""
    event["total"] = event["doubled"] + event["squared"]
    state["count"] += 1
    state["sum"] += event["value"]
    if event["doubled"] != 2 * event["value"] or event["squared"] != event["value"] * event["value"]:
        state["wrong"] += 1


@handler
def forwards(event, out):
    """Send the record on into another ring."""
    copy = claim(out)
    copy["value"] = event["value"]
