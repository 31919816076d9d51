"""Ways for Python code to fill and publish records: a context manager, and translators.

A *translator* is a function `translator(event, sequence, *args)` that fills a record. When it throws, or the body of
`with ring.publish() as event`, the record is given up: no consumer ever sees it half filled.

Source: LMAX EventSink (publishEvent, tryPublishEvent, publishEvents); giving up: Aeron's tryClaim and abort.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from collections.abc import Sequence as Many
from typing import TYPE_CHECKING, Any

import numpy as np

from disruptor.channel import Sender
from disruptor.errors import CapacityError, GraphError, InsufficientCapacity

if TYPE_CHECKING:
    from disruptor.ring_buffer import RingBuffer
    from disruptor.sequencer import Sequencer

__all__ = ["Claim", "Publisher"]


class Claim:
    """A claimed slot as a context manager: published on leaving, given up when the body throws.

    `sequence` is the slot's; −1 when the ring was full and drops what does not fit (the record then goes nowhere).
    """

    def __init__(self, ring: RingBuffer) -> None:
        self._ring = ring
        self._open = False
        self.sequence = -1

    def __enter__(self) -> np.record:
        ring = self._ring
        if self.sequence >= 0:
            raise GraphError(f"ring '{ring.name}': this claim was entered already; call publish() for each record")
        ring.sweep()
        if ring.sequencer.claim_is_open():
            raise GraphError(
                f"ring '{ring.name}' has one producer, and a claim is open: publish it before the next, or claim a range"
            )
        try:
            self.sequence = ring.sequencer.next() if ring.when_full in ("block", "overwrite") else ring.try_next()
        except InsufficientCapacity:
            if ring.when_full != "drop":
                raise
            ring.dropped += 1
            return np.zeros(1, ring.dtype)[0]
        ring.open_claims[self.sequence] = weakref.ref(self)
        self._open = True
        try:
            return ring.get(self.sequence)
        except BaseException:
            self._withdraw()
            raise

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if not self._open:
            return
        try:
            if kind is None:
                self._ring.sequencer.publish(self.sequence)
                self._open = False
                self._ring.open_claims.pop(self.sequence, None)
        finally:
            self._withdraw()

    def _withdraw(self) -> None:
        if self._open:
            self._ring.sequencer.withdraw(self.sequence, self.sequence)
            self._open = False
            self._ring.open_claims.pop(self.sequence, None)


class Publisher:
    """The translator methods of a ring."""

    name: str
    slots: int
    sequencer: Sequencer
    when_full: str
    dropped: int
    open_claims: dict[int, weakref.ref[Claim]]  # by sequence

    def sweep(self) -> None:
        """Give up claims whose `with` was left without its end: Python raises a Ctrl-C before `__exit__` begins."""
        if self.open_claims:
            for sequence, claim in list(self.open_claims.items()):
                if claim() is None and self.open_claims.pop(sequence, None) is not None:
                    self.sequencer.withdraw(sequence, sequence)

    def get(self, sequence: int) -> np.record:
        raise NotImplementedError

    def sender(self) -> Sender:
        """Return what publishes single records from Python fastest: one compiled call each; see disruptor.channel."""
        return Sender(self)  # type: ignore[arg-type]

    def publish_event(self, translator: Callable[..., Any], *args: Any, timeout: float | None = None) -> int:
        """Claim a slot, let `translator(event, sequence, *args)` fill it, publish it; return its sequence.

        Waits, raises or drops (returning −1) when the ring is full, as `when_full` says. What the translator throws goes
        to the caller, and the slot is given up.
        """
        if self.when_full in ("block", "overwrite"):
            return self._translate(self.sequencer.next, (1, timeout), translator, [args])
        sequence = self._translate(self.sequencer.try_next, (1,), translator, [args], soft=self.when_full == "drop")
        self.dropped += sequence < 0
        return sequence

    def try_publish_event(self, translator: Callable[..., Any], *args: Any) -> bool:
        """The same if there is room now; return whether there was."""
        return self._translate(self.sequencer.try_next, (1,), translator, [args], soft=True) >= 0

    def publish_events(
        self, translator: Callable[..., Any], *columns: Many[Any], starts_at: int = 0, batch_size: int | None = None,
        timeout: float | None = None,
    ) -> int:
        """Publish a record for each element of the columns, all at once: `translator(event, sequence, a[i], b[i], …)`.

        starts_at, batch_size : which elements; all from starts_at on by default. Returns the last sequence.
        Raises: CapacityError, before anything is claimed, for bounds outside the columns, 0 records, more than the ring.
        """
        rows = self._rows(columns, starts_at, batch_size)
        return self._translate(self.sequencer.next, (len(rows), timeout), translator, rows)

    def try_publish_events(
        self, translator: Callable[..., Any], *columns: Many[Any], starts_at: int = 0, batch_size: int | None = None
    ) -> bool:
        """The same if there is room for all of them now; return whether there was."""
        rows = self._rows(columns, starts_at, batch_size)
        return self._translate(self.sequencer.try_next, (len(rows),), translator, rows, soft=True) >= 0

    def _translate(
        self, claim: Callable[..., int], wanted: tuple[Any, ...], translator: Callable[..., Any], rows: Many[Any],
        soft: bool = False,
    ) -> int:
        """Claim a slot for each row, fill and publish them; return the last sequence, −1 for no room if `soft`.

        Whatever is raised meanwhile, at whatever time, gives them up.
        """
        try:
            high = claim(*wanted)
        except InsufficientCapacity:
            if not soft:
                raise
            return -1
        try:
            low = high - len(rows) + 1
            for sequence, row in zip(range(low, high + 1), rows, strict=True):
                translator(self.get(sequence), sequence, *row)
            self.sequencer.publish(low, high)
        except BaseException:
            self.sequencer.withdraw(high - len(rows) + 1, high)
            raise
        return high

    def _rows(self, columns: Many[Many[Any]], starts_at: int, batch_size: int | None) -> Many[Any]:
        lengths = {len(c) for c in columns}
        if len(lengths) > 1:
            raise CapacityError(f"ring '{self.name}': columns of different length: {sorted(lengths)}")
        length = lengths.pop() if lengths else (batch_size or 0)
        size = length - starts_at if batch_size is None else batch_size
        if starts_at < 0 or size < 0:
            raise CapacityError(f"ring '{self.name}': starts_at and batch_size must be >= 0, got {starts_at} and {size}")
        if starts_at + size > length and columns:
            raise CapacityError(f"ring '{self.name}': {starts_at} + {size} elements exceed the {length} of the columns")
        if not 1 <= size <= self.slots:
            raise CapacityError(f"ring '{self.name}': a batch takes 1..{self.slots:,} records, got {size:,}")
        return list(_zip(columns, starts_at, size))


def _zip(columns: Many[Many[Any]], starts_at: int, size: int) -> Iterator[tuple[Any, ...]]:
    for i in range(starts_at, starts_at + size):
        yield tuple(column[i] for column in columns)
