"""Handlers that do what a handler must not do; the comment of a line is what is said about it."""

from __future__ import annotations

import datetime
import random
import time
import uuid
from random import gauss

import numpy as np

from disruptor.atomics import timestamp
from disruptor.compiled import compiled
from disruptor.handler import handler

STATE = [("mean", "f8"), ("window", "f8", (8,)), ("count", "i8")]
GENERATOR = np.random.default_rng(7)


@compiled
def smoothed(state):
    work = np.zeros(8)  # it allocates: np.zeros(8) makes an array
    return work[0] + state["mean"]


@handler(state=STATE)
def makes_arrays(event, state):
    a = np.zeros(3)  # it allocates: np.zeros(3) makes an array
    b = state["window"].copy()  # it allocates: state['window'].copy() makes an array
    c = np.concatenate((a, b))  # it allocates: np.concatenate((a, b)) makes an array
    d = np.copy(state["window"])  # it allocates: np.copy(state['window']) makes an array
    state["mean"] = c[0] + d[0]


@handler(state=STATE)
def makes_temporaries(event, state):
    state["window"] = state["window"] * 2.0  # it allocates: an expression over whole arrays makes a temporary array
    state["window"] = np.sqrt(state["window"])  # it allocates: np.sqrt(state['window']) makes a temporary array
    state["window"][1:4] = state["window"][0:3]  # it allocates: an assignment to a slice may copy first


@handler(state=STATE)
def makes_containers(event, state):
    both = [event["a"], 1.0]  # it allocates: a list
    found = {1: event["a"]}  # it allocates: a dict
    known = {1, 2}  # it allocates: a set
    text = f"value {event['a']}"  # it allocates: a text
    other = "%d" % event["a"]  # it allocates: a text
    more = list(range(3))  # it allocates: list(range(3)) makes a list
    table = dict()  # it allocates: dict() makes a dict
    name = str(event["a"])  # it allocates: str(event['a']) makes a text
    last = "{}".format(event["a"])  # it allocates: '{}'.format(event['a']) makes a text
    state["mean"] = sum([x * 2.0 for x in range(3)])  # it allocates: a list
    state["count"] = len(both) + len(found) + len(known) + len(text) + len(other) + len(more) + len(table) + len(name) + len(last)


@handler(state=STATE)
def allocates_elsewhere(event, state):
    state["mean"] = smoothed(state)


@handler
def reads_clocks(event):
    event["a"] = time.time()  # it reads a clock (time.time)
    event["a"] = time.perf_counter_ns()  # it reads a clock (time.perf_counter_ns)
    event["a"] = datetime.datetime.now().timestamp()  # it reads a clock (datetime.datetime.now)
    event["a"] = timestamp()  # it reads a clock (timestamp)


@handler
def draws(event):
    event["a"] = random.random()  # it draws random numbers (random.Random.random)
    event["a"] = np.random.random()  # it draws random numbers (numpy.random.RandomState.random)
    event["a"] = gauss(0.0, 1.0)  # it draws random numbers (random.Random.gauss)
    event["a"] = GENERATOR.normal()  # it draws random numbers (numpy.random._generator.Generator.normal)
    event["a"] = uuid.uuid4().int  # it draws random numbers (uuid.uuid4)


@handler(jit=False)
def python_may_allocate(batch, first_sequence):
    rows = [x * 2.0 for x in batch["a"]]
    batch["b"] = np.array(rows)
