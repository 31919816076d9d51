"""Batch rewind: a handler that meets something transient asks for its batch again, from the first record.

A Python handler raises `Rewind`; a compiled one returns REWIND. The strategy says what becomes of it:

    SimpleRewind()               again, as often as asked
    EventuallyGiveUp(3)          the third time it is an error of that record, for the exception policy
    PauseRewind(0.001)           again, after a pause

The records before the one that failed are delivered again as well; the batch may have grown meanwhile. Attempts are counted
from 1, anew for each batch.
Source: LMAX BatchRewindStrategy (Simple, EventuallyGiveUp, NanosecondPause).
"""

from __future__ import annotations

import time
from enum import Enum

import attrs
import numpy as np
from numba import types
from numba.extending import overload

from disruptor.errors import GraphError

__all__ = ["REWIND", "EventuallyGiveUp", "PauseRewind", "RewindAction", "RewindStrategy", "SimpleRewind", "status_of"]

REWIND = -(1 << 62)
"""What a compiled handler with a RewindStrategy returns to be given its batch again, from the first record."""


class RewindAction(Enum):
    """What a strategy decides."""

    REWIND = "deliver the batch again"
    THROW = "treat it as an error of the record"


class RewindStrategy:
    """Decides whether a batch is delivered again. A subclass with its own `decide` serves Python handlers."""

    def decide(self, error: BaseException, attempt: int) -> RewindAction:
        """Return what to do about the `attempt`-th (from 1) request to rewind a batch."""
        raise NotImplementedError

    def numbers(self) -> tuple[int, int]:
        """Return (attempts until it gives up, 0 for never; pause in ns), for compiled loops.

        Raises: GraphError when only `decide` knows.
        """
        raise GraphError(f"{type(self).__name__} decides in Python; a compiled handler needs one of the library's strategies")


@attrs.frozen
class SimpleRewind(RewindStrategy):
    """Always again."""

    def decide(self, error: BaseException, attempt: int) -> RewindAction:
        return RewindAction.REWIND

    def numbers(self) -> tuple[int, int]:
        return 0, 0


@attrs.frozen
class EventuallyGiveUp(RewindStrategy):
    """Again until the `most`-th attempt, which is an error of the record."""

    most: int = attrs.field(validator=attrs.validators.ge(1))

    def decide(self, error: BaseException, attempt: int) -> RewindAction:
        return RewindAction.THROW if attempt >= self.most else RewindAction.REWIND

    def numbers(self) -> tuple[int, int]:
        return self.most, 0


@attrs.frozen
class PauseRewind(RewindStrategy):
    """Always again, after `seconds`."""

    seconds: float = attrs.field(validator=attrs.validators.gt(0))

    def decide(self, error: BaseException, attempt: int) -> RewindAction:
        time.sleep(self.seconds)
        return RewindAction.REWIND

    def numbers(self) -> tuple[int, int]:
        return 0, max(1, int(self.seconds * 1e9))


def status_of(returned):
    """Return a handler's status: what it returned if that is an integer, else 0."""
    return int(returned) if isinstance(returned, (int, np.integer)) and not isinstance(returned, bool) else 0


@overload(status_of, jit_options={"forceinline": True})
def _status_overload(returned):
    if isinstance(returned, types.Integer):
        return lambda returned: returned
    if isinstance(returned, types.Optional) and isinstance(returned.type, types.Integer):
        return lambda returned: 0 if returned is None else returned
    return lambda returned: 0
