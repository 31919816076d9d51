# ruff: noqa: RUF015 - the point is to be obscure
"""Python that hides from a reader of source that it writes into a view of its record, the field "win": see hidden_writes."""

from __future__ import annotations

import ctypes
import operator

import numpy as np


def w_list_view(event):
    [event["win"]][0][0] = 1


def w_list_append_view(event):
    kept = []
    kept.append(event["win"])
    kept[0][0] = 1


def w_dict_view(event):
    {"a": event["win"]}["a"][0] = 1


def w_comprehension(event):
    [event["win"] for _ in range(1)][0][0] = 1


def w_dict_item_view(event):
    d = {}
    d["w"] = event["win"]
    d["w"][0] = 1


def w_ctypes_(event):
    ctypes.memset(event["win"].ctypes.data, 1, 8)


def w_as_strided(event):
    np.lib.stride_tricks.as_strided(event["win"], (2,))[0] = 1


def w_broadcast(event):
    np.expand_dims(event["win"], 0)[0, 0] = 1


def w_flip(event):
    np.flip(event["win"])[0] = 1


def w_split(event):
    np.split(event["win"], 2)[0][0] = 1


def w_positional_out(event):
    np.add(event["first"], 1, event["win"])


def w_clip_out(event):
    np.clip(event["win"], 1, 2, event["win"])


def w_method_clip(event):
    event["win"].clip(1, 2, event["win"])


def w_cumsum(event):
    event["win"].fill(1)
    np.cumsum(event["win"], 0, None, event["win"])


def w_fill_bound(event):
    f = event["win"].fill
    f(1)


def w_setitem_view(event):
    event["win"].__setitem__(0, 1)


def w_iadd_method(event):
    event["win"].__iadd__(1)


def w_operator_iadd(event):
    operator.iadd(event["win"], 1)


def w_add_at(event):
    np.add.at(event["win"], 0, 1)


def w_copyto(event):
    np.copyto(event["win"], 1)


def w_copyto_dst(event):
    np.copyto(dst=event["win"], src=1)


def w_put_a(event):
    np.put(a=event["win"], ind=0, v=1)


def w_flat(event):
    event["win"].flat[0] = 1


def w_view_view(event):
    event["win"].view(np.int32).view(np.int8)[0] = 1


def w_ndarray_fill(event):
    np.ndarray.fill(event["win"], 1)


def w_ndarray_ctor(event):
    np.ndarray((4,), "i8", event["win"])[0] = 1


def w_out_tuple(event):
    np.add(event["first"], 1, out=(event["win"],))
