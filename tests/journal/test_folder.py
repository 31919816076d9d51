"""Where journals lie: a folder for each run, clear errors when it cannot be made."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hydraflow.errors import OutputError
from hydraflow.journal import create_journal, journal_root, new_folder, verify

SMALL = {"segment_bytes": 1 << 21, "staging_bytes": 1 << 21}


def test_new_folder_is_named_by_engine_time_and_process() -> None:
    folder = new_folder("/x", "demo", now=0, pid=42)
    assert folder == Path("/x/demo-19700101T000000-42")
    assert new_folder("/x", "a/b c", now=0, pid=1).name == "a_b_c-19700101T000000-1"


def test_two_journals_never_share_a_folder(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("hydraflow.journal.folder.time.time", lambda: 1e9)
    writers = [create_journal(tmp_path / "with blanks", "demo", b"{}", **SMALL) for _ in range(3)]
    names = [w.folder.name for w in writers]
    base = f"demo-20010909T014640-{os.getpid()}"
    assert names == [base, f"{base}-2", f"{base}-3"]
    for writer in writers:
        writer.close()
        assert verify(writer.folder).verified


def test_create_refuses_a_read_only_folder(tmp_path: Path, monkeypatch) -> None:
    real = os.mkdir

    def refuse(path, *rest, **named):
        if str(path).startswith(str(tmp_path)):
            raise OSError(errno.EROFS, "Read-only file system", path)
        return real(path, *rest, **named)

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(OutputError, match=r"journal: cannot create the folder .*: Read-only file system; choose a folder on") as caught:
        create_journal(tmp_path, "demo", b"{}", **SMALL)
    assert caught.value.exit_code == 73


def test_journal_root_follows_xdg(monkeypatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert journal_root() == Path("/state/hydraflow-x/journals")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/x")
    assert journal_root() == Path("/home/x/.local/state/hydraflow-x/journals")
    monkeypatch.delenv("HOME")
    with pytest.raises(OutputError, match="HOME and XDG_STATE_HOME are unset; set one, or name a folder"):
        journal_root()
