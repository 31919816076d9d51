# ruff: noqa: B008, B010, F841, PLW0406 - the point is to be obscure
"""Python that hides from a reader of source that it changes something which other handlers may use too."""

from __future__ import annotations

import numpy as np

from tests.reference import hidden_views

GRID = np.zeros((3, 3))
ROWS = np.zeros(3, [("a", "i8"), ("w", "i8", (2,))])
LIST = [1]
TABLE = {"a": np.zeros(2)}
MANY = {number: np.zeros(2) for number in range(200)}
COUNT = 0


class Box:
    pass


BOX = Box()
BOX.inner = Box()
BOX.inner.n = 0
BOX.a = np.zeros(2)


def by_row(event):
    GRID[0][1] = 5


def by_alias(event):
    g = GRID
    g += 1


def by_row_alias(event):
    g = GRID[0]
    g[1] = 2


def by_field(event):
    ROWS["w"][0, 0] = 1


def by_record(event):
    ROWS[0]["a"] = 1


def by_loop(event):
    for row in GRID:
        row[0] = 1


def by_list(event):
    same = LIST
    same += [1]


def by_dict(event):
    TABLE["a"][0] = 1


def by_dict_get(event):
    TABLE.get("a")[0] = 1


def by_dict_values(event):
    for v in TABLE.values():
        v[0] = 1


def by_big(event):
    MANY[3][0] = 1


def by_big_get(event):
    MANY.get(3)[0] = 1


def by_copyto(event):
    np.copyto(GRID, 1)


def by_out(event):
    np.add(1, 1, GRID)


def by_flip(event):
    np.flip(GRID)[0] = 1


def by_t(event):
    GRID.T[0] = 1


def by_reshape(event):
    GRID.reshape(9)[0] = 1


def by_fill(event):
    GRID.fill(1)


def by_fill_bound(event):
    f = GRID.fill
    f(1)


def by_box(event):
    BOX.inner.n += 1


def by_box_a(event):
    BOX.a[0] = 1


def by_setattr(event):
    setattr(BOX, "inner", BOX.inner)


def _memo(n, memo=np.zeros(3)):
    memo[0] += n


def by_helper_default(event):
    _memo(1)


def by_global(event):
    global COUNT
    COUNT += 1


def make():
    n = 0
    def by_nonlocal(event):
        nonlocal n
        n += 1
    return by_nonlocal


def by_vars(event):
    globals()["COUNT"] = 1


def by_module(event):
    import tests.reference.hidden_shares as here
    here.COUNT = 1


def by_module2(event):
    hidden_views.LIMIT = 1


def by_put(event):
    np.put(GRID, 0, 1)


def by_iter(event):
    it = iter(GRID)
    next(it)[0] = 1


def by_walrus(event):
    (h := GRID)[0] = 1


def by_tuple(event):
    (GRID, 1)[0][0] = 1


def by_class(event):
    Box.shared = 1


by_nonlocal_variable = make()
