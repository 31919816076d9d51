"""A main ring of 64 slots and a venue that answers each order with 8 reports: nothing waits for ever, nothing is lost.

64 is the least that a topology may ask for; the feedback ring must hold main slots × the venue's most answers, and holds
just that here.
"""

import pytest

from disruptor.log import read
from hydraflow.codes import Kind
from hydraflow.records import MESSAGE
from tests.system.conftest import Hfx

KIND, NUMBER = MESSAGE.fields["kind"][1], MESSAGE.fields["number"][1] // 8
SLOTS = 64
RINGS = {"main": {"slots": SLOTS}, "decoded": {"slots": 64}, "frames": {"slots": 64}, "feedback": {"slots": 64 * SLOTS}}
REPORTS = 8
VENUE_APART = "a=simulator,deserialize,sequencer,journal,book,strategy,risk,route,mev,wire;b=paper"
HALVES = "a=simulator,sequencer,book,risk,mev,paper;b=deserialize,journal,strategy,route,wire"


def run(hfx: Hfx, placement: str, frames: int, slots: int = SLOTS, **environment: str) -> dict:
    rings = {**RINGS, "main": {"slots": slots}, "feedback": {"slots": 64 * slots}}
    topology = hfx.topology(stages={"simulator": {"frames": frames}, "paper": {"reports_per_order": REPORTS}}, rings=rings)
    return hfx.run(topology, placement, **environment)


def check(hfx: Hfx, result: dict) -> None:
    """Compare what the venue emitted, what the journal holds and what risk received."""
    emitted = hfx.stat(result["name"])["cells"]["ring.feedback"] + 1
    numbers, reports = [], 0
    for _, body in read(result["journal"]["path"]):
        kind = body[KIND // 8] >> 8 * (KIND % 8) & 0xFF
        if kind >= Kind.REPORT:
            numbers.append(int(body[NUMBER]))
            reports += int(kind == Kind.REPORT)
    assert sorted(numbers) == list(range(emitted))
    assert result["sequencer"]["feedback_messages"] == emitted
    assert result["sequencer"]["undelivered"] == 0
    assert result["risk"]["reports"] == reports
    assert result["risk"]["open_orders"] <= 4  # all that was ended has been heard of
    assert reports > REPORTS * result["fills"] > 0


def test_full_rings_lose_nothing_and_do_not_deadlock(hfx):
    result = run(hfx, VENUE_APART, 100_000)
    check(hfx, result)
    assert result["fills"] > 300
    assert result["journal"]["verified"]


@pytest.mark.parametrize("placement", ["fused", "auto", VENUE_APART, HALVES], ids=["fused", "auto", "venue apart", "halves"])
def test_full_rings_lose_nothing_and_do_not_deadlock_unjitted(hfx, placement):
    check(hfx, run(hfx, placement, 3_000, NUMBA_DISABLE_JIT="1"))


def test_state_does_not_depend_on_the_size_of_rings(hfx):
    small = run(hfx, "auto", 3_000, NUMBA_DISABLE_JIT="1")
    large = run(hfx, "auto", 3_000, 4096, NUMBA_DISABLE_JIT="1")
    assert small["state_hashes"] == large["state_hashes"]


def test_a_ring_below_its_least_size_is_refused(hfx):
    topology = hfx.topology(rings={"main": {"slots": 32}})
    complaint = hfx.start("check", topology, code=78).stderr
    assert "HF206" in complaint and "write slots: 64 or more" in complaint
