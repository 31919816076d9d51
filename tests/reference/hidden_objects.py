# ruff: noqa: B015, PLW0108, RUF015 - the point is to be obscure
"""Python that hides behind objects and names that it writes into its record, field "x": see hidden_writes."""

from __future__ import annotations

import functools
import math
import operator

import numpy as np


class _Keeper:
    """Whatever is done with it writes into the record that it is done with."""

    def __init__(self):
        self.kept = _put

    def __getitem__(self, record):
        record["x"] = 1
        return 0

    __eq__ = __lt__ = __gt__ = __contains__ = __radd__ = __add__ = __matmul__ = __rfloordiv__ = __rdivmod__ = __rpow__ = __getitem__
    __hash__ = None


class _Meta(type):
    def __instancecheck__(cls, record):
        record["x"] = 1
        return True


class _Kind(metaclass=_Meta):
    pass


class _Descriptor:
    def __get__(self, owner, kind):
        return _put


class _Owner:
    writes = _Descriptor()

    def __getattr__(self, name):
        return _put


class _Named:
    """An object that is named after a function which only reads."""

    def __init__(self):
        functools.update_wrapper(self, math.floor)

    def __call__(self, record):
        record["x"] = 1


class _Twofold:
    """An object that seems to be compiled."""

    py_func = staticmethod(lambda record: 0)

    def __call__(self, record):
        record["x"] = 1


def _put(record):
    record["x"] = 1
    return 0


@functools.wraps(np.sum)
def _sum(record):
    record["x"] = 1


KEEPER, OWNER, NAMED, TWOFOLD = _Keeper(), _Owner(), _Named(), _Twofold()
UFUNC = np.frompyfunc(lambda number, record=[None]: operator.setitem(record[0], "x", 1) or 0, 1, 1)
VECTORIZED = np.vectorize(_put)
functools.update_wrapper(VECTORIZED, math.floor)
PARTIAL = functools.update_wrapper(functools.partial(_put), math.floor)


def key(event):
    KEEPER[event]


def equal(event):
    KEEPER == event


def less(event):
    KEEPER < event


def within(event):
    event in KEEPER


def added(event):
    sum((event,), KEEPER)


def larger(event):
    try:
        max((event, KEEPER))
    except TypeError:
        KEEPER > event


def multiplied(event):
    KEEPER @ event


def is_instance(event):
    isinstance(event, _Kind)


def own_attribute(event):
    KEEPER.kept(event)


def described(event):
    OWNER.writes(event)


def made_up(event):
    OWNER.anything(event)


def wrapped(event):
    _sum(event)


def named_after(event):
    NAMED(event)


def twofold(event):
    TWOFOLD(event)


def partial_named(event):
    PARTIAL(event)


def rotated(event):
    a = b = c = d = e = f = g = h = i = j = k = m = n = o = p = {"x": 0}
    a = event
    for _ in range(20):
        p, o, n, m, k, j, i, h, g, f, e, d, c, b = o, n, m, k, j, i, h, g, f, e, d, c, b, a
    p["x"] = 1


def rotated_backwards(event):
    a = b = c = d = e = f = g = h = i = j = k = m = n = o = p = {"x": 0}
    a = event
    count = 0
    while count < 20:
        p = o
        o = n
        n = m
        m = k
        k = j
        j = i
        i = h
        h = g
        g = f
        f = e
        e = d
        d = c
        c = b
        b = a
        count += 1
    p["x"] = 1


def deep(event):
    def down(n, then):
        if n:
            return down(n - 1, lambda: then())
        return then()

    down(70, lambda: _put(event))


def changed_code(event):
    def run():
        return 0

    run.__code__ = (lambda: 0).__code__
    event["x"] = 1


def view_in_a_list(event):
    rows = [event["win"]]
    rows[0][0] = 1


def view_in_a_dict(event):
    {"a": event["win"]}["a"][0] = 1


def view_in_a_set_of_tuples(event):
    list(zip((event["win"],), (1,)))[0][0][0] = 1
