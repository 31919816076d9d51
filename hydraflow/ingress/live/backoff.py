"""How long to wait before the next attempt: exponential growth, full jitter.

The span doubles with each failure in a row; the delay is drawn uniformly from 0 to the span, so that clients that lost
the same venue at the same moment do not come back at the same moment. A connection that held long enough starts over.

Source: M. Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
"""

from __future__ import annotations

import random

__all__ = ["Backoff"]

_DOUBLINGS = 62  # beyond, the span is the largest one anyway


class Backoff:
    """Delays between attempts, in seconds.

    first_seconds : span of the first delay; most_seconds : largest span; stable_seconds : a connection that held as long
    was no failure. seed : the same delays every time; 0 draws from the system.
    """

    def __init__(self, first_seconds: float, most_seconds: float, stable_seconds: float, seed: int = 0) -> None:
        self.failures = 0
        self._first = first_seconds
        self._most = most_seconds
        self._stable = stable_seconds
        self._random = random.Random(seed or None)

    def span(self) -> float:
        """Return the largest delay that the next `delay` may give."""
        return min(self._most, self._first * 2 ** min(self.failures, _DOUBLINGS))

    def delay(self, held_seconds: float = 0.0) -> float:
        """Return how long to wait after a connection that held for `held_seconds` (0: none came about)."""
        if held_seconds >= self._stable:
            self.failures = 0
        drawn = self._random.uniform(0.0, self.span())
        self.failures += 1
        return drawn
