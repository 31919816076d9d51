"""What ThreadSanitizer is given to run: threads with their loops, when all is done, and what must be found then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from disruptor.codegen import LoopSource

__all__ = ["Expected", "Goal", "Thread", "Topology"]


@attrs.frozen
class Thread:
    """A loop: its source; the word that ends it; whether it ends by itself, as producers do."""

    source: LoopSource
    halt: int
    produces: bool


@attrs.frozen
class Goal:
    """The word has reached the value, or what the word `other` says when it is one. Goals are waited for in their order."""

    word: int
    value: int
    other: int = -1


@attrs.frozen
class Expected:
    """Fields of records (arrays of one), which together must come to these sums."""

    records: Sequence[np.ndarray]
    sums: dict[str, int]


@attrs.frozen
class Topology:
    """What is run. keep : what owns the memory; cells : the array of the words; limits : array's id → bytes of it that are in use;
    mirrored : arrays that are mapped twice.
    """

    name: str
    events: int
    threads: list[Thread]
    goals: list[Goal]
    expected: list[Expected]
    keep: Any
    cells: np.ndarray
    limits: dict[int, int] = attrs.field(factory=dict)
    mirrored: Sequence[np.ndarray] = ()

    @property
    def arrays(self) -> list[np.ndarray]:
        return [array for one in self.threads for array in one.source.arguments.values()]
