# ruff: noqa
"""What newcomers write into compiled handlers and numba refuses, a function each; `# here` marks the line to be named."""

import datetime
import math
import random
import time

import numpy as np

from disruptor.compiled import compiled
from disruptor.handler import handler

FIELDS = [("value", "f8"), ("n", "i8"), ("name", "S8"), ("flag", "?")]
STATE = [("count", "i8"), ("mean", "f8"), ("window", "f8", (8,))]
TABLE = [1, 2, 3]
NAMES = {"a": 1}
WEIGHTS = np.array([1.0, 2.0, 3.0])
COUNT = 0


class Settings:
    limit = 3


SETTINGS = Settings()


def plain_helper(x):
    return x + 1


@compiled
def two(a, b):
    return a + b


@compiled(inline=False)
def factorial(n):
    return n * factorial(n - 1)  # here: recursion


@handler
def other_handler(event):
    event["value"] = 1.0


@compiled
def helper_with_list(x):
    both = [x, 1.0]  # here: list_in_a_helper
    return both[0]


def f_string(event, state):
    text = f"v={event['value']}"  # here


def str_format(event, state):
    text = "{}".format(event["value"])  # here


def percent_format(event, state):
    text = "%d" % event["n"]  # here


def text_concatenation(event, state):
    text = "a"
    state["count"] = len(text + "b" + str(event["n"]))  # here


def print_of_text(event, state):
    print(f"value {event['value']}")  # here


def list_display(event, state):
    both = [event["value"], 1.0]  # here
    state["mean"] = both[0]


def list_comprehension(event, state):
    state["mean"] = sum([x * 2.0 for x in range(3)])  # here


def generator_expression(event, state):
    state["mean"] = sum(x * 2.0 for x in range(3))  # here


def list_append(event, state):
    seen = []  # here
    seen.append(event["value"])


def list_in_a_helper(event, state):
    state["mean"] = helper_with_list(event["value"])


def dict_display(event, state):
    found = {1: 2}
    state["count"] = found[1]  # here


def dict_of_texts(event, state):
    found = {}
    found["a"] = event["value"]  # here


def dict_call(event, state):
    found = dict()
    found[1] = event["value"]  # here


def set_display(event, state):
    known = {1, 2}  # here
    if event["n"] in known:
        state["count"] += 1


def text_into_bytes_field(event, state):
    event["name"] = "abc"  # here


def raise_f_string(event, state):
    if event["n"] < 0:
        raise ValueError(f"bad {event['n']}")  # here


def raise_with_value(event, state):
    if event["n"] < 0:
        raise ValueError("bad", event["n"])  # here


def except_named(event, state):
    try:
        state["count"] = 10 // event["n"]
    except ZeroDivisionError:  # here
        state["count"] = 0


def with_open(event, state):
    with open("x") as file:  # here
        pass


def np_zeros(event, state):
    a = np.zeros(3)  # here
    state["mean"] = a[0]


def np_array(event, state):
    a = np.array([1.0, event["value"]])  # here
    state["mean"] = a[0]


def np_roll(event, state):
    state["window"] = np.roll(state["window"], 1)  # here


def np_concatenate(event, state):
    both = np.concatenate((state["window"], state["window"]))  # here


def array_copy(event, state):
    before = state["window"].copy()  # here


def slice_store(event, state):
    state["window"][1:4] = state["window"][0:3]  # here


def array_expression(event, state):
    doubled = state["window"] * 2.0  # here
    state["mean"] = doubled[0]


def array_comparison(event, state):
    state["count"] = np.any(state["window"] > 1)  # here


def np_median(event, state):
    state["mean"] = np.median(state["window"])  # here


def np_where(event, state):
    state["mean"] = np.where(event["value"] > 0, 1.0, 2.0)  # here


def np_clip(event, state):
    state["mean"] = np.clip(event["value"], 0, 1)  # here


def np_dot(event, state):
    state["mean"] = np.dot(state["window"], state["window"])  # here


def np_einsum(event, state):
    state["mean"] = np.einsum("i->", state["window"])  # here


def np_misspelt(event, state):
    state["mean"] = np.sqr(event["value"])  # here


def array_sort(event, state):
    state["window"].sort()  # here


