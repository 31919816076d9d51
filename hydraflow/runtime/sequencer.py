"""The sequencer: the single producer of the main ring, which gives everything that changes state ONE order.

It merges the decoded rings (market data, one per source) with the feedback ring (execution reports and timers), and adds
what the engine itself has to say: timers of stages, changes of parameters (hydraflow.runtime.engine_messages).

Virtual time (captures, simulator, tests): messages are ordered by (time, feedback before stages' timers before sources, source
rank, number). A stage's timer goes out once every source that is not over has shown, or promised, that it is beyond it: a
source that is paced promises by the clock, and timers end with the sources.
The order must not depend on how fast any thread runs, so nothing is published at time t while a feedback message due at
or before t could still appear: message n can cause feedback due at receive_ns(n) + latency at the earliest, hence the
*horizon*: the receive_ns of the oldest message that the venue has not passed, plus its latency. Nor is anything published
while a source that is not exhausted shows no head and could still bring an earlier one.

Live time: feedback and timers go out once they are due by the clock, market data in order of arrival.

`receive_ns` never decreases in the main ring: stamps that run backwards are lifted to the source's latest (counted).
"""

from __future__ import annotations

import attrs

from disruptor.atomics import load_acquire
from disruptor.compiled import compiled, for_any_number
from disruptor.single_producer import claim, payload_claim, payload_index
from hydraflow.codes import Kind
from hydraflow.records import FEEDBACK, REPORT_UNITS
from hydraflow.reports import encode_record
from hydraflow.runtime.engine_messages import (
    NEVER,
    TIMER,
    aligned,
    clear_work,
    name_timers,
    publish_change,
    publish_timer,
    something_came,
    start_timers,
)

__all__ = ["COUNTERS", "SequencerParams", "sequencer_state", "step"]

BURST = 64

COUNTERS = [
    ("messages", "i8"),
    ("market_messages", "i8"),
    ("feedback_messages", "i8"),
    ("stamps_backwards", "i8"),
    ("late_feedback", "i8"),
    ("undelivered", "i8"),
    ("pending_high_water", "i8"),
    ("timer_messages", "i8"),
    ("timers_missed", "i8"),  # periods left out
    ("parameter_messages", "i8"),
]

_REPORT = int(Kind.REPORT)


@attrs.frozen
class SequencerParams:
    """How the sequencer orders."""

    virtual: int = attrs.field(default=1, metadata={"description": "1: virtual time from recorded stamps; 0: live"})
    latency_ns: int = attrs.field(default=0, metadata={"description": "least time from a message to feedback due to it"})
    settle_ns: int = attrs.field(
        default=1_000_000_000, metadata={"description": "how long after the last market message feedback still counts"}
    )
    base_ticks: int = attrs.field(default=0, metadata={"description": "live: time stamp counter at base_ns"})
    base_ns: int = attrs.field(default=0, metadata={"description": "live: wall clock at base_ticks"})
    ns_per_tick: float = attrs.field(default=1.0, metadata={"description": "live: calibration"})


def sequencer_state(sources: int, pending: int, timers: int = 0) -> list:
    """Return the state's fields for `sources` decoded rings, at most `pending` feedback messages in flight, `timers` of stages."""
    return [
        ("last_ns", "i8"),  # of the latest message published
        ("last_market_ns", "i8"),
        ("pending_count", "i8"),
        ("fault", "i8"),
        ("source_ns", "i8", (sources,)),
        ("exhausted", "i8", (sources,)),
        ("heap", "i8", (pending,)),  # slots of `pending`, a binary heap by (due_ns, number)
        ("free", "i8", (pending,)),  # slots not in use, a stack
        ("pending", FEEDBACK, (pending,)),
        ("changes", "i8"),  # number of the latest change of parameters
        ("timer_count", "i8"),
        ("timers_began", "i8"),
        ("timer_next", "i8"),  # of `timers`, the one that is due first
        ("timer_ns", "i8"),  # when, NEVER for none
        ("quiet", "i8"),  # timer messages since something else was published
        ("quiet_most", "i8"),  # with so many they rest
        ("timers", TIMER, (max(1, timers),)),
    ]


def prepare(state, timers: dict[int, int] | None = None) -> None:
    """Fill the fresh state: every slot is free. timers : number of the stage → its period in ns."""
    state["free"][:] = range(len(state["free"]))
    state["last_ns"] = 0
    name_timers(state, timers or {})


