"""Claim, publish and look: the compiled core of every ring, for one producer and for many.

All that producers and consumers of a ring share lies in one run of cells of CELLS, its *block*; `base` is the index of the
block's first word. A block holds

    CURSOR    one producer: the highest published sequence. Written by the producer, read by consumers
    CLAIMED   the highest claimed sequence. One producer: private to it. Many: moved by compare-exchange
    GATE      the lowest consumer's sequence when it was last looked up; spares reading the consumers for each claim
    IDLE      wait cell: consumers sleep here until something is published (see disruptor.waiting)
    PROGRESS  wait cell: those who wait for a consumer to advance, dependants and producers, sleep here
    FLAGS     FAILED (a consumer has died), PARKS (somebody may sleep), OBSERVED (observers look at claims), TOUCHED (the
              highest sequence whose slot may have been written although its claim was given back)
    INFO      constants of the ring
    GATING    words of the consumers' sequences (see disruptor.gating)

With many producers, what is published is marked slot by slot: `marks` is an int64 array that holds, at slot × STRIDE +
OFFSET, the sequence last published into that slot (−2 − sequence: claimed, then given up; readers skip it). The marks lie
in the records' own cache line, or in an array of their own. With one producer `marks` is empty and the cursor says all,
unless a one-to-one link wants the sequence in the record's line: one line goes from core to core instead of two.

Order: publishing is a release store (cursor or mark), looking an acquire load of the same cell; freeing is the release
store of a consumer's sequence, `claim` pairs with it through the acquire loads of `lowest_gate`.
Many producers: GATE never goes back, and CLAIMED <= GATE + slots at any time; so no mark behind GATE is overwritten, and
whoever scans marks from GATE + 1 and finds GATE unchanged has missed nothing (tests/conformance/model.py).
Source: LMAX SingleProducerSequencer and MultiProducerSequencer; here many producers claim only what fits, so that
capacity is never negative and a producer that dies while it waits holds up nobody.
"""

from __future__ import annotations

from disruptor.atomics import compare_exchange, fence, load_acquire, prefetch_write, store_release
from disruptor.compiled import compiled
from disruptor.gating import GATING_WORDS, NOBODY, lowest_gate
from disruptor.layout import CELL_WORDS
from disruptor.waiting import wake

__all__ = [
    "BLOCK_CELLS",
    "CLAIMED",
    "CURSOR",
    "FAILED",
    "GATE",
    "GATING",
    "IDLE",
    "INFO",
    "OBSERVED",
    "OFFSET",
    "PARKS",
    "PROGRESS",
    "SLOTS",
    "STRIDE",
    "TOUCHED",
    "claim_many",
    "claim_one",
    "claim_room",
    "claim_upto",
    "free_slots",
    "give_up",
    "has_passed",
    "highest_claimed",
    "is_published",
    "oldest_whole",
    "publish_many",
    "publish_one",
    "publish_port",
    "published_now",
    "published_upto",
    "release_upto",
    "take_back",
    "touched_upto",
    "was_given_up",
]

CURSOR = 0 * CELL_WORDS
CLAIMED = 1 * CELL_WORDS
GATE = 2 * CELL_WORDS
IDLE = 3 * CELL_WORDS
PROGRESS = 4 * CELL_WORDS
FLAGS = 5 * CELL_WORDS
INFO = 6 * CELL_WORDS
GATING = 7 * CELL_WORDS
FAILED = FLAGS
PARKS = FLAGS + 1
OBSERVED = FLAGS + 2
TOUCHED = FLAGS + 3
SLOTS = INFO
STRIDE = INFO + 1
OFFSET = INFO + 2
BLOCK_CELLS = 7 + GATING_WORDS // CELL_WORDS


@compiled
def claim_one(cells, base, marks, count):
    """Claim `count` slots for the only producer; return the highest sequence, or −(slots missing) when they do not fit.

    Precondition: 1 <= count <= slots; one thread at a time.
    """
    high = cells[base + CLAIMED] + count
    slots = cells[base + SLOTS]
    if high - cells[base + GATE] > slots:
        gate = _lowest(cells, base, marks, cells[base + GATE])
        store_release(cells, base + GATE, gate)
        if high - gate > slots:
            return gate + slots - high
    store_release(cells, base + CLAIMED, high)
    if cells[base + OBSERVED] != 0:
        fence()  # the claim is seen before anything that is written into its slots
    return high


