"""Small handlers for the tests of the library's front door and of generated loops."""

from disruptor.compiled import compiled
from disruptor.handler import handler

FIELDS = [("value", "i8"), ("doubled", "i8"), ("squared", "i8"), ("sum", "i8")]


@compiled
def twice(value):
    return value + value


@compiled(inline=False)
def square(value):
    return value * value


@handler(state=[("count", "i8"), ("total", "i8"), ("last", "i8"), ("batches", "i8")])
def adds(event, sequence, end_of_batch, state):
    state["count"] += 1
    state["total"] += event["value"]
    state["last"] = sequence
    if end_of_batch:
        state["batches"] += 1


@handler
def doubles(event):
    event["doubled"] = twice(event["value"])


@handler
def fills(event):
    value = event["value"]
    event["w0"] = value + 0
    event["w1"] = value + 1
    event["w2"] = value + 2
    event["w3"] = value + 3
    event["w4"] = value + 4
    event["w5"] = value + 5
    event["w6"] = value + 6
    event["w7"] = value + 7


@handler(state=[("count", "i8")])
def squares(event, state):
    event["squared"] = square(event["value"])
    state["count"] += 1


@handler(state=[("wrong", "i8")])
def sums(event, state):
    """Follows doubles and squares; counts records that it sees before either."""
    event["sum"] = event["doubled"] + event["squared"]
    if event["doubled"] != 2 * event["value"] or event["squared"] != event["value"] * event["value"]:
        state["wrong"] += 1


@handler(state=[("quotients", "i8")])
def divides(event, sequence, state):
    state["quotients"] += 1000 // (event["value"] - 700)


@handler(state=[("words", "i8", (4,))])
def asks_for_more(event, state, nonsense):
    state["words"][0] = nonsense


@handler(state=[("count", "i8")])
def allocates(event, state):
    state["count"] += len([event["value"]] * 3)


@handler(state=[("count", "i8")])
def misspells(event, state):
    state["count"] += event["nix"]
