"""K70–K80: batch rewind (LMAX RewindBatchEventProcessorTest), Python and compiled."""

import attrs
import pytest

from disruptor.errors import GraphError, HandlerError, Rewind
from disruptor.loop_processor import LoopProcessor, Member
from disruptor.processor import BatchEventProcessor
from disruptor.rewind import EventuallyGiveUp, PauseRewind, RewindAction, RewindStrategy, SimpleRewind
from disruptor.wait import Wait
from tests.conformance import kernels
from tests.conformance.test_processors import Records, until


@attrs.define
class Ran:
    """What a run of a rewinding handler left."""

    seen: list
    batches: list
    errors: list


class Rewinds:
    """Asks for its batch again as often as the record's `value` says."""

    def __init__(self):
        self.left, self.seen, self.batches = {}, [], []

    def on_batch_start(self, batch_size, queue_depth):
        self.batches.append(batch_size)

    def on_event(self, event, sequence, end_of_batch):
        left = self.left.setdefault(sequence, int(event["value"]))
        if left > 0:
            self.left[sequence] -= 1
            raise Rewind(f"not yet: {sequence}")
        if left < 0:
            raise ValueError("another error")
        self.seen.append(sequence)


def run(how, kind, spawn, failing, *, count=10, strategy=None, batch_limit=0, exceptions=None):
    """Publish `count` records, of which `failing` ask for rewinds {sequence: times}; run until all are done."""
    ring = kind.ring(64)
    values = [failing.get(n, 0) for n in range(count)]
    exceptions = exceptions or Records()
    settings = {"rewind": strategy or SimpleRewind(), "batch_limit": batch_limit, "on_error": exceptions}
    if how == "python":
        given = Rewinds()
        processor = BatchEventProcessor(ring, ring.new_barrier(), given, **settings)
        ring.add_gating_sequences(processor.sequence)
    else:
        member = Member(ring, kernels.rewinds.using(**settings), ring.new_barrier())
        ring.add_gating_sequences(member.sequence)
        processor = LoopProcessor(ring, [member], Wait.blocking()).build()
    ring.publish(value=values)
    spawn(processor.run)
    until(lambda: processor.sequence.get() == count - 1)
    processor.halt()
    spawn.join()
    if how == "python":
        return Ran(given.seen, given.batches, exceptions.errors)
    state = member.state[0]
    return Ran([int(s) for s in state["seen"][: state["count"]]], [int(s) for s in state["sizes"][: state["batches"]]],
               exceptions.errors)


each = pytest.mark.parametrize("how", ["python", "compiled"])


@each
def test_k070_rewind_at_the_first_record_of_one(kind, how, spawn):
    ran = run(how, kind, spawn, {0: 1}, count=1)
    assert (ran.seen, ran.batches, ran.errors) == ([0], [1, 1], [])


@each
def test_k070_rewind_at_the_first_record_of_ten(kind, how, spawn):
    assert run(how, kind, spawn, {0: 1}).seen == list(range(10))


@each
def test_k071_rewind_in_the_middle(kind, how, spawn):
    assert run(how, kind, spawn, {8: 1}).seen == [*range(8), *range(10)]


@each
def test_k072_rewind_at_the_last_record(kind, how, spawn):
    assert run(how, kind, spawn, {9: 1}).seen == [*range(9), *range(10)]


@each
def test_k073_rewind_several_times(kind, how, spawn):
    assert run(how, kind, spawn, {5: 3}).seen == [*range(5)] * 3 + [*range(10)]


@each
def test_k074_two_records_that_each_rewind_three_times(kind, how, spawn):
    assert run(how, kind, spawn, {5: 3, 7: 3}).seen == [*range(5)] * 3 + [*range(7)] * 3 + [*range(10)]


def test_k075_another_error_goes_to_the_exception_handler(kind, spawn):
    ran = run("python", kind, spawn, {8: -1})
    assert ran.errors == [("another error", 8, True)]
    assert ran.seen == [0, 1, 2, 3, 4, 5, 6, 7, 9]


@each
def test_k076_only_the_batch_at_hand_is_rewound(kind, how, spawn):
    """LMAX's test of this name sets no batch limit, so it cannot fail."""
    ran = run(how, kind, spawn, {5: 2}, batch_limit=4, count=10)
    assert ran.seen == [0, 1, 2, 3, 4, 4, 4, 5, 6, 7, 8, 9]
    assert ran.batches == [4, 4, 4, 4, 2]


