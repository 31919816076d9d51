# ruff: noqa: B008 - the point is what two handlers share
"""What several files share: see shared_left, shared_right."""

from __future__ import annotations

import attrs
import numpy as np

TABLE = np.zeros((4, 4))
ROW = TABLE[1]
VIEW = TABLE.view()
VIEW.flags.writeable = False
COUNT = 0
PAIR = (np.zeros(2), 1)


class Box:
    total = 0


@attrs.frozen
class Config:
    values: np.ndarray


BOX = Box()
BOX.inner = Box()
INNER = BOX.inner
CONFIG = Config(np.zeros(2))


def remember(number, memo=np.zeros(3)):
    memo[0] += number
    return memo[1]


def count(number):
    return number
