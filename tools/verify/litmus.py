"""Litmus tests in numba: two pinned threads, our own atomics, millions of trials; outcomes that no order allows are counted.

    python -m tools.verify.litmus [--long] [--json]

A round is TRIALS trials on memory of their own; both threads walk over them at the same time, meet, count the outcomes, clear
the memory. Tests that need three or four threads (WRC, IRIW) are not run: on two cores no three threads run at once.
Source: Alglave, Maranget, Tautschnig, "Herding cats" (2014) for the tests; OpenJDK jcstress for the harness.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np

from disruptor.codegen import LoopSource, build_loop
from disruptor.memory import anonymous
from disruptor.threads import PinnedThread
from tools.verify.figures import FAILED, PASSED, MissingTool, Row, command, timed
from tools.verify.litmus_streams import STREAMS, Stream, stream
from tools.verify.litmus_tests import LITMUS, Litmus

__all__ = ["main", "outcomes", "rows"]

SHORT, LONG = 200_000, 50_000_000
TRIALS = 1024  # of a round: half a MiB of memory, which stays in the second-level cache
_OUTCOMES = 16 * 16 * 4 * 4
_GIVE_UP_S = 1800.0

_TEXT = '''"""Litmus test '{name}'. Do not edit; it is written by tools/verify/litmus.py."""

from disruptor.atomics import load_acquire, pause, store_release
from disruptor.codegen import compiled_function

actor = compiled_function("tools.verify.litmus_actors", "{actor}")


def run(cells, results, counts, sync, own, settings):
    me, rounds, trials = settings[0], settings[1], settings[2]
    final_x, final_y = settings[3], settings[4]
    meeting, chance = 0, settings[5]
    for turn in range(rounds):
        meeting += 1
        store_release(sync, 32 * me, meeting)
        while load_acquire(sync, 32 - 32 * me) < meeting:
            pause()
        chance = (chance * 1103515245 + 12345) & 0x7FFFFFFF
        for _ in range((chance >> 16) & 3):
            pause()
        for i in range(trials):
            results[me, i] = actor(cells, i * 64, me, own)
        meeting += 1
        store_release(sync, 32 * me, meeting)
        while load_acquire(sync, 32 - 32 * me) < meeting:
            pause()
        if me == 0:
            for i in range(trials):
                seen = results[0, i] * 16 + results[1, i]
                counts[(seen * 4 + (cells[i * 64 + final_x] & 3)) * 4 + (cells[i * 64 + final_y] & 3)] += 1
        meeting += 1
        store_release(sync, 32 * me, meeting)
        while load_acquire(sync, 32 - 32 * me) < meeting:
            pause()
        for i in range(me * 32 * trials, (me + 1) * 32 * trials):
            cells[i] = 0
    return 0
'''


def outcomes(test: Litmus, trials: int) -> dict[tuple[int, ...], int]:
    """Run a test; return {(a, b, c, d, x, y): how often}. Raises: MissingTool with fewer than two cores."""
    cores = two_cores()
    rounds = -(-trials // TRIALS)
    shared = {
        "cells": anonymous(TRIALS * 64 * 8).array(np.int64, TRIALS * 64), "results": np.zeros((2, TRIALS), np.int64),
        "counts": np.zeros(_OUTCOMES, np.int64), "sync": anonymous(4096).array(np.int64, 512),
    }
    sources = [
        LoopSource(
            f"litmus_{test.actor.__name__}", _TEXT.format(name=test.name, actor=test.actor.__name__),
            {**shared, "own": np.zeros(64, np.int64), "settings": np.array([me, rounds, TRIALS, *test.final, 1 + me], np.int64)},
            {"actor": test.actor}, True,
        )
        for me in (0, 1)
    ]
    loops = [build_loop(source) for source in sources]
    side_by_side([loop.run for loop in loops], cores)
    counts = shared["counts"]
    seen = {}
    for key in np.flatnonzero(counts):
        code, x, y = int(key) // 16, int(key) // 4 % 4, int(key) % 4
        first, second = code // 16, code % 16
        seen[first // 4, first % 4, second // 4, second % 4, x, y] = int(counts[key])
    return seen


def two_cores() -> list[int]:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise MissingTool("litmus tests need two cores; this process may use one")
    return cores[:2]


def side_by_side(functions, cores: Sequence[int]) -> None:
    """Run two functions on a core each. Raises: what they raise; TimeoutError."""
    threads = [PinnedThread(f, (), name=f"litmus-{i}", cpus={cores[i]}) for i, f in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        if not thread.join(_GIVE_UP_S):
            raise TimeoutError(f"a litmus test has not ended after {_GIVE_UP_S:g} s")
        if thread.error is not None:
            raise thread.error


def rows(long: bool) -> Iterator[Row]:
    """Run every test."""
    trials = LONG if long else SHORT
    for test in LITMUS:
        yield timed(lambda test=test: _row(test, trials))
    for one in STREAMS:
        yield timed(lambda one=one: _stream_row(one, trials))


def _row(test: Litmus, trials: int) -> Row:
    seen = outcomes(test, trials)
    total = sum(seen.values())
    if test.forbidden is not None:
        bad = sum(n for outcome, n in seen.items() if test.forbidden(*outcome))
        result = f"{FAILED if bad else PASSED}: {bad:,} forbidden, {len(seen)} outcomes"
    elif test.expected is not None:
        weak = sum(n for outcome, n in seen.items() if test.expected(*outcome))
        result = f"{PASSED if weak else FAILED}: the harness sees {weak:,} reordered"
    else:
        result = f"{PASSED}: nothing is promised; {len(seen)} outcomes"
    return Row("litmus", test.name, total, "trials", result)


def _stream_row(one: Stream, trials: int) -> Row:
    messages = max(1000, trials // one.of)
    wrong = stream(one, messages, lambda functions: side_by_side(functions, two_cores()))
    return Row("litmus", one.name, messages, "messages", f"{FAILED if wrong else PASSED}: {wrong:,} torn, late or lost")


def main(argv: Sequence[str] | None = None) -> int:
    return command("litmus", "Litmus tests of the atomics and what is built on them", rows, argv)


if __name__ == "__main__":
    raise SystemExit(main())
