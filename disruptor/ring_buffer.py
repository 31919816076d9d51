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

from disruptor.atomics import prefetch_write, timestamp, words_at
from disruptor.barrier import SequenceBarrier
from disruptor.claims import GATE, claim_upto, publish_many, publish_one, was_given_up
from disruptor.compiled import compiled, direct, entry
from disruptor.errors import CapacityError, GraphError, InsufficientCapacity, LayoutError
from disruptor.layout import record_dtype
from disruptor.lookout import no_receipt, write_receipt
from disruptor.observer import Observer
from disruptor.poller import EventPoller
from disruptor.publishing import Claim, Publisher
from disruptor.ring import Ring
from disruptor.row_packer import RowPacker
from disruptor.sequence import CELLS, Sequence, _arena
from disruptor.sequencer import Marks, Sequencer
from disruptor.stores import copy_bytes
from disruptor.wait import Wait, as_wait

__all__ = ["MARK", "RingBuffer", "availability_of", "with_mark"]

MARK = "published_sequence"  # the field that holds a record's sequence in the record's own line
_POLICIES = ("block", "raise", "drop", "overwrite")
_NOTHING = object()  # what `publish` was not given
_ARRAY = np.ndarray
_NOT_CONTIGUOUS = -(1 << 62)  # what _publish_array says to an array with gaps; below every −2 − (records done)
_LINES_AHEAD = 64  # fetched while Python is on its way to the next call: 32 M records/s more in arrays of 100
_BRIEF_BYTES = 64 << 10  # copied in a few microseconds


