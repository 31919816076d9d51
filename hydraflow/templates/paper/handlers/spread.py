"""How wide the market is: counts books, and those whose spread is wide."""

import attrs

from disruptor import handler
from hydraflow.codes import Kind

BOOKS = (int(Kind.SNAPSHOT), int(Kind.DEPTH))  # messages that change a book


@attrs.frozen
class Spread:
    """Parameters: what stands under `with:` in the topology."""

    wide_ticks: int = attrs.field(default=2, metadata={"description": "a spread is wide from here on", "unit": "ticks", "minimum": 1})


@handler(params=Spread, state=[("widest_ticks", "i8")], counters=[("books", "i8"), ("wide", "i8")])
def on_event(event, state, params, counters):
    if event["kind"] not in BOOKS or event["bid_price_ticks"] <= 0 or event["ask_price_ticks"] <= 0:
        return
    spread_ticks = event["ask_price_ticks"] - event["bid_price_ticks"]
    counters["books"] += 1
    counters["wide"] += spread_ticks >= params["wide_ticks"]
    state["widest_ticks"] = max(state["widest_ticks"], spread_ticks)
