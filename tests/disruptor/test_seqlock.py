"""A record behind a seqlock is never torn, between threads and between processes."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disruptor.compiled import JIT_ENABLED
from disruptor.errors import CapacityError, DisruptorError, LayoutError
from disruptor.memory import anonymous, on_file
from disruptor.seqlock import Seqlock, seqlock_words
from tests.reference import kernels_seqlock as kernels
from tests.reference.two_threads import side_by_side

RECORD = [("sequence", "i8"), ("price", "f8"), ("flags", "u4"), ("pad", "u4")]


def test_a_record_is_read_as_it_was_written():
    cell = Seqlock("best", RECORD)
    assert cell.version == 0
    assert cell.read()["sequence"] == 0
    assert cell.write(sequence=5, price=2.5) == 2
    assert cell.write(flags=7) == 4
    found = cell.read()
    assert (found["sequence"], found["price"], found["flags"]) == (5, 2.5, 7)
    assert (found.sequence, cell.version) == (5, 4)
    cell.write(sequence=6)
    assert found["sequence"] == 5  # a copy


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-(1 << 63), (1 << 63) - 1), st.floats(allow_nan=False), st.integers(0, 2**32 - 1))))
def test_any_values_come_back(rows):
    cell = Seqlock("best", RECORD)
    for count, (sequence, price, flags) in enumerate(rows, 1):
        assert cell.write(sequence=sequence, price=price, flags=flags) == 2 * count
        found = cell.read()
        assert (found["sequence"], found["price"], found["flags"]) == (sequence, price, flags)


def test_cells_lie_side_by_side_in_one_memory():
    memory = anonymous(4096).array(np.int64)
    first, second = Seqlock("a", RECORD, cells=memory), Seqlock("b", RECORD, cells=memory, place=seqlock_words(3))
    first.write(sequence=1)
    second.write(sequence=2)
    assert (first.read()["sequence"], second.read()["sequence"]) == (1, 2)
    assert second.place == 16
    assert [seqlock_words(words) for words in (1, 15, 16, 31)] == [16, 16, 32, 32]


def test_a_second_writer_keeps_the_fields_that_the_first_one_wrote():
    memory = anonymous(4096).array(np.int64)
    Seqlock("a", RECORD, cells=memory).write(sequence=5, price=2.5)
    second = Seqlock("a", RECORD, cells=memory)
    second.write(price=3.5)
    assert (second.read()["sequence"], second.read()["price"], second.version) == (5, 3.5, 4)
    memory[0] = 5  # died in the middle
    third = Seqlock("a", RECORD, cells=memory)
    assert third.write(flags=1) == 8
    assert (third.read()["sequence"], third.read()["flags"]) == (0, 1)


def test_compiled_code_reads_what_python_wrote():
    cell = Seqlock("best", RECORD)
    target = np.zeros(3, np.int64)
    assert kernels.read_once(cell.cells, cell.place, target) == 0
    cell.write(sequence=9)
    assert kernels.read_once(cell.cells, cell.place, target) == 2
    assert target[0] == 9
    cell.cells[cell.place] = 1
    assert kernels.read_once(cell.cells, cell.place, target) == -1


def test_a_read_ends_when_the_writer_never_does():
    cell = Seqlock("best", RECORD)
    cell.write(sequence=5)
    cell.cells[cell.place] = 3  # died in the middle
    with pytest.raises(DisruptorError) as error:
        cell.read(tries=20)
    assert str(error.value) == (
        "seqlock 'best': torn at each of 20 tries, version 3; the writer is too busy, or it died while writing"
    )
    assert cell.write(sequence=6) == 6  # a writer that starts anew makes it whole
    assert cell.read()["sequence"] == 6


def test_bad_declarations_are_refused():
    for fields, kind, text in (
        ([("a", "i4")], CapacityError, "seqlock 'x': the record must take a multiple of 8 bytes, 4,096 at most, got 4; add a pad"),
        ([("a", "i8", (600,))], CapacityError, "the record must take a multiple of 8 bytes, 4,096 at most, got 4,800;"),
        ([("a", "i8"), ("b", "i4")], LayoutError, "seqlock 'x': 4 bytes of padding at the end"),
    ):
        with pytest.raises(kind) as error:
            Seqlock("x", fields)
        assert text in str(error.value)
    memory = anonymous(4096).array(np.int64)
    with pytest.raises(CapacityError, match=r"^seqlock 'x': words 500..516 lie outside of 512 cells$"):
        Seqlock("x", RECORD, cells=memory, place=500)
    with pytest.raises(CapacityError, match=r"^seqlock 'x': cells must be a 1-D int64 array, got float64 of 1 dimensions$"):
        Seqlock("x", RECORD, cells=np.zeros(16))
    with pytest.raises(ValueError, match=r"^seqlock 'x': no field 'prize'; known: sequence, price, flags, pad$"):
        Seqlock("x", RECORD).write(prize=1)


@pytest.mark.parametrize("words", [1, 7, 40])
def test_readers_in_other_threads_never_see_a_torn_record(words):
    writes = 300_000 if JIT_ENABLED else 2_000
    cells, halt = anonymous(4096).array(np.int64), anonymous(4096).array(np.int64)
    counts = np.zeros(2, np.int64)
    version, broken = side_by_side(
        (kernels.write_many, (cells, 0, np.zeros(words, np.int64), halt, writes)),
        (kernels.read_many, (cells, 0, np.zeros(words, np.int64), halt, counts)),
    )
    assert (version, broken) == (2 * writes, 0)
    assert counts[0] > 0


@pytest.mark.skipif(not JIT_ENABLED or len(os.sched_getaffinity(0)) < 2, reason="two threads at the same time")
def test_without_the_version_a_torn_record_is_seen():
    cells, halt = anonymous(4096).array(np.int64), anonymous(4096).array(np.int64)
    torn = 0
    for _ in range(20):  # else the test above proves nothing
        halt[0] = 0
        _, torn = side_by_side(
            (kernels.write_many, (cells, 0, np.zeros(40, np.int64), halt, 1_000_000)),
            (kernels.read_naively, (cells, 0, np.zeros(40, np.int64), halt)),
        )
        if torn:
            break
    assert torn > 0


def test_another_process_reads_whole_records():
    cell = Seqlock("best", [("words", "i8", (20,))])
    writes = 1_000_000 if JIT_ENABLED else 3_000
    code = f"""
import numpy as np
from disruptor.memory import on_file
from disruptor.seqlock import Seqlock
cells = on_file("/proc/{os.getpid()}/fd/{cell.mapping.fd}").array(np.int64)
reader = Seqlock("best", [("words", "i8", (20,))], cells=cells)
reader.read()
print("ready", flush=True)
seen, whole, reads = 0, True, 0
while seen < {writes}:
    words = reader.read(tries=1_000_000)["words"]
    whole = whole and bool((words == words[0]).all()) and int(words[0]) >= seen
    seen, reads = int(words[0]), reads + 1
print(whole, reads > 0)
"""
    halt = anonymous(4096).array(np.int64)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "ready\n", child.stderr.read()
        kernels.write_many(cell.cells, cell.place, np.zeros(20, np.int64), halt, writes)
        output, errors = child.communicate(timeout=120)
    assert output == "True True\n", errors
    assert on_file(f"/proc/self/fd/{cell.mapping.fd}", read_only=True).array(np.int64)[0] == 2 * writes
