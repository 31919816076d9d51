import numpy as np
import pytest

from disruptor.access import accesses
from disruptor.codegen import build_loop
from disruptor.compiled import JIT_ENABLED
from disruptor.guard import STATUS_MOST, GuardedLoop, Incident, failed_stage, status_result
from disruptor.histogram import BUCKETS
from disruptor.interpreted import interpreted
from disruptor.layout import CELL_WORDS, record_dtype
from disruptor.loop_text import write_loop
from disruptor.memory import anonymous
from disruptor.ring import Ring
from disruptor.stage import NOT_PARKED, Checkpoint, Guard, HandlerStage, Output, RingEnd
from disruptor.twin import plain_twin
from tests.reference.kernels_guard import FIELDS, digest, sees, splits

HALT, SOURCE, RUNNING, PROGRESS, WAIT, FIRST, SECOND, OUT, READ, SKIPPED, PARKED = (CELL_WORDS * i for i in (0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11))
VALUES = [5, 4, 0, 10, -3, 20, 0, 50]


class Turn:
    """`splits`, guarded, then `sees`, on a ring of VALUES and one loop; `run` does a turn after each fault."""

    def __init__(self, *, parks: bool, guarded: bool = True, every: int = 0, build=build_loop):
        self.cells = anonymous(16 * CELL_WORDS * 8).array(np.int64)
        self.ring = Ring("events", record_dtype(FIELDS, fill=True), 8)
        self.out = Ring("out", record_dtype([("value", "i8")]), 64)
        self.ring.records["value"] = VALUES
        for word, value in ((HALT, 1), (SOURCE, len(VALUES) - 1), (FIRST, -1), (SECOND, -1), (OUT, -1), (READ, -1), (PARKED, NOT_PARKED)):
            self.cells[word] = value
        end = RingEnd(ring=self.ring, cursor=SOURCE, consumers=[SECOND])
        writes = tuple(sorted(accesses(splits).writes))
        guard = Guard(parks=parks, skipped=SKIPPED, parked=PARKED, writes=writes) if guarded else None
        self.states = {h.name: np.zeros(1, h.state_dtype()) for h in (splits, sees)}
        self.checkpoints = np.zeros((16, 1), np.int64)
        checkpoint = Checkpoint(digest=digest, every=every, out=self.checkpoints, column=0) if every else None
        self.stages = [
            HandlerStage(name="splits", number=0, function=splits.function, arguments=splits.arguments, source=end, waits=(SOURCE,),
                         cursor=FIRST, bindings={"state": self.states["splits"]}, guard=guard, checkpoint=checkpoint,
                         outputs=[Output(argument="out", end=RingEnd(ring=self.out, cursor=OUT, consumers=[READ]), max_out=2)]),
            HandlerStage(name="sees", number=1, function=sees.function, arguments=sees.arguments, source=end, waits=(FIRST,),
                         cursor=SECOND, bindings={"state": self.states["sees"]}, parkable=(PARKED,) if parks else ()),
        ]
        source = write_loop(
            f"guarded{parks}{guarded}{every}", self.stages, cells=self.cells, histograms=np.zeros((1, BUCKETS), np.int64), halt=HALT,
            running=RUNNING, progress=PROGRESS, wait=1, wait_cell=WAIT,
        )
        self.seen: list[Incident] = []
        self.loop = GuardedLoop(build(source), self.stages, self.cells, running=RUNNING, wait_cell=WAIT, report=self.seen.append)

    def published(self) -> list[int]:
        return self.out.records["value"][: int(self.cells[OUT]) + 1].tolist()


compiled_only = pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only: numpy divides by zero and goes on")
BUILDS = [pytest.param(build_loop, marks=compiled_only), lambda source: interpreted(source, lambda function: function)]


@pytest.mark.parametrize("build", BUILDS, ids=["compiled", "interpreted"])
def test_record_at_which_a_handler_fails_is_undone_and_the_others_are_whole(build):
    turn = Turn(parks=False, build=build)
    assert turn.loop.run() == 0
    records = turn.ring.records
    assert records["twin"].tolist() == [5, 4, 0, 10, 0, 20, 0, 50]
    assert records["quotient"].tolist() == [20, 25, 0, 10, 0, 5, 0, 2]
    assert turn.published() == [5, -5, 4, -4, 10, -10, 20, -20, 50, -50]
    assert turn.states["splits"][0].tolist() == (8, 62)  # the state is not rolled back: eight calls
    assert turn.states["sees"][0].tolist() == (8, 62)
    assert records["parked"].tolist() == [0] * 8
    assert [(i.handler, i.sequence, i.parked) for i in turn.seen] == [("splits", 2, False), ("splits", 4, False), ("splits", 6, False)]
    assert [str(i.cause) for i in turn.seen][1] == "returned the status -3"
    assert isinstance(turn.seen[0].cause, ZeroDivisionError)
    assert (turn.cells[SKIPPED], turn.cells[PARKED]) == (3, NOT_PARKED)
    assert (turn.cells[FIRST], turn.cells[SECOND]) == (7, 7)


@pytest.mark.parametrize("build", BUILDS, ids=["compiled", "interpreted"])
def test_parked_handler_is_called_no_more_and_those_behind_it_see_that(build):
    turn = Turn(parks=True, build=build)
    assert turn.loop.run() == 0
    records = turn.ring.records
    assert records["twin"].tolist() == [5, 4, 0, 0, 0, 0, 0, 0]
    assert turn.published() == [5, -5, 4, -4]
    assert turn.states["splits"][0].tolist() == (3, 45)
    assert turn.states["sees"][0].tolist() == (8, 45)
    assert records["parked"].tolist() == [0, 0, 1, 1, 1, 1, 1, 1]
    assert [(i.sequence, i.parked) for i in turn.seen] == [(2, True)]
    assert (turn.cells[SKIPPED], turn.cells[PARKED]) == (1, 2)
    assert (turn.cells[FIRST], turn.cells[SECOND]) == (7, 7)


@compiled_only
def test_fault_of_a_handler_without_a_guard_ends_the_loop():
    turn = Turn(parks=False, guarded=False)
    with pytest.raises(ZeroDivisionError):
        turn.loop.run()
    turn.ring.records["value"][2] = -1
    turn.cells[FIRST] = 1
    assert failed_stage(turn.loop.run()) == (0, -1)
    assert turn.seen == [] and turn.cells[FIRST] == 1


@compiled_only
@pytest.mark.parametrize("parks", [False, True])
def test_checkpoints_are_taken_at_records_that_are_passed_by(parks):
    turn = Turn(parks=parks, every=1)
    assert turn.loop.run() == 0
    totals = [20, 45, 45, 55, 55, 60, 60, 62] if not parks else [20, 45, 45, 45, 45, 45, 45, 45]
    calls = range(1, 9) if not parks else [1, 2, 3, 3, 3, 3, 3, 3]
    wanted = [plain_twin(digest)({"calls": c, "total": t}, None) for c, t in zip(calls, totals, strict=True)]
    assert turn.checkpoints[:8, 0].tolist() == [int(w) for w in wanted]


@pytest.mark.parametrize("number, status", [(0, -1), (7, -3), (255, -STATUS_MOST)])
def test_result_of_a_loop_says_stage_and_status(number, status):
    result = status_result(number, status)
    assert result < 0 and failed_stage(result) == (number, status)
