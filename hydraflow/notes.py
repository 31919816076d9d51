"""Notes on stderr. One that is closed, full or left by its reader ends nothing: what is still to be said goes nowhere."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

from hydraflow.scrubber import SECRETS

__all__ = ["note", "write"]


def note(text: str) -> None:
    """Write a line on stderr."""
    write(sys.stderr, f"{text}\n")


def write(stream: Any, text: str) -> bool:
    """Write and flush; return whether that worked. A stream that fails is muted, so that nothing of it is tried at exit."""
    try:
        stream.write(SECRETS.scrub(text))
        stream.flush()
        return True
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return False
