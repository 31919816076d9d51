"""Which fields a handler reads and writes: as its source says, through names, views, copies, calls and closures."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from disruptor.access import EVERY, accesses, overlap, statements, walk
from disruptor.compiled import compiled
from disruptor.handler import as_handler, handler
from hydraflow.records import LEVEL, MESSAGE, ORDER
from hydraflow.registry import HANDLERS, Registry
from tests.reference import access_helpers
from tests.reference.access_helpers import FIELD, first_of

NAMES = ("a", "b")
SEEN: dict = {}
ROWS: list = []


@compiled
def show(message, value):
    message["shown"] = value
    return message["seen"]


@compiled
def recurse(record, depth):
    return record["deep"] if depth == 0 else recurse(record, depth - 1)


@compiled
def read_named(record, name):
    return record[name]


@compiled
def fill(view, value):
    for i in range(3):
        view[i] = value


@compiled
def same(record):
    return record


class Namespace:
    show = show


def by_item(event, sequence):
    event["a"] = event["b"] + sequence


def by_attribute(event):
    event.a = event.b


def in_place(event):
    event["a"] += 1


def through_a_view(event):
    event["a"][2] = event["b"][3]


def through_a_slice(event):
    event["a"][1:3] = event["b"][0]


def through_a_kept_view(event):
    window = event["a"]
    window[1] = event["b"]


def through_a_nested_record(event):
    event["a"]["price"] = event.b.quantity


def through_another_name(event):
    record = event
    record["a"] = 1


def through_unpacking(event, sequence):
    (record, (number, other)) = (event, (sequence, event))
    record["a"] = number
    other["c"] = record["b"]


def through_either_name(event, state):
    record = event if state["on"] else same(event)
    record["a"] = 1


def through_the_walrus(event):
    if (record := event)["b"] > 1:
        record["a"] = 1


def through_calls(event, state):
    state["x"] = show(event, 3)
    Namespace.show(value=state["y"], message=event)
    recurse(event, 2)


def through_another_module(event):
    access_helpers.set_price(event, event["b"])
    first_of(event, event)["c"] = 1


def through_star_arguments(event):
    arguments = (event, event["b"])
    access_helpers.set_price(*arguments)


def through_a_view_as_argument(event):
    fill(event["a"], event["b"])


def by_constant_name(event):
    event[FIELD] = event["b" + "_ticks"]


def by_name_of_a_helper(event):
    event["a"] = read_named(event, "b")


def by_literal_loop(event):
    for name in ("a", "b"):
        event[name] = 0


def by_loop_over_a_global(event, state):
    for name in NAMES:
        state["sum"] += event[name]


def by_getattr(event):
    setattr(event, "a", getattr(event, "b"))  # noqa: B009, B010


def by_format(event):
    for side in ("bid", "ask"):
        event[f"{side}_price"] = 0


def in_a_nested_function(event, state):
    def last(record):
        return record["b"] + event["c"]

    state["x"] = last(event)


def in_a_lambda(event, state):
    state["x"] = (lambda record: record["b"])(event)


def copies_it(event, state):
    state["last"] = event


def copies_it_by_method(event, state):
    state["last"] = event.copy()


def copies_into(event, state):
    rows = state["rows"]
    rows[0] = event


def matched(event):
    match event["kind"]:
        case 1:
            event["a"] = 1
        case _ if event["b"] > 1:
            pass


def in_every_branch(event):
    try:
        if event["a"]:
            return event["b"]
        while event["c"]:
            event["d"] = 1
    finally:
        event["e"] = 1


def with_names_used_again(event, state):
    for name in ("a", "b"):
        state["x"] += event[name]
    for name in ("c", "d"):
        event[name] = 1
    record = event
    record["e"] = 1
    record = state
    record["f"] = 1


def left_in_the_middle(event, state):
    record, name = state, "a"
    while state["x"] < 3:
        record = event
        if state["y"]:
            break
        record, name = state, "b"
    record[name] = 1


def interrupted(event, state):
    record = state
    try:
        record = event
        state["x"] = 1 // state["y"]
        record = state
    except ZeroDivisionError:
        record["a"] = 1


def batch(batch, first_sequence):
    batch["a"][:] = batch["b"]


def batch_rows(batch, first_sequence):
    for number, row in enumerate(batch):
        row["a"] = row["b"] + number
    for left, _ in zip(batch, range(3)):
        left.c = 1


def batch_columns(batch):
    for name in ("a", "b"):
        np.add(batch[name], 1, out=batch["c"])
    np.copyto(batch["d"], 1)
    batch["e"].sort()


def batch_slice(batch):
    part = batch[2:][batch["a"][2:] > 1]
    part["b"] = 1
    return batch[["c", "d"]].copy()


def changed_elsewhere(event, state):
    state["a"] = state["b"]


def nothing_of_it(event, state):
    state["a"] = len(state["b"]) + event.dtype.itemsize


@pytest.mark.parametrize(
    ("function", "reads", "writes"),
    [
        (by_item, "b", "a"), (by_attribute, "b", "a"), (in_place, "a", "a"), (through_a_view, "b", "a"), (through_a_slice, "b", "a"),
        (through_a_kept_view, "a b", "a"), (through_a_nested_record, "b", "a"), (through_another_name, "", "a"),
        (through_unpacking, "b", "a c"), (through_either_name, "", "a"), (through_the_walrus, "b", "a"),
        (through_calls, "seen deep", "shown"), (through_another_module, "b", "price c"), (through_star_arguments, "b", "price"),
        (through_a_view_as_argument, "a b", "a"), (by_constant_name, "b_ticks", "constant"), (by_name_of_a_helper, "b", "a"),
        (by_literal_loop, "", "a b"), (by_loop_over_a_global, "a b", ""), (by_getattr, "b", "a"), (by_format, "", "bid_price ask_price"),
        (in_a_nested_function, "b c", ""), (in_a_lambda, "b", ""), (copies_it, "*", ""), (copies_it_by_method, "*", ""),
        (copies_into, "*", ""), (with_names_used_again, "a b", "c d e"), (left_in_the_middle, "", "a b"), (interrupted, "", "a"),
        (matched, "kind b", "a"), (in_every_branch, "a b c", "d e"), (batch, "b", "a"),
        (batch_rows, "b", "a c"), (batch_columns, "a b e", "c d e"), (batch_slice, "a c d", "b"), (changed_elsewhere, "", ""),
        (nothing_of_it, "", ""),
    ],
)
def test_what_the_source_shows(function, reads, writes):
    found = accesses(as_handler(function))
    assert (found.reads, found.writes, found.unresolved) == (set(reads.split()), set(writes.split()), ())


def field_by_number(event, state):
    state["x"] = event[state["y"]]


def named_by_the_state(event, names):
    for name in names:
        event[name] = 1


def kept_in_a_list(event, state):
    ROWS.append(event)


def handed_to_something(event, action):
    action(event)


def seen_in_a_dict(batch):
    for row in batch:
        SEEN[row["a"]] = row


@pytest.mark.parametrize(
    ("function", "line", "code"),
    [
        (field_by_number, 1, "event[state['y']]"), (named_by_the_state, 2, "event[name]"), (handed_to_something, 1, "action(event)"),
        (handler(jit=False)(kept_in_a_list), 1, "ROWS.append(event)"), (seen_in_a_dict, 2, "SEEN[row['a']]"),
    ],
)
def test_what_cannot_be_followed_counts_as_everything_and_is_named_with_its_place(function, line, code):
    found = accesses(function)
    first = getattr(function, "function", function).__code__.co_firstlineno
    assert EVERY in found.reads and EVERY in found.writes
    assert [(u.place.path, u.place.line - first, u.place.code) for u in found.unresolved] == [(__file__, line, code)]


def test_a_function_without_source_touches_everything():
    space: dict = {}
    exec("def on_event(event):\n    event['a'] = 1\n", space)
    found = accesses(handler(space["on_event"]))
    assert (found.reads, found.writes, len(found.unresolved)) == ({EVERY}, {EVERY}, 1)


def test_what_reaches_too_much_code_touches_everything(monkeypatch):
    monkeypatch.setattr(walk, "EXPRESSIONS_MAX", 3)
    found = accesses(handler(by_item))
    assert EVERY in found.reads and EVERY in found.writes
    assert [(u.place.line, u.what.partition(" (")[0]) for u in found.unresolved] == \
        [(by_item.__code__.co_firstlineno, "it reaches more code than is followed")]


def test_a_fault_of_the_walk_is_a_question_not_the_end(monkeypatch):
    def fail(*_):
        raise KeyError("x")

    monkeypatch.setattr(statements, "block", fail)
    found = accesses(handler(by_item))
    assert EVERY in found.writes and found.unresolved[0].what == "its source cannot be followed (KeyError: 'x')"


def test_what_is_declared_counts_instead():
    found = accesses(handler(by_item, reads=("z",)))
    assert (found.reads, found.writes) == ({"z"}, {"a"})
    found = accesses(handler(by_item, reads=(), writes=("y",)))
    assert (found.reads, found.writes) == (set(), {"y"})
    assert accesses(handler(field_by_number, reads=("a",), writes=())).unresolved == ()


def test_what_the_source_shows_beyond_the_declaration_is_named():
    assert accesses(handler(by_item, reads=("z",), writes=("y",))).undeclared == (("reads", "b"), ("writes", "a"))
    assert accesses(handler(by_item, reads=("b", "z"), writes=("a",))).undeclared == ()


def test_the_place_of_an_access_is_line_column_and_text():
    place = accesses(handler(by_item)).place("writes", "a")
    assert (place.path, place.line, place.column, place.length) == (__file__, by_item.__code__.co_firstlineno + 1, 5, len('event["a"]'))


def test_a_closure_is_followed():
    name = "b"

    def helper(record):
        record["a"] = record[name]

    def on_event(event):
        helper(event)

    found = accesses(handler(on_event))
    assert (found.reads, found.writes) == ({"b"}, {"a"})


def beside(event, orders, payload, sequence):
    line = orders[sequence & 3, 1]
    line["reason"] = line["price_ticks"] + payload[event["a"]]["quantity_lots"]
    payload[0] = payload[1]


def test_lanes_beside_the_record_are_followed_by_field():
    found = accesses(handler(beside), {"orders": np.dtype((ORDER, (1, 1))), "payload": np.dtype((LEVEL, (1,)))})
    assert found.reads == {"a"}
    assert found.beside_reads == {"orders.price_ticks", "payload.quantity_lots", "payload.*"}
    assert found.beside_writes == {"orders.reason", "payload.*"}


class Counting:
    def __init__(self):
        self.total = 0

    def on_event(self, record, sequence, end_of_batch):
        self.total += self.scaled(record)

    def scaled(self, record):
        return record["value"] * 2


def count_globally(event):
    SEEN["count"] = SEEN.get("count", 0) + event["a"]


def test_objects_that_handlers_share_are_named():
    found = accesses(handler(jit=False)(count_globally))
    region = f"{__name__}:SEEN"
    assert (found.beside_reads, found.beside_writes, found.reads) == ({region}, {region}, {"a"})
    counting = Counting()
    found = accesses(counting)
    assert found.reads == {"value"} and found.beside_writes == {f"{__name__}:Counting@{id(counting):x}"}


def test_overlap_knows_every_field():
    assert overlap({"a", "b"}, {"b", "c"}) == {"b"}
    assert overlap({"*"}, {"b", "orders.x"}) == {"b"}
    assert overlap({"*"}, {"*"}) == {"*"}
    assert overlap({"orders.*", "a"}, {"orders.x", "b"}) == {"orders.x"}
    assert overlap({"orders.*"}, {"payload.x", "payload.*"}) == frozenset()


SHIPPED = {name: Registry(entry_points=False).resolve("handler", name).handler for name in HANDLERS}


@pytest.mark.parametrize("name", sorted(set(HANDLERS) - {"deserialize.binance"}))
def test_shipped_handlers_touch_fields_of_the_message_and_write_none_of_the_input(name):
    found = accesses(SHIPPED[name], {"event": MESSAGE})
    assert found.reads | found.writes <= set(MESSAGE.names)
    assert not found.writes & set(SHIPPED["journal"].reads), "the input part is immutable"


@pytest.mark.parametrize("name", ["journal", "book"])
def test_what_shipped_handlers_declare_is_what_their_source_shows(name):
    declared = SHIPPED[name]
    shown = accesses(attrs.evolve(declared, reads=None, writes=None))
    assert accesses(declared).undeclared == ()
    assert (shown.reads, shown.writes) == (accesses(declared).reads, accesses(declared).writes)


@pytest.mark.parametrize("name", sorted(HANDLERS))
def test_shipped_handlers_are_understood_and_pure(name):
    found = accesses(attrs.evolve(SHIPPED[name], reads=None, writes=None), {"event": MESSAGE})
    assert (found.unresolved, found.effects) == ((), ())
