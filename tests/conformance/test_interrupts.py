"""Ctrl-C and other exceptions between claim and publish: what was claimed is given back, never left as a hole."""

import gc
import signal
import threading
import time

import numpy as np
import pytest

from disruptor import Disruptor, handler
from disruptor import lookout as lookout_module
from disruptor import ring_buffer as ring_module
from disruptor import sequencer as sequencer_module
from disruptor.compiled import JIT_ENABLED
from disruptor.errors import GraphError, WaitTimeout
from disruptor.wait import Wait
from tests.conformance.conftest import FIELDS

HOUR_NS = 3_600_000_000_000


def interrupts(monkeypatch, module, name):
    """Let a compiled function of a module do its work, and raise KeyboardInterrupt before its result arrives."""
    real = getattr(module, name)

    def interrupted(*args):
        real(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, name, interrupted)


def claimers(ring):
    yield lambda: ring.next(2)
    yield lambda: ring.try_next(2)
    yield lambda: ring.publish().__enter__()
    yield lambda: ring.publish_event(lambda event, sequence: None)
    yield lambda: ring.publish(value=[1, 2])


@pytest.mark.parametrize("how", range(5), ids=["next", "try_next", "publish", "publish_event", "arrays"])
def test_pain10_an_interrupted_claim_is_given_back(kind, how, monkeypatch):
    ring = kind.ring(8)
    poller = ring.new_poller()
    ring.publish(value=[7])
    with monkeypatch.context() as patch:
        if how == 4:
            interrupts(patch, ring_module, "_claim_upto")
        else:
            interrupts(patch, sequencer_module.core, "claim_many" if kind.multi else "claim_one")
        with pytest.raises(KeyboardInterrupt):
            list(claimers(ring))[how]()
    assert ring.sequencer.claimed == ring.sequencer.published() == 0
    ring.publish(value=[8, 9])
    assert [int(e["value"]) for e in poller.take()] == [7, 8, 9]


