"""Disks that are full or refuse: exit codes 73 and 74, one sentence, what was written before is intact, nothing half-written."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from hydraflow.journal.folder import hold, prune_journals
from hydraflow.journal.reader import JournalReader
from tests.reference.squeezed import small_disk
from tests.system.conftest import ROOT, Hfx
from tests.system.test_machine import RUN, one_sentence, start

HFX = shlex.join([sys.executable, "-m", "hydraflow_x_entry"])


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    folder = tmp_path / "disk"
    folder.mkdir()
    return folder


def on_disk(hfx: Hfx, disk: Path, size: str, script: str, **environment: str) -> subprocess.CompletedProcess:
    """Run a script (sh) with a small file system at `disk`; $HFX is the command, `left` lists what lies there."""
    command = small_disk(disk, size, f"HFX={shlex.quote(HFX)}; left() {{ find . | sort; }}; {script}")
    if command is None:
        pytest.skip("no file system can be mounted here, as root or in a user namespace")
    return subprocess.run(
        command, cwd=hfx.folder, capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(hfx.folder / "state"),
             "XDG_RUNTIME_DIR": str(hfx.folder / "run"), **environment},
    )


def listed(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


@pytest.mark.parametrize("free", ["64k", "256k"])
def test_full_shared_memory_is_one_sentence_and_leaves_nothing(hfx: Hfx, disk: Path, free: str) -> None:
    script = f'cd {disk}; $HFX {shlex.join(RUN)} --no-journal; echo "code $?"; left; $HFX doctor --json > {disk}.json'
    ran = on_disk(hfx, disk, free, script, XDG_RUNTIME_DIR=str(disk), HYDRAFLOW_FRAMES="100")
    assert listed(ran.stdout) == ["code 74", ".", "./hydraflow"], ran.stderr
    (said,) = ran.stderr.splitlines()
    assert "cannot reserve" in said and "No space left" in said and "XDG_RUNTIME_DIR" in said
    found = {f["name"]: f for f in json.loads(disk.with_suffix(".json").read_text())["findings"]}["shared memory"]
    assert found["status"] == "fail" and "size=256m" in found["fix"]


def test_no_room_for_the_journals_first_segment(hfx: Hfx, disk: Path) -> None:
    ran = on_disk(hfx, disk, "1m", f'cd {disk}; $HFX {shlex.join(RUN)} --journal .; echo "code $?"; left', HYDRAFLOW_FRAMES="100")
    assert listed(ran.stdout) == ["code 74", "."], ran.stderr
    (said,) = ran.stderr.splitlines()
    assert "67,108,864 bytes: No space left" in said and "make room" in said and "--no-journal" in said


def test_disk_that_fills_up_under_the_journal_ends_the_run(hfx: Hfx, disk: Path) -> None:
    """One segment fits; the run is reported, and its journal replays up to the last whole record."""
    script = (f"cd {disk}; $HFX {shlex.join(RUN)} --name full --journal . > {disk}.run; echo code $?;"
              f" $HFX replay full-* --json --quiet > {disk}.replay; echo code $?; find . -type f | wc -l")
    ran = on_disk(hfx, disk, "70m", script, HYDRAFLOW_FRAMES="600000")
    assert listed(ran.stdout) == ["code 74", "code 0", "1"], ran.stderr
    (said,) = [line for line in ran.stderr.splitlines() if "no end record" not in line]  # that one is the replay's
    assert said.startswith("hfx: failed: ") and "No space left on device" in said
    result = json.loads(disk.with_suffix(".run").read_text())
    assert result["status"] == "failed" and result["error"]["kind"] == "journal"
    assert "No space left on device" in result["error"]["text"] and "make room" in result["error"]["text"]
    journal = result["journal"]
    assert not journal["verified"] and "No space left" in journal["error"] and 0 < journal["messages"] < 600_000
    replayed = json.loads(disk.with_suffix(".replay").read_text())
    assert replayed["messages"] == journal["messages"] and replayed["replay"]["differences"] == 0


def test_run_goes_on_without_its_journal_when_the_file_says_so(hfx: Hfx, disk: Path) -> None:
    """It ends in the state of a run without faults, with exit code 74: the journal that was asked for is not whole."""
    tree = json.loads(Path(hfx.topology(stages={"simulator": {"frames": 600_000}})).read_text())
    next(h for h in tree["handlers"] if h["name"] == "journal")["on_error"] = "continue"
    path = hfx.folder / "goes-on.yaml"
    path.write_text(json.dumps(tree))
    choices = shlex.join(["run", str(path), *RUN[2:]])
    whole = hfx.command("run", str(path), "--quiet", "--hiccups", "0", "--name", "whole")
    script = f"cd {disk}; $HFX {choices} --name goes-on --journal . > {disk}.run; echo code $?; find . -type f | wc -l"
    ran = on_disk(hfx, disk, "70m", script)
    assert listed(ran.stdout) == ["code 74", "1"], ran.stderr
    result = json.loads(disk.with_suffix(".run").read_text())
    assert result["frames"] == 600_000 and result["state_hash"] == whole["state_hash"]
    assert result["error"]["kind"] == "journal" and "No space left" in result["error"]["text"]
    journal = result["journal"]
    assert not journal["verified"] and journal["messages"] + journal["dropped"] == result["messages"]
    assert whole["journal"]["dropped"] == 0 and whole["journal"]["verified"]


def test_only_the_journal_may_choose_what_a_fault_does(hfx: Hfx) -> None:
    tree = json.loads(Path(hfx.topology()).read_text())
    next(h for h in tree["handlers"] if h["name"] == "book")["on_error"] = "continue"
    path = hfx.folder / "book-goes-on.yaml"
    path.write_text(json.dumps(tree))
    assert "HF117" in hfx.start("check", str(path), code=78).stderr


def test_file_size_limit_is_a_full_disk(hfx: Hfx, tmp_path: Path) -> None:
    """`ulimit -f`, which needs no privilege. Engine file and cache fit into it, a segment does not."""
    ran = start(hfx, *RUN, "--journal", str(tmp_path / "journals"), squeeze={"fsize": 32 << 20})
    said = one_sentence(ran, 74)
    assert "File too large" in said and "--journal" in said
    assert not list((tmp_path / "journals").glob("*"))


@pytest.mark.parametrize("parent", ["a-file", "a-file/below", "/proc/nowhere"])
def test_journal_folder_that_cannot_be_made(hfx: Hfx, tmp_path: Path, parent: str) -> None:
    (tmp_path / "a-file").write_text("")
    before = set((hfx.folder / "run").rglob("*"))
    said = one_sentence(start(hfx, *RUN, "--name", "refused", "--journal", parent, folder=tmp_path), 73)
    assert "cannot create the folder" in said and "--journal FOLDER" in said and "--no-journal" in said
    assert set((hfx.folder / "run").rglob("*")) == before


@pytest.mark.parametrize("size", ["100k", "200k"])
def test_record_onto_a_full_disk_leaves_no_file(hfx: Hfx, disk: Path, size: str) -> None:
    """At the end of the run, when buffers are written out, and in its middle: never one stream without the others."""
    streams = ",".join(f"{name}={name}.jsonl" for name in ("book", "orders", "fills"))
    frames = {"100k": "20000", "200k": "5000"}[size]
    hfx.start("simulate", "--frames", frames, "-o", f"{disk}.gz")
    command = shlex.join(["run", "capture", *RUN[2:], "--journal", f"{disk}.journal", "--record", streams])
    ran = on_disk(hfx, disk, size, f"cd {disk}; $HFX {command} > {disk}.run; echo code $?; left", HYDRAFLOW_CAPTURE=f"{disk}.gz")
    assert listed(ran.stdout) == ["code 74", "."], ran.stderr
    result = json.loads(disk.with_suffix(".run").read_text())
    assert result["error"]["kind"] == "recording" and "No space left" in result["error"]["text"]
    assert result["recorded"] == {} and "Traceback" not in ran.stderr


def test_record_file_that_cannot_be_made_leaves_no_other(hfx: Hfx, tmp_path: Path) -> None:
    streams = f"orders={tmp_path}/orders.jsonl,book={tmp_path}/none/book.jsonl"
    said = one_sentence(start(hfx, *RUN, "--no-journal", "--record", streams), 73)
    assert "cannot write the record of book" in said and "folder that exists" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("what", ["missing", "a folder"])
def test_capture_that_cannot_be_read(hfx: Hfx, tmp_path: Path, what: str) -> None:
    path = tmp_path / "capture.gz"
    if what == "a folder":
        path.mkdir()
    before = set((hfx.folder / "run").rglob("*"))
    said = one_sentence(start(hfx, "run", "capture", *RUN[2:], HYDRAFLOW_CAPTURE=str(path)), 66)
    assert "capture.gz" in said
    assert set((hfx.folder / "run").rglob("*")) == before


def test_secrets_stay_out_of_the_journal(hfx: Hfx, tmp_path: Path) -> None:
    """What the topology reads from variables named like secrets; the others are kept, so that a replay needs no variable."""
    text = (ROOT / "config/demo.yaml").read_text().replace("frames: ${HYDRAFLOW_FRAMES:-1_000_000}", "frames: ${FLOW_KEY}")
    path = tmp_path / "demo.yaml"
    path.write_text(text)
    ran = start(hfx, "run", str(path), *RUN[2:], "--journal", str(tmp_path / "j"), FLOW_KEY="4321", HYDRAFLOW_SEED="11")
    journal = Path(json.loads(ran.stdout)["journal"]["path"])
    header = JournalReader(journal).header
    assert header["environment"] == {"HYDRAFLOW_SEED": "11"}
    assert "4321" not in json.dumps({k: header[k] for k in ("environment", "handlers", "topology")})
    said = start(hfx, "replay", str(journal), "--quiet")
    assert said.returncode == 78 and "FLOW_KEY" in said.stderr
    again = start(hfx, "replay", str(journal), "--json", "--quiet", FLOW_KEY="4321")
    assert again.returncode == 0 and json.loads(again.stdout)["state_hash"] == json.loads(ran.stdout)["state_hash"]


def test_pruning_keeps_the_newest_the_held_and_other_names(tmp_path: Path) -> None:
    names = [f"a.b-20260101T00000{k}-{k}" for k in range(6)] + ["axb-20260101T000000-1", "a.b-x-20260101T000000-1", "a.b-notes"]
    for age, name in enumerate(names):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (age, age))
    held = hold(tmp_path / names[1])
    try:
        prune_journals(tmp_path, "a.b", 3)
    finally:
        os.close(held)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([names[1], *names[3:]])
