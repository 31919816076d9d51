"""Python handlers that use what those of the same name in shared_left write."""

from __future__ import annotations

import tests.reference.shared_table as shared
from tests.reference.shared_table import BOX, CONFIG, INNER, PAIR, ROW, TABLE, VIEW, Box, count, remember


def one_array(event):
    event["x"] = TABLE[1, 0]


def array_and_row(event):
    event["x"] = ROW[0]


def row_and_row(event):
    event["x"] = shared.TABLE[2, 0]


def array_and_view_that_only_reads(event):
    event["x"] = VIEW[1, 0]


def number_of_a_module(event):
    event["x"] = shared.COUNT


def number_of_a_class(event):
    event["x"] = Box.total


def attribute_of_a_function(event):
    event["x"] = count.seen


def inner_object(event):
    event["x"] = INNER.total


def inner_object_by_name(event):
    event["x"] = BOX.inner.total


def array_in_a_tuple(event):
    event["x"] = PAIR[0][0]


def array_in_a_frozen_object(event):
    event["x"] = CONFIG.values[0]


def default_of_a_helper(event):
    event["x"] = remember(0)
