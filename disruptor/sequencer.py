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
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

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
    TOUCHED,
)
from disruptor.errors import (
    CapacityError,
    DisruptorError,
    ForkError,
    GraphError,
    HandlerError,
    InsufficientCapacity,
    WaitTimeout,
)
from disruptor.gating import GATING_MOST, NOBODY, add_gate, remove_gate
from disruptor.layout import next_power_of_two
from disruptor.lookout import RECEIPT, await_claim, await_room, no_receipt, scratch
from disruptor.measuring import NO_STAMPS, stamp
from disruptor.memory import anonymous
from disruptor.sequence import CELLS, INITIAL, Sequence, _arena, generation, take_cells
from disruptor.sequencer_core import NO_MARKS, core
from disruptor.wait import Wait, as_wait
from disruptor.waiting import wake_all

if TYPE_CHECKING:
    from disruptor.barrier import SequenceBarrier

__all__ = ["Marks", "Sequencer"]

_SOMEBODY = -1  # owner of a ring that a handler publishes to: no thread
_RETIRED = 1024  # removed gates whose cells are kept: a producer may have read a gate's word just before it went


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
    mark what is published; an array of its own by default. name : for messages. block : where its cells lie when they are
    taken already, an object with `word`.
    Raises: CapacityError for slots that are no power of two.
    """

    def __init__(
        self, slots: int, *, producers: str = "single", wait: Wait | str = "blocking", marks: Marks | None = None,
        name: str = "ring", block: Any = None,
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
        self.failures: list[Any] = []  # what consumers ended by, the first one first
        self.ended = False  # nobody will publish any more: whoever has read everything is done
        self._gating: list[Sequence] = []
        self._retired: deque[Sequence] = deque(maxlen=_RETIRED)
        self._producer = ""  # the handler of another ring that alone publishes into this one while it runs
        self.writer: Callable[[], Any] = lambda: None  # what it belongs to, while that exists
        self._generation = generation()
        self._owner = 0  # the thread of the single producer that has claims open, or is claiming
        self._first_open = 0  # the first sequence that it claimed
        self._block = take_cells(BLOCK_CELLS) if block is None else block
        self.base = self._block.word
        if marks is None and self.multi:
            marks = Marks.apart(slots)
        self._marks = marks
        self.marks = NO_MARKS if marks is None else marks.words
        self.stamps = NO_STAMPS  # int64[slots] beside the records when the ring measures
        self.reset()

    def reset(self) -> None:
        """Put everything back to the beginning: nothing claimed, nothing published. Nobody may be using it."""
        for word in (CURSOR, CLAIMED, GATE, TOUCHED):
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
        try:
            high = self._claim(count)
            if high >= 0:
                return high
            self._interrupted()
            patience = -1 if timeout is None else int(timeout * 1e9)
            high = await_claim(self.base, self.marks, self.multi, count, self.wait, patience, self._interrupted)
        except BaseException:
            self.return_claim(scratch() + RECEIPT)
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
        try:
            high = self._claim(count)
        except BaseException:
            self.return_claim(scratch() + RECEIPT)
            raise
        if high < 0:
            self._leave()
            raise InsufficientCapacity(self.name, count, -high)
        return high

    def wait_for_room(self, count: int = 1, timeout: float | None = None) -> None:
        """Wait until `count` slots could be claimed, claiming none. Raises: as `next`."""
        self._check(count)
        self._enter()
        try:
            patience = -1 if timeout is None else int(timeout * 1e9)
            found = await_room(self.base, self.marks, count, self.wait, patience, self._interrupted)
        finally:
            self._leave()
        if not found:
            raise WaitTimeout(f"ring '{self.name}': no room for {count:,} of {self.slots:,} slots", timeout or 0, self.why())

    def claim(self, sequence: int) -> None:
        """Claim everything up to `sequence`: for initialising a ring that starts in the middle, before anything runs."""
        CELLS[self.base + CLAIMED] = sequence
        CELLS[self.base + GATE] = sequence - 1  # what lies before it was never there

    def unclaim(self, low: int, high: int) -> bool:
        """Give claimed sequences back as if never claimed; return whether that was possible (nothing claimed since)."""
        done = bool(core.unclaim(CELLS, self.base, low, high))
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
        claimed = int(CELLS[self.base + CLAIMED])
        if high > claimed:
            raise GraphError(
                f"ring '{self.name}': sequence {high:,} was never claimed; the highest claimed is {claimed:,}; call next() first"
            )
        if high == claimed and not self._producer:
            self._owner = 0  # before it is seen: whoever sees it may claim
        if self.stamps.size:
            stamp(self.stamps, low if self._marks is not None else self.cursor + 1, high)
        if self._marks is not None:
            core.publish_many(CELLS, self.base, self.marks, low, high)
        else:
            core.publish_one(CELLS, self.base, high)

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
        core.give_up(CELLS, self.base, self.marks, low, high)

    def withdraw(self, low: int, high: int) -> None:
        """Give claimed sequences up unless they have been published: after an exception that came at any time."""
        if core.has_passed(CELLS, self.base, self.marks, high):
            self._leave()
        else:
            self.abort(low, high)

    def return_claim(self, receipt: int) -> None:
        """Give back what this thread's receipt says that it has claimed; an exception kept the result from arriving."""
        if CELLS[receipt] >= 0:
            self.withdraw(int(CELLS[receipt + 1]), int(CELLS[receipt]))
            CELLS[receipt] = -1
        self._leave()

    def unblock(self) -> int:
        """Give up what was claimed and never published, from the first hole on; return how many sequences.

        For a producer that died between claim and publish. Precondition: nobody is about to publish them.
        """
        claimed = int(CELLS[self.base + CLAIMED])
        first = self.published() + 1
        if not self.multi:
            core.unclaim(CELLS, self.base, first, claimed)
            self._owner = 0
            return claimed - first + 1
        missing = 0
        while first <= claimed:
            core.give_up(CELLS, self.base, self.marks, first, first)
            missing += 1
            first = int(core.published_upto(CELLS, self.base, self.marks, first)) + 1
        return missing

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
        return core.load(CELLS, self.base + CLAIMED)

    def published(self) -> int:
        """Return the highest sequence up to which everything is published."""
        return core.published_now(CELLS, self.base, self.marks)

    def is_available(self, sequence: int) -> bool:
        """Return whether `sequence` is published and its slot not yet used again."""
        return bool(core.is_published(CELLS, self.base, self.marks, sequence))

    def highest_published(self, low: int, high: int) -> int:
        """Return the highest sequence of low..high such that all from low to it are published; low − 1 when none is."""
        return min(high, max(low - 1, int(core.published_upto(CELLS, self.base, self.marks, low))))

    def remaining_capacity(self) -> int:
        """Return how many slots could be claimed now: 0..slots."""
        return int(core.free(CELLS, self.base, self.marks))

    def has_available_capacity(self, count: int) -> bool:
        """Return whether `count` slots could be claimed now. Moves nothing."""
        return self.remaining_capacity() >= count

    def minimum_sequence(self) -> int:
        """Return the lowest gating sequence; the cursor when nobody gates."""
        lowest = int(core.lowest(CELLS, self.base))
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
                self._retired.append(sequence)
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

    def doubt(self, sequence: int) -> Callable[[], None] | None:
        """Return what raises when `sequence` will never be published, asked now and then by who waits for it; None: nothing."""
        return None

    def check_fork(self) -> None:
        """Raises: ForkError in a process that was forked after the ring was made."""
        if self._generation != generation():
            raise ForkError("ring")

    def parks(self, wait: Wait) -> None:
        """Note that somebody waits like `wait`: from now on publishers and consumers wake sleepers."""
        if wait.parks:
            CELLS[self.base + PARKS] = 1

    def taken_by(self, thread: int) -> None:
        """Note that a compiled producer on this thread has the ring to itself; 0: no longer. Nothing with many producers."""
        if not self.multi:
            self._owner = thread

    def given_to(self, producer: str) -> None:
        """Note that `producer`, in words, alone publishes into this ring from now on; "": nobody in particular.

        Claims by anybody else raise GraphError.
        """
        self._producer = producer
        self._owner = _SOMEBODY if producer else 0

    @property
    def producer(self) -> str:
        """Who alone publishes into this ring, in words; "" for nobody in particular."""
        return self._producer

    def consumer_died(self, error: HandlerError) -> None:
        """Let every producer know that a consumer has ended by `error`: from now on their claims raise it."""
        self.failures.append(error)
        CELLS[self.base + FAILED] = 1
        self.wake_producers()

    def forgive(self, error: HandlerError | None = None) -> None:
        """Forget the consumers that died, for their graph starts again; or the one that ended by `error`."""
        self.failures[:] = [e for e in self.failures if error is not None and e is not error]
        CELLS[self.base + FAILED] = len(self.failures) > 0

    def observed(self) -> None:
        """Note that observers look at the claims: from now on they are made visible before slots are written."""
        CELLS[self.base + OBSERVED] = 1

    def wake_producers(self) -> None:
        """Wake producers and dependants that sleep, so that they look again."""
        wake_all(CELLS, self.base + PROGRESS)

    def why(self) -> str:
        """Return who keeps the ring full, in words."""
        lowest = int(core.lowest(CELLS, self.base))
        if lowest == NOBODY:
            return f"nobody gates it; {self.claimed - self.published():,} claimed sequences are not published"
        who = [self.labels.get(s.word, "a consumer") for s in self._gating if s.get() == lowest]
        return f"{' and '.join(who) or 'a consumer'} {'is' if len(who) < 2 else 'are'} at {lowest:,}, {self.claimed - lowest:,} behind"

    def _claim(self, count: int) -> int:
        receipt = no_receipt()
        if self.multi:
            return core.claim_many(CELLS, self.base, self.marks, count, receipt)
        return core.claim_one(CELLS, self.base, self.marks, count, receipt)

    def _check(self, count: int, any_size: bool = False) -> None:
        self.check_fork()
        if count < 1 or (count > self.slots and not any_size):
            raise CapacityError(f"ring '{self.name}': a claim takes 1..{self.slots:,} slots, got {count:,}")
        if CELLS[self.base + FAILED]:
            self._interrupted()

    def claim_is_open(self) -> bool:
        """Return whether the single producer has claimed what it has not published; False with many."""
        return self._owner != 0 and self.claimed > self.published()

    def troubled(self) -> bool:
        """Whether anything stands in the way of a claim that is published at once: `_check` and the rest say what."""
        return bool(self.failures) or self._owner != 0 or self._generation != _arena.generation

    def refuse_other_threads(self) -> None:
        """Raises: GraphError when another thread has claims of a single producer open."""
        self._enter()
        self._leave()

    def _interrupted(self) -> None:
        error = self.failures[0] if self.failures else self.hindrance()
        if error is not None:
            raise error

    def _enter(self) -> None:
        if self.multi:
            return
        me = threading.get_ident()
        if self._producer:
            raise GraphError(f"ring '{self.name}' has one producer, {self._producer}; publish into a ring of your own")
        if self._owner and self._owner != me:
            raise GraphError(
                f"ring '{self.name}' has one producer, and thread {self._owner} has claims open while thread {me} claims;"
                " make it with producers='multi', or publish before another thread claims"
            )
        if self._owner == 0 and self._marks is not None:
            self._first_open = self.claimed + 1
        self._owner = me

    def _leave(self) -> None:
        if self.multi or self._producer:
            return
        if self._marks is None:
            done = self.published()
        else:  # from the first open claim on; from the consumers on it could be a whole ring each time
            done = int(core.published_upto(CELLS, self.base, self.marks, self._first_open))
        if done >= self.claimed:
            self._owner = 0
