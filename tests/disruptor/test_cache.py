"""Each test runs small programs in processes of their own: what is cached is a property of the next start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from disruptor.cache import cache_root, cached, package_sources, source_key
from disruptor.compiled import JIT_ENABLED

pytestmark = pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")
ROOT = Path(__file__).resolve().parents[2]

CALLEE = "from disruptor.compiled import compiled\n\n\n@compiled\ndef price(x):\n    return x + {added}\n"
CALLER = """import numpy as np

from disruptor.compiled import entry
from sample.callee import price


@entry
def total(values):
    result = 0
    for i in range(values.shape[0]):
        result += price(values[i])
    return result


@entry
def first(record):
    return record["a"]
"""
PROGRAM = """import numpy as np
from sample.caller import first, total
value = total(np.arange(5))
record = np.zeros(1, np.dtype((np.record, [("a", "i8")])))
first(record[0])
hits = sum(total.stats.cache_hits.values()) + sum(first.stats.cache_hits.values())
print(value, hits)
"""


class Program:
    """A package `sample` whose entry point calls a helper in another file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "sample").mkdir()
        (folder / "sample" / "__init__.py").touch()
        (folder / "sample" / "caller.py").write_text(CALLER)
        self.cache = folder / "cache"
        self.write_callee(2)

    def write_callee(self, added: int) -> None:
        (self.folder / "sample" / "callee.py").write_text(CALLEE.format(added=added))

    def run(self, **environment: str | None) -> tuple[str, str]:
        """Return (stdout, stderr) of the program."""
        wanted = {"PYTHONPATH": f"{ROOT}{os.pathsep}{self.folder}", "XDG_CACHE_HOME": str(self.cache), **environment}
        full = {k: v for k, v in {**os.environ, **wanted}.items() if v is not None}
        ran = subprocess.run([sys.executable, "-c", PROGRAM], env=full, capture_output=True, text=True, check=False, timeout=120)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip(), ran.stderr

    def files(self) -> list[Path]:
        return [path for path in self.cache.rglob("*") if path.is_file()]


@pytest.fixture
def program(tmp_path) -> Program:
    return Program(tmp_path)


def test_entry_loads_at_the_second_start_and_compiles_when_a_callee_changes(program):
    assert program.run() == ("20 0", "")
    assert program.run() == ("20 2", "")
    program.write_callee(3)
    assert program.run() == ("25 0", "")
    assert program.run() == ("25 2", "")
    program.write_callee(2)
    assert program.run() == ("20 2", "")  # the older code is still there


def test_entry_compiles_again_with_a_warning_when_files_are_cut_short(program):
    program.run()
    for path in program.files():
        path.write_bytes(path.read_bytes()[:1000])
    out, error = program.run()
    assert out == "20 0"
    assert error.count("is broken; it is compiled again") == 2
    assert program.run() == ("20 2", "")


def test_entry_notices_a_flipped_bit(program):
    program.run()
    for path in program.files():
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    out, error = program.run()
    assert out == "20 0"
    assert "is broken" in error


def test_entry_runs_uncached_with_one_warning_when_the_folder_cannot_be_written(program):
    program.cache.write_text("a file where a folder should be")
    out, error = program.run()
    assert out == "20 0"
    assert error.count("compiled code is not cached; set XDG_CACHE_HOME") == 1
    assert "cannot write" in error


def test_entry_runs_uncached_with_one_warning_when_there_is_no_home(program):
    out, error = program.run(HOME=None, XDG_CACHE_HOME=None)
    assert out == "20 0"
    assert error.count("HOME and XDG_CACHE_HOME are unset; compiled code is not cached") == 1


def test_entry_survives_a_disk_that_fills_while_it_saves(program):
    code = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n" + PROGRAM
    full = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{program.folder}", "XDG_CACHE_HOME": str(program.cache)}
    ran = subprocess.run([sys.executable, "-c", code], env=full, capture_output=True, text=True, check=False, timeout=120)
    assert ran.stdout.strip() == "20 0", ran.stderr
    assert ran.stderr.count("compiled code is not cached") == 1
    assert program.files() == []


def test_entry_is_loaded_from_a_folder_that_can_only_be_read(program):
    program.run()
    code = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n" + PROGRAM
    reading = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{program.folder}", "XDG_CACHE_HOME": str(program.cache)}
    ran = subprocess.run([sys.executable, "-c", code], env=reading, capture_output=True, text=True, check=False, timeout=120)
    assert (ran.stdout.strip(), ran.stderr) == ("20 2", "")


def test_two_processes_that_compile_at_once_both_succeed(program):
    full = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{program.folder}", "XDG_CACHE_HOME": str(program.cache)}
    pair = [
        subprocess.Popen([sys.executable, "-c", PROGRAM], env=full, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in pair:
        out, error = process.communicate(timeout=120)
        assert (out[:3], error) == ("20 ", "")
    assert program.run() == ("20 2", "")


def test_settings_of_numba_have_folders_of_their_own(program):
    program.run()
    assert program.run(NUMBA_OPT="1")[0] == "20 0"
    assert program.run() == ("20 2", "")


def test_cache_root_follows_xdg_then_home(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/x/cache")
    assert cache_root() == Path("/x/cache/hydraflow-x")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/x/home")
    assert cache_root() == Path("/x/home/.cache/hydraflow-x")
    monkeypatch.delenv("HOME")
    assert cache_root() is None


def test_package_sources_follow_imports_and_stop_at_what_is_installed():
    sources = {path.name for path in package_sources("disruptor.ring")}
    assert {"atomics.py", "ring.py"} <= sources
    assert "caching.py" not in sources  # of numba: its version is in the key


def test_source_key_depends_on_content_and_on_texts(tmp_path):
    (tmp_path / "a.py").write_text("1")
    before = source_key([tmp_path / "a.py"])
    assert source_key([tmp_path / "a.py"], "loop") != before
    (tmp_path / "a.py").write_text("2")
    assert source_key([tmp_path / "a.py"]) != before


def test_cached_leaves_a_plain_function_alone():
    assert cached(len) is len
