"""What lies about: real engine files of processes that live and that are gone, journals that are held, folders of every age."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import tempfile
import time

import pytest

from disruptor import shared
from disruptor.counters import CounterFile
from disruptor.shared.format import HEADER
from hydraflow.errors import UsageError
from hydraflow.leftovers import AGES, KINDS, age_of, remove, survey

DAY = 86_400


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Folders of engine files, code, scratch and journals, all below tmp_path."""
    (tmp_path / "hydraflow").mkdir(mode=0o700)
    for variable in ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path


def aged(path, days, content=b"x" * 5000):
    """Make a file, or a folder with one when the name ends in /, that was last used so many days ago."""
    folder = str(path).endswith("/") or path.suffix == ""
    if folder:
        path.mkdir(parents=True)
        (path / "000000.hfj").write_bytes(content)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    then = time.time() - days * DAY
    for one in ([path / "000000.hfj"] if folder else []) + [path]:
        os.utime(one, (then, then))
    return path


def dead_engine(folder, name, code="finish(0)"):
    """Let another process make an engine file and go."""
    script = f"from disruptor.counters import CounterFile as C; f = C.create({str(folder / f'{name}.cnc')!r}, name={name!r}, cells=['a']); f.{code}"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
    return folder / f"{name}.cnc"


def names(items, kept=False):
    return sorted(item.path.name for item in items if bool(item.kept) == kept)


def test_files_of_dead_engines_go_and_those_of_live_ones_stay(places):
    folder = places / "hydraflow"
    dead_engine(folder, "ended")
    dead_engine(folder, "died", "close()")
    alive = CounterFile.create(folder / "alive.cnc", name="alive", cells=["a"])
    for name in ("ended.control.sock", "alive.control.sock", "alive.notes"):
        aged(folder / name, 9)
    aged(folder / "nobodys.ring", 9)
    (folder / "fresh.ring").touch()
    (folder / "starting.cnc").touch()
    (folder / "other.cnc").write_bytes(b"disruptor-cnc\0\0\0" + (99).to_bytes(8, "little") + bytes(2000))

    items = survey(["engines"])
    assert names(items) == ["died.cnc", "ended.cnc", "ended.control.sock", "nobodys.ring", "starting.cnc"]
    assert names(items, kept=True) == ["alive.cnc", "alive.control.sock", "alive.notes", "fresh.ring", "other.cnc"]
    said = {item.path.name: item.kept or item.why for item in items}
    assert said["alive.cnc"] == said["alive.notes"] == f"runs (pid {os.getpid()})"
    assert (said["ended.cnc"], said["died.cnc"]) == ("ended, exit code 0", "died")
    assert said["ended.control.sock"] == "of ended.cnc: ended, exit code 0" and said["nobodys.ring"] == "of no engine"
    assert said["other.cnc"] == "of another version or program" and said["fresh.ring"] == "its engine may be starting"

    for item in items:
        if not item.kept:
            assert remove(item) == "" and not item.path.exists()
    assert sorted(p.name for p in folder.iterdir()) == ["alive.cnc", "alive.control.sock", "alive.notes", "fresh.ring", "other.cnc"]
    alive.close(unlink=True)


