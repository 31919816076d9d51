"""Runs the book handler over messages in memory, without an engine. Compiled unless NUMBA_DISABLE_JIT is set.

The machine code is cached under a key over every source that it is made of, for compiling takes ten seconds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numba
import numpy as np

import disruptor
import hydraflow
from disruptor.cache import folder_for, source_key
from disruptor.compiled import JIT_ENABLED, compiled, loop_options
from disruptor.handler import params_record
from handlers.book import BookParams, book, book_digest
from handlers.book import layout as book_layout
from hydraflow.codes import Venue
from hydraflow.records import INSTRUMENT
from tests.reference.messages import Messages

_on_event = compiled(book.function, inline=False)


def _entry(function: Any) -> Any:
    """Compile a function that Python calls, cached under a key over this file and all packages that it reaches."""
    if not JIT_ENABLED:
        return function
    folders = (Path(module.__file__).parent for module in (disruptor, hydraflow, book_layout))
    sources = [Path(__file__), *(file for folder in folders for file in folder.glob("*.py"))]
    folder = folder_for("tests", source_key(sources))
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder or before)
    try:
        return numba.njit(function, **loop_options(cache=folder is not None))
    finally:
        numba.config.CACHE_DIR = before


@_entry
def _run(messages, begin, end, state, params, payload, instruments, counters):
    one_state = state[0]
    one_params = params[0]
    one_counters = counters[0]
    for index in range(begin, end):
        _on_event(messages[index], index, index + 1 == end, one_state, one_params, payload, instruments, one_counters)


@_entry
def _digest(state, params):
    return book_digest(state[0], params[0])


class BookDriver:
    """A book handler with its state; `feed` runs messages through it and returns the records it wrote into."""

    def __init__(self, params: BookParams | None = None, venues: tuple[Venue, ...] = (Venue.EXCHANGE,)) -> None:
        params = params or BookParams()
        self.instruments = np.zeros(len(venues), INSTRUMENT)
        self.instruments["venue"] = [int(venue) for venue in venues]
        self.state = np.zeros(1, book.state_dtype(params, instruments=self.instruments))
        self.counters = np.zeros(1, book.counters_dtype())
        self.params = params_record(params)

    def feed(self, messages: Messages) -> np.ndarray:
        return self.run(*messages.arrays())

    def run(self, records: np.ndarray, payload: np.ndarray) -> np.ndarray:
        _run(records, 0, len(records), self.state, self.params, payload, self.instruments, self.counters)
        return records

    def book(self, symbol: int = 0) -> Any:
        return self.state[0]["books"][symbol]

    def count(self, name: str) -> int:
        return int(self.counters[0][name])

    def digest(self) -> int:
        return int(_digest(self.state, self.params))
