"""A secret given to a real run is in none of its outputs and files, also when a handler prints it and fails with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECRET = "zq-0815 \"hunter\"\\é"
COMMANDS = {  # verb → exit code
    ("check", "t.yaml"): 0, ("check", "t.yaml", "--format", "json"): 0, ("render", "t.yaml", "--origin", "--defaults"): 0,
    ("check", "t.yaml", "--set", "handlers.tell.with.count=${secret:KEY}"): 78,
    ("check", "t.yaml", "--format", "github", "--set", "handlers.tell.with.refuse=true"): 78,
    ("run", "t.yaml", "--hiccups", "0", "--stall", "120", "--name", "a"): 0,
    ("run", "t.yaml", "--hiccups", "0", "--stall", "120", "--name", "b", "--json", "--set", "handlers.tell.with.fail=true"): 70,
    ("run", "t.yaml", "--hiccups", "0", "--stall", "120", "--name", "c", "--set", "handlers.tell.with.fail=true"): 70,
    ("run", "t.yaml", "--set", "handlers.tell.with.refuse=true"): 78,
    ("run", "t.yaml", "--set", "handlers.tell.with.count=${secret:KEY}"): 2,
    ("stat", "b"): 0, ("stat", "b", "--json", "--all"): 0,
}
TOPOLOGY = """\
version: 1
include: base.yaml
handlers:
  - {name: tell, use: "./tell.py:tell", with: {key: "Bearer ${secret:KEY}", note: "${file:note.txt}"}}
"""
BASE = "sources: [{use: simulator, with: {frames: 40}}]\nhandlers: [{use: deserialize.binance}, {use: journal}]\n"
HANDLER = """
import sys
import attrs
from disruptor import handler

SEEN = []

@attrs.frozen(kw_only=True)
class Tell:
    key: str = ""
    note: str = ""
    count: int = 0
    fail: bool = False
    refuse: bool = False

    def __attrs_post_init__(self):
        SEEN[:] = [self]
        if self.refuse:
            raise ValueError(f"key {self.key!r} is refused")

@handler(params=Tell, jit=False)
def tell(batch, first_sequence):
    print("printed", SEEN, flush=True)
    print("noted", SEEN, file=sys.stderr)
    if SEEN[0].fail:
        raise ValueError(f"failed with {SEEN[0].key}")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("secrets")
    for name, content in {"t.yaml": TOPOLOGY, "base.yaml": BASE, "tell.py": HANDLER, "note.txt": "a note\n"}.items():
        (folder / name).write_text(content)
    (folder / "run").mkdir(mode=0o700)
    return folder


@pytest.fixture(scope="module")
def vault(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vault")
    (folder / "KEY").write_text(SECRET + "\n", encoding="utf-8")
    (folder / "KEY").chmod(0o600)
    return folder


def hfx(folder: Path, vault: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "hydraflow_x_entry", *arguments], cwd=folder, capture_output=True, check=False, timeout=500,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder / "state"), "XDG_RUNTIME_DIR": str(folder / "run"),
             "HYDRAFLOW_SECRETS": str(vault), "NUMBA_DISABLE_JIT": "1", "COLUMNS": "80", **more},
    )


def tell_tales(data: bytes) -> bool:
    """Whether the secret, or the part of it that no quoting changes, is there."""
    return b"zq-0815" in data


def test_no_output_and_no_file_holds_the_secret(folder, vault):
    seen = b""
    for arguments, code in COMMANDS.items():
        ran = hfx(folder, vault, *arguments)
        assert ran.returncode == code, (arguments, ran.stdout[-2000:], ran.stderr[-3000:])
        assert b"Traceback" not in ran.stderr
        assert not tell_tales(ran.stdout + ran.stderr), arguments
        seen += ran.stdout + ran.stderr
    assert b"failed with Bearer ***" in seen
    assert b"noted [Tell(key='Bearer ***', note='a note'" in seen
    assert b"is refused" in seen
    traced = hfx(folder, vault, "run", "t.yaml", "--hiccups", "0", "--stall", "120", "--name", "d", HYDRAFLOW_TRACEBACK="1")
    assert b"printed [Tell(key='Bearer ***'" in traced.stderr
    assert not tell_tales(traced.stdout + traced.stderr)
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert {path.suffix for path in files} >= {".cnc", ".hfj"}
    assert [path for path in files if tell_tales(path.read_bytes())] == []


def test_a_replay_takes_the_secret_from_its_own_folder_and_the_rest_from_the_journal(folder, vault, tmp_path):
    assert hfx(folder, vault, "run", "t.yaml", "--hiccups", "0", "--stall", "120", "--journal", str(tmp_path), "--set", "sources.0.with.frames=7").returncode == 0
    (journal,) = tmp_path.glob("t-*")
    content = (journal / "000000.hfj").read_bytes()
    assert b'"set": ["sources.0.with.frames=7"]' in content
    for name in ("base.yaml", "note.txt", "t.yaml"):
        (folder / name).rename(folder / f"{name}.away")
    try:
        again = hfx(folder, vault, "replay", str(journal), "--quiet", "--json")
        assert again.returncode == 0, again.stderr
        assert b'"messages": 7' in again.stdout
        lost = hfx(folder, tmp_path, "replay", str(journal), "--quiet")
        assert lost.returncode == 78
        assert b"error[HF015]: secret KEY: cannot read" in lost.stderr
    finally:
        for name in ("base.yaml", "note.txt", "t.yaml"):
            (folder / f"{name}.away").rename(folder / name)