@compiled
def claim_many(cells, base, marks, count):
    """Claim `count` slots among many producers; return the highest sequence, or −(slots missing) when they do not fit.

    Precondition: 1 <= count <= slots. Order: the compare-exchange makes each sequence one producer's.
    """
    slots = cells[base + SLOTS]
    while True:
        prefetch_write(cells, base + CLAIMED)  # the line is fetched once, to be written, not first to be read
        before = load_acquire(cells, base + CLAIMED)
        high = before + count
        gate = load_acquire(cells, base + GATE)
        if high - gate > slots:
            lowest = _lowest(cells, base, marks, gate)
            if high - lowest > slots:
                if load_acquire(cells, base + GATE) == gate:
                    return lowest + slots - high
                continue  # others have claimed and published meanwhile: what was found is out of date
            if not compare_exchange(cells, base + GATE, gate, lowest):
                continue  # never stored over a newer one: the marks before it are gone
        if compare_exchange(cells, base + CLAIMED, before, high):
            if cells[base + OBSERVED] != 0:
                fence()  # as in claim_one: elsewhere than on x86-64 an exchange lets later stores pass its own
            return high


@compiled
def claim_upto(cells, base, marks, multi, wanted):
    """Claim as many of `wanted` slots as fit now; return (highest sequence, count), count 0 when the ring is full."""
    while True:
        free = load_acquire(cells, base + GATE) + cells[base + SLOTS] - load_acquire(cells, base + CLAIMED)
        if free < wanted:
            free = free_slots(cells, base, marks)
        count = min(wanted, free)
        if count <= 0:
            return -1, 0
        high = claim_many(cells, base, marks, count) if multi else claim_one(cells, base, marks, count)
        if high >= 0:
            return high, count


@compiled
def _lowest(cells, base, marks, gate):
    """Return the lowest consumer's sequence; without consumers what is published, so that the ring is never full."""
    while True:  # each turn after the first means that the first consumer came meanwhile
        head = load_acquire(cells, base + GATING)
        lowest = lowest_gate(cells, base + GATING)
        if lowest == NOBODY:
            lowest = published_upto(cells, base, marks, gate + 1)
            fence()
            if load_acquire(cells, base + GATING) != head:
                continue
        return lowest


@compiled
def publish_one(cells, base, high):
    """Make everything up to `high` visible. Order: release; pairs with the acquire in `published_upto`."""
    store_release(cells, base + CURSOR, high)
    if cells[base + PARKS] != 0:
        wake(cells, base + IDLE)


@compiled
def publish_many(cells, base, marks, low, high):
    """Make the claimed sequences low..high visible, in any order among producers. Order: release on each mark."""
    stride, offset, mask = cells[base + STRIDE], cells[base + OFFSET], cells[base + SLOTS] - 1
    for sequence in range(low, high + 1):
        store_release(marks, (sequence & mask) * stride + offset, sequence)
    if cells[base + PARKS] != 0:
        wake(cells, base + IDLE)


@compiled
def give_up(cells, base, marks, low, high):
    """Publish the claimed sequences low..high as given up: consumers pass them by. Order: release on each mark."""
    stride, offset, mask = cells[base + STRIDE], cells[base + OFFSET], cells[base + SLOTS] - 1
    for sequence in range(low, high + 1):
        store_release(marks, (sequence & mask) * stride + offset, -2 - sequence)
    if cells[base + PARKS] != 0:
        wake(cells, base + IDLE)


@compiled
def take_back(cells, base, marks, low, high):
    """Give claimed sequences back as if never claimed, or where others have claimed since, give them up."""
    touched_upto(cells, base, high)
    if not compare_exchange(cells, base + CLAIMED, high, low - 1):
        give_up(cells, base, marks, low, high)


@compiled
def published_upto(cells, base, marks, following):
    """Return the highest sequence such that all of following..it are published; following − 1 when that one is not.

    One producer: the cursor, whatever `following` is. Order: acquire.
    """
    if marks.shape[0] == 0:
        return load_acquire(cells, base + CURSOR)
    stride, offset, mask = cells[base + STRIDE], cells[base + OFFSET], cells[base + SLOTS] - 1
    sequence = following
    while True:  # ends after one lap: the slot then holds a sequence that is not the one asked for
        mark = load_acquire(marks, (sequence & mask) * stride + offset)
        if mark != sequence and mark != -2 - sequence:
            return sequence - 1
        sequence += 1


