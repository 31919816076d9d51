"""The Disruptor for Python: rings of records in mapped memory, compiled handlers on pinned threads, no GIL in between.

    from disruptor import Disruptor, handler

A map, from the bottom up; each module is one concept and says in its docstring what it promises:

    errors            the tree of exceptions
    layout, record    record dtypes without gaps, cells 128 bytes apart; records whose fields are attributes
    memory, window    mapped memory: anonymous, huge, memfd, file, mirrored; the folder of engine files; parts of a file
    atomics           acquire, release, compare-exchange, fence, pause, time stamp, CRC-32C
    compiled, cache   the two decorators for compiled code; keys and folders of the machine-code cache
    detmath           exp, log, sin, pow, sums …: the same bits jitted, un-jitted and on every machine
    digest            a 64-bit hash over logical content
    sequence, gating  padded counters, groups of them; the consumers that producers may not lap
    ring              records with one producer, their payload, and what compiled code sees of them
    single_producer   claim and publish for the loops of an engine
    claims            claim, publish and look: the compiled core of the rings below
    system_calls      the libc calls that compiled loops make: yield, nap, futex, clock
    waiting, wait     what a thread does when there is nothing to do, and that as a value
    lookout           waiting from Python
    sequencer         one producer or many: next, try_next, publish, capacity, policies (sequencer_core: its compiled entries)
    barrier, poller, observer   a consumer's ways to read
    intake, sentry, aio   the same in asyncio: `from disruptor import aio`, not loaded by `import disruptor`
    ring_buffer, publishing     records with a sequencer; contexts and translators (row_packer: numbers into a record)
    processor, faults, rewind   runs a Python handler; what becomes of errors; batches delivered again
    processor_text, loop_processor, worker_pool   runs compiled handlers; one record to one of several workers
    deque, stealing, stealing_pool  tasks that begin tasks, on threads that steal from each other
    shared            rings that several processes share: `from disruptor import shared`, not loaded by `import disruptor`
    byte_layout, byte_memory  how messages of any length lie in mirrored memory, also that of another process
    byte_ring         ByteRing: typed messages of any length, one reader (byte_producer, byte_consumer: compiled ends)
    broadcast         the same, lossy, for any number of observers
    seqlock           a small record, one writer, any number of readers, never torn
    rcu, rcu_table    a table that one handler changes and readers outside the order see whole, whatever its size
    rate              so many per period, so many at once: exact, in whole nanoseconds
    buckets, histogram  latency histograms: layout and reading (numpy only), recording (compiled)
    clock             the time-stamp counter in nanoseconds; the machine's own hiccups
    threads           named pinned threads whose failure is kept, proof of running in parallel
    counters          the CnC file: cursors, counters, latencies, errors of an engine, readable from outside
    notes, note_board, note_format, note_file, note_calls  what handlers write down while they run, lossy, read outside
    handler           the handler contract
    node, group, membership, placing, gates, dsl   Disruptor(...): graphs, threads, who waits for whom
    access            which fields of its record a handler reads and writes, and what it must not do: a package
    complaint, fault, readings, remedies  numba's errors reduced to line, cause and what to write instead
    typed, intervals, ranges    what is known of compiled code from its types
    lossy, review     stores that lose something; what compiles and should not
    testing           run(handler, events): compiled and plain, compared bit for bit
    equipment, columns, trial, twin, watch, difference  its parts, one concept each

Importing the package loads nothing but this file; a name is imported when it is first used. `disruptor.handler` and
`disruptor.compiled` are the decorators; the modules of the same names are reached by `from disruptor.handler import …`.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

_MODULE_OF = {
    "Alerted": "errors",
    "CapacityError": "errors",
    "CompileError": "errors",
    "CounterFileError": "errors",
    "DamagedMessage": "errors",
    "DisruptorError": "errors",
    "ForkError": "errors",
    "GraphError": "errors",
    "HandlerError": "errors",
    "InsufficientCapacity": "errors",
    "LayoutError": "errors",
    "LogError": "errors",
    "MemoryMapError": "errors",
    "OwnerGone": "errors",
    "Rewind": "errors",
    "SharedRingError": "errors",
    "WaitTimeout": "errors",
    "record_dtype": "layout",
    "Record": "record",
    "Mapping": "memory",
    "runtime_folder": "memory",
    "compiled": "compiled",
    "entry": "compiled",
    "fold": "digest",
    "fold_float": "digest",
    "Inlet": "ring",
    "Port": "ring",
    "Ring": "ring",
    "claim": "single_producer",
    "payload_claim": "single_producer",
    "payload_index": "single_producer",
    "Action": "byte_ring",
    "ByteRing": "byte_ring",
    "Claim": "byte_ring",
    "BytePort": "byte_layout",
    "bytes_abort": "byte_producer",
    "bytes_claim": "byte_producer",
    "bytes_commit": "byte_producer",
    "bytes_correlation": "byte_producer",
    "bytes_room": "byte_producer",
    "bytes_write": "byte_producer",
    "bytes_write_many": "byte_producer",
    "bytes_heartbeat": "byte_consumer",
    "bytes_next": "byte_consumer",
    "bytes_put_back": "byte_consumer",
    "bytes_release": "byte_consumer",
    "bytes_rewind": "byte_consumer",
    "bytes_size": "byte_consumer",
    "bytes_unblock": "byte_consumer",
    "Broadcast": "broadcast",
    "BroadcastReceiver": "broadcast",
    "broadcast_join": "broadcast",
    "broadcast_next": "broadcast",
    "broadcast_send": "broadcast",
    "broadcast_valid": "broadcast",
    "Seqlock": "seqlock",
    "seqlock_read": "seqlock",
    "seqlock_words": "seqlock",
    "seqlock_write": "seqlock",
    "RATE": "rate",
    "RateLimit": "rate",
    "rate_set": "rate",
    "rate_take": "rate",
    "rate_tokens": "rate",
    "rate_wait": "rate",
    "StealingPool": "stealing_pool",
    "Spawn": "stealing",
    "task_push": "stealing",
    "task_room": "stealing",
    "Rcu": "rcu_table",
    "RcuReader": "rcu_table",
    "rcu_edit": "rcu",
    "rcu_publish": "rcu",
    "rcu_slot": "rcu",
    "rcu_slots": "rcu",
    "rcu_words": "rcu",
    "WaitStrategy": "waiting",
    "Wait": "wait",
    "Sequence": "sequence",
    "FixedSequenceGroup": "sequence",
    "SequenceGroup": "sequence",
    "Sequencer": "sequencer",
    "SequenceBarrier": "barrier",
    "RingBuffer": "ring_buffer",
    "EventPoller": "poller",
    "PollState": "poller",
    "Observer": "observer",
    "release_upto": "claims",
    "BatchEventProcessor": "processor",
    "ExceptionHandler": "faults",
    "FatalExceptionHandler": "faults",
    "IgnoreExceptionHandler": "faults",
    "REWIND": "rewind",
    "RewindAction": "rewind",
    "RewindStrategy": "rewind",
    "SimpleRewind": "rewind",
    "EventuallyGiveUp": "rewind",
    "PauseRewind": "rewind",
    "ProcessorFactory": "node",
    "into": "node",
    "thread": "placing",
    "Calibration": "clock",
    "calibrate": "clock",
    "hiccups": "clock",
    "PinnedThread": "threads",
    "CounterFile": "counters",
    "CounterReader": "counters",
    "counter_path": "counters",
    "set_control": "counters",
    "note": "notes",
    "Note": "note_file",
    "NoteFile": "note_file",
    "NoteLane": "note_file",
    "NoteReader": "note_file",
    "Handler": "handler",
    "handler": "handler",
    "Finding": "lossy",
    "check_stores": "lossy",
    "review": "review",
    "Disruptor": "dsl",
}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605 - the table above is the one declaration


class _Package(ModuleType):
    """Keeps public names that are also names of modules: the import system would bind the module over them."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (isinstance(value, ModuleType) and name in _MODULE_OF):
            super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'disruptor' has no attribute '{name}'")
    value = getattr(importlib.import_module(f"disruptor.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})


sys.modules[__name__].__class__ = _Package
