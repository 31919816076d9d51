"""A122: which words threads share, and in which order and way the library touches them.

Run as plain Python, on an array that keeps a record of each access. What x86 forgives and other machines do not (a plain store
where a release is needed) is seen here; so is a fence that is missing or a wake-up before what it announces. That an acquire,
a release and a fence are compiled to what their names say, tests/disruptor/test_atomics.py looks up in LLVM's text.
"""

import sys

import numpy as np
import pytest

from disruptor import claims, gating, lookout, seqlock, sequencer_core, waiting
from disruptor import ring_buffer as ring_module
from disruptor.claims import (
    CLAIMED,
    CURSOR,
    FAILED,
    FLAGS,
    GATE,
    GATING,
    IDLE,
    OBSERVED,
    OFFSET,
    PARKS,
    PROGRESS,
    SLOTS,
    STRIDE,
    TOUCHED,
)
from disruptor.compiled import JIT_ENABLED
from disruptor.layout import CELL_WORDS
from disruptor.sequence import CELLS
from tests.conformance import kernels
from tests.conformance.conftest import KINDS

pytestmark = pytest.mark.skipif(JIT_ENABLED, reason="not applicable, because compiled accesses cannot be watched one by one")

ATOMIC = {"load_acquire": "acquire", "store_release": "release", "compare_exchange": "exchange", "fetch_add": "add"}
CONSTANT = {SLOTS, STRIDE, OFFSET, PARKS, OBSERVED}


class Watched(np.ndarray):
    """int64 cells that keep (how, word) of each access in `log`; how: acquire, release, exchange, add, load, store."""

    def __array_finalize__(self, other):
        self.log = getattr(other, "log", None)

    def _note(self, plain, index):
        caller = sys._getframe(2).f_code
        atomic = caller.co_filename.endswith("atomics.py")
        if self.log is not None and not isinstance(index, slice) and not caller.co_filename.endswith("system_calls.py"):
            self.log.append((ATOMIC[caller.co_name] if atomic else plain, int(index)))

    def __getitem__(self, index):
        self._note("load", index)
        return np.asarray(self)[index]

    def __setitem__(self, index, value):
        self._note("store", index)
        np.asarray(self)[index] = value


def watched(array):
    """The same memory, watched."""
    view = array.view(Watched)
    view.log = []
    return view


class Block:
    """A ring's block and marks of its own, watched. Words of the block count from `base`."""

    def __init__(self, multi=False, apart=False, slots=8):
        self.base = 4 * CELL_WORDS
        self.cells = watched(np.zeros(64 * CELL_WORDS, np.int64))
        plain = np.asarray(self.cells)
        for word in (CURSOR, CLAIMED, GATE, TOUCHED):
            plain[self.base + word] = -1
        plain[self.base + SLOTS], plain[self.base + STRIDE] = slots, 1
        self.marks = watched(np.full(slots if multi or apart else 0, -1))

    def __setitem__(self, word, value):
        np.asarray(self.cells)[self.base + word] = value

    def log(self, function, *args):
        """Return what a function did to the block, constants left out, and to the marks."""
        self.cells.log.clear()
        self.marks.log.clear()
        function(self.cells, self.base, *args)
        mine = [(how, at - self.base) for how, at in self.cells.log if at - self.base not in CONSTANT]
        return mine, list(self.marks.log)


def events(monkeypatch, *modules):
    """Return a list that fills with the names of fences, wakes and atomic accesses of these modules, in order."""
    seen = []
    for module in modules:
        for name in ("fence", "fence_release", "fence_acquire", "wake", "futex_wake", "futex_wait", "store_release",
                     "load_acquire", "fetch_add", "compare_exchange"):
            real = getattr(module, name, None)
            if real is not None:
                def call(*args, name=name, real=real):
                    seen.append((name, args[1] if len(args) > 1 and name != "futex_wait" else None))
                    return real(*args)

                monkeypatch.setattr(module, name, call)
    return seen


