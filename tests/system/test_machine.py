"""Machines that offer less than one would like: the run goes on and ends in the usual state, or one sentence says what to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.conftest import ROOT, Hfx

FRAMES = {"HYDRAFLOW_FRAMES": "5000"}
SQUEEZED = [sys.executable, str(ROOT / "tests/reference/squeezed.py")]
HFX = [sys.executable, "-m", "hydraflow_x_entry"]
RUN = ("run", "demo", "--json", "--quiet", "--hiccups", "0", "--stall", "60")


@pytest.fixture(scope="module")
def usual(hfx: Hfx) -> dict:
    return hfx.command(*RUN[:2], "--quiet", "--hiccups", "0", "--stall", "60", "--name", "usual", **FRAMES)


def start(
    hfx: Hfx, *command: str, squeeze: dict | None = None, before: tuple[str, ...] = (), without: tuple[str, ...] = (),
    folder: Path | None = None, **environment: str,
) -> subprocess.CompletedProcess:
    """Run hfx on a lesser machine. without : variables taken out; before : a command that runs the rest."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(hfx.folder / "state"),
                 "XDG_RUNTIME_DIR": str(hfx.folder / "run"), **FRAMES, **environment}
    return subprocess.run(
        [*before, *SQUEEZED, json.dumps(squeeze or {}), *HFX, *command], cwd=folder or hfx.folder, capture_output=True,
        text=True, check=False, timeout=300, env={k: v for k, v in variables.items() if k not in without},
    )


def ended_as_usual(ran: subprocess.CompletedProcess, usual: dict) -> dict:
    assert ran.returncode == 0, ran.stderr + ran.stdout[-1000:]
    result = json.loads(ran.stdout)
    assert result["status"] == "completed"
    assert result["state_hash"] == usual["state_hash"]
    assert result["journal"] is None or result["journal"]["verified"]
    return result


def findings(ran: subprocess.CompletedProcess) -> dict[str, dict]:
    return {f["name"]: f for f in json.loads(ran.stdout)["findings"]}


def one_sentence(ran: subprocess.CompletedProcess, code: int) -> str:
    """Return the only line that a refused command prints."""
    assert ran.returncode == code, f"{ran.returncode}: {ran.stderr}{ran.stdout[-1000:]}"
    assert "Traceback" not in ran.stderr and not ran.stdout
    lines = ran.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("hfx: "), ran.stderr
    return lines[0]


def test_one_core_yields_and_ends_in_the_same_state(hfx: Hfx, usual: dict) -> None:
    cpu = min(os.sched_getaffinity(0))
    result = ended_as_usual(start(hfx, *RUN, "--name", "one-core", squeeze={"cpus": [cpu]}), usual)
    loops = [t for t in result["placement"] if t["stages"]]
    assert [t["wait"] for t in loops] == ["yielding"]
    assert any("one thread" in reason for reason in result["placement_reasons"])
    cores = findings(start(hfx, "doctor", "--json", squeeze={"cpus": [cpu]}))["cores"]
    assert cores["status"] == "warn" and "two cores" in cores["fix"]


def test_no_memory_may_be_locked(hfx: Hfx, usual: dict) -> None:
    result = ended_as_usual(start(hfx, *RUN, "--name", "unlocked", squeeze={"memlock": 0}), usual)
    assert result["memory_locked"] is may_lock_without_limit()
    locking = findings(start(hfx, "doctor", "--json", squeeze={"memlock": 0}))["memory lock"]
    assert locking["status"] == "warn" and "ulimit -l" in locking["fix"]


def may_lock_without_limit() -> bool:
    """Return whether this process has CAP_IPC_LOCK."""
    effective = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff"))
    return bool(int(effective.split()[1], 16) >> 14 & 1)


def test_quota_of_half_a_core_is_seen_and_yields(hfx: Hfx, usual: dict) -> None:
    """In a cgroup of its own, of version 2 or 1."""
    with_quota = quota_group(50_000)
    if with_quota is None:
        pytest.skip("no cgroup with a cpu controller can be made here")
    group, tasks = with_quota
    try:
        join = ("sh", "-c", f'echo $$ > "{tasks}" && exec "$@"', "sh")
        cores = findings(start(hfx, "doctor", "--json", before=join))["cores"]
        assert "quota 0.5" in cores["text"] and cores["status"] == "warn" and cores["fix"]
        result = ended_as_usual(start(hfx, *RUN, "--name", "quota", before=join), usual)
        assert {t["wait"] for t in result["placement"] if t["stages"]} == {"yielding"}
    finally:
        group.rmdir()


