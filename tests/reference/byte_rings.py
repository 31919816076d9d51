"""What the tests of byte rings share."""

from __future__ import annotations

from disruptor.byte_ring import ByteRing

CAPACITY = 4096
MODES = ("single", "multi")


def everything(ring: ByteRing) -> list[tuple[int, bytes]]:
    return list(ring)
