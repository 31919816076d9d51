"""Which fields a handler reads and writes: as its source says, through names, calls and views."""

from __future__ import annotations

import attrs
import pytest

from disruptor.access import Access, accesses
from disruptor.compiled import compiled
from disruptor.handler import handler
from hydraflow.records import MESSAGE
from hydraflow.registry import HANDLERS, Registry


@compiled
def show(message, value):
    message["shown"] = value
    return message["seen"]


@compiled
def recurse(record, depth):
    return record["deep"] if depth == 0 else recurse(record, depth - 1)


def unread(event):
    return event


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


def through_another_name(event):
    record = event
    record["a"] = 1


def through_calls(event, state):
    state["x"] = show(event, 3)
    Namespace.show(value=state["y"], message=event)
    recurse(event, 2)


def hidden(event, state):
    for name in ("a", "b"):
        event[name] = unread(event)[name]


def batch(batch, first_sequence):
    batch["a"][:] = batch["b"]


def changed_elsewhere(event, state):
    state["a"] = state["b"]


@pytest.mark.parametrize(
    ("function", "reads", "writes"),
    [
        (by_item, {"b"}, {"a"}), (by_attribute, {"b"}, {"a"}), (in_place, {"a"}, {"a"}), (through_a_view, {"b"}, {"a"}),
        (through_another_name, set(), {"a"}), (through_calls, {"seen", "deep"}, {"shown"}), (hidden, set(), set()),
        (batch, {"b"}, {"a"}), (changed_elsewhere, set(), set()),
    ],
)
def test_what_the_source_shows(function, reads, writes):
    assert accesses(handler(function)) == Access(frozenset(reads), frozenset(writes))


def test_what_is_declared_counts_instead():
    assert accesses(handler(by_item, reads=("z",))) == Access(frozenset({"z"}), frozenset({"a"}))
    assert accesses(handler(by_item, reads=(), writes=("y",))) == Access(frozenset(), frozenset({"y"}))


def test_a_closure_is_followed():
    inner = compiled(lambda: 0)

    def helper(record):
        record["a"] = 1

    def on_event(event):
        helper(event)
        inner()

    assert accesses(handler(on_event)).writes == {"a"}


def test_a_function_without_source_shows_nothing():
    space: dict = {}
    exec("def on_event(event):\n    event['a'] = 1\n", space)
    assert accesses(handler(space["on_event"])) == Access()


SHIPPED = {name: Registry(entry_points=False).resolve("handler", name).handler for name in HANDLERS}


@pytest.mark.parametrize("name", sorted(set(HANDLERS) - {"deserialize.binance"}))
def test_shipped_handlers_touch_fields_of_the_message_and_write_none_of_the_input(name):
    found = accesses(SHIPPED[name])
    assert found.reads | found.writes <= set(MESSAGE.names)
    assert not found.writes & set(SHIPPED["journal"].reads), "the input part is immutable"


def test_the_journal_declares_what_its_source_shows():
    declared = SHIPPED["journal"]
    assert accesses(attrs.evolve(declared, reads=None, writes=None)) == accesses(declared)


def test_the_book_writes_what_it_says():
    assert accesses(SHIPPED["book"]).writes == {
        "bid_price_ticks", "bid_quantity_lots", "ask_price_ticks", "ask_quantity_lots", "book_status", "book_changes",
    }
