"""Python handlers that write what those of the same name in shared_right use too."""

from __future__ import annotations

import tests.reference.shared_table as shared
from tests.reference.shared_table import BOX, CONFIG, INNER, PAIR, ROW, Box, count
from tests.reference.shared_table import TABLE as OURS


def one_array(event):
    OURS[1, 0] = event["x"]


def array_and_row(event):
    OURS[1, 0] = event["x"]


def row_and_row(event):
    ROW[0] = event["x"]


def array_and_view_that_only_reads(event):
    OURS[1, 0] = event["x"]


def number_of_a_module(event):
    shared.COUNT = event["x"]


def number_of_a_class(event):
    Box.total = event["x"]


def attribute_of_a_function(event):
    count.seen = event["x"]


def inner_object(event):
    BOX.inner.total = event["x"]


def inner_object_by_name(event):
    INNER.total = event["x"]


def array_in_a_tuple(event):
    PAIR[0][0] = event["x"]


def array_in_a_frozen_object(event):
    CONFIG.values[0] = event["x"]


def default_of_a_helper(event):
    shared.remember(event["x"])
