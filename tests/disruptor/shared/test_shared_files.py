"""What is wrong with a ring file, a name, a place or a record is said: what, where, the limit, what to do."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import numpy as np
import pytest

from disruptor import MemoryMapError, SharedRingError, shared
from disruptor.errors import CapacityError, GraphError, LayoutError
from disruptor.layout import record_dtype
from disruptor.shared.file import open_ring
from disruptor.shared.format import HEADER, MAGIC, Plan, describe, dtype_of
from disruptor.shared.identity import me

FIELDS = [("price", "f8"), ("size", "i8")]


@pytest.fixture
def ring(tmp_path):
    with shared.create("ticks", FIELDS, slots=64, folder=tmp_path) as made:
        yield made


def spoil(path, **fields):
    """Write header fields of a ring file."""
    with open(path, "r+b") as file:
        for name, value in fields.items():
            inner, offset = HEADER.fields[name][:2]
            file.seek(offset)
            file.write(np.array(value, inner).tobytes())


def refusal(tmp_path, record=None, name="ticks"):
    with pytest.raises(SharedRingError) as error:
        shared.attach(name, record, folder=tmp_path)
    return str(error.value)


def test_a_ring_file_is_the_user_s_alone(ring):
    assert stat.S_IMODE(os.stat(ring.file.path).st_mode) == 0o600


def test_the_default_folder_is_the_user_s_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with shared.create("here", FIELDS) as ring:
        assert ring.file.path == tmp_path / "hydraflow" / "here.ring"
        assert stat.S_IMODE(os.stat(ring.file.path.parent).st_mode) == 0o700
    assert not ring.file.path.exists()


def test_without_shm_the_folder_for_temporary_files_is_taken_and_said(tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("disruptor.shared.file._SHM", tmp_path / "nowhere")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with shared.create("here", FIELDS) as ring:
        assert ring.file.path.parent == tmp_path / f"hydraflow-{os.getuid()}"
        assert ring.file.notes == [
            f"no /dev/shm here: ring files lie in {ring.file.path.parent}, where a disk may be written to; set XDG_RUNTIME_DIR to a tmpfs"
        ]


def test_a_fallback_folder_open_to_others_is_refused(tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("disruptor.shared.file._SHM", tmp_path / "nowhere")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = tmp_path / f"hydraflow-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(MemoryMapError, match="is not a folder of yours alone; set XDG_RUNTIME_DIR to one"):
        shared.create("here", FIELDS)


def test_no_such_ring_names_those_that_are_there(ring, tmp_path):
    assert refusal(tmp_path, name="other") == (
        f"ring 'other': no such ring in {tmp_path}; there is ticks; start its owner first, or give a timeout"
    )


def test_no_ring_at_all(tmp_path):
    with pytest.raises(SharedRingError, match=r"no such ring in .* after 0.02 s; there is none; start its owner first"):
        shared.attach("ticks", folder=tmp_path, timeout=0.02)


def test_a_foreign_file(tmp_path):
    path = tmp_path / "ticks.ring"
    path.write_bytes(b"#!/bin/sh\n" * 100)
    assert refusal(tmp_path) == (
        f"ring 'ticks': {path} is not a ring file: it begins with b'#!/bin/s'; remove it, or choose another name"
    )
    with pytest.raises(SharedRingError, match="is there and is not a ring file; remove it, or choose another name"):
        shared.create("ticks", FIELDS, folder=tmp_path)
    assert path.read_bytes() == b"#!/bin/sh\n" * 100


def test_an_empty_file(tmp_path):
    (tmp_path / "ticks.ring").touch()
    assert "is not a ring file: it is empty" in refusal(tmp_path)


def test_a_folder_in_the_place_of_the_file(tmp_path):
    (tmp_path / "ticks.ring").mkdir()
    assert refusal(tmp_path).endswith("ticks.ring is a folder, not a ring file; remove it")


def test_a_fifo_in_the_place_of_the_file_does_not_hold_anybody(tmp_path):
    os.mkfifo(tmp_path / "ticks.ring")
    assert refusal(tmp_path).endswith("ticks.ring is no regular file; remove it")


def test_a_file_cut_short_in_its_header(ring, tmp_path):
    copy = tmp_path / "cut.ring"
    copy.write_bytes(ring.file.path.read_bytes()[:100])
    assert refusal(tmp_path, name="cut") == (
        f"ring 'cut': {copy} is truncated: 100 bytes, the header alone has {HEADER.itemsize}; start its owner again"
    )


def test_a_file_cut_short_behind_its_header(ring, tmp_path):
    copy = tmp_path / "cut.ring"
    whole = ring.file.path.read_bytes()
    copy.write_bytes(whole[:-4096])
    assert f"is truncated: {len(whole) - 4096:,} bytes of {len(whole):,}; start its owner again" in refusal(tmp_path, name="cut")


@pytest.mark.parametrize("version, age", [(-1, "an older"), (2, "a newer")])
def test_a_file_of_another_version(ring, tmp_path, version, age):
    spoil(ring.file.path, version=version)
    assert refusal(tmp_path) == (
        f"ring 'ticks': {ring.file.path} has layout version {version}, of {age} library; this one has 1;"
        " give all processes of the ring the same version of the library"
    )


def test_a_file_with_cells_at_other_places(ring, tmp_path):
    spoil(ring.file.path, layout_hash=255)
    assert "has its cells at other places (00000000000000ff) than this library (" in refusal(tmp_path)


@pytest.mark.parametrize("field", ["slots", "record_size", "seats", "lanes", "lane_slots", "descriptor_size", "multi", "record_hash"])
def test_a_damaged_header(ring, tmp_path, field):
    spoil(ring.file.path, **{field: 1 << 20})
    assert refusal(tmp_path) == f"ring 'ticks': {ring.file.path}: its header is damaged; start its owner again"


def test_an_unfinished_file_is_waited_for_while_its_maker_lives(ring, tmp_path):
    spoil(ring.file.path, version=0)
    with pytest.raises(BlockingIOError):
        open_ring("ticks", None, tmp_path)
    assert f"is being made by process {os.getpid()}; attach again when it has, or give a timeout" in refusal(tmp_path)


def test_an_unfinished_file_of_a_dead_maker(ring, tmp_path):
    spoil(ring.file.path, version=0, owner=me() + (1 << 22))
    assert "is unfinished: process" in refusal(tmp_path)


def test_a_file_of_another_pid_namespace(ring, tmp_path):
    spoil(ring.file.path, pid_space=1)
    assert "lives in another pid namespace: neither could see whether the other is alive; let the containers share one" in refusal(tmp_path)


def test_what_may_be_alive_in_another_pid_namespace_is_not_replaced(ring, tmp_path):
    spoil(ring.file.path, pid_space=1, owner=me() + (1 << 22))
    with pytest.raises(SharedRingError, match="is of a process in another pid namespace, which may be alive; remove it when"):
        shared.create("ticks", FIELDS, folder=tmp_path)


def test_a_file_of_a_dead_owner_and_of_one_whose_pid_is_used_again(ring, tmp_path):
    spoil(ring.file.path, owner=me() + (1 << 22))  # this very pid, but started a tick later
    assert refusal(tmp_path) == (
        f"ring 'ticks': {ring.file.path} was left by process {os.getpid()}, which is dead; start its owner again: it replaces the file"
    )


def test_a_file_from_before_the_machine_was_started(ring, tmp_path):
    spoil(ring.file.path, boot=b"another start")
    assert "which is dead" in refusal(tmp_path)


def test_a_damaged_description(ring, tmp_path):
    with open(ring.file.path, "r+b") as file:
        file.seek(HEADER.itemsize)
        file.write(b"}")
    assert "the description of its record is broken" in refusal(tmp_path)


@pytest.mark.parametrize(
    "record, what",
    [
        ([("price", "f8"), ("size", "f8")], "its record has 'size' (i8) as field 1, here it is 'size' (f8)"),
        ([("size", "i8"), ("price", "f8")], "its record has 'price' (f8) as field 0, here it is 'size' (i8)"),
        ([("price", "f8")], "its record has 2 fields, here it has 1: 'size' (i8) is only in the file"),
        ([("price", "f8"), ("size", "i8"), ("side", "i8", (2,))], "here it has 3: 'side' (i8 × (2,)) is only here"),
    ],
)
def test_another_record(ring, tmp_path, record, what):
    message = refusal(tmp_path, record)
    assert what in message
    assert message.endswith("; declare the record once, in a module that both import")


def test_records_in_records_are_described_whole():
    inner = np.dtype([("a", "i8"), ("b", "f8", (3,))], align=True)
    dtype = record_dtype([("x", inner, (2,)), ("y", "u1", (8,)), ("z", "S8")])
    assert dtype_of(describe(dtype)) == dtype


def test_the_name_is_in_use(ring, tmp_path):
    with pytest.raises(SharedRingError) as error:
        shared.create("ticks", FIELDS, folder=tmp_path)
    assert str(error.value) == (
        f"ring 'ticks': the name is in use by process {os.getpid()} (this process), {ring.file.path};"
        " choose another name, or end that process"
    )


@pytest.mark.parametrize("name", ["", "a/b", ".hidden", "x" * 61, "a b"])
def test_a_name_that_no_file_can_have(tmp_path, name):
    for make in (lambda: shared.create(name, FIELDS, folder=tmp_path), lambda: shared.attach(name, folder=tmp_path)):
        with pytest.raises(SharedRingError, match="no file can be named like that; take letters, digits"):
            make()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(SharedRingError, match=f"there is no folder {tmp_path}/none; make it, or leave `folder` out"):
        shared.create("ticks", FIELDS, folder=tmp_path / "none")


@pytest.mark.parametrize("wrong", [{"slots": 3}, {"lane_slots": 3}, {"seats": 256}, {"lanes": 65}, {"seats": -1}])
def test_sizes_out_of_range(tmp_path, wrong):
    with pytest.raises(CapacityError, match=next(iter(wrong))):
        shared.create("ticks", FIELDS, folder=tmp_path, **wrong)
    assert not list(tmp_path.iterdir())


def test_records_and_options_that_do_not_go(tmp_path):
    with pytest.raises(LayoutError, match="Python objects"):
        shared.create("ticks", [("x", "O")], folder=tmp_path)
    with pytest.raises(CapacityError, match="a record of 4 bytes; make it a multiple of 8 by a pad field"):
        shared.create("ticks", [("x", "i4")], folder=tmp_path)
    with pytest.raises(GraphError, match="when_full must be one of"):
        shared.create("ticks", FIELDS, folder=tmp_path, when_full="perhaps")
    assert not list(tmp_path.iterdir())


def test_a_full_file_system_is_said_and_leaves_nothing(tmp_path):
    script = (
        "import resource, sys; from disruptor import shared, MemoryMapError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "try: shared.create('big', [('x', 'i8')], slots=1 << 20, folder=sys.argv[1])\n"
        "except MemoryMapError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False, capture_output=True, text=True, timeout=300)
    assert "cannot reserve 8,5" in done.stdout and "are free): File too large; make room on that file system" in done.stdout, done
    assert not list(tmp_path.iterdir())


def test_a_full_tmpfs_is_said(tmp_path):
    script = (
        "import sys; from disruptor import shared, MemoryMapError\n"
        "try: shared.create('big', [('x', 'i8')], slots=1 << 18, folder=sys.argv[1])\n"
        "except MemoryMapError as error: print(error)\n"
    )
    command = f"mount -t tmpfs -o size=1m tmpfs {tmp_path} && exec {sys.executable} -c \"$0\" {tmp_path}"
    done = subprocess.run(["unshare", "-rm", "sh", "-c", command, script], check=False, capture_output=True, text=True, timeout=300)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"skipped: {done.stderr.strip()}")
    assert "No space left on device; make room on that file system or point XDG_RUNTIME_DIR at another one" in done.stdout, done


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_file_of_another_user(tmp_path):
    script = (
        "import os, sys; from disruptor import shared, SharedRingError\n"
        "os.setuid(65534)\n"
        "for make in (lambda: shared.attach('ticks', folder=sys.argv[1]),):\n"
        "    try: make()\n"
        "    except SharedRingError as error: print(error)\n"
    )
    os.chmod(tmp_path, 0o755)
    for parent in list(tmp_path.parents)[:3]:
        if os.stat(parent).st_uid == 0 and str(parent) not in ("/", "/tmp"):
            os.chmod(parent, 0o755)
    with shared.create("ticks", FIELDS, folder=tmp_path):
        done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == (
        f"ring 'ticks': {tmp_path}/ticks.ring: permission denied; it belongs to user 0, this process runs as 65534;"
        " run all processes of the ring as one user"
    ), done


def test_the_plan_counts_whole_pages():
    plan = Plan(slots=64, record_size=24, flags=True, seats=17, lanes=3, lane_slots=16, lane_record_size=16, descriptor_size=10)
    parts = [plan.common, plan.seats_at, plan.lanes_at, plan.marks_at, plan.records_at, *(plan.lane_records_at(i) for i in range(4))]
    assert parts == [4096 * page for page in (1, 2, 4, 7, 8, 9, 10, 11, 12)]
    assert plan.size == parts[-1]
    assert HEADER.fields["magic"][1] == 0 and HEADER.fields["owner"][1] == 24 and MAGIC.startswith(b"disruptor")
