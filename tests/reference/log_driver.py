"""Writes logs record by record, and reads them without the library: the oracle of disruptor.log."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from disruptor.atomics import store_release
from disruptor.log import LogStatus, LogWriter
from disruptor.log.commit import step_writer
from disruptor.log.format import RECORD_TYPE_DATA

__all__ = ["crc32c", "flush", "naive_records", "stage", "write_log"]

_TABLE = []
for _byte in range(256):
    _value = _byte
    for _ in range(8):
        _value = (_value >> 1) ^ (0x82F63B78 if _value & 1 else 0)
    _TABLE.append(_value)


def crc32c(checksum: int, data: bytes) -> int:
    """Return the raw CRC-32C of `data` continued from `checksum`."""
    for byte in data:
        checksum = _TABLE[(checksum ^ byte) & 0xFF] ^ (checksum >> 8)
    return checksum


def stage(writer: LogWriter, sequence: int, body: bytes, *, publish: bool = True) -> None:
    """Put one record into staging. len(body) : a multiple of 8. There must be room."""
    cell = writer.staging.port[0]
    at = int(cell["payload_next"]) & int(cell["payload_mask"])
    size = 16 + len(body)
    record = struct.pack("<IIq", 0, size | RECORD_TYPE_DATA << 24, sequence) + body
    writer.staging.payload[at : at + size] = np.frombuffer(record, np.uint8)
    cell["payload_next"] += size
    if publish:
        store_release(writer.cells, writer.words.staged, int(cell["payload_next"]))


def flush(writer: LogWriter) -> int:
    """Take turns in this thread until all that is staged is on disk or the writer has failed; return the number of turns."""
    turns = 0
    while writer.status().consumed_bytes < writer.status().staged_bytes and not writer.status().errno:
        step_writer(*writer._arguments())
        turns += 1
    return turns


def write_log(folder: Path, bodies: Iterable[bytes], *, threaded: bool = False, each: int = 1 << 30, **options: Any) -> LogStatus:
    """Write one record per body. threaded : by `run` in a thread; else in turns here, a commit after `each` records."""
    options.setdefault("record_bytes_max", 4096)
    options.setdefault("segment_bytes", 1 << 16)
    options.setdefault("staging_bytes", 1 << 20)
    writer = LogWriter(folder, **options)
    first = options.get("first_sequence", 0)
    if threaded:
        thread = threading.Thread(target=writer.run)
        thread.start()
    for number, body in enumerate(bodies):
        stage(writer, first + number, body)
        if not threaded and (number + 1) % each == 0:
            flush(writer)
    if threaded:
        writer.stop()
        thread.join()
    return writer.close()


def naive_records(folder: Path) -> list[tuple[int, bytes]]:
    """Read a log the slow, obvious way: (sequence, body) of the records that the chain proves."""
    found: list[tuple[int, bytes]] = []
    checksum, expected = 0xFFFFFFFF, None
    for path in sorted(folder.glob("*.hfj")):
        data = path.read_bytes()
        fields = struct.unpack_from("<16q", data)
        length, first, stored = fields[2], fields[4], fields[10]
        if fields[0] != int.from_bytes(b"DISRLOG\n", "little") or not 4096 <= length <= len(data):
            break
        checksum = crc32c(checksum, data[:80] + bytes(8) + data[88:length])
        if checksum != stored or (expected is not None and first != expected):
            break
        expected, at = first, length
        while at + 16 <= len(data):
            stored, word, sequence = struct.unpack_from("<IIq", data, at)
            size = word & 0xFFFFFF
            if size < 16 or size % 8 or at + size > len(data) or sequence != expected or word >> 24 != 1:
                break
            sealed = crc32c(checksum, bytes(4) + data[at + 4 : at + size])
            if sealed != stored:
                break
            found.append((sequence, data[at + 16 : at + size]))
            checksum, expected, at = sealed, expected + 1, at + size
    return found