class RingBuffer(Publisher):
    """Records in mapped memory, with one producer or many.

    fields : list of (name, format), a dtype or a mapping. slots : power of two. producers : "single" or "multi".
    availability : how readers see what is published. "cursor": one number (one producer). "record": the sequence lies in
    the record itself, in a last field MARK; the default of many producers, and for one-to-one links of one producer.
    "flags": an array apart, for many producers that claim many slots at once.
    when_full : "block" (wait), "raise" (InsufficientCapacity), "drop" (the newest record is counted in `dropped` and
    lost), "overwrite" (nobody gates; readers are observers that notice what they have missed).
    wait : how producers wait, and the default of consumers. measure : stamp each record when it is published, so that
    handlers' latencies are known (see disruptor.measuring). huge, prefault, lock : see disruptor.ring.Ring.
    Raises: CapacityError, LayoutError, GraphError.
    """

    def __init__(
        self, fields: Any, slots: int = 4096, *, producers: str = "single", availability: str = "auto",
        when_full: str = "block", wait: Wait | str = "blocking", name: str = "ring", huge: bool = False,
        prefault: bool = False, lock: bool = False, measure: bool = False,
    ) -> None:
        if when_full not in _POLICIES:
            raise GraphError(f"ring '{name}': when_full must be one of {', '.join(_POLICIES)}, got '{when_full}'")
        availability = availability_of(name, producers, availability)
        self.name, self.when_full, self.availability = name, when_full, availability
        self.fields = record_dtype(fields, name=f"ring '{name}'", fill=True)
        dtype = with_mark(self.fields, name) if availability == "record" else self.fields
        self.memory = self._new_memory(dtype, slots, huge=huge, prefault=prefault, lock=lock, stamps=measure)
        self.dtype, self.records = self.memory.dtype, self.memory.records
        self.raw = self.records.view(np.ndarray).view(f"V{self.dtype.itemsize}")  # copied three times as fast as fields are
        self.slots, self.mask = slots, self.memory.mask
        self.sequencer = self._new_sequencer(slots, producers=producers, wait=as_wait(wait), marks=self._marks(availability))
        self.dropped, self.open_claims = 0, {}
        self._seen: np.dtype | None = None  # of the array that was published last; known to be equal to `fields`
        self._packer = RowPacker(self.fields)
        self._enter_array, self._enter_long = _publish_array, _publish_long
        s = self.sequencer
        s.stamps = self.memory.stamps
        self._address = np.array(
            [CELLS.ctypes.data, len(CELLS), s.marks.ctypes.data, len(s.marks), s.base, s.multi, self.records.ctypes.data, slots,
             self.dtype.itemsize, s.stamps.ctypes.data, len(s.stamps)], np.int64,
        )

    def _new_memory(self, dtype: np.dtype, slots: int, **options: Any) -> Ring:
        """Return the memory of the records: of this process alone, or what a kind of ring that lies elsewhere has."""
        return Ring(self.name, dtype, slots, **options)

    def _new_sequencer(self, slots: int, **options: Any) -> Sequencer:
        """Return who claims and publishes; see `_new_memory`."""
        return Sequencer(slots, name=self.name, **options)

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

    def publish(self, what: Any = _NOTHING, high: int | None = None, /, **columns: Any) -> Any:
        """Publish, by what is given:

        nothing : a context manager that claims a slot and gives its record; published on leaving, given up when the body
        throws. `sequence` or `low, high` : claimed sequences. an array of records : each, copied. `field=array, …` : one
        record per element (scalars count once for all); fields not named keep what the slot held.

        Returns the last sequence published for arrays, −1 for none. A long array is published part by part.
        Raises: as Sequencer.next; CapacityError for arrays of different length, unknown fields, records of another dtype.
        """
        if type(what) is _ARRAY:  # the fast way; whatever is not as it mostly is goes to _publish_records
            s = self.sequencer
            troubled = s.failures or s._owner or s._generation != _arena.generation  # s.troubled(), without the call
            if what.dtype is not self._seen or what.ndim != 1 or troubled:
                return self._publish_records(what)
            last = self._enter_array(self._address, what, 0)
            if last >= -1:
                return last
            return self._publish_records(what) if last == _NOT_CONTIGUOUS else self._publish_rest(what, -2 - last)
        if what is _NOTHING:
            return self._publish_columns(columns) if columns else Claim(self)
        if isinstance(what, np.ndarray):
            return self._publish_records(what.view(np.ndarray))
        return self.sequencer.publish(what, high)

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

    def new_sequence(self) -> Sequence:
        """Return a sequence for a new consumer of this ring."""
        return Sequence()

    def new_barrier(self, *dependencies: Sequence, wait: Wait | str | None = None) -> SequenceBarrier:
        """Return a barrier for a consumer that follows `dependencies` (none: the producers)."""
        return self.sequencer.new_barrier(*dependencies, wait=wait)

    def new_poller(self, *dependencies: Sequence, gating: bool = True, wait: Wait | str | None = None) -> EventPoller:
        """Return a poller that starts at now.

        gating : producers wait for it; False: it may be lapped, then it must be fast enough.
        """
        sequence = self.new_sequence() if gating else Sequence()
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
        self.memory.reset()
        self.open_claims.clear()

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
        if source.dtype != self.fields:
            raise CapacityError(f"ring '{self.name}': its records are {self.fields.descr}, got an array of {source.dtype.descr}")
        if source.ndim != 1:
            raise CapacityError(f"ring '{self.name}': an array of records has 1 dimension, got {source.ndim}; pass array.ravel()")
        if self.sequencer.troubled():
            self.sequencer._check(1)
            self.sequencer.refuse_other_threads()
        if not source.flags.c_contiguous:
            source = np.ascontiguousarray(source)
        if self._seen is None:
            like = (self._address, source.view(self.fields), 0)
            self._enter_array, self._enter_long = direct(_publish_array, *like), direct(_publish_long, *like)
        self._seen = source.dtype
        last = self._enter_array(self._address, source, 0)
        return int(last) if last >= -1 else self._publish_rest(source, -2 - last)

    def _publish_rest(self, source: np.ndarray, done: int) -> int:
        """Publish source[done:], without the GIL, waiting for room or doing what the policy says."""
        high = self.sequencer.claimed if done else -1
        while True:
            last = self._enter_long(self._address, source, done)
            if last >= -1:
                return int(last)
            if -2 - last > done:
                done, high = -2 - last, self.sequencer.claimed
            if not self._make_room(len(source) - done):
                return int(high)

    def _publish_columns(self, columns: dict[str, Any]) -> int:
        row = self._packer.row(columns)
        if row is not None:
            return int(self.publish(row))
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
            receipt = no_receipt()
            try:
                high, count = _claim_upto(CELLS, s.base, s.marks, s.multi, min(chunk, length - done), receipt)
            except BaseException:
                s.return_claim(receipt)
                raise
            if count == 0:
                s._leave()
                if not self._make_room(length - done):
                    break
                continue
            low, last = int(high) - int(count) + 1, int(high)
            try:
                self._fill(arrays, done, low, int(count))
                s.publish(low, last)
            except BaseException:
                s.withdraw(low, last)
                raise
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
        if self.when_full == "raise" and self.sequencer.remaining_capacity() < 1:
            raise InsufficientCapacity(self.name, 1, 1)
        self.sequencer.wait_for_room()
        return True


