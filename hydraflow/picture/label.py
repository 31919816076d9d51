"""What a name may do in a drawing: nothing but stand there. Names of a broken file may hold anything."""

from __future__ import annotations

import functools
import unicodedata

__all__ = ["clipped", "columns", "printable"]


def printable(text: str) -> str:
    """Return the text without control characters, so that it cannot move a cursor or end a line."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() and not unicodedata.combining(c) else "\N{REPLACEMENT CHARACTER}" for c in text)


@functools.lru_cache(1024)
def columns(text: str) -> int:
    """Return how many columns of a terminal a printable text takes."""
    return len(text) + sum(unicodedata.east_asian_width(c) in "WF" for c in text)


def clipped(text: str, most: int) -> str:
    """Return a printable text of at most `most` columns; what is cut is shown by an ellipsis."""
    text = printable(text)
    if columns(text) <= most:
        return text
    while columns(text) > most - 1:
        text = text[:-1]
    return text + "…"
