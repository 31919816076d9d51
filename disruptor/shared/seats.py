"""The sequencers of guests: one for a process that reads, which asks the owner to be waited for; one for a lane.

Both stand on cells that others have set up and that go on when this process goes: nothing here puts them back.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from disruptor.claims import CLAIMED, CURSOR
from disruptor.errors import GraphError, HandlerError, OwnerGone, SharedRingError
from disruptor.sequence import CELLS, INITIAL, Sequence
from disruptor.sequencer import Sequencer
from disruptor.shared.file import RingFile
from disruptor.shared.identity import condition, is_alive, pid_of
from disruptor.shared.places import Cells, Place, State, await_change, ring_bell

__all__ = ["LaneSequencer", "ReaderSequencer"]

_ANSWER_NS = 5_000_000_000  # how long an owner may take to let somebody in
_SLICE_NS = 50_000_000


class _Held:
    """Keeps a place, and the memory, as long as it exists; then the owner may give the place to others.

    Not by `__del__`: a collection calls those in any order, and the memory's own one takes the cells away.
    """

    __slots__ = ("__weakref__", "place")

    def __init__(self, cells: Cells, place: Place) -> None:
        self.place = place
        weakref.finalize(self, _abandon, cells, place).atexit = False  # a process that ends is found out by the owner


def _abandon(cells: Cells, place: Place) -> None:
    if not cells.forked:
        place.state.set(State.ABANDONED)
        ring_bell(cells.bell)


class _GuestSequencer(Sequencer):
    """A sequencer whose cells are in use already."""

    _made = False

    def __init__(self, slots: int, file: RingFile, block: Any, **options: Any) -> None:
        super().__init__(slots, name=file.name, block=block, **options)
        self._made = True

    def reset(self) -> None:
        """Refuse, but when it is made. Raises: GraphError."""
        if self._made:
            raise GraphError(f"ring '{self.name}' is shared: only a new owner starts it again")
        self.parks(self.wait)


class ReaderSequencer(_GuestSequencer):
    """Reads the main ring. Consumers that gate have their sequences in the file."""

    def __init__(self, file: RingFile, label: str, **options: Any) -> None:
        super().__init__(file.plan.slots, file, file.cells.block, **options)
        self._file, self._label = file, label
        self._held: weakref.WeakValueDictionary[int, _Held] = weakref.WeakValueDictionary()  # by word of the sequence
        owner = f"its owner, process {pid_of(file.owner)}"
        self.given_to(f"{owner}: attach with producer=True to publish")
        self.writer = lambda: SimpleNamespace(handler=SimpleNamespace(name=owner))

    def new_sequence(self) -> Sequence:
        """Return a sequence in a place of the file. Raises: SharedRingError when all are taken."""
        self.check_fork()
        cells = self._file.cells
        for place in cells.seats:
            if place.take(self._label):
                held = _Held(cells, place)
                place.position.set(INITIAL)
                word = place.position.word
                self._held[word] = held
                return Sequence.at(word, held)
        seats = self._file.plan.seats
        raise SharedRingError(
            self.name, f"all {seats} places for consumers of other processes are taken", f"make it with seats={min(255, max(64, 2 * seats))}"
        )

    def places(self) -> list[Place]:
        """Return the places that this process has here."""
        return [held.place for held in (ref() for ref in self._held.valuerefs()) if held is not None]

    def add_gating_sequences(self, *sequences: Sequence) -> None:
        """Ask the owner to wait for these, from now on. Raises: OwnerGone; SharedRingError when it does not answer."""
        self._join(sequences, State.JOINING)

    def add_gating_sequences_as_they_are(self, *sequences: Sequence) -> None:
        """The same, but each sequence keeps its value."""
        self._join(sequences, State.JOINING_AS_IS)

    def remove_gating_sequence(self, sequence: Sequence) -> bool:
        """Let the owner wait for this one no longer; return whether it did."""
        found = super().remove_gating_sequence(sequence)
        self._retired.clear()  # nobody here claims, so nobody is about to read a removed one's word
        held = self._held.get(sequence.word)
        if found and held is not None:
            held.place.state.set(State.LEAVING)
            ring_bell(self._file.cells.bell)
        return found

    def consumer_died(self, error: HandlerError) -> None:
        """Keep what a handler of this process ended by, and let the owner see it. The owner goes on waiting for it."""
        self.failures.append(error)
        for place in self.places():
            place.flags.set(1)
        ring_bell(self._file.cells.answers)
        self.wake_producers()

    def forgive(self, error: HandlerError | None = None) -> None:
        """Forget handlers that died; an owner that died stays dead."""
        kept = [e for e in self.failures if isinstance(e, OwnerGone) or (error is not None and e is not error)]
        self.failures[:] = kept

    def doubt(self, sequence: int) -> Callable[[], None] | None:
        def look() -> None:
            gone = next((e for e in self.failures if isinstance(e, OwnerGone)), None)
            if gone is None and self.ended:
                gone = OwnerGone(self.name, pid_of(self._file.owner), True)
            if gone is not None and self.published() < sequence:  # looked at after: what was published is seen
                raise gone

        return look

    def _enter(self) -> None:
        raise GraphError(f"ring '{self.name}' has one producer, {self._producer}; publish into a ring of your own")

    def _join(self, sequences: tuple[Sequence, ...], wanted: State) -> None:
        self.check_fork()
        for sequence in sequences:
            held = self._held.get(sequence.word)
            if held is None:
                raise GraphError(
                    f"ring '{self.name}' belongs to another process, which cannot see this sequence; take one of ring.new_sequence()"
                )
            held.place.state.set(wanted)
            ring_bell(self._file.cells.bell)
            self._await_answer(held.place)
            super().add_gating_sequences_as_they_are(sequence)

    def _await_answer(self, place: Place) -> None:
        cells, owner = self._file.cells, self._file.owner
        answers = Sequence.at(cells.answers, cells)
        deadline = time.monotonic_ns() + _ANSWER_NS
        while True:
            seen, state = answers.get(), place.state.get()
            if state == State.GATING:
                return
            if state == State.REFUSED:
                place.state.set(State.TAKEN)
                raise SharedRingError(self.name, "producers wait for 255 consumers already", "let some of them observe")
            if cells.closed.get() or not is_alive(owner):
                raise OwnerGone(self.name, pid_of(owner), bool(cells.closed.get()))
            if time.monotonic_ns() >= deadline:
                place.state.set(State.LEAVING)
                raise SharedRingError(
                    self.name, f"its owner, process {pid_of(owner)} ({condition(owner)}), did not answer within {_ANSWER_NS / 1e9:g} s",
                    "let it go on (kill -CONT), or see what keeps its interpreter",
                )
            await_change(cells.answers, seen, _SLICE_NS)


class LaneSequencer(_GuestSequencer):
    """Publishes into a lane; the owner is its only consumer."""

    def __init__(self, file: RingFile, place: Place, **options: Any) -> None:
        block = file.cells.lane_blocks[place.number]
        self._lane = _Held(file.cells, place)
        super().__init__(file.plan.lane_slots, file, block, **options)
        CELLS[self.base + CLAIMED] = CELLS[self.base + CURSOR]  # what the one before had claimed is given up
        super().add_gating_sequences_as_they_are(Sequence.at(place.position.word, self._lane))
        self.labels[place.position.word] = f"the owner, process {pid_of(file.owner)},"

    def add_gating_sequences_as_they_are(self, *sequences: Sequence) -> None:
        """Refuse: the owner alone reads a lane. Raises: GraphError."""
        raise GraphError(f"ring '{self.name}': a lane is read by its owner; attach without producer=True to read the ring")
