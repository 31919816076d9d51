"""N5: every interleaving of a small ring, with a producer that dies and a consumer that comes late (see model.py)."""

import pytest

from disruptor.compiled import JIT_ENABLED
from tests.conformance.model import Model, explore

pytestmark = pytest.mark.skipif(not JIT_ENABLED, reason="not applicable, because the model is never compiled")

RIGHT = {
    "two-producers-two-consumers": (Model(), 10_000),
    "four-slots": (Model(slots=4, most=5), 30_000),
    "one-producer": (Model(writers=1, most=7), 500),
    "a-producer-dies": (Model(crashes=True), 20_000),
    "a-consumer-comes": (Model(readers=1, late=True), 50_000),
    "a-consumer-comes-beside-another": (Model(most=4, late=True), 50_000),
    "a-consumer-goes": (Model(leaves=True), 30_000),
    "one-producer-a-consumer-comes-and-goes": (Model(writers=1, readers=1, late=True, leaves=True, most=7), 2_000),
}
WRONG = {
    "off by one": (Model(), "more is claimed than fits"),
    "gate stored blindly": (Model(), "more is claimed than fits"),
    "claimed without comparing": (Model(), "a slot is read while it is written"),
    "published before written": (Model(), "a slot is read while it is written"),
    "never unblocked": (Model(crashes=True), "the end can no longer be reached"),
    "given up is read": (Model(crashes=True), "a consumer reads another record than its own"),
    "placed once": (Model(readers=1, late=True), "a slot is read while it is written"),
    "looked once": (Model(writers=1, readers=1, late=True, most=7), "a slot is read while it is written"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_n005a_n005b_n005c_no_interleaving_breaks_a_rule_and_the_end_can_always_be_reached(name):
    model, least = RIGHT[name]
    rule, states = explore(model)
    assert rule == ""
    assert states > least  # it has looked at something


@pytest.mark.parametrize("fault", WRONG)
def test_n005a_the_checker_finds_a_fault(fault):
    model, rule = WRONG[fault]
    assert explore(model._replace(faults=frozenset([fault])))[0] == rule
