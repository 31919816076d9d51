"""The targets of libFuzzer: memory laid out as the engine does, in blocks of their own, and inputs to begin with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from disruptor.broadcast import Broadcast
from disruptor.byte_layout import BytePort
from disruptor.byte_ring import ByteRing
from disruptor.handler import params_record
from disruptor.log.format import RECORD_TYPE_DATA, record_word
from disruptor.ring import PORT
from handlers.deserialize import Deserialize, on_event
from hydraflow.codes import Venue
from hydraflow.instruments import Instrument, table
from hydraflow.records import FRAME, INPUT_BYTES, LEVEL, MESSAGE
from tools.verify import fuzz_forged as forged
from tools.verify import fuzz_kernels as kernels

__all__ = ["PLANTS", "TARGETS", "Target"]

LEVELS = 64  # of a frame: few, so that the limit is met
INPUT_BYTES_MAX = 2048


@attrs.frozen
class Target:
    """A kernel with its arrays, in the order of its arguments behind `data`. mirrored : names of those mapped twice."""

    kernel: Callable
    arrays: dict[str, np.ndarray]
    seeds: list[bytes]
    mirrored: tuple[str, ...] = ()
    keep: Any = None


def frame(levels_max: int = LEVELS) -> Target:
    """`deserialize`, with room for LEVELS levels and the 8 units that it may use besides. levels_max : what it is told."""
    declared = table([
        Instrument(symbol="BTCUSDT", tick="0.10", lot="0.001"), Instrument(symbol="ETHUSDT", tick="0.01", lot="0.0001"),
        Instrument(symbol="POOL", taker_fee_ppm=3000, venue=Venue.POOL, underlying="ETHUSDT", address="0x" + "0d" * 20,
                   base_decimals=18, quote_decimals=6),
    ])
    values = Deserialize(levels_max=levels_max)
    state = np.zeros(1, on_event.state_dtype(values, instruments=declared))
    on_event.prepare(state[0], values, instruments=declared)
    cell = np.zeros(1, PORT)
    cell[0]["payload_mask"] = (1 << 20) - 1
    arrays = {
        "frames": np.zeros(1, FRAME), "instruments": declared, "counters": np.zeros(1, on_event.counters_dtype()), "state": state,
        "params": params_record(values), "messages": np.zeros(1, MESSAGE), "levels": np.zeros(LEVELS + 8, LEVEL), "cell": cell,
    }
    return Target(kernels.frame, arrays, _frames())


def log() -> Target:
    """The log's reader and the journal's, over one segment of INPUT_BYTES_MAX bytes that ends where the memory ends."""
    words = INPUT_BYTES_MAX // 8
    arrays = {
        "words": np.zeros(words, np.int64), "messages": np.zeros(words // 2 * 16, np.int64), "units": np.zeros(words, np.int64),
        "cursor": np.zeros(8, np.int64), "ranges": np.zeros((1, 2), np.int64), "totals": np.zeros(2, np.int64),
    }
    return Target(kernels.log, arrays, [_records(1), _records(4), _records(9)[:-8]])


def byte_ring() -> Target:
    ring = ByteRing("fuzzed", 4096, "multi", max_length=2048)
    port: BytePort = ring.port
    arrays = {"octets": port.bytes, "words": port.words, "cells": np.array(port.cells), "lengths": np.zeros(kernels.KNOWN, np.int64)}
    seeds = [bytes([many, *(b for n in range(60) for b in (n * 7 % 16, n * 41 % 256))]) for many in (0, 1)]
    return Target(kernels.byte_ring, arrays, seeds, ("octets", "words"), ring)


def forged_ring(mirrored: bool = True) -> Target:
    """A byte ring whose headers, positions and settings others write over. mirrored : False: its bytes are there once, not twice."""
    ring = ByteRing("fuzzed", 4096, "multi", max_length=2048)
    octets = ring.port.bytes if mirrored else np.zeros(4096, np.uint8)
    arrays = {
        "octets": octets, "words": ring.port.words, "cells": np.array(ring.port.cells), "table": np.zeros((9, 4), np.int64),
        "offsets": np.zeros(9, np.int64), "types": np.ones(1, np.int64),
    }
    return Target(forged.forged_ring, arrays, _steps(), ("octets", "words") if mirrored else ("words",), ring)


def forged_broadcast() -> Target:
    """A broadcast whose headers, positions and settings others write over."""
    sender = Broadcast("fuzzed", 4096, max_length=2048)
    port = sender.port
    arrays = {
        "octets": port.bytes, "words": port.words, "cells": np.array(port.cells), "state": np.zeros(16, np.int64),
        "target": np.zeros(2048, np.uint8),
    }
    return Target(forged.forged_broadcast, arrays, _steps(), ("octets", "words"), sender)


TARGETS: dict[str, Callable[[], Target]] = {
    "frame": frame, "log": log, "byte ring": byte_ring, "byte ring, forged": forged_ring, "broadcast, forged": forged_broadcast,
}

# The overflows that the fuzzer must find: a parser that believes that there is room for more levels than there is, and a ring whose
# second half does not mirror its first one.
PLANTS: dict[str, Callable[[], Target]] = {
    "frame, limit of levels too high": lambda: frame(4 * LEVELS), "byte ring, not mirrored": lambda: forged_ring(mirrored=False),
}


def _steps() -> list[bytes]:
    """Steps of every kind, with words that are small, large and negative."""
    rng = np.random.default_rng(1)
    values = np.array([0, 8, 64, 4088, 4096, 1 << 31, (1 << 62) + 8, -8, -(1 << 62), 7], np.int64)
    seeds = []
    for _ in range(4):
        steps = np.zeros(120, np.dtype([("what", "u1"), ("argument", "u1"), ("value", "<i8")]))
        steps["what"], steps["argument"] = rng.integers(0, 32, 120), rng.integers(0, 256, 120)
        steps["value"] = rng.choice(values, 120)
        seeds.append(steps.tobytes())
    return seeds


def _frames() -> list[bytes]:
    """Every kind of frame, and one with more levels than are allowed, and than there is room for."""
    depth = (b'{"e":"depthUpdate","E":1700000000123,"T":1700000000120,"s":"BTCUSDT","U":10,"u":12,"pu":9,"b":[["100.10","1.5"]],'
             b'"a":[["100.30","2.001"]]}')
    levels = b",".join(b'["%d.10","1.5"]' % n for n in range(100, 120 + LEVELS))
    return [
        depth, b'{"stream":"btcusdt@depth","data":' + depth + b"}", depth.replace(b'["100.10","1.5"]', levels),
        depth.replace(b'["100.10","1.5"]', b""), depth.replace(b",", b" , "),
        b'{"e":"bookTicker","u":400,"s":"BTCUSDT","b":"100.10","B":"31.210","a":"100.20","A":"40.660","T":1700000000456,"E":1700000000457}',
        b'{"u":400900217,"s":"ETHUSDT","b":"25.35000000","B":"31.21000000","a":"25.36000000","A":"40.66000000"}',
        b'{"e":"trade","E":1700000000999,"T":1700000000998,"s":"BTCUSDT","t":5266583935,"p":"61800.30","q":"0.006","X":"MARKET","m":false}',
        b'{"e":"aggTrade","E":1700000000999,"s":"BTCUSDT","a":5933014,"p":"1000.1","q":"100","f":100,"l":105,"T":1700000000998,"m":true}',
        b'{"lastUpdateId":1027024,"bids":[["4.00","431.001"],["3.90","1"]],"asks":[["4.20","12.000"]]}',
        b'{"result":null,"id":1}', b"{", b'{"e":"\\u0064epthUpdate"}',
    ]


def _records(count: int) -> bytes:
    """Records of a journal: messages with 0, 1, 2 … units each, not sealed."""
    at = MESSAGE.fields["payload_count"][1] // 8
    out = []
    for n in range(count):
        words = np.zeros(2 + INPUT_BYTES // 8 + 2 * n, np.int64)
        words[0], words[1] = record_word(8 * len(words), RECORD_TYPE_DATA), n
        words[2 + at] = n
        out.append(words.tobytes())
    return b"".join(out)
