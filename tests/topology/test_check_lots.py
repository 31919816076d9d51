"""A lot that makes every order of a whole token impossible is an error that says which lot to write."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

from handlers.risk.limits import LOTS_MAX
from hydraflow.errors import ConfigurationError
from hydraflow.runtime.instruments import instrument_table
from hydraflow.topology import examine
from hydraflow.topology.check_lots import ADVISED, too_fine
from tests.reference.topology_stubs import registry

TEXT = """version: 1
instruments: [{symbol: TOKEN, tick: 0.01, lot: LOT}]
sources: [{use: simulator}]
handlers:
  - {use: deserialize.binance}
  - {use: book}
  - {use: strategy.market_maker, after: book}
  - {use: risk, after: strategy}
"""
WITHOUT = TEXT.replace("  - {use: risk, after: strategy}\n", "")


def examined(lot: str, text: str = TEXT):
    return examine(text.replace("LOT", lot), "token.yaml", {}, registry=registry())


@pytest.mark.parametrize(("lot", "codes"), [
    ("0.000000000000000001", {"HF502"}), ("0.000000000000001", {"HF785"}), ("0.0000000000005", {"HF785"}),
    ("0.000000000001", set()), (ADVISED, set()), ("0.001", set()), ("1", set()),
])
def test_a_lot_is_refused_exactly_when_no_whole_token_fits_into_an_order(lot, codes):
    topology, findings = examined(lot)
    found = {d.code for d in findings.diagnostics if d.code in ("HF502", "HF785")}
    assert found == codes
    assert (Decimal(lot) * LOTS_MAX < 1) == bool(codes) == bool(too_fine(topology, lot))
    for one in findings.diagnostics:
        if one.code in codes:
            assert one.label == f"write lot: {ADVISED}"


def test_without_a_stage_that_limits_orders_nothing_is_said():
    _, findings = examined("0.000000000000001", WITHOUT)
    assert not [d for d in findings.diagnostics if d.code == "HF785"]


def test_a_lot_that_a_source_brings_is_refused_when_it_starts():
    topology, _ = examined("1")
    finest = attrs.evolve(topology, instruments=(attrs.evolve(topology.instruments[0], lot="0.000000000000000001"),))
    with pytest.raises(ConfigurationError, match=f"'TOKEN': lot 0.000000000000000001 is too fine to trade.*; write lot: {ADVISED}"):
        instrument_table(finest, {})
