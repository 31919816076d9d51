"""Changes one quantity in a journal and seals it again: a journal that verifies, and tells another story.

    python tests/reference/reseal.py JOURNAL COPY [--sequence N] [--delta LOTS]

The control of a replay: its state hashes must differ from those of the run.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np

from disruptor.log import read
from disruptor.log.format import CHECKSUM_WORD, FIRST_SEED, HEADER, chain_words, record_size, record_type, record_word
from hydraflow.codes import Kind
from hydraflow.records import INPUT_BYTES, MESSAGE

__all__ = ["change_quantity", "first_with_levels", "reseal"]

QUANTITY_WORD = 2 + INPUT_BYTES // 8 + 1  # of the first level, in a record
KIND_BYTE = MESSAGE.fields["kind"][1]


def first_with_levels(folder: Path, kind: Kind = Kind.DEPTH, after: int = 0) -> int:
    """Return the sequence of the first message of `kind` from `after` whose first level has a quantity above zero."""
    for sequence, body in read(folder):
        if sequence >= after and body.view(np.uint8)[KIND_BYTE] == kind and len(body) > INPUT_BYTES // 8:
            if body[INPUT_BYTES // 8 + 1] > 0:
                return sequence
    raise ValueError(f"{folder}: no message of kind {kind.name} with a level from sequence {after}")


def change_quantity(folder: Path, copy: Path, sequence: int, delta: int = 1) -> None:
    """Copy the journal; add `delta` lots to the first level of message `sequence`; seal the copy again."""
    shutil.copytree(folder, copy)
    for path in sorted(copy.glob("*.hfj")):
        words = np.fromfile(path, np.int64)
        position = int(words[: HEADER.itemsize // 8].view(HEADER)[0]["header_bytes"]) // 8
        while position < len(words) and words[position] != 0:
            if words[position + 1] == sequence and record_type(int(words[position])) == 1:
                words[position + QUANTITY_WORD] += delta
                words.tofile(path)
                reseal(copy)
                return
            position += int(record_size(int(words[position]))) // 8
    raise ValueError(f"{folder}: no message {sequence}")


def reseal(folder: Path) -> None:
    """Compute the chain of all segments again, in place."""
    checksum = FIRST_SEED
    for path in sorted(folder.glob("*.hfj")):
        words = np.fromfile(path, np.int64)
        header = words[: HEADER.itemsize // 8].view(HEADER)[0]
        end = int(header["header_bytes"]) // 8
        header["seed"] = checksum
        words[CHECKSUM_WORD] = 0
        checksum = int(chain_words(checksum, words, 0, end))
        words[CHECKSUM_WORD] = checksum
        position = end
        while position < len(words) and words[position] != 0:
            word = int(words[position])
            size, kind = int(record_size(word)), int(record_type(word))
            words[position] = record_word(size, kind)
            sealed = int(chain_words(checksum, words, position, size // 8))
            words[position] |= sealed
            checksum = sealed
            position += size // 8
        words.tofile(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("journal", type=Path)
    parser.add_argument("copy", type=Path)
    parser.add_argument("--sequence", type=int, default=None, help="default: the first depth message with a quantity")
    parser.add_argument("--delta", type=int, default=1, help="lots to add")
    arguments = parser.parse_args()
    sequence = first_with_levels(arguments.journal) if arguments.sequence is None else arguments.sequence
    change_quantity(arguments.journal, arguments.copy, sequence, arguments.delta)
    print(f"{arguments.copy}: message {sequence}, first level: {arguments.delta:+d} lots")


if __name__ == "__main__":
    main()
