"""Messages that the engine itself puts into the main ring's order: a stage's timer, and changes of parameters.

*Timers* (`every:` of a stage) are due at the multiples of their period since 1970, so those of `1min` at full minutes, in
every run. `timer_ns` of the sequencer's state is the earliest of all; of two at one time the stage that comes first in the
file is first. In virtual time every period fires, and nothing of it depends on a clock; when nothing but timers has come
for QUIET_MOST messages, they rest until something does (a night without data must not cost a night of timers), and the
periods left out are counted. Live, several periods that have passed before the sequencer came round are one message.

*Changes* come from the control thread through the mailbox, one at a time: int64[2 + 2 × ENTRIES_MOST], the number of
entries, the sequence that the change got, and the entries. Order: the thread writes them and then `asked`; the sequencer
reads `asked` (acquire), copies, and writes the sequence and then `done` (release).
"""

from __future__ import annotations

from disruptor.atomics import load_acquire, store_release
from disruptor.compiled import compiled, for_any_number
from disruptor.single_producer import claim, payload_claim, payload_index
from hydraflow.codes import Kind
from hydraflow.records import PAYLOAD_ALIGN

__all__ = [
    "ENTRIES_MOST", "MAIL_WORDS", "NEVER", "QUIET_MOST", "TIMER", "aligned", "apply_changes", "clear_work", "name_timers",
    "publish_change", "publish_timer", "something_came", "start_timers",
]

NEVER = (1 << 63) - 1
QUIET_MOST = 1_000_000  # timer messages in a row: a second or so of work
ENTRIES_MOST = 4_096  # parameters in one change
MAIL_WORDS = 2 + 2 * ENTRIES_MOST

TIMER = [
    ("stage", "i8"),  # number of the stage
    ("every_ns", "i8"),
    ("due_ns", "i8"),
    ("fired", "i8"),
    ("missed", "i8"),  # periods left out, in all
    ("left_out", "i8"),  # since it fired last
]

_STAGE_TIMER, _PARAMETERS = int(Kind.STAGE_TIMER), int(Kind.PARAMETERS)


def name_timers(state, timers: dict[int, int], quiet_most: int = QUIET_MOST) -> None:
    """Fill the fresh state. timers : number of the stage → its period in ns."""
    state["quiet_most"] = quiet_most
    state["timer_count"] = len(timers)
    state["timer_ns"] = NEVER
    for row, (stage, every_ns) in zip(state["timers"], timers.items(), strict=False):
        row["stage"], row["every_ns"] = stage, every_ns


@compiled
def aligned(units):
    """Return `units` rounded up so that every payload starts on a cache line."""
    return (units + PAYLOAD_ALIGN - 1) // PAYLOAD_ALIGN * PAYLOAD_ALIGN


@compiled
def clear_work(target):
    """Zero the work part of a message."""
    target["bid_price_ticks"] = 0
    target["bid_quantity_lots"] = 0
    target["ask_price_ticks"] = 0
    target["ask_quantity_lots"] = 0
    target["book_status"] = 0
    target["book_changes"] = 0
    target["order_count"] = 0
    target["accepted_count"] = 0
    target["fair_price"] = 0.0
    target["signal"] = 0.0


