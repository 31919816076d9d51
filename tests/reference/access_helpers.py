"""Helpers in another module than the handlers that call them."""

from __future__ import annotations

from disruptor.compiled import compiled

FIELD = "constant"


@compiled
def set_price(record, value):
    record["price"] = value


@compiled
def first_of(first, second):
    return first if second is None else second


@compiled
def named(record, name):
    return record[name]


@compiled
def same(record):
    return record
