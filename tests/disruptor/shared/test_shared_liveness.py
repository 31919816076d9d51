"""Processes that are killed, stopped, forked or replaced: nobody waits for the dead, and nothing of the living is lost."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from disruptor import OwnerGone, SharedRingError, shared
from disruptor.shared.deaths import Deaths
from disruptor.shared.identity import condition, is_alive, me, pid_of
from tests.reference.shared_guests import FIELDS
from tests.reference.shared_processes import Guest, await_
from tools.verify_processes import stop, verify


@pytest.fixture
def start():
    """Start guests; end them when the test is over."""
    guests = []

    def begin(role, name, folder, *arguments):
        guests.append(Guest(role, name, folder, *arguments))
        return guests[-1]

    yield begin
    for guest in guests:
        guest.end()


def test_a_killed_consumer_holds_nobody_back(start, tmp_path):
    with shared.create("ticks", FIELDS, slots=64, folder=tmp_path) as ring:
        guest = start("compiled", "ticks", tmp_path)
        guest.hear()
        guest.process.send_signal(signal.SIGSTOP)
        ring.publish(number=np.arange(64), twice=0, whose=0)
        guest.process.kill()  # nobody reaps it yet: a zombie is dead
        ring.publish(number=np.arange(64), twice=0, whose=0)
        await_(lambda: not ring.clients())  # it may have read the first ones before it stopped: then there was room already
        assert [(c.pid, c.condition) for c in ring.departed] == [(guest.pid, "dead")]


def test_a_stopped_consumer_is_waited_for_and_loses_nothing(start, tmp_path):
    with shared.create("ticks", FIELDS, slots=64, folder=tmp_path) as ring:
        guest = start("follow", "ticks", tmp_path)
        guest.hear()
        guest.process.send_signal(signal.SIGSTOP)
        await_(lambda: condition(ring.file.cells.seats[0].process.get()) == "stopped")
        ring.publish(number=np.arange(64), twice=0, whose=0)
        await_(lambda: f"of process {guest.pid}, stopped is at -1, 64 behind" in ring.sequencer.why())
        with pytest.raises(TimeoutError):
            ring.next(timeout=0.5)  # several looks of the keeper: it is not given up
        assert ring.clients()[0].condition == "stopped"
        guest.process.send_signal(signal.SIGCONT)
        ring.publish(number=np.arange(64, 128), twice=0, whose=0)
    assert guest.hear() == {"numbers": list(range(128))}


def test_what_a_killed_producer_has_published_stays_and_what_it_claimed_is_given_up(start, tmp_path):
    with shared.create("ticks", FIELDS, slots=64, lanes=1, folder=tmp_path) as ring:
        guest = start("claiming", "ticks", tmp_path)
        assert guest.hear() == {"claimed": 3}
        guest.process.kill()
        await_(lambda: ring.departed)
        assert (ring.departed[0].role, ring.departed[0].behind) == ("producer", 1)
        await_(lambda: not ring.clients())
        with shared.attach("ticks", FIELDS, producer=True, folder=tmp_path) as lane:
            lane.publish(number=2, twice=4, whose=8)
            assert list(ring.collect()["number"]) == [1, 2]


@pytest.mark.parametrize("mode", ["follow", "handler", "lane"])
def test_guests_of_a_killed_owner_get_a_named_error(start, tmp_path, mode):
    owner = start("owning", "ticks", tmp_path, 20)
    owner.hear()
    guest = start("waiting", "ticks", tmp_path, mode)
    assert guest.hear() == {"attached": True}
    owner.tell()
    assert owner.hear() == {"published": 20}
    owner.process.kill()
    found = guest.hear()
    if mode == "follow":
        assert found == {"numbers": list(range(20))}  # all that was published, before the error
        found = guest.hear()
    assert found == {
        "error": "OwnerGone",
        "text": f"ring 'ticks': its owner, process {owner.pid}, has died; attach again when the next owner has made it",
    }


def test_the_next_owner_replaces_what_a_dead_one_left(start, tmp_path):
    owner = start("owning", "ticks", tmp_path, 20)
    owner.hear()
    old = shared.attach("ticks", FIELDS, folder=tmp_path)
    follower = old.follow()
    owner.process.kill()
    owner.process.wait()
    with pytest.raises(SharedRingError, match=f"was left by process {owner.pid}, which is dead"):
        shared.attach("ticks", FIELDS, folder=tmp_path)
    with shared.create("ticks", FIELDS, slots=64, folder=tmp_path) as ring:
        assert ring.file.generation == 2
        with shared.attach("ticks", FIELDS, folder=tmp_path) as guest, guest.follow() as fresh:
            ring.publish(number=5, twice=10, whose=0)
            assert int(next(fresh)["number"]) == 5
            with pytest.raises(OwnerGone):
                next(follower)
        old.close()
        assert [p.name for p in tmp_path.iterdir()] == ["ticks.ring"]
    assert not list(tmp_path.iterdir())


def test_a_handler_that_dies_is_shown_to_the_owner_and_raised_where_it_ran(start, tmp_path):
    with shared.create("ticks", FIELDS, slots=64, folder=tmp_path) as ring:
        guest = start("dying", "ticks", tmp_path)
        guest.hear()
        ring.publish(number=1, twice=2, whose=0)
        await_(lambda: any(c.failed for c in ring.clients()))
        await_(lambda: f"consumer 'fragile' of process {guest.pid}, whose handler has died" in ring.sequencer.why())
        guest.tell()
        found = guest.hear()
        assert found["error"] == "HandlerError"
        assert "handler 'failing' failed at sequence 0: ValueError: no" in found["text"]
        await_(lambda: ring.remaining_capacity() == 64)


def test_a_later_process_of_the_same_pid_is_another_one(tmp_path):
    with shared.create("ticks", FIELDS, slots=64, folder=tmp_path) as ring:
        place = ring.file.cells.seats[3]
        earlier = me() - (1 << 22)  # this pid, started a tick before
        assert place.process.compare_and_set(0, earlier)
        await_(lambda: place.process.get() == 0)
        assert ring.departed[0].pid == os.getpid()


def test_a_process_that_cannot_be_looked_at_counts_as_alive(monkeypatch):
    def refused(pid):
        raise OSError(24, "Too many open files")

    word = me()
    monkeypatch.setattr("disruptor.shared.identity._stat", refused)
    assert is_alive(word) and condition(word) == "running"


def test_who_a_process_is():
    assert pid_of(me()) == os.getpid()
    assert is_alive(me()) and condition(me()) == "running"
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    started = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    assert condition(started << 22 | pid) == "dead"  # its remains are there
    os.waitpid(pid, 0)
    assert condition(started << 22 | pid) == "dead"


def test_clocks_have_no_say_in_who_is_alive(tmp_path, monkeypatch):
    with shared.create("ticks", FIELDS, slots=64, folder=tmp_path) as ring:
        guest = shared.attach("ticks", FIELDS, folder=tmp_path)
        poller = guest.new_poller()
        monkeypatch.setattr("time.time", lambda: 0.0)
        monkeypatch.setattr("time.time_ns", lambda: 0)
        place = ring.file.cells.seats[0]
        place.beat.set(-(10**18))  # not seen for thirty years
        seen = ring.file.cells.beat.get()
        await_(lambda: ring.file.cells.beat.get() > seen)
        assert ring.clients()[0].condition == "running"
        assert ring.sequencer.gating_sequences
        poller.close()
        guest.close()


@pytest.mark.parametrize("role", ["consumers", "producers", "owner"])
def test_processes_killed_at_random_points(tmp_path, role):
    found = verify(6, 1, [role], tmp_path)[role]
    assert found["kills"] == 6
    assert {key: found[key] for key in ("lost", "torn", "gaps")} == {"lost": 0, "torn": 0, "gaps": 0}
    assert found.get("published", found.get("read")) > 0


@pytest.mark.parametrize("role", ["consumer", "producer", "owner"])
def test_a_process_that_was_stopped_goes_on_and_nothing_is_lost(tmp_path, role):
    found = stop(2.0, role, tmp_path)
    assert {key: found[key] for key in ("lost", "torn", "gaps", "given_up")} == {"lost": 0, "torn": 0, "gaps": 0, "given_up": 0}
    assert found.get("published", found.get("read")) > 1000


def test_deaths_are_seen_at_once_and_descriptors_given_back():
    started = [_sleeper() for _ in range(3)]
    words = [_word_of(pid) for pid in started]
    deaths, before = Deaths(), set(os.listdir("/proc/self/fd"))
    assert deaths.among(words) == set()
    assert len(set(os.listdir("/proc/self/fd")) - before) == 3
    os.kill(started[0], signal.SIGSTOP)
    assert deaths.among(words) == set()  # stopped is alive
    os.kill(started[1], signal.SIGKILL)
    os.waitid(os.P_PID, started[1], os.WEXITED | os.WNOWAIT)
    assert deaths.among(words) == {words[1]}  # its remains are there
    os.waitpid(started[1], 0)
    assert deaths.among(words) == {words[1]}
    assert deaths.among(words[:1]) == set()
    assert len(set(os.listdir("/proc/self/fd")) - before) == 1
    later = words[2] + (1 << 22)  # the same number, another start
    assert deaths.among([later]) == {later}
    deaths.close()
    assert set(os.listdir("/proc/self/fd")) == before
    for pid in (started[0], started[2]):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@pytest.mark.parametrize("reason", [errno.EMFILE, errno.ENOSYS, errno.EPERM])
def test_without_pidfds_deaths_are_seen_all_the_same(monkeypatch, reason):
    def refused(pid, flags=0):
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(os, "pidfd_open", refused)
    pid = _sleeper()
    word, deaths = _word_of(pid), Deaths()
    assert deaths.among([word, me()]) == set()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert deaths.among([word, me()]) == {word}
    deaths.close()


def _sleeper() -> int:
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    return pid


def _word_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]) << 22 | pid
