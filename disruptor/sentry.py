"""A thread that waits at a ring for the tasks of an event loop, so that the loop itself never waits.

    sentry = post(loop, ring, "published", upstream)     shared: one thread for a loop, a ring and what it waits for
    await sentry.reached(sequence)                       a future of the loop; done when it is worth looking again
    sentry.leave()                                       the last one to leave joins the thread

The thread sleeps in a lock while nobody asks, and in the ring's own blocking wait, without the GIL, while somebody does:
no polling in either. It wakes every task that waits; each looks for itself, so that a cancelled one is simply not there.

Order: what is looked at after a wake-up was published before the thread saw it; the loop's own lock hands it over.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from disruptor.claims import IDLE, PROGRESS
from disruptor.lookout import await_published
from disruptor.ring_buffer import RingBuffer
from disruptor.sequence import CELLS, take_cells
from disruptor.threads import PinnedThread
from disruptor.wait import Wait
from disruptor.waiting import wake_all

__all__ = ["Sentry", "post"]

_SLICE_NS = 100_000_000  # how late it is seen that waiting has become pointless
_WAIT = Wait.blocking(park_ns=_SLICE_NS // 2)
_posted: dict[tuple[Any, ...], Sentry] = {}
_lock = threading.RLock()  # a stream may be closed by the garbage collector, on a thread that holds it


class Sentry:
    """Waits for one event loop at one ring. Made by `post`.

    upstream : () → int64[n], words of the sequences that must have come so far; empty: only publication counts.
    over : () → bool, asked between slices of 100 ms: whether waiting has become pointless.
    """

    def __init__(
        self, loop: Any, ring: RingBuffer, key: tuple[Any, ...], upstream: Callable[[], np.ndarray], over: Callable[[], bool],
    ) -> None:
        self.loop, self.ring, self.tasks = loop, ring, 0
        self._key, self._upstream, self._over = key, upstream, over
        self._waiting: list[Any] = []  # futures; touched on the loop's thread only
        self._asked = threading.Event()
        self._busy = self._closed = False
        self._wanted = 0
        self._cell = take_cells(1)
        ring.sequencer.parks(_WAIT)
        self._thread = PinnedThread(self._run, name="dis-aio", halt=self._stop)

    def start(self) -> None:
        """Start the thread. Not under the lock: garbage may be collected on the new thread while it starts."""
        self._thread.start()

    def reached(self, wanted: int) -> Any:
        """Return a future of the loop, done when sequence `wanted` may have been reached. On the loop's thread.

        Precondition: whoever asks has just looked, and what it waits for is not there.
        """
        future = self.loop.create_future()
        self._waiting.append(future)
        if not self._busy:
            self._busy, self._wanted = True, wanted
            self._asked.set()
        return future

    def look_again(self) -> None:
        """Let every task that waits look again. From any thread."""
        try:
            self.loop.call_soon_threadsafe(self._wake)
        except RuntimeError:
            pass  # the loop is closed, and its tasks with it

    def leave(self) -> None:
        """Need it no longer; the last one to leave ends the thread and joins it. From any thread."""
        with _lock:
            self.tasks -= 1
            if self.tasks:
                return
            del _posted[self._key]
        self._stop()
        if self._thread.ident != threading.get_ident():
            self._thread.join()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _reached(self) -> None:
        self._busy = False
        self._wake()

    def _stop(self) -> None:
        self._closed = True
        CELLS[self._cell.word] = 1
        for cell in (IDLE, PROGRESS):
            wake_all(CELLS, self.ring.sequencer.base + cell)
        self._asked.set()

    def _run(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            if self._closed or not self._await(self._wanted):
                return
            try:
                self.loop.call_soon_threadsafe(self._reached)
            except RuntimeError:
                return

    def _await(self, wanted: int) -> bool:
        """Wait until it is worth looking again; return False when nobody is there to look."""
        s = self.ring.sequencer
        while not (self._closed or self.loop.is_closed()):
            available = await_published(s.base, s.marks, self._upstream(), wanted, _WAIT, self._cell.word, _SLICE_NS)
            if available >= wanted or self._over():
                return True
        return False


def post(
    loop: Any, ring: RingBuffer, kind: str, upstream: Callable[[], np.ndarray], over: Callable[[], bool], *, key: Any = None
) -> Sentry:
    """Return the sentry of this loop, ring, kind and key; a new one when there is none. Each `post` needs one `leave`."""
    with _lock:
        whole = (loop, id(ring), kind, key)
        sentry = _posted.get(whole)
        fresh = sentry is None
        if sentry is None:
            sentry = _posted[whole] = Sentry(loop, ring, whole, upstream, over)
        sentry.tasks += 1
    if fresh:
        sentry.start()
    return sentry
