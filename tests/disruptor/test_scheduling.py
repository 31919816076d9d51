"""Scheduling classes and memory nodes: what the kernel grants holds, what it refuses is told with its remedy."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from disruptor.errors import GraphError
from disruptor.memory import anonymous, mirrored
from disruptor.numa import pages_by_node, prefer
from disruptor.scheduling import Scheduling, refusal
from disruptor.threads import PinnedThread

FIFO = Scheduling("fifo", 3)


def seen():
    """Return how the kernel schedules the calling thread, and one that it starts."""
    found = []

    def look():
        policy = os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK
        found.append((policy, os.sched_getparam(0).sched_priority, os.getpriority(os.PRIO_PROCESS, threading.get_native_id())))

    look()
    child = threading.Thread(target=look)
    child.start()
    child.join()
    return found


@pytest.mark.parametrize(("scheduling", "expected"), [
    (FIFO, (os.SCHED_FIFO, 3, 0)), (Scheduling("rr", 2), (os.SCHED_RR, 2, 0)), (Scheduling("batch", nice=5), (os.SCHED_BATCH, 0, 5)),
    (Scheduling("idle"), (os.SCHED_IDLE, 0, 0)), (Scheduling(nice=-3), (os.SCHED_OTHER, 0, -3)),
])
def test_a_thread_gets_what_it_asks_for_or_says_what_was_refused(scheduling, expected):
    thread = PinnedThread(seen, name="asks", scheduling=scheduling)
    thread.start()
    assert thread.join(60)
    assert thread.error is None
    own, child = thread.result
    if thread.notes:
        assert thread.notes == [refusal(scheduling)]
        assert "refused" in thread.notes[0] and "ulimit" in thread.notes[0]
    else:
        assert own == expected
        assert refusal(scheduling) == ""
        assert child[:2] in ((os.SCHED_OTHER, 0), (expected[0], 0))  # never real time
        assert child[0] not in (os.SCHED_FIFO, os.SCHED_RR)


def test_what_an_ordinary_user_may_not_have_is_refused_in_words_and_the_thread_runs():
    code = f"""
import os, resource
for limit in (resource.RLIMIT_RTPRIO, resource.RLIMIT_NICE):
    resource.setrlimit(limit, (0, 0))
from disruptor.scheduling import Scheduling, refusal
from disruptor.threads import PinnedThread
if os.getuid() == 0:
    os.setgroups([]); os.setgid({65534}); os.setuid({65534})
for asked in (Scheduling("fifo", 7), Scheduling(nice=-4)):
    thread = PinnedThread(lambda: 5, name="asks", scheduling=asked)
    thread.start()
    thread.join(60)
    print(thread.result, thread.notes == [refusal(asked)], thread.notes[0])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "5 True SCHED_FIFO 7 refused (Operation not permitted); it needs CAP_SYS_NICE or `ulimit -r 7`",
        "5 True nice -4 refused (Permission denied); it needs CAP_SYS_NICE or `ulimit -e 24`",
    ]


def test_what_does_not_fit_together_is_refused():
    for arguments, text in (
        (("fast",), "scheduling 'fast' is unknown; known: other, batch, idle, fifo, rr"),
        (("fifo",), "scheduling 'fifo': priority must be 1..99, got 0"),
        (("rr", 100), "scheduling 'rr': priority must be 1..99, got 100"),
        (("other", 5), "scheduling 'other': priority must be 0, got 5"),
        (("fifo", 5, 1), "scheduling 'fifo': nice 1 does not count"),
        (("batch", 0, 20), "scheduling 'batch': nice must be -20..19, got 20"),
    ):
        with pytest.raises(GraphError) as error:
            Scheduling(*arguments)
        assert str(error.value) == text
    assert (str(FIFO), str(Scheduling("batch", nice=4)), str(Scheduling())) == ("SCHED_FIFO 3", "SCHED_BATCH, nice 4", "SCHED_OTHER")


@pytest.mark.parametrize("make", [lambda: anonymous(1 << 16), lambda: mirrored(1 << 16)])
def test_memory_moves_to_the_node_that_is_asked_for_or_says_why_not(make):
    mapping = make()
    mapping.array(np.uint8)[:] = 7
    if prefer(mapping, 0):
        assert mapping.notes == []
        pages = pages_by_node(mapping)
        assert set(pages) <= {0}
    else:
        assert "memory node 0 refused for" in mapping.notes[0]
    assert (mapping.array(np.uint8) == 7).all()


@pytest.mark.parametrize(("node", "why"), [(1023, "Invalid argument"), (1024, "there are 1,024 at most"), (-1, "there are 1,024 at most")])
def test_a_node_that_is_not_there_is_refused(node, why):
    mapping = anonymous(1 << 14)
    before = mapping.array(np.int64)
    before[:] = 3
    assert not prefer(mapping, node)
    (note,) = mapping.notes
    assert note.startswith(f"memory node {node} refused for 16,384 bytes (")
    assert why in note or "not permitted" in note or "not implemented" in note
    assert (before == 3).all()
