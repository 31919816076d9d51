"""What an engine is doing, as a number in the CnC file's header."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Phase"]


class Phase(IntEnum):
    """In the order in which an engine goes through them."""

    BUILDING = 0
    COMPILING = 1  # the phase's text names the loop
    MEASURING = 2  # the machine's own hiccups
    FILLING = 3  # sources read ahead
    RUNNING = 4
    ENDED = 5