def availability_of(name: str, producers: str, wanted: str) -> str:
    """Return how a ring's readers see what is published, for what was asked. Raises: GraphError."""
    if wanted == "auto":
        return "record" if producers == "multi" else "cursor"
    allowed = ("record", "flags") if producers == "multi" else ("cursor", "record")
    if wanted not in allowed:
        raise GraphError(
            f"ring '{name}': availability with producers='{producers}' must be one of {', '.join(allowed)}, got '{wanted}'"
        )
    return wanted


def with_mark(fields: np.dtype, name: str) -> np.dtype:
    """Return a record's dtype with its mark as last field. Raises: LayoutError."""
    if MARK in (fields.names or ()):
        raise LayoutError(f"ring '{name}': the field name '{MARK}' is taken by the ring itself")
    described: list[Any] = [(field, fields.fields[field][0]) for field in fields.names or ()]  # type: ignore[index]
    return record_dtype([*described, (MARK, "i8")], name=f"ring '{name}'", fill=True)


@entry(brief=True)
def _given_up(cells, base, marks, sequence):
    return was_given_up(cells, base, marks, sequence)


@entry(brief=True)
def _claim_upto(cells, base, marks, multi, wanted, receipt):
    high, count = claim_upto(cells, base, marks, multi, wanted)
    if count > 0:
        write_receipt(cells, receipt, high - count + 1, high)
    return high, count


@compiled(inline=False)
def _copy_in(control, source, done, most):
    """Copy and publish up to source[most] from source[done] on, while there is room; return as `_publish_array` does.

    control : int64 words: where cells and marks lie and how many they are, the ring's base, whether it has many producers,
    the records' address, their number and stride, where stamps lie and how many they are. One argument instead of seven: each array costs 0.1 µs per call.
    """
    cells, marks = words_at(control[0], control[1]), words_at(control[2], control[3])
    base, multi, slots, stride = control[4], control[5] != 0, control[7], control[8]
    records, stamps = words_at(control[6], slots * stride // 8), words_at(control[9], control[10])
    size, total = source.itemsize, min(source.shape[0], most)
    if source.shape[0] > 1 and source.strides[0] != size:
        return _NOT_CONTIGUOUS
    last = -1
    while done < total:
        high, count = claim_upto(cells, base, marks, multi, min(total - done, slots))
        if count == 0:
            return -2 - done
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
        if stamps.shape[0] != 0:
            ticks = timestamp()
            for sequence in range(low, high + 1):
                stamps[sequence & (slots - 1)] = ticks
        if marks.shape[0] == 0:
            publish_one(cells, base, high)
        else:
            publish_many(cells, base, marks, low, high)
        last = high
        done += count
    # Python takes half a microsecond to come again: time in which the lines can arrive that it will then write.
    for sequence in range(last + 1, min(last + _LINES_AHEAD, cells[base + GATE] + slots) + 1):
        prefetch_write(records, (sequence & (slots - 1)) * stride >> 3)
    return last if done >= source.shape[0] else -2 - done


@entry(brief=True)
def _publish_array(control, source, done):
    """Copy and publish source[done:] as far as there is room and the GIL may be kept.

    Returns the highest sequence, or −2 − (how many are done), or _NOT_CONTIGUOUS.
    """
    return _copy_in(control, source, done, done + max(1, _BRIEF_BYTES // source.itemsize))


@entry
def _publish_long(control, source, done):
    """The same without the GIL, for all that there is room for."""
    return _copy_in(control, source, done, source.shape[0])