def quota_group(microseconds: int) -> tuple[Path, Path] | None:
    """Make a cgroup that grants so much of each 100 ms; return its folder and the file that takes processes."""
    for mount, file, text in ((Path("/sys/fs/cgroup/cpu"), "cpu.cfs_quota_us", f"{microseconds}"),
                              (Path("/sys/fs/cgroup"), "cpu.max", f"{microseconds} 100000")):
        group = mount / f"hydraflow-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / file).write_text(text)
            return group, group / "cgroup.procs"
        except OSError:
            group.rmdir()
    return None


def other_user() -> tuple[str, ...]:
    """Return a command that runs the rest as somebody who is not root; files of ours are theirs."""
    if os.geteuid() != 0:
        return ()
    begin = ("unshare", "-U", "--map-user=1000", "--map-group=1000")
    if shutil.which("unshare") is None or subprocess.run([*begin, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespace can be made here")
    return begin


def test_somebody_who_is_not_root_runs_it(hfx: Hfx, usual: dict) -> None:
    ended_as_usual(start(hfx, *RUN, "--name", "plain-user", before=other_user()), usual)


def test_runtime_folder_of_somebody_else_is_refused(hfx: Hfx, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a folder that belongs to somebody else")
    (tmp_path / "hydraflow").mkdir(mode=0o700)
    os.chown(tmp_path / "hydraflow", 65534, 65534)
    said = one_sentence(start(hfx, *RUN, "--no-journal", XDG_RUNTIME_DIR=str(tmp_path)), 73)
    assert "belongs to user 65534, not to you" in said and "XDG_RUNTIME_DIR" in said


def test_runtime_folder_open_to_others_is_refused(hfx: Hfx, tmp_path: Path) -> None:
    (tmp_path / "hydraflow").mkdir()
    (tmp_path / "hydraflow").chmod(0o777)
    said = one_sentence(start(hfx, *RUN, "--no-journal", XDG_RUNTIME_DIR=str(tmp_path)), 73)
    assert "open to other users" in said and "chmod 700" in said


def test_runtime_folder_that_is_missing_is_refused(hfx: Hfx, tmp_path: Path) -> None:
    said = one_sentence(start(hfx, *RUN, "--no-journal", XDG_RUNTIME_DIR=str(tmp_path / "gone")), 73)
    assert "cannot create" in said and "XDG_RUNTIME_DIR" in said
    shm = findings(start(hfx, "doctor", "--json", XDG_RUNTIME_DIR=str(tmp_path / "gone")))["shared memory"]
    assert shm["status"] == "fail" and shm["fix"]


def test_home_unset_with_the_folders_named_runs(hfx: Hfx, usual: dict) -> None:
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    ended_as_usual(start(hfx, *RUN, "--name", "homeless", without=("HOME",), XDG_CACHE_HOME=cache), usual)


def test_home_unset_without_a_folder_for_journals_is_refused(hfx: Hfx) -> None:
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    said = one_sentence(start(hfx, *RUN, without=("HOME", "XDG_STATE_HOME"), XDG_CACHE_HOME=cache), 73)
    assert "HOME and XDG_STATE_HOME are unset" in said and "--journal" in said
    found = findings(start(hfx, "doctor", "--json", without=("HOME", "XDG_CACHE_HOME")))["code cache"]
    assert found["status"] == "warn" and "XDG_CACHE_HOME" in found["fix"]


def test_home_unset_says_in_one_line_that_nothing_is_cached(hfx: Hfx) -> None:
    ran = start(hfx, *RUN, "--name", "uncached", "--no-journal", without=("HOME", "XDG_CACHE_HOME"), NUMBA_DISABLE_JIT="1",
                HYDRAFLOW_FRAMES="50")
    assert ran.returncode == 0 and "Traceback" not in ran.stderr
    assert len(ran.stderr.splitlines()) <= 1


@pytest.mark.parametrize("files", [8, 12])
def test_too_few_open_files_are_one_sentence(hfx: Hfx, files: int) -> None:
    """Whoever it is that meets the limit: the command, or the engine in the middle of making its journal."""
    said = one_sentence(start(hfx, *RUN, "--name", "files", squeeze={"files": files}), 74)
    assert said == f"hfx: too many open files (limit: {files}, `ulimit -n`); raise it: ulimit -n 256"


def test_paths_with_blanks(hfx: Hfx, usual: dict, tmp_path: Path) -> None:
    place = tmp_path / "a folder, with 'blanks' and ümlauts"
    for name in ("run", "state"):
        (place / name).mkdir(parents=True, mode=0o700)
    topology = place / "my demo.yaml"
    shutil.copy(ROOT / "config/demo.yaml", topology)
    variables = {"XDG_RUNTIME_DIR": str(place / "run"), "XDG_STATE_HOME": str(place / "state")}
    journals = place / "the journals"
    ran = start(hfx, "run", str(topology), *RUN[2:], "--journal", str(journals), folder=place, **variables)
    result = ended_as_usual(ran, usual)
    replayed = start(hfx, "replay", result["journal"]["path"], "--json", "--quiet", folder=place, **variables)
    assert json.loads(replayed.stdout)["state_hash"] == usual["state_hash"]


def test_nothing_is_written_into_the_working_folder_or_the_checkout(hfx: Hfx, usual: dict, tmp_path: Path) -> None:
    """So a read-only checkout is as good as any; where a mount namespace is permitted it is one."""
    before = tmp_path.stat().st_mtime_ns
    read_only = (
        "unshare", "-m", "sh", "-c", f"mount --bind '{ROOT}' '{ROOT}' && mount -o remount,bind,ro '{ROOT}' && exec \"$@\"", "sh",
    )
    try:
        permitted = subprocess.run([*read_only, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        permitted = False
    ran = start(hfx, *RUN, "--name", "read-only", before=read_only if permitted else (), folder=tmp_path)
    ended_as_usual(ran, usual)
    assert not list(tmp_path.iterdir()) and tmp_path.stat().st_mtime_ns == before


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hydraflow-x"


def instead_of_the_cache(copy: Path) -> tuple[str, ...]:
    """Return a command that runs the rest with a copy of the cache in its place: machine code is named by its path."""
    for options in ("-m", "-Urm"):
        begin = ("unshare", options, "sh", "-c", 'mount --bind "$1" "$2" && shift 2 && exec "$@"', "sh", str(copy),
                 str(cache_folder()))
        try:
            if subprocess.run([*begin, "true"], capture_output=True, check=False).returncode == 0:
                return begin
        except OSError:
            break
    pytest.skip("nothing can be mounted here, as root or in a user namespace")


@pytest.mark.parametrize("damage", ["half", "empty", "garbage"])
def test_damaged_cache_is_one_warning_and_a_fresh_compilation(hfx: Hfx, usual: dict, tmp_path: Path, damage: str) -> None:
    """The small loop that folds the state is damaged; it alone is compiled again, and is whole afterwards."""
    copy = tmp_path / "cache"
    shutil.copytree(cache_folder(), copy, ignore=lambda _, names: [n for n in names if n.startswith(".")])
    files = [f for p in copy.glob("loops/*/disruptor_loop_demo_digests.py") for f in p.parent.glob("run-*")]
    assert files
    for file in files:
        data = file.read_bytes()
        changed = {"half": data[: len(data) // 2], "empty": b"", "garbage": data[:-100] + os.urandom(100)}[damage]
        file.write_bytes(changed)
    before = instead_of_the_cache(copy)
    ran = start(hfx, *RUN, "--name", "damaged", before=before)
    ended_as_usual(ran, usual)
    warnings = [line for line in ran.stderr.splitlines() if "is broken" in line]
    assert len(warnings) == 1 and "compiled again" in warnings[0] and "Traceback" not in ran.stderr
    again = start(hfx, *RUN, "--name", "damaged", before=before)
    ended_as_usual(again, usual)
    assert not again.stderr
