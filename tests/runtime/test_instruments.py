"""The instrument table of a topology that lists nothing: what its sources know."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydraflow.runtime.instruments import instrument_table
from hydraflow.topology import examine, load

TEXT = "version: 1\nsources: [{use: simulator, with: {frames: 10}}]\nhandlers: [{use: deserialize.binance}, {use: book}]\n"


def table(text: str):
    topology, findings = examine(text, "t.yaml", {})
    assert topology is not None and not findings.diagnostics
    return instrument_table(topology, topology.bound)


def test_the_simulator_knows_what_it_trades():
    demo = load(Path(__file__).parents[2] / "config" / "demo.yaml", environment={})
    assert table(TEXT).tobytes() == instrument_table(demo, demo.bound).tobytes()


def test_what_the_file_lists_counts_instead():
    assert len(table(TEXT + "instruments: [{symbol: BTCUSDT, tick: 0.10, lot: 0.001}]\n")) == 1


@pytest.mark.parametrize("address", ["0x" + "ab" * 20, "0x" + "0" * 40])
def test_its_pool_has_the_address_that_its_parameters_say(address):
    other = TEXT.replace("frames: 10", f"frames: 10, pool_address: '{address}'")
    assert bytes.fromhex(address[2:]) in table(other).tobytes()
