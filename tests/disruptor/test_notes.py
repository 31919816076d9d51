import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from disruptor import Disruptor
from disruptor.compiled import JIT_ENABLED, entry
from disruptor.errors import CapacityError, CompileError, CounterFileError, LayoutError
from disruptor.note_board import ROWS
from disruptor.note_calls import check_notes, note_faults
from disruptor.note_file import NoteFile, NoteLane, NoteReader
from disruptor.note_format import HEADER, NOTE, code_number, say
from disruptor.notes import note
from tests.reference import kernels_notes
from tests.reference.kernels_notes import TEXTS

COMPILED = [False, pytest.param(True, marks=pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only"))]


@pytest.fixture
def cells():
    """Cells that say: handler 3 is at work, and has sequence 77 in hand."""
    cells = np.zeros(32, np.int64)
    cells[0], cells[16] = 3, 77
    return cells


def new_file(path, slots=64, threads=("loop",)):
    lanes = [NoteLane(name, {3: "mine", 4: "other"}) for name in threads]
    return NoteFile.create(path, name="test", codes={"mine": TEXTS}, lanes=lanes, slots=slots)


@pytest.mark.parametrize("compiled", COMPILED)
def test_note_holds_what_it_was_given_and_who_wrote_it(tmp_path, cells, compiled):
    file = new_file(tmp_path / "a.notes")
    write = kernels_notes.numbers_compiled if compiled else kernels_notes.numbers
    with file.lane("loop", cells, number=0, sequence=16):
        write(1234, 2.5, True)
    first, bare, deep = NoteReader(tmp_path / "a.notes").read()
    assert (first.thread, first.handler, first.sequence, first.code) == ("loop", "mine", 77, "WIDE")
    assert first.values == (1234, 2.5, 1, -7) and [type(v) for v in first.values] == [int, float, int, int]
    assert first.text == "spread 1,234 ticks is above 2.500"
    assert (bare.code, bare.values, bare.text) == ("BARE", (), "nothing to add")
    assert (deep.code, deep.values) == ("THIN", (1235,))
    assert first.time_ns <= bare.time_ns <= deep.time_ns


@pytest.mark.parametrize("compiled", COMPILED)
def test_thread_without_a_lane_writes_nowhere(tmp_path, cells, compiled):
    file = new_file(tmp_path / "a.notes")
    write = kernels_notes.many_compiled if compiled else kernels_notes.many
    write(3)
    with file.lane("unknown", cells, number=0, sequence=16):
        write(3)
    with file.lane("loop", cells, number=0, sequence=16):
        pass
    write(3)
    assert NoteReader(tmp_path / "a.notes").written == 0


@pytest.mark.parametrize("compiled", COMPILED)
def test_full_lane_keeps_the_newest_and_readers_count_what_they_lost(tmp_path, cells, compiled):
    file = new_file(tmp_path / "a.notes")
    write = kernels_notes.many_compiled if compiled else kernels_notes.many
    reader = NoteReader(tmp_path / "a.notes")
    with file.lane("loop", cells, number=0, sequence=16):
        write(10)
        assert [n.values[0] for n in reader.read()] == list(range(10))
        assert reader.read() == [] and reader.lost == 0
        write(100)
    assert [n.values[0] for n in reader.read()] == list(range(36, 100))
    assert (reader.lost, reader.written) == (36, 110)
    late = NoteReader(tmp_path / "a.notes")
    assert len(late.read()) == 64 and late.lost == 46


def test_record_that_is_being_written_is_not_read(tmp_path, cells):
    file = new_file(tmp_path / "a.notes")
    with file.lane("loop", cells, number=0, sequence=16):
        kernels_notes.many(5)
    offset = NoteReader(tmp_path / "a.notes").descriptor["lanes"][0]["offset"] + 128
    with (tmp_path / "a.notes").open("r+b") as raw:
        raw.seek(offset + 2 * NOTE.itemsize)
        raw.write(np.int64(-1).tobytes())
    reader = NoteReader(tmp_path / "a.notes")
    assert [n.values[0] for n in reader.read()] == [0, 1, 3, 4]
    assert reader.lost == 1


@pytest.mark.parametrize("compiled", COMPILED)
def test_threads_write_into_lanes_of_their_own_and_are_merged_by_time(tmp_path, cells, compiled):
    names = [f"t{i}" for i in range(4)]
    file = new_file(tmp_path / "a.notes", slots=1024, threads=names)
    write = kernels_notes.many_compiled if compiled else kernels_notes.many
    write(0)

    def run(name):
        own = cells.copy()
        own[16] = names.index(name)
        with file.lane(name, own, number=0, sequence=16):
            write(500)

    threads = [threading.Thread(target=run, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = NoteReader(tmp_path / "a.notes").read()
    assert len(found) == 2_000
    assert [n.time_ns for n in found] == sorted(n.time_ns for n in found)
    for position, name in enumerate(names):
        own = [n for n in found if n.thread == name]
        assert [n.values[0] for n in own] == list(range(500))
        assert {n.sequence for n in own} == {position}


def test_threads_beyond_the_board_are_counted_not_written(tmp_path, cells):
    file = new_file(tmp_path / "a.notes")
    ready, done = threading.Barrier(ROWS + 2), threading.Event()

    def hold():
        with file.lane("loop", cells, number=0, sequence=16):
            ready.wait()
            done.wait()

    threads = [threading.Thread(target=hold) for _ in range(ROWS + 1)]
    for thread in threads:
        thread.start()
    ready.wait()
    assert file.lost == 1
    done.set()
    for thread in threads:
        thread.join()
    with file.lane("loop", cells, number=0, sequence=16):
        assert file.lost == 1


def test_unknown_code_and_handler_are_shown_as_numbers(tmp_path, cells):
    file = new_file(tmp_path / "a.notes")
    with file.lane("loop", cells, number=0, sequence=16):
        cells[0] = 4
        kernels_notes.deeper.py_func(1) if JIT_ENABLED else kernels_notes.deeper(1)
        cells[0] = -1
        note("BARE")
    other, nobody = NoteReader(tmp_path / "a.notes").read()
    assert (other.handler, other.code, other.text) == ("other", f"{code_number('THIN'):08x}", "1")
    assert (nobody.handler, nobody.values) == ("", ())


def test_file_can_be_read_as_a_copy_and_says_what_is_wrong_with_it(tmp_path, cells):
    file = new_file(tmp_path / "a.notes")
    with file.lane("loop", cells, number=0, sequence=16):
        kernels_notes.many(3)
    file.close()
    shutil.copy(tmp_path / "a.notes", tmp_path / "b.notes")
    assert len(NoteReader(tmp_path / "b.notes").read()) == 3
    whole = (tmp_path / "b.notes").read_bytes()

    def refused(raw: bytes) -> str:
        (tmp_path / "c.notes").write_bytes(raw)
        with pytest.raises(CounterFileError) as caught:
            NoteReader(tmp_path / "c.notes")
        return str(caught.value).removeprefix(f"{tmp_path / 'c.notes'}: ")

    assert refused(whole[:100]) == "not a note file: 100 bytes, its header alone has 4,096"
    assert refused(b"#!/bin/sh" + whole[9:]) == "not a note file: it does not begin with 'HFXNOTES'"
    assert refused(b"\0" * len(whole)) == "unfinished: its engine is starting, or died while it started"
    assert refused(whole[: len(whole) - 4096]).startswith("truncated: ")
    header = np.frombuffer(bytearray(whole[: HEADER.itemsize]), HEADER).copy()
    header["version"] = 9
    assert refused(header.tobytes() + whole[HEADER.itemsize :]) == (
        "layout version 9, this reader knows 1; read it with the release that wrote it")
    assert refused(whole[:4096] + b"[" + whole[4097:]).startswith("its description is broken: ")
    assert refused(whole.replace(b'"lanes"', b'"lines"')).startswith("its description does not fit the file: ")


def test_file_refuses_slots_that_are_no_power_of_two(tmp_path):
    with pytest.raises(CapacityError, match=r"^notes of 'test': slots must be a power of two, got 100; the next one is 128$"):
        new_file(tmp_path / "a.notes", slots=100)


def test_text_that_does_not_take_its_numbers_is_shown_with_them_behind_it():
    assert say("{a} of {b}", [1, 2]) == "1 of 2"
    assert say("{a} of {b}", [1]) == "{a} of {b} (1)"
    assert say("{a:x}", [1.5]) == "{a:x} (1.5)"


@pytest.mark.parametrize("codes, says", [
    ({"W-1": "x"}, """handler 'h': notes are declared as {"CODE": "text with {a} and {b}"}, got 'W-1': 'x'"""),
    ({"W": 1}, """handler 'h': notes are declared as {"CODE": "text with {a} and {b}"}, got 'W': 1"""),
    ({"W": "{e}"}, "handler 'h': the text of note 'W' has the field 'e'; its numbers are called a, b, c, d"),
    ({"W": "{a"}, "handler 'h': the text of note 'W' cannot be formatted: expected '}' before end of string; write \"{a}\", \"{b:.3f}\""),
    ({"plumless": "", "buckeroo": ""}, "handler 'h': the notes 'plumless' and 'buckeroo' have the same CRC-32; rename one of them"),
])
def test_declaration_that_cannot_be_written_or_read_is_refused(codes, says):
    from disruptor.handler import handler

    with pytest.raises(LayoutError) as caught:
        handler(lambda event: None, name="h", notes=codes)
    assert str(caught.value) == says


def test_calls_of_note_are_held_against_the_declaration():
    assert note_faults(kernels_notes.fits) == []
    faults = note_faults(kernels_notes.strays)
    lines = Path(kernels_notes.__file__).read_text().splitlines()
    assert [lines[f.line - 1].strip() for f in faults] == [
        "note(THIN, value)", 'note("WIDE", 1)', 'note("WIED", 1, 2)', "note(CODES, 1)"]
    assert [f.what for f in faults] == [
        "note 'THIN' is not declared (declared: WIDE)", "the text of note 'WIDE' shows {b}, but it is given 1 number",
        "note 'WIED' is not declared (declared: WIDE)", "the code of a note is no constant text"]
    with pytest.raises(CompileError, match=r"^handler 'strays' cannot be compiled: note 'THIN' is not declared \(declared: WIDE\)\n  at "):
        check_notes(kernels_notes.strays)


@pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")
@pytest.mark.parametrize("name, says", [
    ("of_a_number", "note: the code must be a constant text that the handler declares"),
    ("of_a_text", "note: only numbers can be written down, got unicode_type"),
])
def test_note_of_something_else_does_not_compile(name, says):
    with pytest.raises(Exception, match=says):
        entry(getattr(kernels_notes, name), cache=False)(1)


def test_note_of_something_else_is_a_type_error_in_python():
    with pytest.raises(TypeError, match=r"^note: the code must be a text that the handler declares, got 3$"):
        kernels_notes.of_a_number(1)
    with pytest.raises(TypeError, match=r"^note: only numbers can be written down, got str$"):
        kernels_notes.of_a_text(1)


def test_handlers_of_a_graph_write_notes_compiled_and_in_python(tmp_path):
    values = np.arange(1_000) % 10.0
    graph = Disruptor([("value", "f8")], slots=256, notes=tmp_path / "g.notes")
    with graph.then(kernels_notes.spikes).then(kernels_notes.reports) as d:
        d.publish(value=values)
    found = NoteReader(tmp_path / "g.notes").read()
    spikes = [n for n in found if n.handler == "spikes"]
    assert [n.sequence for n in spikes] == [n.values[1] for n in spikes] == list(range(9, 1_000, 10))
    assert spikes[0].text == "value 9.0 at 9" and len(found) == 101
    (batch,) = [n for n in found if n.handler == "reports"]
    assert (batch.sequence, batch.code) == (0, "BATCH")


def test_graph_without_a_file_runs_handlers_that_write_notes_and_refuses_undeclared_ones():
    with Disruptor([("value", "f8")], slots=64).then(kernels_notes.spikes) as d:
        d.publish(value=np.full(10, 9.0))
    with pytest.raises(CompileError, match="is not declared"):
        Disruptor([("value", "f8")], slots=64).then(kernels_notes.strays).start()


def test_only_source_that_leads_to_a_note_is_read(tmp_path, monkeypatch):
    """A helper that writes no note, and calls none that does, is told from its compiled names alone."""
    import importlib

    (tmp_path / "led.py").write_text(
        "import led_far, led_quiet\nfrom disruptor.notes import note as tell\n\n"
        "def near(x):\n    tell('NEAR', x)\n\n"
        "def on_event(event):\n    led_quiet.quiet(1)\n    near(2)\n    led_far.far(3)\n")
    (tmp_path / "led_far.py").write_text("import disruptor.notes\n\ndef far(x):\n    return (lambda y: disruptor.notes.note('FAR', y))(x)\n")
    (tmp_path / "led_quiet.py").write_text("def quiet(x):\n    return deeper(x)\n\ndef deeper(x):\n    return x + 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    led = importlib.import_module("led")
    from disruptor.access import search
    from disruptor.handler import handler

    read = []
    monkeypatch.setattr(search, "definition_of", lambda code, real=search.definition_of: read.append(code.co_name) or real(code))
    faults = note_faults(handler(led.on_event, notes={"NEAR": "near {a}"}))
    assert [fault.what for fault in faults] == ["note 'FAR' is not declared (declared: NEAR)"]
    assert sorted(read) == ["far", "near", "on_event"]
