import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from disruptor import memory
from disruptor.errors import MemoryMapError
from disruptor.memory import anonymous, memfd, mirrored, mirrored_again, on_file, runtime_folder


def python(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)


def test_anonymous_is_zero_rounded_to_pages_and_aligned():
    mapping = anonymous(5000)
    array = mapping.array(np.int64)
    assert mapping.size == 8192
    assert not array.any()
    assert array.ctypes.data % 4096 == 0


def test_anonymous_falls_back_and_says_so_when_huge_pages_are_refused():
    mapping = anonymous(1 << 20, huge=True, prefault=True)
    array = mapping.array(np.int64)
    array[:] = 3
    assert mapping.size == 2 << 20
    assert mapping.address % (2 << 20) == 0
    assert all("huge pages" in note for note in mapping.notes)


def test_memfd_is_shared_through_its_descriptor():
    mapping = memfd(4096, "a-name-" + "x" * 300)
    mapping.array(np.int64)[5] = 77
    other = on_file(f"/proc/self/fd/{mapping.fd}")
    assert other.array(np.int64)[5] == 77


def test_mirrored_shows_the_same_bytes_twice():
    mapping = mirrored(4096, prefault=True)
    array = mapping.array(np.uint8)
    assert len(array) == 8192
    array[4090:4102] = range(12)
    assert list(array[:6]) == [6, 7, 8, 9, 10, 11]
    assert list(array[8186:]) == [0, 1, 2, 3, 4, 5]


def test_mirrored_again_shares_the_memory_of_the_first(tmp_path):
    first = mirrored(8192)
    second = mirrored_again(f"/proc/self/fd/{first.fd}")
    assert (second.size, second.span) == (8192, 16384)
    first.array(np.uint8)[8190:8194] = range(1, 5)
    assert list(second.array(np.uint8)[-2:]) == [1, 2]
    assert list(second.array(np.uint8)[:2]) == [3, 4]
    (tmp_path / "odd").write_bytes(b"x" * 5000)
    with pytest.raises(MemoryMapError, match="odd: not a file of whole pages of 4,096 bytes"):
        mirrored_again(tmp_path / "odd")


def test_on_file_keeps_content_and_protects_it_when_read_only(tmp_path):
    path = tmp_path / "ring"
    on_file(path, 100, create=True).array(np.int64)[0] = 5
    assert path.stat().st_size == 4096
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    array = on_file(path, read_only=True).array(np.int64)
    assert array[0] == 5
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 6


def test_on_file_refuses_what_is_there_and_what_is_no_file(tmp_path):
    (tmp_path / "taken").write_bytes(b"x")
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileExistsError):
        on_file(tmp_path / "taken", 4096, create=True)
    with pytest.raises(MemoryMapError, match="the file is empty"):
        on_file(tmp_path / "empty")
    with pytest.raises(MemoryMapError, match="not a file"):
        on_file(tmp_path / "pipe", read_only=True)
    with pytest.raises(MemoryMapError, match="a new file needs a size"):
        on_file(tmp_path / "new", create=True)


def test_on_file_leaves_nothing_when_the_file_system_has_no_room(tmp_path):
    ran = python(
        "import resource, sys\n"
        "from disruptor.memory import on_file\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        f"try: on_file({str(tmp_path / 'big')!r}, 1 << 20, create=True)\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    assert ran.stdout.startswith("MemoryMapError"), ran.stderr
    assert "cannot reserve 1,048,576 bytes" in ran.stdout
    assert "make room on that file system or point XDG_RUNTIME_DIR at another one" in ran.stdout
    assert not (tmp_path / "big").exists()


def test_mapping_says_the_limit_when_the_address_space_is_used_up():
    ran = python(
        "import resource\n"
        "from disruptor.memory import anonymous, mirrored\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))\n"
        "for make, size in ((anonymous, 4 << 30), (mirrored, 1 << 50)):\n"
        "    try: make(size)\n"
        "    except Exception as error: print(type(error).__name__, error)\n"
    )
    lines = ran.stdout.splitlines()
    assert len(lines) == 2, ran.stderr
    assert "Cannot allocate memory; free memory or raise `ulimit -v`" in lines[0]
    assert "memory file 'mirror': cannot reserve 1,125,899,906,842,624 bytes" in lines[1]
    assert lines[1].endswith("are available; free memory")


@pytest.mark.parametrize("size", [0, -1])
def test_mapping_refuses_sizes_that_are_not_positive(size):
    with pytest.raises(MemoryMapError, match=f"a mapping needs a positive size, got {size}"):
        anonymous(size)


def test_array_refuses_what_lies_outside():
    mapping = anonymous(4096)
    for count, offset in ((513, 0), (1, 4090), (-1, 0), (1, -8)):
        with pytest.raises(MemoryMapError, match="exceeds 4096 bytes"):
            mapping.array(np.int64, count, offset)


def test_mapping_stays_while_an_array_lives_and_goes_with_the_last():
    mapping = anonymous(1 << 20)
    address = f"{mapping.address:x}-"
    array = mapping.array(np.int64)[10:20]
    mapping.close()
    with pytest.raises(MemoryMapError, match="the mapping is closed"):
        mapping.array(np.int64)
    array[:] = 1
    assert array.sum() == 10
    fd = memfd(4096)
    number = fd.fd
    del fd, array
    with open("/proc/self/maps") as maps:
        assert not any(line.startswith(address) for line in maps)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)


def test_lock_says_why_when_it_is_refused():
    mapping = anonymous(4096)
    assert mapping.lock() or "raise `ulimit -l`" in mapping.notes[0]


def test_mapping_is_silent_when_the_interpreter_exits():
    ran = python("from disruptor.memory import anonymous\nm = anonymous(4096)\na = m.array('i8')\nb = [m, a]; b.append(b)")
    assert (ran.returncode, ran.stderr) == (0, "")


def test_runtime_folder_is_private(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = runtime_folder()
    assert folder == tmp_path / "hydraflow"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert runtime_folder() == folder
    folder.chmod(0o755)
    with pytest.raises(MemoryMapError, match=f"{folder} is open to other users; chmod 700 {folder}"):
        runtime_folder()


def test_runtime_folder_follows_no_planted_link(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "hydraflow").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MemoryMapError, match="is not a folder; set XDG_RUNTIME_DIR to a folder of your own"):
        runtime_folder()


def test_runtime_folder_refuses_that_of_another_user(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    runtime_folder()
    monkeypatch.setattr(memory.os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(MemoryMapError, match=r"belongs to user .*, not to you; set XDG_RUNTIME_DIR"):
        runtime_folder()


def test_runtime_folder_says_what_to_do_when_its_place_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "gone"))
    with pytest.raises(MemoryMapError, match=r"cannot create .*: No such file or directory; set XDG_RUNTIME_DIR"):
        runtime_folder()
    assert runtime_folder(create=False) == tmp_path / "gone" / "hydraflow"
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert runtime_folder(create=False).name == f"hydraflow-{os.getuid()}"


def resident(mapping) -> int:
    """Bytes of a mapping that take memory."""
    entry = Path("/proc/self/smaps").read_text().partition(f"{mapping.address:x}-")[2]
    return int(entry.partition("\nRss:")[2].split()[0]) << 10


def test_sparse_memory_comes_page_by_page_whatever_was_asked_for():
    mapping = anonymous(32 << 20, prefault=True, lock=True, sparse=True)
    mapping.prefault()
    array = mapping.array(np.int64)
    assert resident(mapping) == 0
    array[:: 1 << 19] = 1  # every 4 MiB
    assert int(array.sum()) == 8  # reading takes none
    assert resident(mapping) == 8 * 4096
