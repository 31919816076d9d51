"""What handlers touch, from the cache on disk where it is known; on a terminal, how far it is when it takes long."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from disruptor.access import Access
from disruptor.access.cache import AccessCache
from hydraflow.notes import write
from hydraflow.topology.diagnose import Findings

__all__ = ["remembered"]

PATIENCE_S = 1.0  # what takes longer is told

Find = Callable[[Any, Mapping[str, np.dtype]], Access]


@contextlib.contextmanager
def remembered(findings: Findings, *, root: Path | None = None, stream: Any = None) -> Iterator[Find]:
    """Give a function that returns what a handler touches. A cache that cannot be used is a warning (HF340).

    root : its folder, default: that of this user. stream : where progress is shown, default: stderr.
    """
    progress = _Progress(sys.stderr if stream is None else stream)
    cache = AccessCache(root, progress.show)
    try:
        yield cache.accesses
        cache.save()
    finally:
        progress.close()
    for trouble in cache.troubles[:1]:
        findings.warning("HF340", f"what handlers touch is not kept: {trouble}", notes=("the check is complete; XDG_CACHE_HOME names another folder",))


class _Progress:
    """One line on a terminal, from the second on that it takes."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._tty = bool(getattr(stream, "isatty", lambda: False)())
        self._begun = time.monotonic()
        self._width = self._count = 0

    def show(self, handler: Any) -> None:
        """Say which handler is looked into."""
        self._count += 1
        if not self._tty or time.monotonic() - self._begun < PATIENCE_S:
            return
        line = f"looking into handlers: {self._count}, {handler.name}"[:78]
        write(self._stream, f"\r{line.ljust(self._width)}")
        self._width = len(line)

    def close(self) -> None:
        if self._width:
            write(self._stream, f"\r{' ' * self._width}\r")
