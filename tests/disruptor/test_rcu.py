"""A reader sees one whole edition, whatever the writer does meanwhile; the writer never waits; who stalls or died is named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disruptor.compiled import JIT_ENABLED
from disruptor.dsl import Disruptor
from disruptor.errors import CapacityError, DisruptorError
from disruptor.memory import anonymous, on_file
from disruptor.rcu import CURRENT, EDITION, rcu_slots, rcu_words
from disruptor.rcu_table import Rcu
from tests.reference import kernels_rcu as kernels
from tests.reference.two_threads import side_by_side

ROW = np.dtype(kernels.ROW)
ROWS = 3

moves = st.lists(st.one_of(
    st.tuples(st.just("edit"), st.integers(0, ROWS - 1), st.integers(-9, 9)),
    st.tuples(st.just("publish"), st.just(0), st.just(0)),
    st.tuples(st.just("hold"), st.integers(0, 1), st.just(0)),
    st.tuples(st.just("release"), st.integers(0, 1), st.just(0)),
    st.tuples(st.just("writer starts again"), st.just(0), st.just(0)),
    st.tuples(st.just("edit and publish"), st.integers(0, ROWS - 1), st.integers(-9, 9)),
), min_size=10, max_size=120)


@settings(deadline=None, max_examples=200)
@given(moves, st.integers(1, ROWS))
def test_what_is_held_is_an_edition_of_the_past_to_the_last_bit(steps, rows):
    table = Rcu("t", ROW, rows, readers=2)
    readers = [table.reader(name) for name in "ab"]
    now, shown, holding = [0] * rows, [0] * rows, {}
    for n, (move, which, value) in enumerate(steps):
        if move.startswith("edit"):
            table.edit(which % rows)["value"] = value
            now[which % rows] = value
        if move.endswith("publish"):
            edition = table.cells[EDITION]
            assert table.publish(n) in (0, edition + 1)
            shown = now.copy()
        elif move == "hold" and which not in holding:
            held = readers[which].snapshot()
            holding[which] = (held, held.__enter__(), shown.copy())
        elif move == "release" and which in holding:
            holding.pop(which)[0].__exit__(None, None, None)
        elif move == "writer starts again":
            table = Rcu("t", ROW, rows, readers=2, cells=table.cells, rows_in=table.rows)
            now = shown.copy()
        assert [int(table[row]["value"]) for row in range(rows)] == now
        for _, seen, expected in holding.values():
            assert seen.copy()["value"].tolist() == [int(row["value"]) for row in seen] == expected


def test_a_reader_that_stalls_holds_one_edition_and_stops_nobody():
    table = Rcu("books", ROW, 50, readers=2)
    with table.reader("console") as stalled, table.reader("log") as other:
        for row in range(50):
            table.edit(row)["value"] = -1
        table.publish(7)
        with stalled.snapshot() as old:
            for n in range(300):
                for row in range(n % 7, 50, 1 + n % 5):
                    table.edit(row)["value"] = n
                table.publish(8 + n)
                with other.snapshot() as new:
                    assert (new.sequence, new.edition) == (8 + n, 2 + n)
                    assert new[49 - (49 - n % 7) % (1 + n % 5)]["value"] == n
            assert (old.sequence, old.edition, len(old)) == (7, 1, 50)
            assert (old.copy()["value"] == -1).all()
            first, second = table.readers()
            assert (first.name, first.pid, first.alive, first.behind, second.behind) == ("console", os.getpid(), True, 300, None)
            assert first.held_ns > 0
            assert str(first).startswith(f"reader 'console' of process {os.getpid()}: holds what is 300 editions old, for ")
        assert str(table.readers()[0]).endswith(": holds nothing")
    assert table.readers() == []


@pytest.mark.parametrize("readers", [1, 2])
def test_threads_that_read_while_it_is_written_see_whole_editions(readers):
    editions, count = (100_000 if JIT_ENABLED else 200), 32
    table, halt = Rcu("t", ROW, count, readers=readers), anonymous(4096).array(np.int64)
    _, *seen = side_by_side(
        (kernels.write_editions, (table.cells, table.rows, count, halt, editions)),
        *((kernels.read_editions, (table.cells, table.rows, count, halt, k, True)) for k in range(readers)),
    )
    for read, wrong in seen:
        assert read > 0
        assert wrong == 0
    assert table.cells[EDITION] == editions


@pytest.mark.skipif(not JIT_ENABLED or len(os.sched_getaffinity(0)) < 2, reason="two threads at the same time")
def test_without_a_pin_a_row_is_reused_under_its_reader():
    for _ in range(20):  # else the test above proves nothing
        table, halt = Rcu("t", ROW, 64, readers=1), anonymous(4096).array(np.int64)
        _, (_, wrong) = side_by_side(
            (kernels.write_editions, (table.cells, table.rows, 64, halt, 100_000)),
            (kernels.read_editions, (table.cells, table.rows, 64, halt, 0, False)),
        )
        if wrong:
            return
    raise AssertionError("no edition was seen to change")


def test_a_handler_keeps_a_table_in_its_state():
    graph = Disruptor(kernels.EVENT, slots=64)
    graph.handle_events_with(kernels.keeps)
    state = graph.state(kernels.keeps)
    table = Rcu("kept", ROW, kernels.ROWS, readers=kernels.READERS, cells=state["view"], rows_in=state["rows"])
    expected = [0] * kernels.ROWS
    with table.reader("console") as reader, graph:
        for n in range(500):
            graph.publish(row=n % 11, value=n)
            expected[n % 11] += n
        graph.drain()
        with reader.snapshot() as seen:
            assert seen.sequence == 499
            assert [int(row["value"]) for row in seen] == expected
            assert (seen.copy()["twice"] == 2 * np.array(expected)).all()


CHILD = """
import sys
import numpy as np
from disruptor.memory import on_file
from disruptor.rcu_table import Rcu
reader = Rcu.reader_of(on_file(sys.argv[1]), [("value", "i8"), ("twice", "i8")], 20, readers=1, name="child")
with reader.snapshot() as seen:
    print(seen.sequence, int(seen.copy()["value"].sum()), flush=True)
    sys.stdin.readline()
    print(seen.sequence, int(seen.copy()["value"].sum()), flush=True)