def test_a122_one_producer_publishes_by_a_release_of_the_cursor():
    block = Block()
    assert block.log(claims.claim_one, block.marks, 1)[0][-1] == ("release", CLAIMED)
    assert block.log(claims.publish_one, 0) == ([("release", CURSOR)], [])
    assert block.log(claims.published_upto, block.marks, 0) == ([("acquire", CURSOR)], [])
    assert block.log(claims.is_published, block.marks, 0) == ([("acquire", CURSOR)], [])
    assert block.log(claims.published_now, block.marks) == ([("acquire", CURSOR)], [])
    assert block.log(claims.has_passed, block.marks, 0) == ([("acquire", CURSOR)], [])


def test_a122_many_producers_claim_by_exchange_and_publish_by_releases_of_marks():
    block = Block(multi=True)
    accesses, marks = block.log(claims.claim_many, block.marks, 2)
    assert accesses[0] == ("acquire", CLAIMED) and accesses[-1] == ("exchange", CLAIMED)
    assert {how for how, _ in accesses} <= {"acquire", "exchange"} and marks == []
    assert block.log(claims.publish_many, block.marks, 0, 1) == ([], [("release", 0), ("release", 1)])
    assert block.log(claims.published_upto, block.marks, 0) == ([], [("acquire", 0), ("acquire", 1), ("acquire", 2)])
    assert block.log(claims.is_published, block.marks, 1) == ([], [("acquire", 1)])
    assert block.log(claims.has_passed, block.marks, 1) == ([], [("acquire", 1)])
    assert block.log(claims.was_given_up, block.marks, 1) == ([], [("acquire", 1)])
    assert block.log(claims.give_up, block.marks, 2, 3) == ([], [("release", 2), ("release", 3)])
    accesses, _ = block.log(claims.published_now, block.marks)
    assert accesses == [("acquire", GATE)] * 2  # before and after the marks


def test_a122_the_gate_of_many_producers_is_never_stored_over_a_newer_one():
    block = Block(multi=True)
    np.asarray(block.marks)[:] = np.arange(8)
    block[CLAIMED] = 7
    accesses, _ = block.log(claims.claim_many, block.marks, 1)
    assert [a for a in accesses if a[1] == GATE and a[0] != "acquire"] == [("exchange", GATE)] * 2  # reads, then stores
    assert accesses[-1] == ("exchange", CLAIMED)


@pytest.mark.parametrize("multi", [False, True])
def test_a122_consumers_are_looked_up_by_acquires(multi):
    block = Block(multi=multi)
    consumer = 40 * CELL_WORDS
    gating.add_gate(block.cells, block.base + GATING, consumer)
    np.asarray(block.cells)[consumer] = -1
    block[CLAIMED] = 7
    claim = claims.claim_many if multi else claims.claim_one
    accesses, _ = block.log(claim, block.marks, 1)
    assert ("acquire", consumer - block.base) in accesses and ("acquire", GATING + 1) in accesses
    assert ("load", consumer - block.base) not in accesses and ("load", GATING + 1) not in accesses
    assert claim(block.cells, block.base, block.marks, 1) == -1


def test_a122_a_gate_is_stored_before_it_is_counted():
    block = Block()
    assert block.log(lambda cells, base: gating.add_gate(cells, base + GATING, 77))[0][-2:] == [
        ("release", GATING + 1), ("release", GATING)]
    assert block.log(lambda cells, base: gating.remove_gate(cells, base + GATING, 77))[0][-1] == ("release", GATING + 1)


def test_a122_a_newcomer_and_a_producer_fence_between_their_store_and_their_look(monkeypatch):
    """Else both may miss the other: a newcomer stands where the producer overwrites. Found by tools.verify.explore."""
    block = Block()
    seen = events(monkeypatch, gating)
    gating.add_gate(block.cells, block.base + GATING, 77)
    assert seen[-2:] == [("store_release", block.base + GATING), ("fence", None)]
    seen.clear()
    np.asarray(block.cells)[block.base + GATING] = 0
    gating.lowest_gate(block.cells, block.base + GATING)
    assert seen == [("load_acquire", block.base + GATING), ("fence", None), ("load_acquire", block.base + GATING)]


