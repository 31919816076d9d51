"""What a sequencer, its ring and its pollers call of the compiled core, entered directly: `core.claim_one(CELLS, …)`.

Each function is that of disruptor.claims by the same name; a claim leaves a receipt besides (see disruptor.lookout).
"""

from __future__ import annotations

import numpy as np

from disruptor.atomics import compare_exchange, load_acquire, store_release
from disruptor.claims import (
    CLAIMED,
    GATING,
    PARKS,
    PROGRESS,
    claim_many,
    claim_one,
    free_slots,
    give_up,
    has_passed,
    is_published,
    publish_many,
    publish_one,
    published_now,
    published_upto,
    touched_upto,
)
from disruptor.compiled import Direct, entry
from disruptor.gating import lowest_gate
from disruptor.lookout import GIL_HELD, write_receipt
from disruptor.sequence import CELLS
from disruptor.waiting import wake

__all__ = ["NO_MARKS", "core"]

NO_MARKS = np.zeros(0, np.int64)


@entry(brief=True)
def _claim_one(cells, base, marks, count, receipt):
    high = claim_one(cells, base, marks, count)
    if high >= 0:
        write_receipt(cells, receipt, high - count + 1, high)
    return high


@entry(brief=True)
def _claim_many(cells, base, marks, count, receipt):
    high = claim_many(cells, base, marks, count)
    if high >= 0:
        write_receipt(cells, receipt, high - count + 1, high)
    return high


@entry(brief=True)
def _unclaim(cells, base, low, high):
    touched_upto(cells, base, high)
    return compare_exchange(cells, base + CLAIMED, high, low - 1)


@entry(brief=True)
def _publish_one(cells, base, high):
    store_release(cells, GIL_HELD, 1)
    publish_one(cells, base, high)


@entry(brief=True)
def _publish_many(cells, base, marks, low, high):
    store_release(cells, GIL_HELD, 1)
    publish_many(cells, base, marks, low, high)


@entry(brief=True)
def _give_up(cells, base, marks, low, high):
    give_up(cells, base, marks, low, high)


@entry(brief=True)
def _has_passed(cells, base, marks, sequence):
    return has_passed(cells, base, marks, sequence)


@entry(brief=True)
def _published_now(cells, base, marks):
    return published_now(cells, base, marks)


@entry(brief=True)
def _published_upto(cells, base, marks, following):
    return published_upto(cells, base, marks, following)


@entry(brief=True)
def _is_published(cells, base, marks, sequence):
    return is_published(cells, base, marks, sequence)


@entry(brief=True)
def _free(cells, base, marks):
    return free_slots(cells, base, marks)


@entry(brief=True)
def _lowest(cells, base):
    return lowest_gate(cells, base + GATING)


@entry(brief=True)
def _release(cells, word, sequence, base):
    """Say that a consumer is done with everything up to `sequence`, and wake who waits for it. Order: release."""
    store_release(cells, word, sequence)
    if cells[base + PARKS] != 0:
        wake(cells, base + PROGRESS)


@entry(brief=True)
def _load(cells, word):
    return load_acquire(cells, word)


core = Direct(
    claim_one=(_claim_one, CELLS, 0, NO_MARKS, 1, 0),
    claim_many=(_claim_many, CELLS, 0, NO_MARKS, 1, 0),
    unclaim=(_unclaim, CELLS, 0, 0, 0),
    publish_one=(_publish_one, CELLS, 0, 0),
    publish_many=(_publish_many, CELLS, 0, NO_MARKS, 0, 0),
    give_up=(_give_up, CELLS, 0, NO_MARKS, 0, 0),
    has_passed=(_has_passed, CELLS, 0, NO_MARKS, 0),
    published_now=(_published_now, CELLS, 0, NO_MARKS),
    published_upto=(_published_upto, CELLS, 0, NO_MARKS, 0),
    is_published=(_is_published, CELLS, 0, NO_MARKS, 0),
    free=(_free, CELLS, 0, NO_MARKS),
    lowest=(_lowest, CELLS, 0),
    load=(_load, CELLS, 0),
    release=(_release, CELLS, 0, 0, 0),
)
