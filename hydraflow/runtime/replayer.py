"""The driver that stands in for the sequencer in a replay: it publishes journaled messages, in their order.

Feedback (reports, the venue's timers) is taken from the journal, never from the venue; what the venue regenerates meanwhile
is compared with it, field by field. Stages' timers and changes of parameters are taken as they are: nothing else makes them. A difference means that handlers or parameters have changed since, or a fault.
"""

from __future__ import annotations

from disruptor.atomics import load_acquire
from disruptor.compiled import compiled, for_any_number
from disruptor.single_producer import claim, payload_claim, payload_index
from hydraflow.codes import Kind
from hydraflow.records import FEEDBACK, REPORT_UNITS
from hydraflow.reports import (
    report_cause,
    report_fee_units,
    report_leaves_lots,
    report_order_id,
    report_price_ticks,
    report_quantity_lots,
)
from hydraflow.runtime.engine_messages import aligned, clear_work

__all__ = ["COUNTERS", "replayer_state", "step"]

BURST = 64

COUNTERS = [
    ("messages", "i8"),
    ("market_messages", "i8"),
    ("feedback_messages", "i8"),
    ("compared", "i8"),
    ("differences", "i8"),
    ("first_difference", "i8"),
    ("not_regenerated", "i8"),
    ("timer_messages", "i8"),
    ("timers_missed", "i8"),
    ("parameter_messages", "i8"),
]

_FEEDBACK, _STAGE_TIMER, _PARAMETERS = int(Kind.REPORT), int(Kind.STAGE_TIMER), int(Kind.PARAMETERS)
_REPORT = int(Kind.REPORT)


def replayer_state(slots: int) -> list:
    """Return the state's fields; slots : power of two, at least as many feedback messages as can be in flight."""
    return [("position", "i8"), ("until", "i8"), ("regenerated", FEEDBACK, (slots,))]


def prepare(state, until: int) -> None:
    """Fill the fresh state: replay messages 0 … until − 1."""
    state["until"] = until
    state["regenerated"]["number"] = -1


@for_any_number
def step(state, counters, cells, main, room, payload_room, stamps, messages, units, feedback, feedback_cursor, venues, now):
    """Publish the next journaled messages; return how many, or -1 after the last.

    messages : MESSAGE records as journaled, payload_position counting into `units` (LEVEL records).
    """
    passed = main.cell["next"] - 1
    for word in venues:
        cursor = load_acquire(cells, word)
        if cursor < passed:
            passed = cursor
    feedback.cell["gate"] = load_acquire(cells, feedback_cursor)
    keep(state, feedback)
    count = 0
    while count < BURST and count < room:
        position = state["position"]
        if position >= state["until"]:
            break
        source = messages[position]
        needed = aligned(int(source["payload_count"]))
        if needed > payload_room:
            break
        if source["kind"] == _STAGE_TIMER:
            counters["timer_messages"] += 1
            counters["timers_missed"] += source["last_update"]
        elif source["kind"] == _PARAMETERS:
            counters["parameter_messages"] += 1
        elif source["kind"] >= _FEEDBACK:
            if source["previous_update"] > passed:
                break
            if not same(state, source, units):
                if counters["differences"] == 0:
                    counters["first_difference"] = position
                counters["differences"] += 1
            counters["compared"] += 1
            counters["feedback_messages"] += 1
        else:
            counters["market_messages"] += 1
        publish_message(main, stamps, source, units, needed, now)
        payload_room -= needed
        state["position"] = position + 1
        count += 1
    counters["messages"] += count
    if count == 0 and state["position"] >= state["until"] and passed == main.cell["next"] - 1:
        return -1
    return count


@compiled
def keep(state, feedback):
    """Remember what the venue regenerates, by its number."""
    mask = state["regenerated"].shape[0] - 1
    while feedback.cell["next"] <= feedback.cell["gate"]:
        source = feedback.records[feedback.cell["next"] & feedback.cell["mask"]]
        state["regenerated"][source["number"] & mask] = source
        feedback.cell["next"] += 1


@compiled
def same(state, source, units):
    """Return whether the journaled feedback message is what the venue has regenerated under its number."""
    mine = state["regenerated"][source["number"] & (state["regenerated"].shape[0] - 1)]
    if mine["number"] != source["number"] or mine["kind"] != source["kind"] or mine["cause"] != source["previous_update"]:
        return False
    if mine["token"] != source["first_update"] or mine["symbol"] != source["symbol"]:
        return False
    if source["kind"] != _REPORT:
        return True
    at = source["payload_position"]
    report = mine["report"]
    if report_order_id(units, at) != report["order_id"] or report_price_ticks(units, at) != report["price_ticks"]:
        return False
    if report_quantity_lots(units, at) != report["quantity_lots"] or report_fee_units(units, at) != report["fee_units"]:
        return False
    return report_leaves_lots(units, at) == report["leaves_lots"] and report_cause(units, at) == report["cause"]


@compiled
def publish_message(main, stamps, source, units, needed, now):
    """Copy one journaled message with its payload into the main ring."""
    stamps[main.cell["next"] & main.cell["mask"]] = now
    target = claim(main)
    target["receive_ns"] = source["receive_ns"]
    target["venue_ns"] = source["venue_ns"]
    target["number"] = source["number"]
    target["first_update"] = source["first_update"]
    target["last_update"] = source["last_update"]
    target["previous_update"] = source["previous_update"]
    target["payload_count"] = source["payload_count"]
    target["bid_count"] = source["bid_count"]
    target["kind"] = source["kind"]
    target["source"] = source["source"]
    target["symbol"] = source["symbol"]
    target["flags"] = source["flags"]
    clear_work(target)
    at = payload_index(main)
    start = source["payload_position"]
    for k in range(int(source["payload_count"])):
        main.payload[at + k]["price_ticks"] = units[start + k]["price_ticks"]
        main.payload[at + k]["quantity_lots"] = units[start + k]["quantity_lots"]
    target["payload_position"] = payload_claim(main, needed)


assert REPORT_UNITS == 4