@pytest.mark.parametrize("slower", [False, True])
def test_a122_a_producer_looks_anew_when_somebody_was_added_meanwhile(slower, monkeypatch):
    """Else it may find a consumer's step that the newcomer, in the table since, has not seen. Found by tools.verify.explore."""
    block = Block(multi=True)
    fast, late = block.base + 700, block.base + 716
    np.asarray(block.cells)[fast], np.asarray(block.cells)[late] = 5, 3
    table = block.base + GATING
    np.asarray(block.marks)[:] = [0, 1, 2, 3, 4, 5, -1, -1]
    if slower:
        gating.add_gate(block.cells, table, fast)
    module, name = (gating, "fence") if slower else (claims, "published_upto")
    real, added = getattr(module, name), []

    def between(*args):
        if not added:
            added.append(True)
            assert gating.add_gate(block.cells, table, late)
        return real(*args)

    monkeypatch.setattr(module, name, between)
    assert claims._lowest(block.cells, block.base, block.marks, -1) == 3


@pytest.mark.parametrize("multi", [False, True])
def test_a122_sleepers_are_woken_after_what_was_published_can_be_seen(multi, monkeypatch):
    block = Block(multi=multi)
    block[PARKS] = 1
    seen = events(monkeypatch, claims)
    claims.publish_many(block.cells, block.base, block.marks, 0, 1) if multi else claims.publish_one(block.cells, block.base, 1)
    names = [name for name, _ in seen]
    assert names == ["store_release"] * (2 if multi else 1) + ["wake"]
    assert seen[-1] == ("wake", block.base + IDLE)
    seen.clear()
    if multi:
        claims.give_up(block.cells, block.base, block.marks, 2, 2)
        assert [name for name, _ in seen] == ["store_release", "wake"]
    seen.clear()
    claims.release_upto((block.cells, 900, block.base + PROGRESS, block.base + PARKS), 5)
    assert seen == [("store_release", 900), ("wake", block.base + PROGRESS)]


def test_a122_a_sleeper_takes_its_ticket_announces_itself_fences_and_a_waker_fences_before_it_looks(monkeypatch):
    """The one order in which no wake-up is lost: announce | fence | look, and publish | fence | look for sleepers."""
    cells = np.zeros(64, np.int64)
    seen = events(monkeypatch, waiting)
    again = waiting.idle_turn(2, 0, 0, 1, 0, 0, 0, cells, 16, 40)
    assert seen == [("load_acquire", 17), ("store_release", 16), ("fence", None)]
    assert again == -1 and cells[16] == 1
    seen.clear()
    waiting.wake(cells, 16)
    assert seen.pop(0) == ("wake", 16)
    assert seen == [("fence", None), ("load_acquire", 16), ("store_release", 16), ("fetch_add", 17), ("futex_wake", 17)]
    assert cells[16] == 0 and cells[17] == 1
    seen.clear()
    assert waiting.idle_turn(2, 0, 0, 1, 0, 0, again, cells, 16, 40) == 0
    assert [name for name, _ in seen] == ["futex_wait"]
    seen.clear()
    waiting.wake(cells, 16)  # nobody sleeps: no system call
    assert [name for name, _ in seen] == ["wake", "fence", "load_acquire"]


def test_a122_a_sleeper_waits_with_the_ticket_of_before_its_announcement(monkeypatch):
    """A wake between announcement and sleep has changed the word by then, and the kernel does not let it sleep."""
    cells = np.zeros(64, np.int64)
    cells[17] = 5
    tickets = []
    monkeypatch.setattr(waiting, "futex_wait", lambda cells, index, expected, *rest: tickets.append(expected))
    again = waiting.idle_turn(2, 0, 0, 1, 0, 0, 0, cells, 16, 40)
    waiting.wake(cells, 16)
    waiting.idle_turn(2, 0, 0, 1, 0, 0, again, cells, 16, 40)
    assert tickets == [5] and cells[17] == 6


@pytest.mark.parametrize("kind", KINDS[:2], ids=str)
def test_a122_an_observed_claim_is_seen_before_anything_is_written(kind, monkeypatch):
    block = Block(apart=kind.availability == "record")
    block[OBSERVED] = 1
    seen = events(monkeypatch, claims)
    claims.claim_one(block.cells, block.base, block.marks, 1)
    assert seen[-2:] == [("store_release", block.base + CLAIMED), ("fence", None)]
    many = Block(multi=True)
    many[OBSERVED] = 1
    seen.clear()
    claims.claim_many(many.cells, many.base, many.marks, 1)
    assert seen[-2:] == [("compare_exchange", many.base + CLAIMED), ("fence", None)]