@each
def test_k077_attempts_are_counted_anew_for_each_batch(kind, how, spawn):
    ran = run(how, kind, spawn, {1: 2, 5: 2}, batch_limit=4, count=8, strategy=EventuallyGiveUp(3))
    assert ran.errors == []
    assert ran.seen == [0, 0, 0, 1, 2, 3, 4, 4, 4, 5, 6, 7]


def test_k077_the_strategy_is_asked_once_for_each_rewind(kind, spawn):
    class Counts(RewindStrategy):
        def __init__(self):
            self.asked = []

        def decide(self, error, attempt):
            self.asked.append((str(error), attempt))
            return RewindAction.REWIND

    never, thrice = Counts(), Counts()
    run("python", kind, spawn, {}, strategy=never)
    run("python", kind, spawn, {4: 3}, strategy=thrice)
    assert never.asked == []
    assert thrice.asked == [("not yet: 4", 1), ("not yet: 4", 2), ("not yet: 4", 3)]


@each
def test_k078_rewind_after_a_pause(kind, how, spawn):
    import time

    started = time.monotonic()
    assert run(how, kind, spawn, {3: 2}, strategy=PauseRewind(0.02)).seen == [*range(3)] * 2 + [*range(10)]
    assert time.monotonic() - started >= 0.04


@each
def test_k079_giving_up_passes_the_record_by(kind, how, spawn):
    ran = run(how, kind, spawn, {15: 99, 25: 99}, count=30, strategy=EventuallyGiveUp(3))
    assert ran.seen == [*range(15)] * 3 + [*range(16, 25)] * 3 + [*range(26, 30)]
    assert [sequence for _, sequence, _ in ran.errors] == [15, 25]


def test_k080_asking_for_a_rewind_without_a_strategy_is_an_error(kind, spawn):
    ring, exceptions = kind.ring(64), Records()
    processor = BatchEventProcessor(ring, ring.new_barrier(), Rewinds(), on_error=exceptions)
    ring.publish(value=[1])
    spawn(processor.run)
    until(lambda: processor.sequence.get() == 0)
    processor.halt()
    assert "asked for a rewind, but has no strategy; use rewind=SimpleRewind()" in exceptions.errors[0][0]


def test_k080_a_compiled_handler_without_a_strategy_likewise(kind, spawn):
    ring, exceptions = kind.ring(64), Records()
    member = Member(ring, kernels.rewinds.using(on_error=exceptions), ring.new_barrier())
    processor = LoopProcessor(ring, [member], Wait.blocking()).build()
    ring.publish(value=[1])
    spawn(processor.run)
    until(lambda: member.sequence.get() == 0)
    processor.halt()
    assert exceptions.errors == [("asked for a rewind, but has no strategy; use rewind=SimpleRewind()", 0, True)]


def test_k080_a_strategy_in_python_cannot_serve_a_compiled_handler(kind):
    class Mine(RewindStrategy):
        def decide(self, error, attempt):
            return RewindAction.THROW

    member = Member(kind.ring(), kernels.rewinds.using(rewind=Mine()), kind.ring().new_barrier())
    with pytest.raises(GraphError, match=r"^Mine decides in Python; a compiled handler needs one of the library's strategies$"):
        member.text()


def test_quirk_r_a_rewound_batch_may_have_grown(kind, spawn):
    ring = kind.ring(64)

    class Grows(Rewinds):
        def on_event(self, event, sequence, end_of_batch):
            if sequence == 1 and self.left.get(1) != 0:
                ring.publish(value=[0])
            super().on_event(event, sequence, end_of_batch)

    given = Grows()
    processor = BatchEventProcessor(ring, ring.new_barrier(), given, rewind=SimpleRewind())
    ring.add_gating_sequences(processor.sequence)
    ring.publish(value=[0, 2])
    spawn(processor.run)
    until(lambda: processor.sequence.get() == 3)
    processor.halt()
    spawn.join()
    assert given.batches == [2, 3, 4]
    assert given.seen == [0, 0, 0, 1, 2, 3]


def test_k079_a_fatal_exception_handler_ends_the_processor_when_it_gives_up(kind):
    ring = kind.ring(64)
    processor = BatchEventProcessor(ring, ring.new_barrier(), Rewinds(), rewind=EventuallyGiveUp(2))
    ring.publish(value=[0, 9, 0])
    with pytest.raises(HandlerError, match=r"^handler 'Rewinds' failed at sequence 1: Rewind: not yet: 1$"):
        processor.run()
