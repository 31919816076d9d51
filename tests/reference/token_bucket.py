"""A token bucket over fractions: the obvious, slow answer."""

from __future__ import annotations

from fractions import Fraction


class TokenBucket:
    """`burst` tokens, of which `count` come back per period. Time never goes back: an earlier instant counts as the latest."""

    def __init__(self, count: int, period_ns: int, burst: int) -> None:
        self.per_ns = Fraction(count, period_ns)
        self.burst = burst
        self.tokens = Fraction(burst)
        self.at: int | None = None

    def _at(self, now_ns: int) -> Fraction:
        """Return the tokens at an instant. Negative debts do not exist: before the latest refill fewer were there."""
        if self.at is None:
            return self.tokens
        return min(Fraction(self.burst), self.tokens + (now_ns - self.at) * self.per_ns)

    def available(self, now_ns: int) -> int:
        return max(0, int(self._at(now_ns) // 1))

    def wait(self, now_ns: int, tokens: int) -> int:
        if tokens > self.burst:
            return -1
        missing = tokens - self._at(now_ns)
        return 0 if missing <= 0 else -int(-missing / self.per_ns // 1)

    def take(self, now_ns: int, tokens: int) -> int:
        wait = self.wait(now_ns, tokens)
        if wait == 0:
            self.tokens, self.at = self._at(now_ns) - tokens, now_ns
        return wait