def test_rings_of_dead_owners_go_and_those_of_live_ones_and_of_other_containers_stay(places):
    folder = places / "hydraflow"
    fields = [("price", "f8")]
    script = (
        "import os; from disruptor import shared; "
        "[shared.create(name, [('price', 'f8')], slots=64) for name in ('dead', 'away', 'read')]; os._exit(0)"
    )
    with shared.create("read-later", fields, slots=64) as mine:
        subprocess.run([sys.executable, "-c", script], check=True, timeout=300)
        away = HEADER.fields["pid_space"][1]
        with open(folder / "away.ring", "r+b") as file:
            file.seek(away)
            file.write((1).to_bytes(8, "little"))
        for name in ("away", "read-later"):
            os.utime(folder / f"{name}.ring", (1, 1))  # of no age that would keep it
        reader = subprocess.Popen(
            [sys.executable, "-c", f"import mmap, sys; f = open({str(folder / 'read.ring')!r}); m = mmap.mmap(f.fileno(), 4096, prot=1);"
                                   " f.close(); print(flush=True); sys.stdin.read()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        reader.stdout.readline()
        items = survey(["engines"])
        assert names(items) == ["dead.ring"]
        said = {item.path.name: item.kept or item.why for item in items}
        assert said["dead.ring"].startswith("left by process ") and said["dead.ring"].endswith(", which is dead")
        assert said["read-later.ring"] == f"runs (pid {os.getpid()})"
        assert said["away.ring"] == "of another pid namespace" and said["read.ring"] == "a process has it open"
        dead = next(item for item in items if item.path.name == "dead.ring")
        with shared.create("dead", fields, slots=64):  # the next owner came between the look and the removal
            assert remove(dead) == f"runs (pid {os.getpid()})"
            assert dead.path.exists()
        reader.communicate("")
        items = survey(["engines"])
        assert names(items) == ["read.ring"]
        assert remove(items[[item.path.name for item in items].index("read.ring")]) == ""
        mine.publish(price=1.0)
    assert sorted(path.name for path in folder.iterdir()) == ["away.ring"]


def test_an_engine_of_a_name_with_dots_keeps_what_is_its_own(places):
    folder = places / "hydraflow"
    dead_engine(folder, "demo")
    alive = CounterFile.create(folder / "demo.replay.cnc", name="demo.replay", cells=["a"])
    aged(folder / "demo.replay.sock", 9)
    assert names(survey(["engines"])) == ["demo.cnc"]
    alive.close(unlink=True)


def test_an_engine_that_starts_between_looking_and_removing_is_left_alone(places):
    path = dead_engine(places / "hydraflow", "demo")
    [item] = survey(["engines"])
    successor = CounterFile.create(path, name="demo", cells=["a"])
    assert remove(item) == f"runs (pid {os.getpid()})" and path.exists()
    successor.close(unlink=True)


def test_what_a_process_has_open_or_mapped_stays(places):
    path = dead_engine(places / "hydraflow", "watched")
    reader = ("import sys; from disruptor.counters import CounterReader; r = CounterReader(sys.argv[1]); print(1, flush=True); sys.stdin.read()")
    with subprocess.Popen([sys.executable, "-c", reader, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"1\n"
        [item] = survey(["engines"])
        assert item.kept == "a process has it open"
        process.stdin.close()
        process.wait(timeout=60)
    assert names(survey(["engines"])) == ["watched.cnc"]


def test_code_that_nobody_used_for_a_month_goes(places):
    root = places / "hydraflow-x"
    for kind in ("functions", "loops", "parts"):
        aged(root / kind / "old", 31)
        aged(root / kind / "young", 29)
    items = survey(["caches"])
    assert [i.path.name for i in items] == ["old"] * 3 + ["young"] * 3
    assert names(items) == ["old"] * 3 and all(i.kept == "younger than 30 days" and i.young for i in items[3:])
    assert items[0].bytes >= 8192 and items[0].why == "not used for 31 days"
    assert names(survey(["caches"], older_than=DAY)) == ["old"] * 3 + ["young"] * 3
    remove(items[0])
    assert not items[0].path.exists() and items[1].path.exists()


def test_code_that_an_engine_may_have_loaded_stays(places):
    used = aged(places / "hydraflow-x/loops/used", 0)
    assert names(survey(["caches"], older_than=0)) == ["used"]
    alive = CounterFile.create(places / "hydraflow/alive.cnc", name="alive", cells=["a"])
    [item] = survey(["caches"], older_than=0)
    assert item.kept == "an engine that runs may have loaded it" and used.exists()
    alive.close(unlink=True)


def test_journals_go_by_age_and_never_while_they_are_held(places):
    root = places / "hydraflow-x/journals"
    for name, days in (("old", 40), ("held", 41), ("young", 2)):
        aged(root / name, days)
    (root / "no-journal").mkdir()
    fd = os.open(root / "held", os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(fd, fcntl.LOCK_SH)
    try:
        items = survey(["runs"])
        assert [(i.path.name, bool(i.kept)) for i in items] == [("held", False), ("old", False), ("young", True)]
        assert [remove(i) for i in items[:2]] == ["somebody writes or reads it", ""]
    finally:
        os.close(fd)
    assert sorted(p.name for p in root.iterdir()) == ["held", "no-journal", "young"]


def test_scratch_of_killed_replays_and_tests_goes_after_a_day(places):
    for name, days in (("hfx-replay-abc", 2), ("hfx-test-abc", 0), ("somebody-elses", 9)):
        aged(places / "tmp" / name, days)
    assert [(i.path.name, bool(i.kept)) for i in survey(["scratch"])] == [("hfx-replay-abc", False), ("hfx-test-abc", True)]


def test_a_link_is_removed_and_not_what_it_leads_to(places):
    target = aged(places / "target", 99)
    (places / "hydraflow-x/loops").mkdir(parents=True)
    (places / "hydraflow-x/loops/link").symlink_to(target)
    (places / "hydraflow/link.ring").symlink_to(target / "000000.hfj")
    os.utime(places / "hydraflow/link.ring", (1, 1), follow_symlinks=False)
    items = survey(KINDS)
    assert names(items) == ["link.ring"]
    remove(items[0])
    assert (target / "000000.hfj").exists()


def test_a_socket_that_nobody_listens_to_goes(places):
    folder = places / "hydraflow"
    with socket.socket(socket.AF_UNIX) as own:
        own.bind(str(folder / "gone.sock"))
    os.utime(folder / "gone.sock", (1, 1))
    [item] = survey(["engines"])
    assert remove(item) == "" and list(folder.iterdir()) == []


def test_where_nothing_is_there_is_nothing(places, monkeypatch):
    (places / "hydraflow").rmdir()
    assert survey(KINDS) == []
    for variable in ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    assert survey(KINDS) == [] and set(AGES) == set(KINDS)


def test_a_folder_of_engine_files_that_is_open_to_others_is_not_touched(places):
    dead_engine(places / "hydraflow", "demo")
    (places / "hydraflow").chmod(0o777)
    assert survey(["engines"]) == []


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("12h", 43_200), ("30d", 30 * DAY), ("4w", 28 * DAY), ("0.5d", DAY / 2), ("0s", 0)])
def test_an_age_is_a_number_and_a_unit(text, seconds):
    assert age_of(text) == seconds


@pytest.mark.parametrize("text", ["", "d", "3", "3x", "-1d", "nand", "infd", "1 month"])
def test_what_is_no_age_is_refused(text):
    with pytest.raises(UsageError, match=r"HF661: --older-than: '.*' is no age; write 90s, 15m, 12h, 30d or 4w"):
        age_of(text)