"""


def child(table):
    assert table.mapping is not None
    return subprocess.Popen([sys.executable, "-c", CHILD, f"/proc/{os.getpid()}/fd/{table.mapping.fd}"], text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def fill(table, value):
    for row in range(20):
        table.edit(row)["value"] = value
    table.publish(value)


def test_another_process_reads_whole_editions_and_is_seen():
    table = Rcu("t", ROW, 20, readers=1)
    fill(table, 3)
    with child(table) as process:
        assert process.stdout.readline() == "3 60\n", process.stderr.read()
        for value in range(4, 50):
            fill(table, value)
        (seen,) = table.readers()
        assert (seen.name, seen.pid, seen.alive, seen.behind) == ("child", process.pid, True, 46)
        with pytest.raises(CapacityError, match=rf"^rcu reader 'late': all 1 places are taken: reader 'child' of process {process.pid}: holds"):
            table.reader("late")
        output, errors = process.communicate("\n", timeout=60)
    assert (output, errors) == ("3 60\n", "")
    assert table.readers() == [] or not table.readers()[0].alive


def test_the_place_of_a_reader_that_was_killed_is_taken_by_the_next():
    table = Rcu("t", ROW, 20, readers=1)
    fill(table, 3)
    with child(table) as process:
        assert process.stdout.readline() == "3 60\n", process.stderr.read()
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
        (dead,) = table.readers()
        assert (dead.pid, dead.alive, dead.behind) == (process.pid, False, 0)
        assert f"reader 'child' of process {process.pid}, which has died: holds what is 0 editions old" in str(dead)
    for value in range(4, 20):
        fill(table, value)
    with table.reader("next") as reader, reader.snapshot() as seen:
        assert (seen.sequence, seen[5]["value"]) == (19, 19)
    with pytest.raises(DisruptorError, match=r"^rcu reader 'next' is closed$"), reader.snapshot():
        pass


def test_a_writer_that_died_in_the_middle_of_an_edition_leaves_the_one_before():
    cells, rows = np.zeros(rcu_words(4, 1), np.int64), np.zeros(rcu_slots(4, 1), ROW)
    first = Rcu("t", ROW, 4, readers=1, cells=cells, rows_in=rows)
    first.edit(1)["value"] = 5
    assert first.publish(1) == 1
    for row in range(4):
        first.edit(row)["value"] = 99
    second = Rcu("t", ROW, 4, readers=1, cells=cells, rows_in=rows)
    assert [int(second[row]["value"]) for row in range(4)] == [0, 5, 0, 0]
    with second.reader("r") as reader, reader.snapshot() as seen:
        assert second.publish(2) == 0  # nothing was edited
        for n in range(30):
            second.edit(n % 4)["value"] = n
            second.publish(n)
        assert seen.copy()["value"].tolist() == [0, 5, 0, 0]
    assert cells[CURRENT] >= 0


def test_bad_tables_are_refused():
    for arguments, text in (
        ({"rows": 0}, "rcu 'x': rows must be 1..16,777,216, got 0"),
        ({"rows": 1, "readers": 257}, "rcu 'x': readers must be 1..256, got 257"),
        ({"rows": 2, "cells": np.zeros(5, np.int64), "rows_in": np.zeros(12, ROW)},
         f"rcu 'x': cells must be int64 with {rcu_words(2, 4)} words from 0 on, got 5 of int64"),
        ({"rows": 2, "cells": np.zeros(999, np.int64), "rows_in": np.zeros(5, ROW)}, "rcu 'x': rows_in must be 12 records of the table, got (5,) of"),
    ):
        with pytest.raises(CapacityError) as error:
            Rcu("x", ROW, **arguments)
        assert text in str(error.value)
    table = Rcu("x", ROW, 2)
    with pytest.raises(CapacityError, match=r"^rcu 'y': asked for 3 rows and 1 readers, but there lies a table of 2 and 4$"):
        Rcu.reader_of(on_file(f"/proc/self/fd/{table.mapping.fd}"), ROW, 3, readers=1, name="y")
    with pytest.raises(CapacityError, match=r"^rcu 'y': 4,096 bytes hold no table of 200 rows of 16 bytes for 4 readers$"):
        Rcu.reader_of(on_file(f"/proc/self/fd/{table.mapping.fd}"), ROW, 200, name="y")
    with pytest.raises(IndexError, match=r"^rcu 'x': row 2 of 2$"):
        table.edit(2)
    with table.reader("r") as reader, reader.snapshot(), pytest.raises(DisruptorError, match="holds a snapshot already"):
        with reader.snapshot():
            pass