@for_any_number
def step(
    state, params, counters, cells, main, room, payload_room, stamps, heads, records, payloads, source_stamps, promises, ends,
    feedback, feedback_cursor, venues, mailbox, asked, done, now,
):
    """Publish what may go out now; return how many messages, or -1 when nothing will ever come again.

    heads : PORT[n], where reading each decoded ring stands; records, payloads, source_stamps : tuples of n arrays, of those
    rings. promises : int64[1] of each source, the time before which nothing more will come from it. ends : int64[n, 4], for each the words of its source's flag, its frames cursor, its decoder's cursor and its own
    (arrays and not n Inlets: a tuple of records cannot be indexed in compiled code). venues : words of the cursors of all feedback producers.
    mailbox, asked, done : where changes of parameters come from, see engine_messages.
    Order: the venues' cursors are read before the feedback cursor, so whatever a passed message caused is in the heap.
    """
    sent = main.cell["next"]
    horizon = NEVER
    passed = sent - 1
    for word in venues:
        cursor = load_acquire(cells, word)
        if cursor < passed:
            passed = cursor
    if passed < sent - 1:
        horizon = main.records[(passed + 1) & main.cell["mask"]]["receive_ns"] + params["latency_ns"]
    feedback.cell["gate"] = load_acquire(cells, feedback_cursor)
    drain(state, counters, feedback)
    now_ns = params["base_ns"]
    if params["virtual"] == 0:
        now_ns += int((now - params["base_ticks"]) * params["ns_per_tick"])
    count = 0
    if room > 0:
        units = publish_change(
            state, counters, cells, main, payload_room, stamps, 0 if params["virtual"] != 0 else now_ns, mailbox, asked, done
        )
        if units >= 0:
            payload_room -= units
            count = 1
            horizon = min(horizon, state["last_ns"] + params["latency_ns"])
            if state["timers_began"] != 0:
                something_came(state, counters, state["last_ns"])
    if params["virtual"] == 0 and state["timers_began"] == 0:
        start_timers(state, now_ns)
    while count < BURST and count < room:
        best = -1
        best_ns = NEVER
        bound_ns = NEVER  # the earliest time at which a source without head could still bring something
        open_sources = 0
        for i in range(heads.shape[0]):
            head = heads[i]
            if head["next"] > head["gate"] and state["exhausted"][i] == 0:
                look_again(state, cells, head, ends, i)
            if head["next"] <= head["gate"]:
                open_sources += 1
                stamp = records[i][head["next"] & head["mask"]]["receive_ns"]
                if stamp < state["source_ns"][i]:
                    stamp = state["source_ns"][i]
                if stamp < best_ns:
                    best_ns = stamp
                    best = i
            elif state["exhausted"][i] == 0:
                open_sources += 1
                source_ns = promised(state, cells, head, promises[i], ends, i)
                if source_ns < bound_ns:
                    bound_ns = source_ns
        due_ns = NEVER
        if state["pending_count"] > 0:
            due_ns = state["pending"][state["heap"][0]]["due_ns"]
        take_timer = state["timer_ns"] < due_ns and state["timer_ns"] <= best_ns
        if params["virtual"] != 0:
            if take_timer and open_sources > 0:
                if state["timer_ns"] > bound_ns or state["timer_ns"] >= horizon:
                    break
                take_feedback = False
            elif due_ns <= best_ns:
                if due_ns == NEVER or due_ns > bound_ns or due_ns > horizon:
                    break
                if open_sources == 0 and due_ns > state["last_market_ns"] + params["settle_ns"]:
                    break
                take_timer, take_feedback = False, True
            else:
                if best_ns >= horizon or best_ns >= bound_ns:
                    break
                take_feedback = False
        else:
            take_timer = take_timer and state["timer_ns"] <= now_ns and open_sources > 0
            take_feedback = due_ns <= now_ns and not take_timer
            if not take_timer and not take_feedback and best < 0:
                break
        if take_timer:
            publish_timer(state, counters, main, stamps, now_ns, params["virtual"])
        elif take_feedback:
            if payload_room - REPORT_UNITS < 0:
                break
            payload_room -= publish_feedback(state, counters, main, stamps)
        else:
            head = heads[best]
            source = records[best][head["next"] & head["mask"]]
            units = aligned(int(source["payload_count"]))
            if units > payload_room:
                break
            payload_room -= units
            stamps[main.cell["next"] & main.cell["mask"]] = source_stamps[best][head["next"] & head["mask"]]
            publish_market(state, counters, main, head, source, payloads[best], units, best, best_ns)
        if state["timer_count"] > 0 and not take_timer:
            something_came(state, counters, state["last_ns"])
        if count == 0 and horizon == NEVER:
            horizon = state["last_ns"] + params["latency_ns"]
        count += 1
    counters["messages"] += count
    if count == 0 and passed == sent - 1 and all_exhausted(state, heads.shape[0]):
        if state["pending_count"] == 0 or finished_settling(state, params):
            counters["undelivered"] += state["pending_count"]
            state["pending_count"] = 0
            return -1
    return count


@compiled
def look_again(state, cells, head, ends, i):
    """Note whether source i will bring nothing more. Order: finished, then produced, consumed, then its cursor."""
    if load_acquire(cells, ends[i, 0]) != 0:
        produced = load_acquire(cells, ends[i, 1])
        if load_acquire(cells, ends[i, 2]) == produced:
            head["gate"] = load_acquire(cells, ends[i, 3])
            if head["next"] > head["gate"]:
                state["exhausted"][i] = 1


