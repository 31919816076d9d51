"""Writes logs in forked children until they are killed: `python log_victim.py PARENT KILLS SEED`.

For each kill a folder `PARENT/k`; prints one JSON list: how many records each child had seen as durable when it died.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np

from disruptor.layout import CELL_WORDS
from disruptor.log import LogWords, LogWriter
from disruptor.memory import memfd
from tests.reference.log_driver import stage

WORDS = LogWords(*range(0, 6 * CELL_WORDS, CELL_WORDS))


def body(sequence: int) -> bytes:
    """Return the body of record `sequence`: its size and bytes follow from it."""
    return (sequence * 2654435761 % (1 << 64)).to_bytes(8, "little") * (sequence % 40)


def write_for_ever(folder: Path, cells: np.ndarray, durable: bool) -> None:
    """Stage records as fast as there is room."""
    writer = LogWriter(
        folder, cells=cells, words=WORDS, segment_bytes=1 << 17, record_bytes_max=1024, staging_bytes=1 << 16, durable=durable
    )
    threading.Thread(target=writer.run).start()
    sequence = 0
    while True:
        status = writer.status()
        if status.staged_bytes - status.consumed_bytes < (1 << 16) - 1024:
            stage(writer, sequence, body(sequence))
            sequence += 1


def main(parent: Path, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    LogWriter(parent / "warm", segment_bytes=1 << 17, record_bytes_max=1024, staging_bytes=1 << 16).close()
    seen = []
    for k in range(kills):
        cells = memfd(6 * CELL_WORDS * 8, "cells").array(np.int64)
        cells[WORDS.durable] = -1
        child = os.fork()
        if child == 0:
            write_for_ever(parent / str(k), cells, durable=k % 2 == 0)
        time.sleep(chance.uniform(0.01, 0.15))  # the moment of the kill, not a synchronisation
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        seen.append(int(cells[WORDS.durable]) + 1)
    print(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
