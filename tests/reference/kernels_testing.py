"""Handlers for the tests of disruptor.testing: right ones, and such as differ, fail or overrun."""

import attrs
import numpy as np

from disruptor.compiled import compiled
from disruptor.handler import handler
from disruptor.single_producer import claim, payload_claim, payload_index

LEVEL = [("x", "f8"), ("n", "i4"), ("on", "?"), ("pad", "u1", (3,))]
NESTED = [
    ("number", "i8"), ("mean", "f8"), ("flags", "u4"), ("size", "i4"), ("on", "?"), ("inner", LEVEL),
    ("levels", LEVEL, (3,)), ("row", "f8", (4,)), ("grid", "i4", (2, 3)),
]
ORDER = [("cause", "i8"), ("payload_position", "i8"), ("payload_count", "i8")]


@attrs.frozen
class Scale:
    factor: float = 2.0
    offset: int = 1


def prepared(state, params, **context):
    state["table"][:] = np.arange(4) * params["factor"]


@handler(state=[("table", "f8", (4,)), ("total", "f8")], params=Scale, counters=[("seen", "i8")], prepare=prepared)
def scales(event, sequence, end_of_batch, state, params, counters):
    event["scaled"] = event["value"] * params["factor"] + params["offset"]
    state["total"] += state["table"][sequence & 3]
    counters["seen"] += 1
    if end_of_batch:
        return sequence
    return -1


@handler(max_out={"orders": 2}, max_payload={"orders": 3})
def publishes(event, sequence, orders):
    """Publish value & 1 orders, twice where value is 3, each with value & 3 units."""
    for _ in range(2 if event["value"] == 3 else event["value"] & 1):
        order = claim(orders)
        order["cause"] = sequence
        order["payload_count"] = event["value"] & 3
        at = payload_index(orders)
        for k in range(event["value"] & 3):
            orders.payload[at + k] = 10 * sequence + k
        order["payload_position"] = payload_claim(orders, event["value"] & 3) if event["value"] != 3 else 0


@handler(max_out={"orders": 1})
def publishes_too_much(event, orders):
    claim(orders)
    if event["value"] > 1:
        claim(orders)


def reads_payload(event, payload, state):
    for k in range(event["payload_count"]):
        state["total"] += payload[(event["payload_position"] + k) & (payload.shape[0] // 2 - 1)]


def fills_lane(event, sequence, lane, limit):
    lane[sequence & (lane.shape[0] - 1)] += event["value"] * limit


@compiled
def doubled(x):
    return x + x


@compiled(inline=False)
def doubled_twice(x):
    return doubled(doubled(x))


def uses_helpers(event):
    event["scaled"] = doubled_twice(event["value"])


def narrow_product(event, state):
    state["total"] += event["a"] * event["b"]


def product_of_elements(event, state):
    state["levels"][2]["n"] += 1
    state["levels"][1]["x"] = event["a"] * event["b"]


def outside(event, state):
    state["row"][event["value"]] = 1.0


def divides(event, state):
    state["total"] += 10 // event["value"]


def divides_floats(event, state):
    state["total"] += (event["value"] - event["value"]) / event["value"]


def logarithm_of_zero(event, state):
    state["total"] += np.log(event["value"] * 0.0)


def raises(event):
    if event["value"] > 2:
        raise ValueError("too large")


def unbound(event, state):
    if event["value"] > 1:
        total = 1.0
    state["total"] = total


def narrow_store(event, state):
    state["small"] = event["value"]


def nested_store(event, state):
    state["levels"][1]["small"] = event["value"]


def element_store(event, state):
    state["row"][1] = event["value"]


def not_a_number(event, state):
    state["total"] = event["x"] - event["x"]


def returns_sometimes(event):
    if event["value"] > 1:
        return event["value"] * 10


def counts_batches(event, end_of_batch, state):
    state["total"] += 1
    state["small"] += end_of_batch


def plain_batches(batch, first_sequence):
    if (batch["value"] == 13).any():
        raise ValueError("thirteen")
    batch["scaled"] = batch["value"] * 2 + first_sequence


def lossy(event):
    event["ticks"] = event["price"] * 1.5


def by_item(event, state):
    state["number"] += event["number"]
    state["mean"] += event["mean"] + event["inner"]["x"] + event["levels"][1]["x"]
    state["flags"] = event["flags"]
    state["size"] = event["size"]
    state["on"] = event["on"] or event["inner"]["on"]
    state["inner"]["n"] = event["levels"][2]["n"]
    state["levels"][0]["x"] = event["row"][3] * 2.0
    state["levels"][2]["on"] = not event["levels"][0]["on"]
    state["row"][1] = event["row"][0] + len(event["row"])
    state["grid"][1, 2] = event["grid"][0, 1]


def by_attribute(event, state):
    state.number += event.number
    state.mean += event.mean + event.inner.x + event.levels[1].x
    state.flags = event.flags
    state.size = event.size
    state.on = event.on or event.inner.on
    state.inner.n = event.levels[2].n
    state.levels[0].x = event.row[3] * 2.0
    state.levels[2].on = not event.levels[0].on
    state.row[1] = event.row[0] + len(event.row)
    state.grid[1, 2] = event.grid[0, 1]
