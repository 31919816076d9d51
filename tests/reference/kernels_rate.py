"""A rate limit as a compiled loop uses it."""

from __future__ import annotations

from disruptor.compiled import entry
from disruptor.rate import rate_set, rate_take, rate_tokens, rate_wait


@entry
def follow(rates, instants, tokens, waits, left):
    """Take tokens[i] at instants[i]; waits[i] : what was returned, left[i] : tokens before. Returns how often the peek differed."""
    differ = 0
    for i in range(instants.shape[0]):
        left[i] = rate_tokens(rates[0], instants[i])
        peeked = rate_wait(rates[0], instants[i], tokens[i])
        waits[i] = rate_take(rates[0], instants[i], tokens[i])
        if peeked != waits[i]:
            differ += 1
    return differ


@entry
def as_fast_as_allowed(rates, now_ns, count):
    """Take `count` single tokens, each as early as possible; return the instant of the last."""
    for _ in range(count):
        now_ns += rate_wait(rates[0], now_ns, 1)
        if rate_take(rates[0], now_ns, 1) != 0:
            return -1
    return now_ns


@entry
def change(rates, count, period_ns, burst):
    rate_set(rates[0], count, period_ns, burst)
