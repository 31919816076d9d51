"""Handlers for the topologies beside this file: each does one thing that a check finds."""

from __future__ import annotations

import time

import attrs
import numpy as np

from disruptor.handler import handler

TOTALS = {"seen": 0}


@attrs.frozen
class Limits:
    most: int = 3


def allocates(event):
    event["signal"] = np.zeros(3)[0]


def reads_the_clock(event):
    event["signal"] = time.time()


def draws(event):
    event["signal"] = np.random.random()


def lowers_its_limit(event, params: Limits):
    params["most"] -= 1


def clears(event, state):
    for name in event.dtype.names:
        event[name] = 0


@handler(reads=(), writes=("fair_price",))
def declares_less(event):
    event["signal"] = event["fair_price"]


def misspells(event):
    event["signal"] = event["bid_price_tick"]


def changes_the_input(event):
    event["kind"] = 3


def signals(event):
    event["signal"] = 1.0


def rates(event):
    event["fair_price"] = event["signal"]


def sells(event):
    event["order_count"] = event["fair_price"] > 1.0


def returns(event):
    event["signal"] = event["order_count"]


def looks(event):
    event["accepted_count"] = event["symbol"]


@handler(jit=False)
def counts(batch):
    TOTALS["seen"] += len(batch)


@handler(jit=False)
def shows(batch):
    print(TOTALS["seen"])
