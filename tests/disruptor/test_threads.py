import os
import subprocess
import sys
import time

import pytest

from disruptor.compiled import JIT_ENABLED
from disruptor.errors import DisruptorError
from disruptor.threads import PinnedThread, ThreadUsage, usage_of
from tests.reference import kernels_waiting as kernels
from tests.reference.rest import sleeps_of

needs_two_cores = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")


def test_thread_is_named_pinned_and_keeps_its_result():
    core = min(os.sched_getaffinity(0))

    def look() -> tuple[str, set[int]]:
        with open(f"/proc/self/task/{thread.tid}/comm") as comm:
            return comm.read().strip(), os.sched_getaffinity(0)

    thread = PinnedThread(look, name="a-name-that-is-too-long", cpus={core})
    before = os.sched_getaffinity(0)
    thread.start()
    assert thread.join(60)
    assert thread.result == ("a-name-that-is-", {core})
    assert os.sched_getaffinity(0) == before


def test_thread_keeps_what_its_target_raised():
    thread = PinnedThread(lambda: 1 // 0, name="broken")
    thread.start()
    assert thread.join(60)
    assert isinstance(thread.error, ZeroDivisionError)
    assert thread.result is None
    assert repr(thread) == f"<PinnedThread 'broken' tid {thread.tid} ended>"


def test_start_raises_when_the_core_is_not_ours_and_the_target_does_not_run():
    ran = []
    thread = PinnedThread(ran.append, (1,), name="nowhere", cpus={4000})
    with pytest.raises(DisruptorError, match=r"thread 'nowhere': cannot be pinned to core 4000 .* this process may use"):
        thread.start()
    assert not ran
    assert not thread.alive


def test_start_raises_when_the_priority_is_refused():
    thread = PinnedThread(print, name="eager", realtime_priority=1000)
    with pytest.raises(DisruptorError, match=r"SCHED_FIFO 1000 refused .* it needs CAP_SYS_NICE or `ulimit -r`"):
        thread.start()


def test_join_returns_whether_it_has_ended():
    import threading

    gate = threading.Event()
    thread = PinnedThread(gate.wait, name="waits")
    thread.start()
    assert not thread.join(0.01)
    gate.set()
    assert thread.join(60)


@pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")
@pytest.mark.spins
@needs_two_cores
def test_usage_proves_that_two_compiled_loops_run_in_parallel():
    import numpy as np

    from disruptor.memory import anonymous
    from disruptor.wait import Wait

    shared = anonymous(4096).array(np.int64)
    shared[0] = 1
    spinning = np.array(Wait.busy_spin().numbers())
    kernels.wait_until(shared, spinning)
    shared[0] = 0
    cores = sorted(os.sched_getaffinity(0))[:2]
    threads = [PinnedThread(kernels.wait_until, (shared, spinning), name=f"spin-{c}", cpus={c}) for c in cores]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.usage().run_ns < 20_000_000:  # it is in its loop
            time.sleep(0.005)
    slept = [sleeps_of(thread.tid) for thread in threads]
    until = [thread.usage().run_ns + 50_000_000 for thread in threads]
    while any(thread.usage().run_ns < end for thread, end in zip(threads, until, strict=True)):
        pass  # this thread has the GIL all the time; on a busy machine the others wait for cores, which is no sleep
    assert [sleeps_of(thread.tid) for thread in threads] == slept, "a thread that waits for the GIL sleeps"
    shared[0] = 1
    assert all(thread.join(60) for thread in threads)


def test_usage_is_kept_after_the_end():
    thread = PinnedThread(lambda: sum(range(1_000_000)), name="short")
    thread.start()
    thread.join(60)
    assert thread.usage().run_ns > 0
    assert thread.usage() - thread.usage() == ThreadUsage(0, 0, 0)
    assert usage_of(os.getpid()).run_ns > 0


def test_threads_are_halted_and_joined_at_interpreter_exit():
    code = (
        "import numpy as np\n"
        "from disruptor.threads import PinnedThread\n"
        "from disruptor.memory import anonymous\n"
        "from disruptor.wait import Wait\n"
        "from tests.reference.kernels_waiting import wait_until\n"
        "cells = anonymous(4096).array(np.int64)\n"
        "def halt():\n    cells[0] = 1\n    print('halted')\n"
        "PinnedThread(wait_until, (cells, np.array(Wait.yielding().numbers())), name='loop', halt=halt).start()\n"
        "print('leaving')\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "leaving\nhalted\n", "")
