"""A ring of records with its sequencer: what producers fill and consumers read.

    ring = RingBuffer([("price", "f8"), ("size", "i8")], slots=4096, producers="multi")
    with ring.publish() as event:                  claims a slot, publishes it; an exception gives it up
        event["price"] = 3.5
    ring.publish(price=prices, size=sizes)         one record per element of the arrays
    ring.publish(records)                          a whole array of records
    high = ring.next(4); ring.publish(high - 3, high)

Source: LMAX RingBuffer. What differs, on purpose: a record whose filling throws is not published (LMAX publishes it), and
`when_full` says what becomes of a record for which there is no room.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from disruptor.barrier import SequenceBarrier
from disruptor.claims import claim_upto, publish_many, publish_one, was_given_up
from disruptor.compiled import entry
from disruptor.errors import CapacityError, GraphError, LayoutError
from disruptor.layout import record_dtype
from disruptor.observer import Observer
from disruptor.poller import EventPoller
from disruptor.publishing import Claim, Publisher
from disruptor.ring import Ring
from disruptor.sequence import CELLS, Sequence
from disruptor.sequencer import Marks, Sequencer
from disruptor.stores import copy_bytes
from disruptor.wait import Wait, as_wait

__all__ = ["MARK", "RingBuffer"]

MARK = "published_sequence"  # the field that holds a record's sequence in the record's own line
_POLICIES = ("block", "raise", "drop", "overwrite")


class RingBuffer(Publisher):
    """Records in mapped memory, with one producer or many.

    fields : list of (name, format), a dtype or a mapping. slots : power of two. producers : "single" or "multi".
    availability : how readers see what is published. "cursor": one number (one producer). "record": the sequence lies in
    the record itself, in a last field MARK; the default of many producers, and for one-to-one links of one producer.
    "flags": an array apart, for many producers that claim many slots at once.
    when_full : "block" (wait), "raise" (InsufficientCapacity), "drop" (the newest record is counted in `dropped` and
    lost), "overwrite" (nobody gates; readers are observers that notice what they have missed).
    wait : how producers wait, and the default of consumers. huge, prefault, lock : see disruptor.ring.Ring.
    Raises: CapacityError, LayoutError, GraphError.
    """

    def __init__(
        self, fields: Any, slots: int = 4096, *, producers: str = "single", availability: str = "auto",
        when_full: str = "block", wait: Wait | str = "blocking", name: str = "ring", huge: bool = False,
        prefault: bool = False, lock: bool = False,
    ) -> None:
        if when_full not in _POLICIES:
            raise GraphError(f"ring '{name}': when_full must be one of {', '.join(_POLICIES)}, got '{when_full}'")
        availability = _availability(name, producers, availability)
        self.name, self.when_full, self.availability = name, when_full, availability
        self.fields = record_dtype(fields, name=f"ring '{name}'", fill=True)
        dtype = _with_mark(self.fields, name) if availability == "record" else self.fields
        self.memory = Ring(name, dtype, slots, huge=huge, prefault=prefault, lock=lock)
        self.dtype, self.records = self.memory.dtype, self.memory.records
        self.slots, self.mask = slots, self.memory.mask
        self.sequencer = Sequencer(
            slots, producers=producers, wait=as_wait(wait), marks=self._marks(availability), name=name
        )
        self.dropped = 0

    # claiming and publishing by sequence

    def next(self, count: int = 1, timeout: float | None = None) -> int:
        """Claim `count` slots, waiting for room; see Sequencer.next."""
        return self.sequencer.next(count, timeout)

    def try_next(self, count: int = 1) -> int:
        """Claim `count` slots if there is room; see Sequencer.try_next."""
        return self.sequencer.try_next(count)

    def get(self, sequence: int) -> np.record:
        """Return the record of a claimed or published sequence."""
        return self.records[sequence & self.mask]

    __getitem__ = get

    def view(self, first: int, end: int) -> np.ndarray:
        """Return the records first..end without a copy. Precondition: they do not wrap around the ring's end."""
        start = first & self.mask
        return self.records[start : start + end - first + 1]

    def publish(self, *what: Any, **columns: Any) -> Any:
        """Publish, by what is given:

        nothing : a context manager that claims a slot and gives its record; published on leaving, given up when the body
        throws. `sequence` or `low, high` : claimed sequences. an array of records : each, copied. `field=array, …` : one
        record per element (scalars count once for all); fields not named keep what the slot held.

        Returns the last sequence published for arrays, −1 for none. A long array is published part by part.
        Raises: as Sequencer.next; CapacityError for arrays of different length, unknown fields, records of another dtype.
        """
        if columns:
            return self._publish_columns(columns)
        if not what:
            return Claim(self)
        if isinstance(what[0], np.ndarray):
            return self._publish_records(what[0])
        return self.sequencer.publish(*what)

    # consumers

    def add_gating_sequences(self, *sequences: Sequence) -> None:
        """Let producers wait for these; they start at now. See Sequencer.add_gating_sequences.

        Raises: GraphError for a ring that overwrites.
        """
        self.refuse_gates()
        self.sequencer.add_gating_sequences(*sequences)

    def remove_gating_sequence(self, sequence: Sequence) -> bool:
        """Stop waiting for this one; return whether it was waited for."""
        return self.sequencer.remove_gating_sequence(sequence)

    def new_barrier(self, *dependencies: Sequence, wait: Wait | str | None = None) -> SequenceBarrier:
        """Return a barrier for a consumer that follows `dependencies` (none: the producers)."""
        return self.sequencer.new_barrier(*dependencies, wait=wait)

    def new_poller(self, *dependencies: Sequence, gating: bool = True, wait: Wait | str | None = None) -> EventPoller:
        """Return a poller that starts at now.

        gating : producers wait for it; False: it may be lapped, then it must be fast enough.
        """
        sequence = Sequence()
        if gating:
            self.add_gating_sequences(sequence)
            self.sequencer.labels[sequence.word] = "a poller"
        else:
            sequence.set(self.sequencer.published())
        return EventPoller(self, self.new_barrier(*dependencies, wait=wait), sequence)

    def refuse_gates(self) -> None:
        """Raises: GraphError for a ring that overwrites."""
        if self.when_full == "overwrite":
            raise GraphError(f"ring '{self.name}' overwrites: it has observers, not handlers; read it with new_observer()")

    def new_observer(self) -> Observer:
        """Return an observer that starts at now; it holds nobody back and counts what it misses."""
        return Observer(self)

    def given_up(self, sequence: int) -> bool:
        """Return whether a published sequence was given up by its producer, so that readers pass it by."""
        return self.sequencer.multi and bool(_given_up(CELLS, self.sequencer.base, self.sequencer.marks, sequence))

    @property
    def cursor(self) -> int:
        """See Sequencer.cursor."""
        return self.sequencer.cursor

    @property
    def minimum_gating_sequence(self) -> int:
        """The lowest sequence of all that gate; the cursor when nobody does."""
        return self.sequencer.minimum_sequence()

    def remaining_capacity(self) -> int:
        """Return how many slots are free: 0..slots."""
        return self.sequencer.remaining_capacity()

    def has_available_capacity(self, count: int) -> bool:
        """Return whether `count` slots are free."""
        return self.sequencer.has_available_capacity(count)

    def is_available(self, sequence: int) -> bool:
        """Return whether `sequence` is published and not yet overwritten."""
        return self.sequencer.is_available(sequence)

    def reset(self) -> None:
        """Put the ring back to the beginning. Nobody may be using it."""
        self.sequencer.reset()

    @property
    def footprint(self) -> int:
        """Bytes of the records."""
        return self.slots * self.dtype.itemsize

    def _marks(self, availability: str) -> Marks | None:
        if availability == "cursor":
            return None
        if availability == "flags":
            return Marks.apart(self.slots)
        words = self.records.view(np.ndarray).view(np.int64)
        stride = self.dtype.itemsize // 8
        return Marks(words, stride, stride - 1)

    def _publish_records(self, source: np.ndarray) -> int:
        if source.dtype is not self.fields and source.dtype != self.fields:
            raise CapacityError(f"ring '{self.name}': its records are {self.fields.descr}, got an array of {source.dtype.descr}")
        s = self.sequencer
        s._check(1)
        s._enter()
        high, done = _publish_array(CELLS, s.base, s.marks, s.multi, self.records, source, 0)
        while done < len(source):
            if not self._make_room(len(source) - done):
                break
            last, done = _publish_array(CELLS, s.base, s.marks, s.multi, self.records, source, done)
            high = max(high, last)
        s._leave()
        return int(high)

    def _publish_columns(self, columns: dict[str, Any]) -> int:
        arrays = {field: np.atleast_1d(np.asarray(values)) for field, values in columns.items()}
        known = self.fields.names or ()
        unknown = [f for f in arrays if f not in known]
        if unknown:
            raise CapacityError(f"ring '{self.name}' has the fields {', '.join(known)}, got {unknown}")
        length = max(len(a) for a in arrays.values())
        for field, values in arrays.items():
            if len(values) not in (1, length):
                raise CapacityError(f"'{field}' has {len(values)} elements, another field {length}")
        s, done, last = self.sequencer, 0, -1
        chunk = max(1, self.slots // 4)
        while done < length:
            s._check(1)
            s._enter()
            high, count = _claim_upto(CELLS, s.base, s.marks, s.multi, min(chunk, length - done))
            if count == 0:
                s._leave()
                if not self._make_room(length - done):
                    break
                continue
            self._fill(arrays, done, int(high) - count + 1, int(count))
            s.publish(int(high) - count + 1, int(high))
            last = int(high)
            done += count
        return last

    def _fill(self, arrays: dict[str, np.ndarray], done: int, low: int, count: int) -> None:
        while count > 0:
            first = low & self.mask
            run = min(count, self.slots - first)
            for field, values in arrays.items():
                self.records[field][first : first + run] = values if len(values) == 1 else values[done : done + run]
            low, done, count = low + run, done + run, count - run

    def _make_room(self, missing: int) -> bool:
        """Wait until a slot is free, or do what the policy says; return whether there is room now."""
        if self.when_full == "drop":
            self.dropped += missing
            return False
        high = self.sequencer.try_next() if self.when_full == "raise" else self.sequencer.next()
        self.sequencer.abort(high)  # given back; passed by where another producer has claimed since
        return True


def _availability(name: str, producers: str, wanted: str) -> str:
    if wanted == "auto":
        return "record" if producers == "multi" else "cursor"
    allowed = ("record", "flags") if producers == "multi" else ("cursor", "record")
    if wanted not in allowed:
        raise GraphError(
            f"ring '{name}': availability with producers='{producers}' must be one of {', '.join(allowed)}, got '{wanted}'"
        )
    return wanted


def _with_mark(fields: np.dtype, name: str) -> np.dtype:
    if MARK in (fields.names or ()):
        raise LayoutError(f"ring '{name}': the field name '{MARK}' is taken by the ring itself")
    described: list[Any] = [(field, fields.fields[field][0]) for field in fields.names or ()]  # type: ignore[index]
    return record_dtype([*described, (MARK, "i8")], name=f"ring '{name}'", fill=True)


@entry
def _given_up(cells, base, marks, sequence):
    return was_given_up(cells, base, marks, sequence)


@entry
def _claim_upto(cells, base, marks, multi, wanted):
    return claim_upto(cells, base, marks, multi, wanted)


@entry
def _publish_array(cells, base, marks, multi, records, source, done):
    """Copy and publish source[done:] as far as there is room; return (highest sequence or −1, how many are done)."""
    slots = records.shape[0]
    size, stride = source.itemsize, records.itemsize
    total = source.shape[0]
    last = -1
    while done < total:
        high, count = claim_upto(cells, base, marks, multi, min(total - done, slots))
        if count == 0:
            break
        low = high - count + 1
        first = low & (slots - 1)
        if size == stride:
            run = min(count, slots - first)
            copy_bytes(records, first * stride, source, done * size, run * size)
            if run < count:
                copy_bytes(records, 0, source, (done + run) * size, (count - run) * size)
        else:
            for i in range(count):
                copy_bytes(records, ((low + i) & (slots - 1)) * stride, source, (done + i) * size, size)
        if marks.shape[0] == 0:
            publish_one(cells, base, high)
        else:
            publish_many(cells, base, marks, low, high)
        last = high
        done += count
    return last, done
