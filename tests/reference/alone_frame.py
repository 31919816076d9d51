"""Decodes frames that lie between two pages that nobody may touch: once at the first byte, once up to the last.

    python -m tests.reference.alone_frame      ends with 0, or is killed by the access

A process of its own: a forbidden access kills it.
"""

from __future__ import annotations

import ctypes
import mmap
import sys

import numpy as np

from disruptor.layout import PAGE
from hydraflow.instruments import table
from tests.handlers.test_deserialize_frames import DECLARED, EVERY, wrapped
from tests.reference.bad_frames import NO_EVENTS
from tests.reference.drive_frames import Driver, frames_of

_NOTHING = 0


def guarded() -> np.ndarray:
    """Return a page that has forbidden pages on both sides."""
    memory = mmap.mmap(-1, 3 * PAGE)
    whole = np.frombuffer(memory, np.uint8)
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    for page in (0, 2):
        if protect(ctypes.c_void_p(whole.ctypes.data + page * PAGE), ctypes.c_size_t(PAGE), _NOTHING):
            raise OSError(ctypes.get_errno(), "mprotect")
    return whole[PAGE : 2 * PAGE]


def decode(frame: bytes, at_end: bool, page: np.ndarray) -> int:
    """Decode one frame at the page's beginning or end; return how many messages came of it."""
    frames, text = frames_of([frame])
    driver = Driver.make(frames, text, table(DECLARED))
    start = PAGE - len(frame) if at_end else 0
    driver.payload = page[start : start + len(frame)]
    driver.payload[:] = np.frombuffer(frame, np.uint8)
    return len(driver.run().messages)


def main() -> int:
    page = guarded()
    numbers = (b'{"u":%d,"s":"ETHUSDT","b":"25.35","B":"1","a":"25.36","A":"40"}' % (10**n) for n in range(16))
    lone = [*EVERY, *(wrapped(b"x", f) for f in EVERY), *NO_EVENTS, *numbers]
    for frame in lone:
        for at_end in (False, True):
            for size in {len(frame), len(frame) - 1, 70, 33}:
                decode(frame[:size], at_end, page)
    print(len(lone), "frames alone", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