def test_pain10_a_claim_interrupted_while_it_waited_is_given_back(kind, monkeypatch):
    ring = kind.ring(8)
    poller = ring.new_poller()
    ring.publish(value=np.arange(8))
    real = lookout_module._await_claim

    def interrupted(*args):
        poller.take_batch()  # now there is room
        real(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(lookout_module, "_await_claim", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ring.next(3)
    assert ring.sequencer.claimed == ring.sequencer.published() == 7
    ring.publish(value=[8, 9])
    assert [int(e["value"]) for e in poller.take()] == [8, 9]


def test_pain10_an_open_claim_survives_the_interrupt_of_another(kind, monkeypatch):
    ring = kind.ring(8)
    poller = ring.new_poller()
    mine = ring.next(2)
    with monkeypatch.context() as patch:
        interrupts(patch, sequencer_module.core, "claim_many" if kind.multi else "claim_one")
        with pytest.raises(KeyboardInterrupt):
            ring.next(3)
    assert ring.sequencer.claimed == mine == 1
    ring.publish(mine - 1, mine)
    assert poller.available == 2


def test_pain10_an_interrupt_between_claim_and_body_gives_the_record_back(kind, monkeypatch):
    ring = kind.ring(8)

    def interrupted(sequence):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ring, "get", interrupted)
        with pytest.raises(KeyboardInterrupt):
            with ring.publish():
                pass
    assert ring.sequencer.claimed == ring.sequencer.published() == -1


def test_pain10_columns_that_cannot_be_stored_publish_nothing(kind):
    ring = kind.ring(8)
    poller = ring.new_poller()
    with pytest.raises(ValueError, match=r"invalid literal|could not convert"):
        ring.publish(value=["seven", "eight"])
    assert ring.sequencer.claimed == ring.sequencer.published() == -1
    ring.publish(value=[7])
    assert [int(e["value"]) for e in poller.take()] == [7]


class Interrupt(Exception):
    pass


@pytest.mark.skipif(not JIT_ENABLED, reason="not applicable, because un-jitted a signal comes into the middle of a claim")
def test_pain10_signals_at_any_time_leave_no_hole(kind, spawn):
    """A real signal 1 ms after the last one was dealt with, while records go through a ring that is nearly always full."""
    seen = []
    slow = handler(lambda batch, first: seen.extend(batch["value"].tolist()), jit=False, name="seen", batch_limit=3).using(
        arguments=("batch", "first"))
    graph = Disruptor(FIELDS, 8, producers=kind.producers, availability=kind.availability, wait="yielding").then(slow)
    sequencer, again, ended = graph.ring.sequencer, threading.Event(), threading.Event()
    sequencer.withdraw(sequencer.next(), sequencer.claimed)  # compiled before it begins
    if kind.multi:
        sequencer.next(2)
        sequencer.abort(0)
        sequencer.publish(1)
    sequencer.reset()

    def raises(number, frame):
        if not ended.is_set():
            raise Interrupt

    def sends(main):
        while not ended.is_set():
            again.wait(0.1)  # a signal within a finalizer is lost
            again.clear()
            time.sleep(0.001)
            signal.pthread_kill(main, signal.SIGUSR1)

    gc.collect()
    sent, hit, before = 0, 0, signal.signal(signal.SIGUSR1, raises)
    try:
        with graph:
            with graph.ring.publish() as event:
                event["value"] = 0
            graph.drain(60)
            spawn(sends, threading.get_ident())
            while hit < 300:
                try:
                    again.set()
                    while True:
                        with graph.ring.publish() as event:
                            event["value"] = sent
                        sent += 1
                except Interrupt:
                    hit += 1
            ended.set()
            spawn.join()
            graph.ring.sweep()
            assert sequencer.claimed == sequencer.published()
            graph.drain(60)
    finally:
        ended.set()
        again.set()
        spawn.join()
        signal.signal(signal.SIGUSR1, before)
    assert (np.diff(seen) >= 0).all() and (np.diff(seen) <= 1).all()  # one that was interrupted may come twice


@pytest.mark.timeout(60)
@pytest.mark.parametrize("wait", [Wait.blocking(park_ns=HOUR_NS), Wait.sleeping(1, 1, HOUR_NS)], ids=["blocking", "sleeping"])
def test_k091_a_timeout_is_kept_whatever_the_strategy_parks_for(kind, wait):
    ring = kind.ring(8, wait=wait)
    ring.new_poller()
    ring.publish(value=np.arange(8))
    with pytest.raises(WaitTimeout):
        ring.next(timeout=0.05)
    with pytest.raises(WaitTimeout):
        ring.new_barrier().wait_for(8, timeout=0.05)


def test_a_handler_that_shuts_its_own_graph_down_is_told():
    told = []

    def ends(event, sequence, end_of_batch):
        try:
            graph.shutdown()
        except GraphError as error:
            told.append((str(error), graph.started))

    graph = Disruptor(FIELDS, 8).then(handler(ends, jit=False))
    with graph:
        graph.publish(value=[1])
    assert told == [("handler 'ends' waits for its own graph to be drained: it would wait for itself; halt() ends it", True)]


def test_threads_of_a_graph_that_could_not_start_are_ended():
    from disruptor import thread

    graph = Disruptor(FIELDS, 8, placement=[thread("one", cpu=0), thread("two", cpu=0)])
    one, two = (handler(lambda event: None, jit=False, name=name) for name in ("one", "two"))
    graph.then(one, two)
    real = threading.Thread.start

    def refuses(self):
        if self.name == "dis-two":
            raise RuntimeError("can't start new thread")
        real(self)

    threading.Thread.start = refuses
    try:
        with pytest.raises(RuntimeError, match="can't start new thread"):
            graph.start()
    finally:
        threading.Thread.start = real
    assert not graph.started
    assert not [t for t in threading.enumerate() if t.name == "dis-one"]
    with graph:
        graph.publish(value=[1])
