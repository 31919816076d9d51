"""What the tests of disruptor.aio share: a limit on their time, a ring, a publishing thread."""

from __future__ import annotations

import asyncio
import threading

import numpy as np

from disruptor.compiled import JIT_ENABLED

FIELDS = [("value", "i8"), ("twice", "i8")]
COUNT = 20_000 if JIT_ENABLED else 500
FEW = COUNT // 10


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 60))


def helpers() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name == "dis-aio"]


class Publishing:
    """Publishes 0..count in a thread, in arrays of different length."""

    def __init__(self, ring, count=COUNT):
        self.thread = threading.Thread(target=self._run, args=(ring, count))

    def _run(self, ring, count):
        done, size = 0, 1
        while done < count:
            size = min(size % 50 + 7, count - done)
            ring.publish(value=np.arange(done, done + size))
            done += size

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.thread.join()


def later(ring, count, seconds=0.05):
    asyncio.get_running_loop().call_later(seconds, lambda: ring.publish(value=np.arange(count)))
