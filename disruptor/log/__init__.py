"""An append-only log of records on disk: chained checksums, aligned blocks, segments, group commit.

    format    what lies in the files: header, record, chain
    system    the system calls of the writer, for compiled code and un-jitted
    commit    the compiled half of the writer: seal, write, roll
    writer    staging memory → segment files, in a thread of its own that blocks and never spins
    reader    open, verify and walk a log, whole or torn
"""

from disruptor.log.format import RECORD_HEADER_BYTES, RECORD_TYPE_DATA
from disruptor.log.reader import LogReader, Verdict, read
from disruptor.log.writer import LogStatus, LogWords, LogWriter

__all__ = [
    "RECORD_HEADER_BYTES",
    "RECORD_TYPE_DATA",
    "LogReader",
    "LogStatus",
    "LogWords",
    "LogWriter",
    "Verdict",
    "read",
]
