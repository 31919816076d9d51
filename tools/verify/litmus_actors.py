"""What two threads do in one trial of a litmus test, with our own atomics and our own code.

actor(cells, at, me, own) → code: cells : shared, zero before each trial; at : the trial's first word; me : 0 or 1, which thread;
own : int64[64] of this thread. The code, 0..15, holds what was read: 4 × the first + the second.
"""

from disruptor.atomics import (
    compare_exchange,
    fence,
    fence_acquire,
    fence_release,
    fetch_add,
    load_acquire,
    store_release,
)
from disruptor.seqlock import seqlock_read, seqlock_write
from disruptor.system_calls import futex_wake
from disruptor.waiting import idle_turn, wake

X, Y = 0, 16  # words of a trial, on lines of their own
WAIT = 16  # a wait cell
FUTEX = WAIT + 1


def store_buffer_fenced(cells, at, me, own):
    """Write mine, fence, read the other's."""
    store_release(cells, at + Y * me, 1)
    fence()
    return 4 * load_acquire(cells, at + Y - Y * me)


def store_buffer(cells, at, me, own):
    """Write mine, read the other's: on x86-64 both may read the old value."""
    store_release(cells, at + Y * me, 1)
    return 4 * load_acquire(cells, at + Y - Y * me)


def message(cells, at, me, own):
    """Plain data, then a flag by release; acquire of the flag, then the data."""
    if me == 0:
        cells[at + X] = 1
        store_release(cells, at + Y, 1)
        return 0
    flag = load_acquire(cells, at + Y)
    return 4 * flag + cells[at + X]


def message_plain(cells, at, me, own):
    """The same without any order: what may be seen then is up to LLVM and the machine."""
    if me == 0:
        cells[at + X] = 1
        cells[at + Y] = 1
        return 0
    flag = cells[at + Y]
    return 4 * flag + cells[at + X]


def record(cells, at, me, own):
    """A record of 16 words, then the cursor, on a line of its own, by release."""
    if me == 0:
        for i in range(16):
            cells[at + 16 + i] = 1
        store_release(cells, at + X, 1)
        return 0
    published = load_acquire(cells, at + X)
    whole = 1
    for i in range(16):
        whole &= cells[at + 16 + i]
    return 4 * published + whole


def mark(cells, at, me, own):
    """A record of seven words and the mark that publishes it, in the same line."""
    if me == 0:
        for i in range(7):
            cells[at + i] = 1
        store_release(cells, at + 7, 1)
        return 0
    published = load_acquire(cells, at + 7)
    whole = 1
    for i in range(7):
        whole &= cells[at + i]
    return 4 * published + whole


def load_buffer(cells, at, me, own):
    """Read the other's, write mine: both cannot read what is written afterwards."""
    seen = load_acquire(cells, at + Y - Y * me)
    store_release(cells, at + Y * me, 1)
    return 4 * seen


def read_read(cells, at, me, own):
    """CoRR: two reads of one word do not go back."""
    if me == 0:
        store_release(cells, at, 1)
        store_release(cells, at, 2)
        return 0
    first = load_acquire(cells, at)
    return 4 * first + load_acquire(cells, at)


def write_write(cells, at, me, own):
    """CoWW: of two writes of one thread the first is never the last."""
    if me == 0:
        store_release(cells, at, 1)
        store_release(cells, at, 2)
    else:
        store_release(cells, at, 3)
    return 0


def read_write(cells, at, me, own):
    """CoRW: who reads 2 and then writes 1 writes after 2; and nobody reads what he writes later."""
    if me == 0:
        seen = load_acquire(cells, at)
        store_release(cells, at, 1)
        return 4 * seen
    store_release(cells, at, 2)
    return 0


def write_read(cells, at, me, own):
    """CoWR: who writes 1 and reads 2 had his write overwritten."""
    if me == 0:
        store_release(cells, at, 1)
        return 4 * load_acquire(cells, at)
    store_release(cells, at, 2)
    return 0


def two_writes(cells, at, me, own):
    """2+2W: each writes 1 to mine and 2 to the other's, with a fence between."""
    store_release(cells, at + Y * me, 1)
    fence()
    store_release(cells, at + Y - Y * me, 2)
    return 0


def write_then_read(cells, at, me, own):
    """R: one writes x and y, the other writes y and reads x, with fences between."""
    if me == 0:
        store_release(cells, at + X, 1)
        fence()
        store_release(cells, at + Y, 1)
        return 0
    store_release(cells, at + Y, 2)
    fence()
    return 4 * load_acquire(cells, at + X)


def overtaken_write(cells, at, me, own):
    """S: one writes x and then y; who sees y and writes x writes it after."""
    if me == 0:
        store_release(cells, at + X, 2)
        store_release(cells, at + Y, 1)
        return 0
    seen = load_acquire(cells, at + Y)
    store_release(cells, at + X, 1)
    return 4 * seen


def exclusion(cells, at, me, own):
    """Compare-exchange from 0: one of two gets it."""
    return 4 * compare_exchange(cells, at, 0, me + 1)


def tickets(cells, at, me, own):
    """Fetch-add: two numbers, each once."""
    return 4 * fetch_add(cells, at, 1)


def announced(cells, at, me, own):
    """One-sided fences: announced by release, fence, plain store; plain load, fence, look at the announcement."""
    if me == 0:
        store_release(cells, at + Y, 1)
        fence_release()
        cells[at + X] = 1
        return 0
    data = cells[at + X]
    fence_acquire()
    return 4 * data + load_acquire(cells, at + Y)


def seqlock(cells, at, me, own):
    """A record of 7 words written twice by `seqlock_write`, read by `seqlock_read`: 0, 1 or 2 everywhere, 3 for torn."""
    if me == 0:
        source = own[:7]
        for version in range(1, 3):
            for i in range(7):
                source[i] = version
            seqlock_write(cells, at, source)
        return 0
    target = own[:7]
    version = seqlock_read(cells, at, target, 1)
    if version < 0:
        return 4 * 2 + 2  # was being written: nothing was read, which is right
    for i in range(7):
        if target[i] != version // 2:
            return 4 * 3 + 3
    return 4 * (version // 2)


def parking(cells, at, me, own):
    """Publish and wake; announce by `idle_turn` of a blocking wait, and look again before going to sleep."""
    if me == 0:
        store_release(cells, at + X, 1)
        wake(cells, at + WAIT)
        return 0
    idle_turn(2, 0, 0, 1_000_000, 0, 0, 0, cells, at + WAIT, at + 32)
    return 4 * load_acquire(cells, at + X)


def parking_phased(cells, at, me, own):
    """The same for a phased wait that has come to its last phase."""
    if me == 0:
        store_release(cells, at + X, 1)
        wake(cells, at + WAIT)
        return 0
    idle_turn(4, 0, 0, 1_000_000, 0, 0, 1 << 30, cells, at + WAIT, at + 32)
    return 4 * load_acquire(cells, at + X)


def parking_unfenced(cells, at, me, own):
    """The same with a `wake` that has no fence: the sleeper is not seen now and then."""
    if me == 0:
        store_release(cells, at + X, 1)
        if load_acquire(cells, at + WAIT) != 0:
            store_release(cells, at + WAIT, 0)
            fetch_add(cells, at + FUTEX, 1)
            futex_wake(cells, at + FUTEX)
        return 0
    idle_turn(2, 0, 0, 1_000_000, 0, 0, 0, cells, at + WAIT, at + 32)
    return 4 * load_acquire(cells, at + X)
