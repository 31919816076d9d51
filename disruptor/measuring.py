"""How long records stay and how long handlers take: stamps beside the ring, two histograms for each handler.

    graph = Disruptor(fields, measure=True)
    graph.latency(book)["sojourn_ns"]["p99"]        published → handled, of the oldest record of each batch
    graph.latency(book)["service_ns"]["p50"]        the handler's own time per record, mean of its batch

A stamp is the time-stamp counter when its record was published; stamps lie in an array beside the records and are never part
of them. Measuring costs producers and handlers about 10 ns a record or batch; without `measure` nothing is compiled in.

Source: what users of Storm and sofa-jraft ask of a Disruptor (Storm-110, Storm-1007): queue depth and sojourn time.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from disruptor.atomics import timestamp
from disruptor.clock import calibrate
from disruptor.compiled import compiled, entry
from disruptor.histogram import BUCKETS, record, record_many, summary
from disruptor.memory import anonymous

__all__ = ["NO_STAMPS", "histograms", "latencies", "measure_batch", "note_batch", "now", "stamp", "stamp_range"]

NO_STAMPS = np.zeros(0, np.int64)


def histograms() -> np.ndarray:
    """Return the histograms of a handler: int64[2, BUCKETS], sojourn and service in ticks. Written by one thread."""
    return anonymous(2 * BUCKETS * 8).array(np.int64, 2 * BUCKETS).reshape(2, BUCKETS)


def latencies(measured: np.ndarray) -> dict[str, dict[str, Any]]:
    """Return the summaries of `histograms()`, in ns: count, mean, p50, p90, p99, p999, p9999, max."""
    rate = _rate()
    return {"sojourn_ns": summary(measured[0], rate), "service_ns": summary(measured[1], rate)}


@functools.cache
def _rate() -> float:
    return calibrate().ns_per_tick


@compiled
def stamp_range(stamps, low, high):
    """Note that low..high are published now. stamps : int64[slots]. Precondition: they are not published yet."""
    ticks = timestamp()
    for sequence in range(low, high + 1):
        stamps[sequence & (stamps.shape[0] - 1)] = ticks


@entry
def stamp(stamps, low, high):
    """The same, for Python callers."""
    stamp_range(stamps, low, high)


@entry(brief=True)
def now():
    """Return the time-stamp counter."""
    return timestamp()


@compiled
def measure_batch(measured, published, began, count):
    """Record a batch of `count` records: the oldest was published at `published`, the batch began at `began` (ticks)."""
    ended = timestamp()
    record(measured[0], ended - published)
    record_many(measured[1], (ended - began) // count, count)


@entry(brief=True)
def note_batch(measured, published, began, count):
    """The same, for Python callers."""
    measure_batch(measured, published, began, count)
