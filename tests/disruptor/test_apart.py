"""Work in forked processes: every job once, in order, and a job that fails costs no other."""

import os
import signal
from functools import partial
from pathlib import Path

import pytest

from disruptor import apart


def note_down(folder: Path, name: str) -> None:
    with open(folder / name, "a") as file:
        file.write(f"{os.getpid()} {apart.is_apart()}\n")


def fail() -> None:
    raise RuntimeError("as if it did not compile")


@pytest.mark.parametrize("cores", [1, 2, 64])
def test_every_job_is_done_once_in_processes_of_its_own(tmp_path, monkeypatch, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    jobs = [partial(note_down, tmp_path, f"job{k}") for k in range(40)]
    apart.run_apart([jobs[0], fail, *jobs[1:20], fail, *jobs[20:]])
    lines = [(tmp_path / f"job{k}").read_text().splitlines() for k in range(40)]
    assert all(len(one) == 1 and one[0].endswith("True") for one in lines)
    processes = {one[0].split()[0] for one in lines}
    assert 1 <= len(processes) <= min(cores, 8) == apart.most_processes()
    assert str(os.getpid()) not in processes
    assert not apart.is_apart()


def test_jobs_are_begun_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})

    def write(k: int) -> None:
        with open(tmp_path / "order", "a") as file:
            file.write(f"{k} ")

    apart.run_apart([partial(write, k) for k in range(300)])
    assert (tmp_path / "order").read_text().split() == [str(k) for k in range(300)]
    apart.run_apart([])


def test_a_process_that_is_killed_does_not_keep_the_others_from_their_jobs(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    jobs = [partial(note_down, tmp_path, f"job{k}") for k in range(20)]
    apart.run_apart([lambda: os.kill(os.getpid(), signal.SIGKILL), *jobs])
    assert sum((tmp_path / f"job{k}").exists() for k in range(20)) == 20