@compiled
def promised(state, cells, head, promise, ends, i):
    """Return the time before which source i, which shows no head, will bring nothing more.

    Order: the promise, then produced, consumed, then the decoder's cursor: what was published before it is in the ring.
    """
    promise_ns = load_acquire(promise, 0)
    if state["timer_count"] > 0 and promise_ns > state["source_ns"][i]:
        produced = load_acquire(cells, ends[i, 1])
        if load_acquire(cells, ends[i, 2]) == produced:
            head["gate"] = load_acquire(cells, ends[i, 3])
            if head["next"] > head["gate"]:
                return promise_ns
    return state["source_ns"][i]


@compiled
def all_exhausted(state, sources):
    for i in range(sources):
        if state["exhausted"][i] == 0:
            return False
    return True


@compiled
def finished_settling(state, params):
    first = state["pending"][state["heap"][0]]["due_ns"]
    return first > state["last_market_ns"] + params["settle_ns"]


@compiled
def publish_market(state, counters, main, head, source, payload, units, rank, receive_ns):
    """Copy one decoded message with its payload into the main ring, at time receive_ns."""
    target = claim(main)
    if source["receive_ns"] < receive_ns:
        counters["stamps_backwards"] += 1
    state["source_ns"][rank] = receive_ns
    if receive_ns < state["last_ns"]:  # live: feedback overtook a message that waited in a ring
        receive_ns = state["last_ns"]
    target["receive_ns"] = receive_ns
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
    start = source["payload_position"] & head["payload_mask"]
    for k in range(int(source["payload_count"])):
        main.payload[at + k]["price_ticks"] = payload[start + k]["price_ticks"]
        main.payload[at + k]["quantity_lots"] = payload[start + k]["quantity_lots"]
    target["payload_position"] = payload_claim(main, units)
    head["next"] += 1
    state["last_ns"] = receive_ns
    state["last_market_ns"] = receive_ns
    counters["market_messages"] += 1


@compiled
def publish_feedback(state, counters, main, stamps):
    """Move the earliest feedback message into the main ring; return the payload units it took."""
    slot = pop(state)
    source = state["pending"][slot]
    receive_ns = source["due_ns"]
    if receive_ns < state["last_ns"]:
        receive_ns = state["last_ns"]
        counters["late_feedback"] += 1
    stamps[main.cell["next"] & main.cell["mask"]] = 0
    target = claim(main)
    target["receive_ns"] = receive_ns
    target["number"] = source["number"]
    target["first_update"] = source["token"]
    target["last_update"] = source["number"]
    target["previous_update"] = source["cause"]
    target["bid_count"] = 0
    target["kind"] = source["kind"]
    target["source"] = source["source"]
    target["symbol"] = source["symbol"]
    target["flags"] = 0
    clear_work(target)
    units = 0
    target["venue_ns"] = 0
    if source["kind"] == _REPORT:
        target["venue_ns"] = source["report"]["venue_ns"]
        encode_record(main.payload, payload_index(main), source["report"])
        units = REPORT_UNITS
    target["payload_count"] = units
    target["payload_position"] = payload_claim(main, units)
    state["last_ns"] = receive_ns
    counters["feedback_messages"] += 1
    return units


@compiled
def drain(state, counters, feedback):
    """Move what the feedback ring holds into the heap. It never waits for the main ring: that is what rules out deadlock."""
    capacity = state["heap"].shape[0]
    while feedback.cell["next"] <= feedback.cell["gate"] and state["pending_count"] < capacity:
        source = feedback.records[feedback.cell["next"] & feedback.cell["mask"]]
        feedback.cell["next"] += 1
        push(state, source)
        if state["pending_count"] > counters["pending_high_water"]:
            counters["pending_high_water"] = state["pending_count"]


@compiled
def before(state, a, b):
    """Return whether slot a comes out before slot b."""
    first, second = state["pending"][a], state["pending"][b]
    if first["due_ns"] != second["due_ns"]:
        return first["due_ns"] < second["due_ns"]
    return first["number"] < second["number"]


@compiled
def push(state, source):
    """Add a feedback record to the heap. Precondition: pending_count < capacity."""
    count = state["pending_count"]
    slot = state["free"][state["free"].shape[0] - 1 - count]
    state["pending"][slot] = source
    heap = state["heap"]
    i = count
    while i > 0:
        parent = (i - 1) // 2
        if not before(state, slot, heap[parent]):
            break
        heap[i] = heap[parent]
        i = parent
    heap[i] = slot
    state["pending_count"] = count + 1


@compiled
def pop(state):
    """Remove the earliest record from the heap; return its slot, valid until the next push."""
    heap = state["heap"]
    top = heap[0]
    count = state["pending_count"] - 1
    state["pending_count"] = count
    state["free"][state["free"].shape[0] - 1 - count] = top
    slot = heap[count]
    i = 0
    while 2 * i + 1 < count:
        child = 2 * i + 1
        if child + 1 < count and before(state, heap[child + 1], heap[child]):
            child += 1
        if not before(state, heap[child], slot):
            break
        heap[i] = heap[child]
        i = child
    heap[i] = slot
    return top
