"""What lies in the files of a log. A log is a folder of segments `000000.hfj`, `000001.hfj`, …; all numbers little endian.

Segment = header, then records one after another, each at a multiple of 8 bytes; no record crosses a segment's end.

    header   HEADER (128 bytes), zeros to HEADER_BYTES; in segment 0 the log's text follows, zeros to the next block
    record   word 0: CRC-32C (low 32 bits), size in bytes with this header (next 24), type (top 8)
             word 1: sequence, without gaps
             body: size − 16 bytes, a multiple of 8
    end      a record of type END: body = number of records before it, number of their bytes. After it nothing.

Chain. The CRC-32C of a record covers its header (checksum bits zero) and body, continued from the checksum of the record
before it; the first record continues from the header's checksum, a header's from the last record of the segment before
(FIRST_SEED in segment 0). So a record counts only in its place behind everything before it: stale records from an
earlier use of a block can never be taken for new ones, and every single-bit flip breaks the chain. A plain checksum with
a sequence number let 16 % of simulated double crashes resurrect stale records.

Writing goes in whole blocks; zeros fill the last one until the next commit writes it again with the same bytes in front.
A finished segment is cut to its own size. So what follows the last record is nothing, or zeros, or evidence of damage.

Source: CRC-32C of RFC 3720 section 12.1, neither pre- nor post-inverted.
"""

from __future__ import annotations

import numpy as np

from disruptor.atomics import crc32c_word
from disruptor.compiled import compiled, entry
from disruptor.layout import record_dtype

__all__ = [
    "BLOCK", "END_BYTES", "FIRST_SEED", "HEADER", "HEADER_BYTES", "LOG_MAGIC", "LOG_VERSION",
    "RECORD_BYTES_MAX", "RECORD_HEADER_BYTES", "RECORD_TYPE_DATA", "RECORD_TYPE_END", "SEGMENT_SUFFIX", "chain",
    "chain_words", "header_words", "record_size", "record_type", "record_word", "segment_name",
]

LOG_MAGIC = int.from_bytes(b"DISRLOG\n", "little")
LOG_VERSION = 1
BLOCK = 4096  # bytes written at once, and the alignment that O_DIRECT asks for
HEADER_BYTES = BLOCK
RECORD_HEADER_BYTES = 16
RECORD_BYTES_MAX = (1 << 24) - 8
RECORD_TYPE_DATA = 1
RECORD_TYPE_END = 2
END_BYTES = RECORD_HEADER_BYTES + 16
FIRST_SEED = 0xFFFFFFFF  # not 0: the checksum of zeros continued from 0 is 0
SEGMENT_SUFFIX = ".hfj"

HEADER = record_dtype(
    [
        ("magic", "i8"),
        ("version", "i8"),
        ("header_bytes", "i8"),  # where the first record begins; a multiple of BLOCK
        ("segment", "i8"),  # 0, 1, 2, …
        ("first_sequence", "i8"),  # of the first record in this segment
        ("run_id", "i8"),  # random; the same in all segments of a log
        ("created_ns", "i8"),  # wall clock, UTC, when the log was made
        ("segment_bytes", "i8"),  # most bytes of a segment
        ("text_bytes", "i8"),  # length of the text behind HEADER_BYTES, 0 but in segment 0
        ("seed", "i8"),  # checksum of the last record of the segment before
        ("checksum", "i8"),  # CRC-32C over header_bytes bytes, this word zero, continued from `seed`
        ("pad", "i8", (5,)),
    ],
    size=128,
)
CHECKSUM_WORD = HEADER.fields["checksum"][1] // 8  # type: ignore[index]


def segment_name(number: int) -> str:
    """Return the file name of segment `number`."""
    return f"{number:06d}{SEGMENT_SUFFIX}"


@compiled
def record_size(word):
    """Return the size in bytes of the record whose word 0 is `word`."""
    return (word >> 32) & 0xFFFFFF


@compiled
def record_type(word):
    """Return the type of the record whose word 0 is `word`."""
    return (word >> 56) & 0xFF


@compiled
def record_word(size, kind):
    """Return word 0 of a record, checksum bits zero. size : bytes with header; kind : RECORD_TYPE_*, below 128."""
    return (kind << 56) | (size << 32)


@compiled
def chain(checksum, words, start, count):
    """Return `checksum` continued over words[start : start + count]. int64 in, int64 out (0 … 2³²−1)."""
    for k in range(start, start + count):
        checksum = np.int64(crc32c_word(checksum, words[k]))
    return checksum


@entry
def chain_words(checksum, words, start, count):
    """`chain` for callers in Python."""
    return chain(checksum, words, start, count)


def header_words(
    *, segment: int, first_sequence: int, run_id: int, created_ns: int, segment_bytes: int, seed: int, text: bytes = b""
) -> np.ndarray:
    """Return the header of a segment with its text, sealed, as int64 words in whole blocks."""
    size = HEADER_BYTES + (len(text) + BLOCK - 1) // BLOCK * BLOCK
    words = np.zeros(size // 8, np.int64)
    header = words[: HEADER.itemsize // 8].view(HEADER)[0]
    header["magic"] = LOG_MAGIC
    header["version"] = LOG_VERSION
    header["header_bytes"] = size
    header["segment"] = segment
    header["first_sequence"] = first_sequence
    header["run_id"] = run_id
    header["created_ns"] = created_ns
    header["segment_bytes"] = segment_bytes
    header["text_bytes"] = len(text)
    header["seed"] = seed
    words.view(np.uint8)[HEADER_BYTES : HEADER_BYTES + len(text)] = np.frombuffer(text, np.uint8)
    words[CHECKSUM_WORD] = chain_words(seed, words, 0, len(words))
    return words
