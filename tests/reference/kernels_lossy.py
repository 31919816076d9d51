"""Stores for the tests of disruptor.lossy: what loses, what may, what does not; one statement each.

The value of each comes from fields of the record, so that nothing but its type and bounds is known.
"""

import numpy as np

from disruptor.compiled import compiled

FIELDS = [
    ("f8", "f8"), ("f4", "f4"), ("i8", "i8"), ("i4", "i4"), ("i2", "i2"), ("i1", "i1"),
    ("u8", "u8"), ("u4", "u4"), ("u2", "u2"), ("u1", "u1"), ("b", "?"), ("w2", "u2", (4,)),
]

_KINDS = (3, 1, 200)
_LARGE = 70_000


@compiled
def small(x):
    return 7 if x > 0 else 3


@compiled
def stores_a_fraction(event):
    event["i8"] = event["f8"]


@compiled
def clipped(x, low, high):
    return min(max(x, low), high)


# What loses.


def float_into_i8(event):
    event["i8"] = event["f8"] * 1.5


def float_into_u2(event):
    event["u2"] = event["f4"]


def quotient_into_i8(event):
    event["i8"] = event["i8"] / 2


def float_into_element(event):
    event["w2"][1] = event["f8"]


def float_by_attribute(event):
    event.i4 = event.f8


def float_added_in_place(event):
    event["i8"] += event["f8"]


def floor_into_i8(event):
    event["i8"] = np.floor(event["f8"])


def constant_too_large(event):
    event["u1"] = 300


def constant_negative(event):
    event["u8"] = -1


def global_too_large(event):
    event["u2"] = _LARGE


def never_fits(event):
    event["i1"] = 1000 + (event["i8"] & 7)


def in_a_helper(event):
    stores_a_fraction(event)


# What may lose.


def wider_field(event):
    event["u2"] = event["i8"]


def signed_into_unsigned(event):
    event["u8"] = event["i8"]


def unsigned_into_signed(event):
    event["i8"] = event["u8"]


def sequence_into_i4(event, sequence):
    event["i4"] = sequence


def remainder_too_large(event, sequence):
    event["u1"] = sequence % 1000


def loop_that_grows(event):
    total = 0
    while total < event["i8"]:
        total += 3
    event["u1"] = total


def int_of_a_wider_field(event):
    event["u1"] = int(event["u2"])


# What does not.


def cast_to_int(event):
    event["i8"] = int(event["f8"] * 1.5)


def cast_to_the_field(event):
    event["i4"] = np.int32(event["f8"])


def rounded(event):
    event["i8"] = round(event["f8"])


def whole_quotient(event):
    event["i8"] = event["i8"] // 2


def narrower_field(event):
    event["i8"] = event["u4"]


def masked(event):
    event["u1"] = event["i8"] & 255


def shifted(event):
    event["u1"] = (event["i8"] >> 8) & 15


def counted_up(event):
    event["u2"] += 1


def own_type(event):
    event["u2"] = event["u2"] * 3 - event["u1"]


def chosen(event):
    kind = 0
    if event["i8"] > 3:
        kind = 9
    elif event["i8"] < -3:
        kind = 255
    event["u1"] = kind


def chosen_in_a_loop(event):
    best = 0
    for i in range(4):
        if event["w2"][i] > 7:
            best = i
    event["u1"] = best


def clamped(event):
    event["u1"] = min(max(event["i8"], 0), 255)


def clamped_in_a_helper(event):
    event["i1"] = clipped(event["i8"], -100, 100)


def from_a_helper(event):
    event["u1"] = small(event["i8"])


def remainder(event, sequence):
    event["u1"] = sequence % 256


def sequence_into_u8(event, sequence):
    event["u8"] = sequence


def truth(event, end_of_batch):
    event["u1"] = end_of_batch
    event["b"] = event["i8"] & 4
    event["i1"] = event["i8"] > 3


def float_into_float(event):
    event["f8"] = event["i8"]
    event["f4"] = 1.5


def character(event):
    event["u1"] = 48 + event["i8"] % 10


# What rounds, and what differs.


def float_into_f4(event):
    event["f4"] = event["f8"]


def products_of_i4(event):
    event["i8"] = event["i4"] * event["i4"]


def sum_of_u1(event):
    event["i8"] = event["u1"] + event["u1"]


def signed_and_unsigned(event):
    event["f8"] = event["u8"] - event["i8"]


def widened_first(event):
    event["i8"] = np.int64(event["i4"]) * event["i4"] + int(event["u1"]) + 255
