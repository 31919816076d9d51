"""The producer's side of a ring: who may write which slot, and when others may read it.

    sequencer = Sequencer(1024)                     one producer
    sequencer = Sequencer(1024, producers="multi")  any number of threads
    high = sequencer.next(4)                        claims 4 slots: high − 3 .. high
    sequencer.publish(high - 3, high)

Claims wait while the ring is full, in the way of the wait strategy's phase `full`. A consumer that has died ends the wait
of every producer with the consumer's HandlerError.

Source: LMAX Sequencer and its two implementations. What differs, on purpose: a claim of many producers takes only what
fits; `try_next` and `has_available_capacity` move nothing; a full ring whose consumer died, is not started, or is the very
thread that claims, is an error instead of a wait without end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from disruptor.atomics import compare_exchange, load_acquire
from disruptor.claims import (
    BLOCK_CELLS,
    CLAIMED,
    CURSOR,
    FAILED,
    GATE,
    GATING,
    OBSERVED,
    OFFSET,
    PARKS,
    PROGRESS,
    SLOTS,
    STRIDE,
    claim_many,
    claim_one,
    free_slots,
    give_up,
    is_published,
    publish_many,
    publish_one,
    published_upto,
)
from disruptor.compiled import entry
from disruptor.errors import (
    CapacityError,
    DisruptorError,
    ForkError,
    GraphError,
    HandlerError,
    InsufficientCapacity,
    WaitTimeout,
)
from disruptor.gating import GATING_MOST, NOBODY, add_gate, lowest_gate, remove_gate
from disruptor.layout import next_power_of_two
from disruptor.lookout import await_claim
from disruptor.memory import anonymous
from disruptor.sequence import CELLS, INITIAL, Sequence, generation, take_cells
from disruptor.wait import Wait, as_wait
from disruptor.waiting import wake_all

if TYPE_CHECKING:
    from disruptor.barrier import SequenceBarrier

__all__ = ["Marks", "Sequencer"]

NO_MARKS = np.zeros(0, np.int64)


class Marks:
    """Where many producers mark what is published: words[slot × stride + offset] of an int64 array."""

    def __init__(self, words: np.ndarray, stride: int, offset: int) -> None:
        self.words, self.stride, self.offset = words, stride, offset

    @classmethod
    def apart(cls, slots: int) -> Marks:
        """Marks in an array of their own, eight to a cache line: best for claims of many slots at once."""
        return cls(anonymous(8 * slots).array(np.int64, slots), 1, 0)

    def reset(self) -> None:
        self.words[self.offset :: self.stride] = INITIAL


class Sequencer:
    """Claims and publishes sequences for a ring of `slots` (a power of two).

    producers : "single" or "multi". wait : how producers wait for room, a Wait or its name. marks : where many producers
    mark what is published; an array of its own by default. name : for messages.
    Raises: CapacityError for slots that are no power of two.
    """

    def __init__(
        self, slots: int, *, producers: str = "single", wait: Wait | str = "blocking", marks: Marks | None = None,
        name: str = "ring",
    ) -> None:
        if slots < 1 or slots & (slots - 1):
            raise CapacityError(
                f"ring '{name}': slots must be a power of two, got {slots}; the next one is {next_power_of_two(slots)}"
            )
        if producers not in ("single", "multi"):
            raise GraphError(f"ring '{name}': producers must be 'single' or 'multi', got '{producers}'")
        self.name, self.slots, self.multi = name, slots, producers == "multi"
        self.wait = as_wait(wait)
        self.lock = threading.RLock()
        self.labels: dict[int, str] = {}  # word of a consumer's sequence → who that is
        self.hindrance: Callable[[], DisruptorError | None] = lambda: None  # why a wait for room can never end
        self.failures: list[HandlerError] = []  # what consumers ended by, the first one first
        self._gating: list[Sequence] = []
        self._generation = generation()
        self._owner = 0  # the thread of the single producer that has claims open, or is claiming
        self._block = take_cells(BLOCK_CELLS)
        self.base = self._block.word
        if marks is None and self.multi:
            marks = Marks.apart(slots)
        self._marks = marks
        self.marks = NO_MARKS if marks is None else marks.words
        self.reset()

    def reset(self) -> None:
        """Put everything back to the beginning: nothing claimed, nothing published. Nobody may be using it."""
        for word in (CURSOR, CLAIMED, GATE):
            CELLS[self.base + word] = INITIAL
        CELLS[self.base + FAILED] = 0
        CELLS[self.base + SLOTS] = self.slots
        CELLS[self.base + PARKS] |= self.wait.parks
        if self._marks is not None:
            self._marks.reset()
            CELLS[self.base + STRIDE], CELLS[self.base + OFFSET] = self._marks.stride, self._marks.offset
        self._owner = 0
        self.failures.clear()

    # claiming

    def next(self, count: int = 1, timeout: float | None = None) -> int:
        """Claim `count` slots, waiting for room; return the highest sequence (the lowest is it − count + 1).

        timeout : seconds; None waits as long as it takes.
        Raises: CapacityError unless 1 <= count <= slots; WaitTimeout; HandlerError when a consumer has died; GraphError
        when the wait could never end, or a second thread claims from a ring with one producer.
        """
        self._check(count)
        if timeout is not None and timeout < 0:
            raise CapacityError(f"ring '{self.name}': a timeout must be >= 0 seconds, got {timeout}")
        self._enter()
        high = self._claim(count)
        if high >= 0:
            return high
        self._interrupted()
        patience = -1 if timeout is None else int(timeout * 1e9)
        try:
            high = await_claim(self.base, self.marks, self.multi, count, self.wait, patience, self._interrupted)
        except BaseException:
            self._leave()
            raise
        if high < 0:
            self._leave()
            raise WaitTimeout(f"ring '{self.name}': no room for {count:,} of {self.slots:,} slots", timeout or 0, self.why())
        return high

    def try_next(self, count: int = 1) -> int:
        """Claim `count` slots if there is room now; return the highest sequence.

        Raises: InsufficientCapacity, which says how many slots are missing; else as `next`.
        """
        self._check(count, any_size=True)
        self._enter()
        high = self._claim(count)
        if high < 0:
            self._leave()
            raise InsufficientCapacity(self.name, count, -high)
        return high

    def claim(self, sequence: int) -> None:
        """Claim everything up to `sequence`: for initialising a ring that starts in the middle, before anything runs."""
        CELLS[self.base + CLAIMED] = sequence

    def unclaim(self, low: int, high: int) -> bool:
        """Give claimed sequences back as if never claimed; return whether that was possible (nothing claimed since)."""
        done = bool(_unclaim(CELLS, self.base, low, high))
        if done:
            self._leave()
        return done

    # publishing

    def publish(self, low: int, high: int | None = None) -> None:
        """Make the claimed sequences low..high visible (one argument: that sequence, with one producer all up to it).

        Order: release; pairs with the acquire loads of consumers. Raises: GraphError for what was never claimed.
        """
        self.check_fork()
        high = low if high is None else high
        if high > CELLS[self.base + CLAIMED]:
            raise GraphError(
                f"ring '{self.name}': sequence {high:,} was never claimed; the highest claimed is"
                f" {int(CELLS[self.base + CLAIMED]):,}; call next() first"
            )
        if self._marks is not None:
            _publish_many(CELLS, self.base, self.marks, low, high)
        else:
            _publish_one(CELLS, self.base, high)
        self._leave()

    def abort(self, low: int, high: int | None = None) -> None:
        """Give claimed sequences up: given back where nothing was claimed since, else passed by by every consumer.

        Raises: GraphError with one producer when something was claimed since (publish or abort in reverse order).
        """
        high = low if high is None else high
        if self.unclaim(low, high):
            return
        if not self.multi:
            raise GraphError(
                f"ring '{self.name}': {low:,}..{high:,} cannot be given up, {int(CELLS[self.base + CLAIMED]):,} was"
                " claimed after it; with producers='multi' it could"
            )
        _give_up(CELLS, self.base, self.marks, low, high)

    def unblock(self) -> int:
        """Give up what was claimed and never published, from the first hole on; return how many sequences.

        For a producer that died between claim and publish. Precondition: nobody is about to publish them.
        """
        claimed = int(CELLS[self.base + CLAIMED])
        first = self.published() + 1
        if not self.multi:
            CELLS[self.base + CLAIMED] = first - 1
            self._owner = 0
            return claimed - first + 1
        missing = [s for s in range(first, claimed + 1) if not is_published(CELLS, self.base, self.marks, s)]
        for sequence in missing:
            _give_up(CELLS, self.base, self.marks, sequence, sequence)
        return len(missing)

    # looking

    @property
    def cursor(self) -> int:
        """The highest published sequence; with many producers the highest claimed one (see `published`)."""
        if self.multi:
            return self.claimed
        return self.published()

    @property
    def claimed(self) -> int:
        """The highest claimed sequence."""
        return int(_load(CELLS, self.base + CLAIMED))

    def published(self) -> int:
        """Return the highest sequence up to which everything is published."""
        if self._marks is None:
            return int(_load(CELLS, self.base + CURSOR))
        claimed, lowest = self.claimed, int(_lowest(CELLS, self.base))
        start = min(claimed, max(INITIAL if lowest == NOBODY else lowest, claimed - self.slots))
        return int(_published_upto(CELLS, self.base, self.marks, start + 1))

    def is_available(self, sequence: int) -> bool:
        """Return whether `sequence` is published and its slot not yet used again."""
        return bool(_is_published(CELLS, self.base, self.marks, sequence))

    def highest_published(self, low: int, high: int) -> int:
        """Return the highest sequence of low..high such that all from low to it are published; low − 1 when none is."""
        return min(high, max(low - 1, int(_published_upto(CELLS, self.base, self.marks, low))))

    def remaining_capacity(self) -> int:
        """Return how many slots could be claimed now: 0..slots."""
        return int(_free(CELLS, self.base, self.marks))

    def has_available_capacity(self, count: int) -> bool:
        """Return whether `count` slots could be claimed now. Moves nothing."""
        return self.remaining_capacity() >= count

    def minimum_sequence(self) -> int:
        """Return the lowest gating sequence; the cursor when nobody gates."""
        lowest = int(_lowest(CELLS, self.base))
        return self.cursor if lowest == NOBODY else lowest

    # consumers

    def add_gating_sequences(self, *sequences: Sequence) -> None:
        """Let producers wait for these consumers. They start at what is published now: they see what comes after.

        Raises: CapacityError beyond 255 consumers.
        """
        self.check_fork()
        with self.lock:
            for sequence in sequences:
                sequence.set(self.published())
            self.add_gating_sequences_as_they_are(*sequences)
            for sequence in sequences:  # what was published meanwhile may have been overwritten already
                sequence.set(self.published())

    def add_gating_sequences_as_they_are(self, *sequences: Sequence) -> None:
        """The same, but each sequence keeps its value: for consumers that exist before anything is published."""
        self.check_fork()
        with self.lock:
            for sequence in sequences:
                if not add_gate(CELLS, self.base + GATING, sequence.word):
                    raise CapacityError(f"ring '{self.name}': at most {GATING_MOST} consumers can gate it, got one more")
                self._gating.append(sequence)

    def remove_gating_sequence(self, sequence: Sequence) -> bool:
        """Stop waiting for this very consumer; return whether it was waited for."""
        with self.lock:
            found = any(s is sequence for s in self._gating)
            if found:
                remove_gate(CELLS, self.base + GATING, sequence.word)
                self._gating = [s for s in self._gating if s is not sequence]
                self.wake_producers()
        return found

    @property
    def gating_sequences(self) -> tuple[Sequence, ...]:
        """The consumers that producers wait for."""
        return tuple(self._gating)

    def new_barrier(self, *dependencies: Sequence, wait: Wait | str | None = None) -> SequenceBarrier:
        """Return a barrier that lets a consumer read what is published and has passed all `dependencies`."""
        self.check_fork()
        from disruptor.barrier import SequenceBarrier

        return SequenceBarrier(self, dependencies, self.wait if wait is None else as_wait(wait))

    def check_fork(self) -> None:
        """Raises: ForkError in a process that was forked after the ring was made."""
        if self._generation != generation():
            raise ForkError("ring")

    def parks(self, wait: Wait) -> None:
        """Note that somebody waits like `wait`: from now on publishers and consumers wake sleepers."""
        if wait.parks:
            CELLS[self.base + PARKS] = 1

    def consumer_died(self, error: HandlerError) -> None:
        """Let every producer know that a consumer has ended by `error`: from now on their claims raise it."""
        self.failures.append(error)
        CELLS[self.base + FAILED] = 1
        self.wake_producers()

    def forgive(self) -> None:
        """Forget the consumers that died: their graph starts again."""
        self.failures.clear()
        CELLS[self.base + FAILED] = 0

    def observed(self) -> None:
        """Note that observers look at the claims: from now on they are made visible before slots are written."""
        CELLS[self.base + OBSERVED] = 1

    def wake_producers(self) -> None:
        """Wake producers and dependants that sleep, so that they look again."""
        wake_all(CELLS, self.base + PROGRESS)

    def why(self) -> str:
        """Return who keeps the ring full, in words."""
        lowest = int(_lowest(CELLS, self.base))
        if lowest == NOBODY:
            return f"nobody gates it; {self.claimed - self.published():,} claimed sequences are not published"
        who = [self.labels.get(s.word, "a consumer") for s in self._gating if s.get() == lowest]
        return f"{' and '.join(who) or 'a consumer'} {'is' if len(who) < 2 else 'are'} at {lowest:,}, {self.claimed - lowest:,} behind"

    def _claim(self, count: int) -> int:
        if self.multi:
            return int(_claim_many(CELLS, self.base, self.marks, count))
        return int(_claim_one(CELLS, self.base, self.marks, count))

    def _check(self, count: int, any_size: bool = False) -> None:
        self.check_fork()
        if count < 1 or (count > self.slots and not any_size):
            raise CapacityError(f"ring '{self.name}': a claim takes 1..{self.slots:,} slots, got {count:,}")
        if CELLS[self.base + FAILED]:
            self._interrupted()

    def _interrupted(self) -> None:
        error = self.failures[0] if self.failures else self.hindrance()
        if error is not None:
            raise error

    def _enter(self) -> None:
        if self.multi:
            return
        me = threading.get_ident()
        if self._owner and self._owner != me:
            raise GraphError(
                f"ring '{self.name}' has one producer, and thread {self._owner} has claims open while thread {me} claims;"
                " make it with producers='multi', or publish before another thread claims"
            )
        self._owner = me

    def _leave(self) -> None:
        if not self.multi and self.claimed == self.published():
            self._owner = 0


@entry
def _claim_one(cells, base, marks, count):
    return claim_one(cells, base, marks, count)


@entry
def _claim_many(cells, base, marks, count):
    return claim_many(cells, base, marks, count)


@entry
def _unclaim(cells, base, low, high):
    from_here = base + CLAIMED
    return compare_exchange(cells, from_here, high, low - 1)


@entry
def _publish_one(cells, base, high):
    publish_one(cells, base, high)


@entry
def _publish_many(cells, base, marks, low, high):
    publish_many(cells, base, marks, low, high)


@entry
def _give_up(cells, base, marks, low, high):
    give_up(cells, base, marks, low, high)


@entry
def _published_upto(cells, base, marks, following):
    return published_upto(cells, base, marks, following)


@entry
def _is_published(cells, base, marks, sequence):
    return is_published(cells, base, marks, sequence)


@entry
def _free(cells, base, marks):
    return free_slots(cells, base, marks)


@entry
def _lowest(cells, base):
    return lowest_gate(cells, base + GATING)


@entry
def _load(cells, word):
    return load_acquire(cells, word)