@compiled
def published_now(cells, base, marks):
    """Return the highest sequence up to which everything is published, without knowing where to look from."""
    if marks.shape[0] == 0:
        return load_acquire(cells, base + CURSOR)
    while True:  # each turn after the first means that the ring has been lapped
        gate = load_acquire(cells, base + GATE)
        found = published_upto(cells, base, marks, gate + 1)
        if load_acquire(cells, base + GATE) == gate:
            return found


@compiled
def touched_upto(cells, base, high):
    """Note that slots up to that of `high` may have been written, before their claim is given back. For observers."""
    while True:
        before = load_acquire(cells, base + TOUCHED)
        if before >= high or compare_exchange(cells, base + TOUCHED, before, high):
            return


@compiled
def oldest_whole(cells, base):
    """Return the oldest sequence whose slot nobody may have written since. Order: acquire, the claim before TOUCHED."""
    claimed = load_acquire(cells, base + CLAIMED)
    return max(claimed, load_acquire(cells, base + TOUCHED)) - cells[base + SLOTS] + 1


@compiled
def is_published(cells, base, marks, sequence):
    """Return whether `sequence` is published and its slot not yet claimed again. Order: acquire."""
    slots = cells[base + SLOTS]
    if marks.shape[0] == 0:
        cursor = load_acquire(cells, base + CURSOR)
        return cursor - slots < sequence <= cursor
    mark = load_acquire(marks, (sequence & (slots - 1)) * cells[base + STRIDE] + cells[base + OFFSET])
    return mark == sequence


@compiled
def has_passed(cells, base, marks, sequence):
    """Return whether the claimed `sequence` has been published or given up, be its slot used again by now or not."""
    if marks.shape[0] == 0:
        return load_acquire(cells, base + CURSOR) >= sequence
    mark = load_acquire(marks, (sequence & (cells[base + SLOTS] - 1)) * cells[base + STRIDE] + cells[base + OFFSET])
    return (mark if mark >= 0 else -2 - mark) >= sequence


@compiled
def was_given_up(cells, base, marks, sequence):
    """Return whether a published `sequence` of many producers was given up by its producer."""
    if marks.shape[0] == 0:
        return False
    slot = sequence & (cells[base + SLOTS] - 1)
    return load_acquire(marks, slot * cells[base + STRIDE] + cells[base + OFFSET]) < 0


@compiled
def highest_claimed(cells, base):
    """Return the highest claimed sequence. Order: acquire."""
    return load_acquire(cells, base + CLAIMED)


@compiled
def free_slots(cells, base, marks):
    """Return how many slots may be claimed now; never negative. Claims nothing, moves nothing."""
    claimed, slots = load_acquire(cells, base + CLAIMED), cells[base + SLOTS]
    free = _lowest(cells, base, marks, load_acquire(cells, base + GATE)) + slots - claimed
    return max(0, min(free, slots))  # producers and consumers may have moved between the looks


@compiled
def release_upto(release, sequence):
    """Let producers and dependants have every record up to `sequence` before the handler's batch ends.

    release : the handler's argument of that name. sequence : one that the handler is done with; it must not go back.
    Order: release; pairs with the acquire loads of `lowest_gate` and of the handlers after it.
    Source: LMAX EventHandler.setSequenceCallback.
    """
    cells, word, progress_cell, parks = release
    store_release(cells, word, sequence)
    if cells[parks] != 0:
        wake(cells, progress_cell)


@compiled
def claim_room(cells, base, port, wanted):
    """Return how many slots a handler may claim from a ring that it publishes to; looks up the consumers when < `wanted`.

    port : the handler's Port; its cell is private to the handler's loop.
    """
    cell, slots = port.cell, cells[base + SLOTS]
    free = cell["gate"] + slots + 1 - cell["next"]
    if free < wanted:
        lowest = lowest_gate(cells, base + GATING)
        cell["gate"] = lowest if lowest != NOBODY else cell["published"]
        store_release(cells, base + GATE, cell["gate"])
        free = cell["gate"] + slots + 1 - cell["next"]
    if cells[base + OBSERVED] != 0:
        touched_upto(cells, base, cell["next"] - 1 + min(free, wanted))
        fence()
    return free


@compiled
def publish_port(cells, base, marks, port):
    """Make what a handler has claimed of its output visible. Order: release; pairs with `published_upto`."""
    high = port.cell["next"] - 1
    low = port.cell["published"] + 1
    if high >= low:
        port.cell["published"] = high
        store_release(cells, base + CLAIMED, high)
        if marks.shape[0] == 0:
            publish_one(cells, base, high)
        else:
            publish_many(cells, base, marks, low, high)
