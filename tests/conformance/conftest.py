"""One suite over all sequencers and wait strategies: fixtures that every behaviour runs under."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

from disruptor.ring_buffer import RingBuffer
from disruptor.sequence import Sequence
from disruptor.sequencer import Sequencer
from disruptor.wait import Wait

FIELDS = [("value", "i8"), ("other", "f8")]


@attrs.frozen
class Kind:
    """A sequencer that a ring may have."""

    producers: str
    availability: str

    @property
    def multi(self) -> bool:
        return self.producers == "multi"

    def ring(self, slots: int = 8, **more: Any) -> RingBuffer:
        return RingBuffer(FIELDS, slots, producers=self.producers, availability=self.availability, **more)

    def sequencer(self, slots: int = 8, **more: Any) -> Sequencer:
        return self.ring(slots, **more).sequencer


KINDS = [Kind("single", "cursor"), Kind("single", "record"), Kind("multi", "record"), Kind("multi", "flags")]
WAITS = {
    "busy-spin": Wait.busy_spin(),
    "yielding": Wait.yielding(),
    "sleeping": Wait.sleeping(),
    "blocking": Wait.blocking(),
    "lite-blocking": Wait.lite_blocking(),
    "phased-to-blocking": Wait.phased_backoff(10_000, 10_000),
    "phased-to-sleeping": Wait.phased_backoff(10_000, 10_000, "sleeping"),
    "by-phase": Wait.by_phase(idle="blocking", gated="sleeping", full="yielding"),
}


@pytest.fixture(params=KINDS, ids=lambda k: f"{k.producers}-{k.availability}")
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture(params=WAITS.values(), ids=WAITS.keys())
def wait(request: pytest.FixtureRequest) -> Wait:
    return request.param


@pytest.fixture
def gated(kind: Kind) -> tuple[Sequencer, Sequence]:
    """A sequencer of 8 slots, and the sequence of its only consumer."""
    ring = kind.ring(8)
    consumer = Sequence()
    ring.add_gating_sequences(consumer)
    ring.sequencer._kept = ring  # type: ignore[attr-defined]
    return ring.sequencer, consumer


class Helpers:
    """Threads of a test: started here, joined at its end, their errors raised."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []

    def __call__(self, function: Callable[..., Any], *args: Any) -> threading.Thread:
        def run() -> None:
            try:
                function(*args)
            except BaseException as error:
                self._errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a thread of the test hangs"
        if self._errors:
            raise self._errors[0]


@pytest.fixture
def spawn() -> Iterator[Helpers]:
    helpers = Helpers()
    yield helpers
    helpers.join()
