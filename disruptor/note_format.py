"""Format of a note file: what handlers have written down while they ran, for readers outside. Layout version 1.

    header          one page: magic, version (written last), sizes, pid, clock
    descriptor      JSON: {"name", "slots", "lanes": [{"thread", "offset", "handlers": {number: name}}],
                    "codes": {handler: {number of the code: [code, text]}}}
    lanes           one per thread that may write: a head of 128 bytes whose first word counts the notes written so far, then
                    `slots` records of 128 bytes; note n lies at n modulo slots, so the newest `slots` are there

A record's `mark` is −1 while it is written and n once it is note n. A reader copies the record and then looks at the mark
again: when it is still n, the copy is whole.

A note is a code, which its handler declares with a text, and up to four numbers:

    @handler(notes={"WIDE": "spread {a} ticks is above {b}"})

The text is what `str.format` takes, its fields are a, b, c, d in the order of the arguments: `{a:,}`, `{b:.3f}`.
"""

from __future__ import annotations

import string
import zlib
from collections.abc import Mapping

from disruptor.errors import LayoutError
from disruptor.layout import CACHE_PAIR, PAGE, record_dtype

__all__ = ["ARGUMENTS", "HEAD_SIZE", "HEADER", "MAGIC", "NOTE", "VERSION", "check_codes", "code_number", "fields_of", "say"]

MAGIC = b"HFXNOTES"
VERSION = 1
HEAD_SIZE = CACHE_PAIR
ARGUMENTS = ("a", "b", "c", "d")

HEADER = record_dtype(
    [
        ("magic", "S8"),
        ("version", "i8"),  # written last
        ("file_size", "i8"),
        ("descriptor_size", "i8"),
        ("pid", "i8"),
        ("pid_start_ticks", "i8"),
        ("ns_per_tick", "f8"),
        ("base_ticks", "i8"),
        ("base_realtime_ns", "i8"),
        ("pad", "i8", (503,)),
    ],
    size=PAGE,
)

NOTE = record_dtype(
    [
        ("mark", "i8"),  # the note's number, -1 while it is written
        ("ticks", "i8"),  # of the time-stamp counter
        ("handler", "i8"),  # its number on this thread, -1: none was at work
        ("sequence", "i8"),  # that it had in hand
        ("code", "i8"),  # code_number of the code
        ("count", "i4"),  # numbers given, 0..4
        ("floats", "i4"),  # bit k: number k is a float64
        ("values", "i8", (4,)),  # bits of the numbers
        ("pad", "i8", (6,)),
    ],
    size=CACHE_PAIR,
)


def code_number(code: str) -> int:
    """Return the number that stands for a code in records: its CRC-32, the same in every process and compilation."""
    return zlib.crc32(code.encode())


def fields_of(text: str) -> set[str]:
    """Return the names of the fields of a note's text. Raises: ValueError for a text that `str.format` does not take."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def check_codes(codes: Mapping[str, str], owner: str) -> dict[str, str]:
    """Return the declared codes, after looking whether records can name them and numbers fill their texts.

    Raises: LayoutError naming the owner and the code.
    """
    seen: dict[int, str] = {}
    for code, text in codes.items():
        if not isinstance(code, str) or not code.isidentifier() or not isinstance(text, str):
            raise LayoutError(f'{owner}: notes are declared as {{"CODE": "text with {{a}} and {{b}}"}}, got {code!r}: {text!r}')
        try:
            unknown = sorted(fields_of(text) - set(ARGUMENTS))
            if not unknown:
                text.format(a=0, b=0, c=0, d=0)
        except (ValueError, LookupError) as error:
            raise LayoutError(f"{owner}: the text of note '{code}' cannot be formatted: {error}; write \"{{a}}\", \"{{b:.3f}}\"") from error
        if unknown:
            raise LayoutError(f"{owner}: the text of note '{code}' has the field '{unknown[0]}'; its numbers are called a, b, c, d")
        other = seen.setdefault(code_number(code), code)
        if other != code:
            raise LayoutError(f"{owner}: the notes '{other}' and '{code}' have the same CRC-32; rename one of them")
    return dict(codes)


def say(text: str, values: list[int | float]) -> str:
    """Return a note's text with its numbers; where they do not go together, the numbers behind the text."""
    try:
        return text.format(**dict(zip(ARGUMENTS, values, strict=False)))
    except (ValueError, LookupError):
        return f"{text} ({', '.join(map(str, values))})"


assert NOTE.itemsize == CACHE_PAIR and HEADER.itemsize == PAGE