def test_a122_an_observer_looks_at_the_claims_behind_a_fence(monkeypatch):
    from disruptor import observer

    block = Block()
    seen = events(monkeypatch, observer, claims)
    observer._oldest(block.cells, block.base)
    assert seen == [("fence", None), ("load_acquire", block.base + CLAIMED), ("load_acquire", block.base + TOUCHED)]


def test_a122_a_claim_is_given_back_after_its_slots_are_noted_as_touched(monkeypatch):
    block = Block()
    block[CLAIMED] = 3
    accesses, _ = block.log(sequencer_core._unclaim, 2, 3)
    touched = [i for i, (how, at) in enumerate(accesses) if at == TOUCHED and how == "exchange"]
    given_back = [i for i, (how, at) in enumerate(accesses) if at == CLAIMED]
    assert touched and given_back and max(touched) < min(given_back)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: f"{k.producers}-{k.availability}")
def test_a122_arrays_are_copied_before_they_are_published(kind, monkeypatch):
    ring = kind.ring(8)
    looks = []
    copy, fill = ring_module.copy_bytes, ring._fill

    def looked(*args):
        looks.append(ring.sequencer.published())
        copy(*args)

    monkeypatch.setattr(ring_module, "copy_bytes", looked)
    monkeypatch.setattr(ring, "_fill", lambda *args: (looks.append(ring.sequencer.published()), fill(*args)))
    records = np.zeros(2, ring.fields)
    ring.publish(records)
    assert looks and set(looks) == {-1}
    looks.clear()
    ring.publish(value=[1, 2])
    assert looks == [1]


def test_a122_a_python_handler_frees_its_batch_by_a_release_and_wakes_after_it(monkeypatch):
    block = Block()
    block[PARKS], block[CURSOR] = 1, 9
    mine, control, own = 40 * CELL_WORDS, 42 * CELL_WORDS, 50 * CELL_WORDS
    woken = []
    monkeypatch.setattr(lookout, "wake", lambda cells, cell: woken.append((cell, int(np.asarray(cells)[mine]))))
    accesses, _ = block.log(lambda cells, base: lookout._next_batch(
        cells, base, block.marks, np.zeros(0, np.int64), mine, 5, np.zeros((3, 6), np.int64), control, own, 0))
    assert [how for how, at in accesses if at == mine - block.base] == ["release"]
    assert woken == [(block.base + PROGRESS, 4)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: f"{k.producers}-{k.availability}")
@pytest.mark.parametrize("behind", [False, True], ids=["first", "behind-another"])
def test_a122_a_loop_frees_records_by_a_release_after_its_batch(kind, behind, monkeypatch):
    """The generated loop: what it waits for by acquires, its own sequence by a release, then the wake-up."""
    from disruptor.loop_processor import LoopProcessor, Member
    from disruptor.sequence import Sequence

    ring = kind.ring(8)
    first = Sequence()
    member = Member(ring, kernels.sums, ring.new_barrier(*([first] if behind else [])))
    processor = LoopProcessor(ring, [member], ring.sequencer.wait).build()
    ring.publish(value=[1, 2, 3])
    first.set(2)
    cells = watched(CELLS)
    arguments = {**processor._loop.source.arguments, "cells": cells}
    module = sys.modules[f"disruptor_loop_{processor._loop.source.name}"]
    base, woken = ring.sequencer.base, []

    def wakes(cells, cell):
        woken.append((cell, member.sequence.get()))
        np.asarray(cells)[processor._control.word] = 1  # one turn, then halt

    monkeypatch.setattr(module, "wake", wakes)
    module.run(*arguments.values())
    mine = [(how, at) for how, at in cells.log if at == member.sequence.word]
    assert mine == [("acquire", member.sequence.word), ("release", member.sequence.word)]
    assert woken == [(base + PROGRESS, 2)]  # after the store
    if behind:
        assert ("acquire", first.word) in cells.log and ("load", first.word) not in cells.log
    shared = {base + w for w in (CURSOR, CLAIMED, GATE)} | {processor._control.word}
    assert not [(how, at) for how, at in cells.log if at in shared and how in ("load", "store")]


