"""Rate limits in whole nanoseconds, without drift: so many tokens per period, so many at once after a pause.

    ("quota", RATE)                                      # a field of a handler's state
    rate_set(state["quota"], 100, 1_000_000_000, 20)     # 100 per second, 20 at once
    if rate_take(state["quota"], now_ns, 1) == 0:        # else: nanoseconds until it would be taken

The state is the instant at which the bucket will be full again: a whole number of nanoseconds and a fraction with the
number of tokens per period below the line. So three tokens per second cost exactly a third of a second each, for ever. A
time that goes back finds what it left: nothing is refilled twice. One writer; nothing here waits, allocates or reads a clock.

Source: ITU-T I.371 annex A, the generic cell rate algorithm as virtual scheduling; a token bucket of `burst` tokens that
gains `count` of them per `period_ns` decides the same.
"""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled, entry
from disruptor.errors import CapacityError
from disruptor.layout import record_dtype

__all__ = ["NEVER", "RATE", "RateLimit", "rate_set", "rate_take", "rate_tokens", "rate_wait"]

NEVER = -1
RATE = record_dtype(
    [
        ("full_ns", "i8"),  # full again at full_ns + part / count
        ("part", "i8"),
        ("count", "i8"),  # tokens per period
        ("period_ns", "i8"),
        ("burst", "i8"),
    ],
    name="rate",
)
"""The record of a rate limit, zeroed: a full bucket, once `count`, `period_ns` and `burst` are set."""
_PRODUCT_MAX = 1 << 62


@compiled
def rate_set(rate, count, period_ns, burst):
    """Allow `count` tokens per `period_ns`, `burst` at once; what was taken stays taken. Called before anything else.

    Each at least 1, burst × period_ns and count × count below 2^62. The fraction of the debt is rounded up to that of the
    new count: a change never gives a token away.
    """
    if rate["count"] > 0:
        rate["part"] = (rate["part"] * count + rate["count"] - 1) // rate["count"]
    rate["count"] = count
    rate["period_ns"] = period_ns
    rate["burst"] = burst


@compiled
def rate_wait(rate, now_ns, tokens=1):
    """Return 0 when `tokens` could be taken at `now_ns`, else the nanoseconds until then; NEVER (−1) for more than the burst."""
    spare = rate["burst"] - tokens
    if spare < 0:
        return NEVER
    room = spare * rate["period_ns"]
    wait = rate["full_ns"] - now_ns - room // rate["count"]
    if rate["part"] > room % rate["count"]:
        wait += 1
    return max(0, wait)


@compiled
def rate_take(rate, now_ns, tokens=1):
    """Take `tokens` at `now_ns` and return 0; else take nothing and return what `rate_wait` does."""
    wait = rate_wait(rate, now_ns, tokens)
    if wait != 0:
        return wait
    full, part, count = rate["full_ns"], rate["part"], rate["count"]
    if full < now_ns:
        full, part = now_ns, 0
    cost = tokens * rate["period_ns"]
    full = full + cost // count  # not in place: `now_ns` may be a field of a record
    part = part + cost % count
    if part >= count:
        full, part = full + 1, part - count
    rate["full_ns"] = full
    rate["part"] = part
    return 0


@compiled
def rate_tokens(rate, now_ns):
    """Return how many tokens could be taken at `now_ns`: the largest number for which `rate_wait` is 0."""
    ahead = rate["full_ns"] - now_ns
    if ahead < 0:
        return rate["burst"]
    most = rate["burst"] * rate["period_ns"]
    if ahead > most // rate["count"]:
        return 0
    return max(0, (most - ahead * rate["count"] - rate["part"]) // rate["period_ns"])


class RateLimit:
    """A limit for Python, and the checked way to make one for compiled code, which uses `rates[place]`.

    count, period_ns : tokens per period; burst : tokens at once after a pause. rates : array of RATE records to lie in.
    Raises: CapacityError for a number below 1, a product of 2^62 or more, a place outside of rates.
    """

    def __init__(self, name: str, count: int, period_ns: int, burst: int, *, rates: np.ndarray | None = None, place: int = 0) -> None:
        for what, number in (("count", count), ("period_ns", period_ns), ("burst", burst)):
            if number < 1:
                raise CapacityError(f"rate '{name}': {what} must be at least 1, got {number:,}")
        for what, number in (("burst × period_ns", burst * period_ns), ("count × count", count * count)):
            if number >= _PRODUCT_MAX:
                raise CapacityError(f"rate '{name}': {what} must be below 2^62, got {number:,}; write the rate with smaller numbers")
        rates = np.zeros(place + 1, RATE) if rates is None else rates
        if rates.dtype != RATE or rates.ndim != 1:
            raise CapacityError(f"rate '{name}': rates must be a 1-D array of RATE, got {rates.dtype} of {rates.ndim} dimensions")
        if not 0 <= place < rates.size:
            raise CapacityError(f"rate '{name}': place {place:,} lies outside of {rates.size:,} rates")
        self.name, self.rates, self.place = name, rates, place
        _set(rates, place, count, period_ns, burst)

    def take(self, now_ns: int, tokens: int = 1) -> int:
        """Take `tokens` and return 0, or take nothing and return the nanoseconds to wait; NEVER (−1) for more than the burst."""
        return int(_take(self.rates, self.place, now_ns, self._positive(tokens)))

    def wait_ns(self, now_ns: int, tokens: int = 1) -> int:
        """Return what `take` would, and take nothing."""
        return int(_wait(self.rates, self.place, now_ns, self._positive(tokens)))

    def tokens(self, now_ns: int) -> int:
        """Return how many tokens could be taken at `now_ns`."""
        return int(_tokens(self.rates, self.place, now_ns))

    def _positive(self, tokens: int) -> int:
        if tokens < 1:
            raise CapacityError(f"rate '{self.name}': tokens must be at least 1, got {tokens:,}")
        return min(tokens, _PRODUCT_MAX)  # more than any burst

    def __repr__(self) -> str:
        rate = self.rates[self.place]
        return f"<RateLimit '{self.name}': {rate['count']:,} per {rate['period_ns']:,} ns, {rate['burst']:,} at once>"


@entry(brief=True)
def _set(rates, place, count, period_ns, burst):
    rate_set(rates[place], count, period_ns, burst)


@entry(brief=True)
def _take(rates, place, now_ns, tokens):
    return rate_take(rates[place], now_ns, tokens)


@entry(brief=True)
def _wait(rates, place, now_ns, tokens):
    return rate_wait(rates[place], now_ns, tokens)


@entry(brief=True)
def _tokens(rates, place, now_ns):
    return rate_tokens(rates[place], now_ns)
