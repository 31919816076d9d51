"""The journal of an engine: where it lies, what its header says, reading it back.

    folder    a folder of its own for each run, and the writer in it
    header    topology, handlers, parameters and instruments, as JSON in the first segment
    reader    verify, load for a replay, iterate for a dump

The handler that feeds it is handlers.journal; the file format is disruptor.log.format.
"""

from hydraflow.journal.folder import create_journal, journal_root, new_folder
from hydraflow.journal.header import (
    SCHEMA,
    changed_handlers,
    decode_header,
    encode_header,
    instruments_from_json,
    instruments_to_json,
    source_hash,
)
from hydraflow.journal.reader import JournalReader, Loaded, load, verify

__all__ = [
    "SCHEMA", "JournalReader", "Loaded", "changed_handlers", "create_journal", "decode_header", "encode_header",
    "instruments_from_json", "instruments_to_json", "journal_root", "load", "new_folder", "source_hash", "verify",
]
