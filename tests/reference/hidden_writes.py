# ruff: noqa: B009, F841 - the point is to be obscure
"""Python that hides from a reader of source that it writes into its record: field "x".

Each function really does, which the tests see for themselves; the walk over the source must see it too, or say that it does not.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import inspect
import itertools
import operator
import sys
import threading
import types
import typing

import numpy as np

LAYOUT = np.dtype([("first", "i8"), ("x", "i8"), ("win", "i8", (4,)), ("sub", [("p", "i8"), ("q", "i8")])])
KEPT: dict = {}





def setitem_method(event):
    event.__setitem__("x", 1)


def setattr_method(event):
    event.__setattr__("x", 1)


def record_setitem(event):
    np.record.__setitem__(event, "x", 1)


def bound_setitem(event):
    put = event.__setitem__
    put("x", 1)


def getattr_setitem(event):
    getattr(event, "__setitem__")("x", 1)


def type_setitem(event):
    type(event).__setitem__(event, "x", 1)


def operator_setitem(event):
    operator.setitem(event, "x", 1)


def partial_setitem(event):
    functools.partial(operator.setitem, event)("x", 1)


def partial_own(event):
    def put(e, n):
        e["x"] = n
    functools.partial(put, event)(1)


def reduce_own(event):
    def put(e, n):
        e["x"] = n
        return e
    functools.reduce(put, (1, 2), event)


def cast_typing(event):
    typing.cast(typing.Any, event)["x"] = 1


def chain(event):
    for e in itertools.chain((event,)):
        e["x"] = 1


def repeat(event):
    for e in itertools.repeat(event, 1):
        e["x"] = 1


def dict_call(event):
    dict(e=event)["e"]["x"] = 1


def dict_item(event):
    d = {}
    d["e"] = event
    d["e"]["x"] = 1


def dict_update(event):
    d = {}
    d.update(e=event)
    d["e"]["x"] = 1


def dict_setdefault(event):
    d = {}
    d.setdefault("e", event)["x"] = 1


def list_append(event):
    kept = []
    kept.append(event)
    kept[0]["x"] = 1


def locals_(event):
    locals()["event"]["x"] = 1


def eval_(event):
    eval("event")["x"] = 1


def exec_(event):
    exec("event['x'] = 1")


def vars_(event):
    vars()["event"]["x"] = 1


def frame_(event):
    sys._getframe().f_locals["event"]["x"] = 1


def frame_2(event):
    inspect.currentframe().f_locals["event"]["x"] = 1


def base_(event):
    e = event.base
    if e is not None:
        e["x"] = 1
    else:
        event["x"] = 1


def generator(event):
    def g():
        yield event
    for e in g():
        e["x"] = 1


def _gen(e):
    yield e


def generator_global(event):
    for e in _gen(event):
        e["x"] = 1


def default_argument(event):
    def put(n, e=event):
        e["x"] = n
    put(1)


def default_lambda(event):
    (lambda e=event: e)()["x"] = 1


def default_kw(event):
    def put(n, *, e=event):
        e["x"] = n
    put(1)


def nonlocal_(event):
    e = None
    def set_():
        nonlocal e
        e = event
    set_()
    e["x"] = 1


def exception_(event):
    try:
        raise ValueError(event)
    except ValueError as error:
        error.args[0]["x"] = 1


def nullcontext(event):
    with contextlib.nullcontext(event) as e:
        e["x"] = 1


def tuple_getitem(event):
    (event, 1).__getitem__(0)["x"] = 1


def tuple_slice(event):
    (1, event)[1:][0]["x"] = 1


def tuple_times(event):
    ((event,) * 2)[0]["x"] = 1


def tuple_grow(event):
    t = ()
    t += (event,)
    t[0]["x"] = 1


def starred(event):
    a, *rest = 1, event
    rest[0]["x"] = 1


def starred_list(event):
    *b, = (event,)
    b[0]["x"] = 1


def sorted_key(event):
    def put(e):
        e["x"] = 1
        return 0
    sorted((event,), key=put)


def max_key(event):
    def put(e):
        e["x"] = 1
        return 0
    max((event,), (event,), key=lambda t: put(t[0]))


def match_(event):
    match (event, 1):
        case (e, 1):
            e["x"] = 1


def match_star(event):
    match (1, event):
        case (1, *rest):
            rest[0]["x"] = 1


def simple_namespace(event):
    types.SimpleNamespace(e=event).e["x"] = 1


def namedtuple_(event):
    collections.namedtuple("P", "e")(event).e["x"] = 1


def deque_(event):
    collections.deque((event,))[0]["x"] = 1


def class_attr(event):
    class C:
        e = event
    C.e["x"] = 1


def class_method(event):
    class C:
        def put(self):
            event["x"] = 1
    C().put()


def function_attr(event):
    def f():
        return 0
    f.e = event
    f.e["x"] = 1


def global_dict(event):
    KEPT["e"] = event
    KEPT["e"]["x"] = 1


def for_target(event):
    for event["x"] in range(1, 3):
        pass


def comp_target(event):
    [0 for event["x"] in range(1, 3)]


def with_target(event):
    with contextlib.nullcontext(1) as event["x"]:
        pass


def star_target(event):
    (event["x"], *_) = (1, 2, 3)


def star_item(event):
    a, *event["win"] = (1, 1, 1, 1, 1)


def item_empty(event):
    event[()]["x"] = 1


def item_two(event):
    event["sub"]["p"] = 1


def name_max(event):
    event[max("a", "x")] = 1


def name_strip(event):
    event[" x".strip()] = 1


def name_np(event):
    event[np.array(["x"])[0]] = 1


def name_grow(event):
    name = ""
    name += "x"
    event[name] = 1


def vararg(event):
    def put(*a):
        a[0]["x"] = 1
    put(event)


def kwarg(event):
    def put(**k):
        k["e"]["x"] = 1
    put(e=event)


def spread_list(event):
    def put(a):
        a["x"] = 1
    put(*[event])


def spread_dict(event):
    def put(e):
        e["x"] = 1
    put(**{"e": event})


def methodcaller(event):
    operator.methodcaller("__setitem__", "x", 1)(event)


def nested_lambda(event):
    (lambda f: f(event))(lambda e: e.__setitem__("x", 1))


def recursion(event):
    def go(e, n):
        if n == 0:
            e["x"] = 1
        else:
            go(e, n - 1)
    go(event, 3)


def iter_next(event):
    next(iter((event,)))["x"] = 1


def zip_(event):
    for a, b in zip((event,), (1,)):
        a["x"] = b


def map_(event):
    for e in map(lambda e: e, (event,)):
        e["x"] = 1


def list_alias(event):
    L = list
    L((0, event))[1]["x"] = 1


def bool_or(event):
    (None or event)["x"] = 1


def conditional(event):
    (event if event["first"] == 0 else None)["x"] = 1


def walrus_in_comp(event):
    [(e := event) for _ in range(1)]
    e["x"] = 1


def del_loop(event):
    e = event
    while True:
        e["x"] = 1
        break


def try_finally(event):
    try:
        e = event
    finally:
        pass
    e["x"] = 1


def await_like(event):
    def g():
        e = yield
        e["x"] = 1
    c = g()
    next(c)
    try:
        c.send(event)
    except StopIteration:
        pass


def asarray_(event):
    np.asarray(event)["x"] = 1


def atleast(event):
    np.atleast_1d(event)["x"] = 1


def reshape_(event):
    event.reshape(1)["x"] = 1


def view_names(event):
    event.view([("other", "i8"), ("alias", "i8"), ("rest", "i8", (6,))])["alias"] = 1


def view_kw(event):
    event.view(dtype=[("other", "i8"), ("alias", "i8"), ("rest", "i8", (6,))])["alias"] = 1


def setfield(event):
    event.setfield(1, np.int64, 8)


def vectorize_(event):
    def put(n):
        event["x"] = n
        return n
    np.vectorize(put)(np.ones(1))


def apply_(event):
    def put(n):
        n[0] = 1
        return n
    np.apply_along_axis(put, 0, event["win"])
    event["x"] = 1


def thread_(event):
    def put(e):
        e["x"] = 1
    t = threading.Thread(target=put, args=(event,))
    t.start()
    t.join()


def import_inside(event):
    import operator as o
    o.setitem(event, "x", 1)


def decorated(event):
    def twice(f):
        return lambda: f(event)
    @twice
    def put(e):
        e["x"] = 1
    put()