def test_a122_a_worker_takes_records_by_exchange_and_frees_them_by_release(monkeypatch):
    from disruptor import Disruptor
    from tests.conformance.conftest import FIELDS

    graph = Disruptor(FIELDS, 8)
    graph.handle_events_with_worker_pool(kernels.sums.using(name="one"), kernels.sums.using(name="two"))
    from disruptor.loop_processor import LoopProcessor

    node = next(iter(graph._nodes))
    processor = LoopProcessor(graph.ring, [node.member], graph.wait).build()
    graph.publish(value=[1, 2, 3])
    cells = watched(CELLS)
    module = sys.modules[f"disruptor_loop_{processor._loop.source.name}"]
    monkeypatch.setattr(module, "wake", lambda cells, cell: np.asarray(cells).__setitem__(processor._control.word, 1))
    module.run(*{**processor._loop.source.arguments, "cells": cells}.values())
    work = [how for how, at in cells.log if at == node.pool.work.word]
    assert set(work) == {"acquire", "exchange"}
    mine = [how for how, at in cells.log if at == node.sequence.word]
    assert set(mine) == {"release"} | ({"acquire"} if "acquire" in mine else set())
    assert np.asarray(CELLS)[node.member.held.word] == 4  # it holds record 3, which is not there yet


def test_a122_a_compiled_worker_that_moves_on_without_a_record_wakes_those_that_wait_for_it(monkeypatch):
    """Found by tools.verify.explore: others had taken what came meanwhile, and nobody told the producers that it had moved."""
    from disruptor import Disruptor
    from disruptor.loop_processor import LoopProcessor
    from tests.conformance.conftest import FIELDS

    graph = Disruptor(FIELDS, 8, wait="blocking")
    graph.handle_events_with_worker_pool(kernels.sums.using(name="one"), kernels.sums.using(name="two"))
    node = next(iter(graph._nodes))
    processor = LoopProcessor(graph.ring, [node.member], graph.wait).build()
    CELLS[node.pool.work.word] = 5
    module = sys.modules[f"disruptor_loop_{processor._loop.source.name}"]
    monkeypatch.setattr(module, "wake", lambda cells, cell: cells.__setitem__(processor._control.word, 1))
    monkeypatch.setattr(module, "idle_turn", lambda *args: pytest.fail("it waits and has told nobody"))
    module.run(*processor._loop.source.arguments.values())
    assert node.sequence.get() == 5


def test_a122_a_python_worker_that_moves_on_without_a_record_wakes_those_that_wait_for_it(monkeypatch):
    from disruptor import worker_pool
    from disruptor.handler import handler
    from tests.conformance.conftest import Kind

    ring, pool = Kind("single", "cursor").ring(), worker_pool.WorkerPool()
    mine = handler(lambda event, sequence, end: None, jit=False, name="one").using(arguments=("event", "sequence", "end_of_batch"))
    worker = worker_pool.WorkProcessor(ring, ring.new_barrier(), mine, pool)
    pool.work.set(5)
    told = []
    monkeypatch.setattr(ring.sequencer, "wake_producers", lambda: told.append(worker.sequence.get()))
    monkeypatch.setattr(worker_pool, "await_published", lambda *args: (told.append("waits"), setattr(worker, "_stop", True))[1] or -1)
    worker._work()
    assert told == [5, "waits"]


def test_a122_waits_from_python_look_by_acquires(monkeypatch):
    block = Block()
    own, alert = 50 * CELL_WORDS, 52 * CELL_WORDS
    block[CURSOR] = 3
    dependency = 54 * CELL_WORDS
    np.asarray(block.cells)[dependency] = 2
    table = np.zeros((3, 6), np.int64)
    accesses, _ = block.log(lambda cells, base: lookout._await_published(
        cells, base, block.marks, np.array([dependency]), 2, table, alert, own, 1000))
    assert ("acquire", dependency - block.base) in accesses and ("load", dependency - block.base) not in accesses
    accesses, _ = block.log(lambda cells, base: lookout._await_published(
        cells, base, block.marks, np.zeros(0, np.int64), 9, table, alert, own, 1000))
    assert ("acquire", alert - block.base) in accesses and ("load", alert - block.base) not in accesses