@compiled
def start_timers(state, now_ns):
    """Time begins at now_ns: every timer is due at the next multiple of its period."""
    state["timers_began"] = 1
    for k in range(state["timer_count"]):
        timer = state["timers"][k]
        timer["due_ns"] = (now_ns // timer["every_ns"] + 1) * timer["every_ns"]
    _look_for_next(state)


@compiled
def something_came(state, counters, receive_ns):
    """Something else than a timer was published at receive_ns: timers begin, or end their rest."""
    if state["timers_began"] == 0:
        start_timers(state, receive_ns)
    elif state["quiet"] >= state["quiet_most"]:
        for k in range(state["timer_count"]):
            timer = state["timers"][k]
            due_ns = (receive_ns // timer["every_ns"] + 1) * timer["every_ns"]
            if due_ns > timer["due_ns"]:
                left_out = (due_ns - timer["due_ns"]) // timer["every_ns"]
                timer["due_ns"] = due_ns
                timer["left_out"] += left_out
                timer["missed"] += left_out
                counters["timers_missed"] += left_out
        state["quiet"] = 0
        _look_for_next(state)
    state["quiet"] = 0


@compiled
def _look_for_next(state):
    """Find the timer that is due first; while they rest none is."""
    state["timer_ns"] = NEVER
    if state["quiet"] < state["quiet_most"]:
        for k in range(state["timer_count"]):
            if state["timers"][k]["due_ns"] < state["timer_ns"]:
                state["timer_ns"] = state["timers"][k]["due_ns"]
                state["timer_next"] = k


@compiled
def publish_timer(state, counters, main, stamps, now_ns, virtual):
    """Publish the timer that is due first. now_ns : live, the clock; periods that have passed until then are left out."""
    timer = state["timers"][state["timer_next"]]
    due_ns = timer["due_ns"]
    if virtual == 0 and now_ns - due_ns >= timer["every_ns"]:
        left_out = (now_ns - due_ns) // timer["every_ns"]
        due_ns += left_out * timer["every_ns"]
        timer["left_out"] += left_out
        timer["missed"] += left_out
        counters["timers_missed"] += left_out
    receive_ns = max(due_ns, state["last_ns"])
    stamps[main.cell["next"] & main.cell["mask"]] = 0
    target = claim(main)
    _address(target, _STAGE_TIMER, receive_ns, timer["fired"] + 1)
    target["venue_ns"] = due_ns
    target["first_update"] = timer["stage"]
    target["last_update"] = timer["left_out"]
    target["payload_count"] = 0
    target["payload_position"] = payload_claim(main, 0)
    timer["fired"] += 1
    timer["left_out"] = 0
    timer["due_ns"] = due_ns + timer["every_ns"]
    state["last_ns"] = receive_ns
    state["quiet"] += virtual
    counters["timer_messages"] += 1
    _look_for_next(state)


@compiled
def publish_change(state, counters, cells, main, payload_room, stamps, now_ns, mailbox, asked, done):
    """Publish a change that was asked for; return the payload units it took, -1 when there is none, or no room for it yet."""
    number = load_acquire(cells, asked)
    if number == state["changes"]:
        return -1
    count = mailbox[0]
    units = aligned(count)
    if units > payload_room:
        return -1
    receive_ns = max(now_ns, state["last_ns"])
    sequence = main.cell["next"]
    stamps[sequence & main.cell["mask"]] = 0
    target = claim(main)
    _address(target, _PARAMETERS, receive_ns, number)
    target["venue_ns"] = 0
    target["first_update"] = 0
    target["last_update"] = 0
    at = payload_index(main)
    for k in range(count):
        main.payload[at + k]["price_ticks"] = mailbox[2 + 2 * k]
        main.payload[at + k]["quantity_lots"] = mailbox[3 + 2 * k]
    target["payload_count"] = count
    target["payload_position"] = payload_claim(main, units)
    state["last_ns"] = receive_ns
    state["changes"] = number
    counters["parameter_messages"] += 1
    mailbox[1] = sequence
    store_release(cells, done, number)
    return units


@compiled
@for_any_number
def _address(target, kind, receive_ns, number):
    target["receive_ns"] = receive_ns
    target["number"] = number
    target["previous_update"] = -1
    target["bid_count"] = 0
    target["kind"] = kind
    target["source"] = 0
    target["symbol"] = 0
    target["flags"] = 0
    clear_work(target)


@compiled
@for_any_number
def apply_changes(event, payload, params_words, stage_number):
    """Take the entries of a PARAMETERS message that are for one stage into its parameters; return how many there were.

    params_words : int64[n], the stage's parameters as words, in the order of its fields.
    """
    mask = payload.shape[0] // 2 - 1
    start = event["payload_position"]
    count = 0
    for k in range(int(event["payload_count"])):
        entry = payload[(start + k) & mask]
        field = entry["price_ticks"] & 0xFFFFFFFF
        if entry["price_ticks"] >> 32 == stage_number and field < params_words.shape[0]:
            params_words[field] = entry["quantity_lots"]
            count += 1
    return count