def sorted_call(event, state):
    state["mean"] = sorted(state["window"])[0]  # here


def array_append(event, state):
    state["window"].append(event["value"])  # here


def field_misspelt_read(event, state):
    state["mean"] = event["vale"]  # here


def field_misspelt_stored(event, state):
    state["men"] = 1.0  # here


def attribute_misspelt_read(event, state):
    state["mean"] = event.vale  # here


def attribute_misspelt_stored(event, state):
    state.men = 1.0  # here


def field_by_variable(event, state):
    for name in ("value", "n"):
        state["mean"] = event[name]  # here


def record_get(event, state):
    state["count"] = event.get("n")  # here


def record_called(event, state):
    state["mean"] = event("value")  # here


def record_iterated(event, state):
    for name in event:  # here
        state["count"] += 1


def record_length(event, state):
    state["count"] = len(event)  # here


def recursion(event, state):
    state["count"] = factorial(event["n"])


def global_list(event, state):
    state["count"] = TABLE[1]  # here


def global_dict(event, state):
    state["count"] = NAMES["a"]  # here


def global_object(event, state):
    state["count"] = SETTINGS.limit  # here


def global_written(event, state):
    global COUNT
    COUNT = COUNT + 1  # here


def global_array_written(event, state):
    WEIGHTS[0] = event["value"]  # here


def plain_helper_called(event, state):
    state["count"] = plain_helper(event["n"])  # here


def plain_helper_called_without_state(event):
    event["n"] = plain_helper(event["n"])  # here


def handler_called(event, state):
    other_handler(event)  # here


def argument_missing(event, state):
    state["count"] = two(event["n"])  # here


def argument_too_many(event, state):
    state["count"] = two(event["n"], 1, 2)  # here


def undefined_name(event, state):
    state["mean"] = plain_helpr + 1  # here


def import_inside(event, state):
    import time  # here

    state["mean"] = time.time()


def clock_read(event, state):
    state["mean"] = time.time()  # here


def clock_datetime(event, state):
    state["mean"] = datetime.datetime.now().timestamp()  # here


def class_inside(event, state):
    class Pair:  # here
        pass


def del_local(event, state):
    x = 1
    del x  # here
    state["count"] = x


def two_types(event, state):
    if event["n"] > 0:
        x = 1
    else:
        x = "a"
    y = x  # here


def tuple_by_variable(event, state):
    pair = (1, 2.0)
    state["mean"] = pair[event["n"]]  # here


def none_in_arithmetic(event, state):
    best = None
    state["mean"] = best + 1  # here


def text_parsed(event, state):
    state["count"] = int("5")  # here


def number_plus_text(event, state):
    state["count"] = event["value"] + "a"  # here


def index_by_float(event, state):
    state["mean"] = state["window"][event["value"]]  # here


def array_into_number(event, state):
    state["mean"] = state["window"]  # here


def record_into_number(event, state):
    state["count"] = event  # here


def tuple_into_number(event, state):
    state["count"] = (1, 2)  # here


def none_into_number(event, state):
    state["count"] = None  # here


def complex_into_number(event, state):
    state["mean"] = event["value"] * 1j  # here


def attribute_of_number(event, state):
    state["count"] = event["n"].bit  # here


def walrus(event, state):
    if (x := event["n"]) > 1:  # here
        state["count"] = x


def returns_float(event, state):
    return event["value"] * 2.0  # here


def prints(event, state):
    print(event["n"])  # here


def yields(event, state):
    yield 1  # here


def bytes_compared(event, state):
    if event["name"] == b"abc":  # here
        state["count"] += 1


def bytes_stored(event, state):
    event["name"] = b"abc"  # here


def allowed(event, sequence, end_of_batch, state):
    """None of this is a mistake."""
    inner = (1, 2, 3)
    if event["n"] in inner or event["flag"]:
        state["count"] += 1
    if sequence >= 0 and end_of_batch:
        raise_if = event["n"] < -5
        if raise_if:
            raise ValueError("a constant text")
    total = 0.0
    for i, x in enumerate(state["window"]):
        total += i * x
    state["window"][:] = 0
    state["mean"] = math.sqrt(abs(total)) + state["window"].sum() + min(max(event["value"], 0.0), 1.0)