def test_a122_a_seqlock_is_odd_while_written_and_read_between_two_looks():
    cells = watched(np.zeros(16, np.int64))
    seqlock.seqlock_write(cells, 0, np.array([7, 8]))
    assert cells.log == [("acquire", 0), ("release", 0), ("release", 1), ("release", 2), ("release", 0)]
    cells.log.clear()
    target = np.zeros(2, np.int64)
    assert seqlock.seqlock_read(cells, 0, target) == 2 and list(target) == [7, 8]
    assert cells.log == [("acquire", 0), ("acquire", 1), ("acquire", 2), ("acquire", 0)]


def test_a122_messages_are_shown_by_a_release_of_their_header_and_freed_by_one_of_the_head(monkeypatch):
    from disruptor import byte_consumer, byte_producer
    from disruptor.byte_producer import HEAD, TAIL
    from disruptor.byte_ring import ByteRing

    for producers in ("single", "multi"):
        ring = ByteRing("watched", 4096, producers)
        port = ring.port._replace(cells=watched(ring.port.cells), words=watched(ring.port.words))
        index = byte_producer.bytes_claim(port, 8, 1)
        claim = "exchange" if producers == "multi" else "release"
        assert (claim, TAIL) in port.cells.log and ("store", TAIL) not in port.cells.log
        assert port.words.log[-1] == ("release", 0)
        assert byte_consumer.bytes_next(port) == (-1, 0, 0)  # claimed, and not yet committed
        port.words.log.clear()
        assert byte_producer.bytes_commit(port, index)
        assert port.words.log == [("acquire", 0), ("release", 0)]
        port.words.log.clear()
        assert byte_consumer.bytes_next(port)[0] == 1
        assert port.words.log == [("acquire", 0)]
        port.cells.log.clear()
        byte_consumer.bytes_release(port)
        assert port.cells.log[-1] == ("release", HEAD)
        if producers == "multi":
            assert np.asarray(port.words)[:2].tolist() == [0, 0]  # cleared before the head moved


def test_a122_a_broadcast_says_what_it_will_write_before_it_writes_and_a_receiver_looks_after_it_read(monkeypatch):
    from disruptor import broadcast
    from disruptor.broadcast import INTENT, LATEST, TAIL, Broadcast

    sender = Broadcast("watched", 4096)
    seen = events(monkeypatch, broadcast)
    monkeypatch.setattr(broadcast, "copy_bytes", lambda *args: seen.append(("copy", None)))
    broadcast.broadcast_send(sender.port, np.zeros(8, np.uint8), 0, 8, 1)
    assert seen == [
        ("load_acquire", TAIL), ("store_release", INTENT), ("fence_release", None), ("store_release", 0), ("copy", None),
        ("store_release", LATEST), ("store_release", TAIL),
    ]
    state = np.zeros(16, np.int64)
    broadcast.broadcast_next(sender.port, state)
    seen.clear()
    assert broadcast.broadcast_valid(sender.port, state)
    assert seen == [("fence_acquire", None), ("load_acquire", INTENT)]


def test_a122_flags_lie_together_and_cursors_apart():
    assert {FAILED, PARKS, OBSERVED, TOUCHED} == set(range(FLAGS, FLAGS + 4))


@pytest.mark.parametrize("how", ["python", "compiled"])
def test_a122_an_idle_worker_stands_before_the_record_that_it_waits_for(how):
    """Else a worker that has had nothing for long would hold the producers back with its last record."""
    from disruptor import Disruptor, handler
    from tests.conformance.conftest import FIELDS
    from tests.conformance.test_processors import until

    if how == "python":
        workers = [handler(lambda event, sequence, end: None, jit=False, name=f"worker-{i}").using(
            arguments=("event", "sequence", "end_of_batch")) for i in range(2)]
    else:
        workers = [kernels.sums.using(name=f"worker-{i}") for i in range(2)]
    graph = Disruptor(FIELDS, 8)
    graph.handle_events_with_worker_pool(*workers)
    with graph:
        graph.publish(value=np.arange(6))
        until(lambda: sorted(graph.sequence_of(w) for w in workers) == [5, 6])
        assert graph.ring.remaining_capacity() == 8
