"""How a thread waits, as a value: a strategy with its parameters, alike in all phases or one for each.

    Disruptor(fields, wait="blocking")
    graph.then(slow, wait=Wait.phased_backoff(spin_ns=2_000, yield_ns=50_000))
    Wait.by_phase(idle=Wait.blocking(), gated=Wait.yielding(), full=Wait.sleeping())

A thread waits in one of three phases: *idle* (nothing is published), *gated* (published, but a handler before it has not
passed it yet) and *full* (a producer finds no room). Source: LMAX's wait strategies; the three phases: go-disruptor.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from disruptor.errors import GraphError
from disruptor.waiting import PARK_NS, SPIN_TURNS, WaitStrategy

__all__ = ["Wait", "as_wait"]

_NAMES = ("busy-spin", "yielding", "sleeping", "blocking", "lite-blocking", "phased-backoff")


@attrs.frozen
class Wait:
    """A way to wait; made by the functions below, by a name (`as_wait`) or by `by_phase`.

    strategy : WaitStrategy; the rest are its parameters. timeout_ns : after so long without anything to do a consumer's
    `on_timeout` is called, and waiting in Python raises WaitTimeout; 0: never.
    """

    strategy: WaitStrategy
    spins: int = 0
    yields: int = 0
    park_ns: int = PARK_NS
    spin_ns: int = 0
    yield_ns: int = 0
    timeout_ns: int = 0
    gated: Wait | None = None  # None: as when idle
    full: Wait | None = None

    @staticmethod
    def busy_spin() -> Wait:
        """Never rests: wakes in 50–100 ns, needs a core of its own."""
        return Wait(WaitStrategy.BUSY_SPIN)

    @staticmethod
    def yielding(spins: int = 4) -> Wait:
        """Spins, then offers the core to others at each turn; 100 % of a core when nobody wants it.

        Few spins, for more threads than cores: each keeps the core from the thread that has work. Three handlers and their
        producer on two cores did 66 M records/s with 100 spins, 87 with 10, 97 with 1, on a machine that was not quiet.
        """
        return Wait(WaitStrategy.YIELDING, spins=_positive("spins", spins))

    @staticmethod
    def sleeping(spins: int = 100, yields: int = 100, nap_ns: int = 100) -> Wait:
        """Spins, yields, then naps (60 µs with the kernel's timer slack). Needs no waking by publishers."""
        return Wait(
            WaitStrategy.SLEEPING, _positive("spins", spins), _positive("yields", yields), _positive("nap_ns", nap_ns)
        )

    @staticmethod
    def blocking(spins: int = SPIN_TURNS, park_ns: int = PARK_NS) -> Wait:
        """Spins for 10–20 µs, then sleeps until woken, `park_ns` at most. 0.3 % of a core when idle."""
        return Wait(WaitStrategy.BLOCKING, spins=_positive("spins", spins), park_ns=_positive("park_ns", park_ns))

    @staticmethod
    def lite_blocking(spins: int = SPIN_TURNS, park_ns: int = PARK_NS) -> Wait:
        """The same as `blocking`, which already spares the signal when nobody sleeps; LMAX's name for it."""
        return Wait.blocking(spins, park_ns)

    @staticmethod
    def phased_backoff(spin_ns: int = 10_000, yield_ns: int = 100_000, fallback: Wait | str = "blocking") -> Wait:
        """Spins for `spin_ns`, yields for `yield_ns`, then waits like `fallback` (blocking or sleeping)."""
        last = as_wait(fallback)
        codes = {WaitStrategy.BLOCKING: WaitStrategy.PHASED, WaitStrategy.SLEEPING: WaitStrategy.PHASED_SLEEPING}
        if last.strategy not in codes:
            raise GraphError(f"phased_backoff: the fallback must be blocking or sleeping, got {last}")
        return Wait(
            codes[last.strategy], park_ns=last.park_ns, spin_ns=_positive("spin_ns", spin_ns),
            yield_ns=_positive("yield_ns", yield_ns),
        )

    @staticmethod
    def by_phase(idle: Wait | str, gated: Wait | str | None = None, full: Wait | str | None = None) -> Wait:
        """Wait like `idle` when nothing is published, like `gated` behind a slow handler, like `full` for room."""
        return attrs.evolve(
            as_wait(idle), gated=None if gated is None else as_wait(gated), full=None if full is None else as_wait(full)
        )

    def with_timeout(self, seconds: float) -> Wait:
        """The same, but a wait that long without anything to do is a timeout."""
        if not seconds > 0:
            raise GraphError(f"a timeout must be more than 0 seconds, got {seconds}")
        return attrs.evolve(self, timeout_ns=int(seconds * 1e9))

    @property
    def parks(self) -> bool:
        """Whether publishers must wake whoever waits like this."""
        return any(w.strategy in (WaitStrategy.BLOCKING, WaitStrategy.PHASED) for w in self.phases)

    @property
    def phases(self) -> tuple[Wait, Wait, Wait]:
        """How to wait when idle, gated, full."""
        return self, self.gated or self, self.full or self

    def numbers(self) -> list[int]:
        """The arguments of `idle_turn` for one phase, in order."""
        return [int(self.strategy), self.spins, self.yields, self.park_ns, self.spin_ns, self.yield_ns]

    def table(self) -> np.ndarray:
        """int64[3, 6]: the arguments of `idle_turn` when idle, gated, full."""
        return np.array([phase.numbers() for phase in self.phases], np.int64)

    def __str__(self) -> str:
        name = self.strategy.name.lower().replace("_", "-")
        inner = [f"timeout {self.timeout_ns / 1e9:g} s"] if self.timeout_ns else []
        inner += [f"{k} {v}" for k, v in (("gated", self.gated), ("full", self.full)) if v is not None]
        return f"{name} ({', '.join(inner)})" if inner else name


def as_wait(thing: Any) -> Wait:
    """Return `thing` if it is a Wait, else the one of that name or WaitStrategy. Raises: GraphError for others."""
    if isinstance(thing, Wait):
        return thing
    name = (thing.name if isinstance(thing, WaitStrategy) else str(thing)).lower().replace("_", "-")
    if name == "phased":
        name = "phased-backoff"
    if name not in _NAMES:
        raise GraphError(f"no wait strategy '{thing}'; known: {', '.join(_NAMES)}")
    return getattr(Wait, name.replace("-", "_"))()


def _positive(name: str, value: int) -> int:
    if value < 0:
        raise GraphError(f"{name} must be >= 0, got {value}")
    return int(value)
