"""A sharded topology, run by the engine: whoever shares a thread with whom, states, wire bytes and journal are the same, and
the journal rebuilds every shard."""

import pytest

from tests.system.test_placements import outcome

TEXT = """version: 1
name: divided
instruments:
  - {symbol: BTCUSDT, tick: 0.10, lot: 0.001}
  - {symbol: WBTCUSDT-POOL, venue: pool, underlying: BTCUSDT, base_decimals: 8,
     address: "0x004375dff511095cc5a197a54140a24efef3a416"}
sources: [{use: simulator, with: {frames: 2_000}}]
handlers:
  - {name: decode, use: deserialize.binance}
  - {use: journal}
  - {use: book, replicas: 3, by: symbol}
  - {name: strategy, use: strategy.market_maker, after: book}
  - {use: risk, after: strategy}
  - {use: route, after: risk}
  - {use: mev, after: route}
  - {use: wire, after: mev}
  - {name: tally, use: probe, after: book, replicas: 4, by: number}
sinks: [{use: paper, after: wire}]
"""
CHAIN = "strategy,risk,route,mev,wire,paper"
PLACEMENTS = {
    "shards beside each other": f"a=simulator,decode,sequencer,journal,book/1,tally/3;b=book/0,book/2,{CHAIN};c=tally/0,tally/1,tally/2",
    "shards behind those who wait for them": f"a=simulator,decode,sequencer;b:blocking={CHAIN},tally;c:blocking=journal,book",
}


@pytest.fixture(scope="module")
def fused(hfx):
    path = hfx.folder / "divided.yaml"
    path.write_text(TEXT)
    return str(path), hfx.run(str(path), "fused", NUMBA_DISABLE_JIT="1")


def test_every_record_has_one_owner(fused):
    result = fused[1]
    counts = {name: row["count"] for name, row in result["latency_ns"].items()}
    assert sum(counts[f"book/{k}"] for k in range(3)) == sum(counts[f"tally/{k}"] for k in range(4)) == result["messages"]
    assert counts["book/0"] > 0 and counts["book/1"] > 0 and counts["book/2"] == 0, "two symbols"
    assert result["shards"] == {
        "book": {"replicas": 3, "by": "symbol", "names": ["book/0", "book/1", "book/2"]},
        "tally": {"replicas": 4, "by": "number", "names": ["tally/0", "tally/1", "tally/2", "tally/3"]},
    }
    assert {"book/2", "tally/3", "paper"} <= result["state_hashes"].keys()


def test_shards_count_together_what_one_stage_counts(hfx, fused):
    path = hfx.folder / "undivided.yaml"
    path.write_text(TEXT.replace(", replicas: 3, by: symbol", "").replace(", replicas: 4, by: number", ""))
    whole = hfx.run(str(path), "fused", NUMBA_DISABLE_JIT="1")
    assert fused[1]["book"] == whole["book"] and whole["book"]["levels_applied"] > 1_000
    assert {n: h for n, h in fused[1]["state_hashes"].items() if "/" not in n} == \
           {n: h for n, h in whole["state_hashes"].items() if n not in ("book", "tally")}, "what follows sees the same fields"
    assert fused[1]["wire"] == whole["wire"] and whole["fills"] > 0


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_state_wire_and_journal_are_those_of_one_thread(hfx, fused, placement):
    assert outcome(hfx.run(fused[0], PLACEMENTS[placement], NUMBA_DISABLE_JIT="1")) == outcome(fused[1])


def test_the_journal_rebuilds_every_shard(hfx, fused):
    replayed = hfx.command("replay", fused[1]["journal"]["path"], "--quiet", "--placement",
                           f"a=simulator,decode,sequencer,tally/1,book;b={CHAIN},journal,tally/0,tally/2,tally/3", NUMBA_DISABLE_JIT="1")
    assert replayed["state_hashes"] == fused[1]["state_hashes"]
    assert replayed["replay"]["differences"] == 0


def test_a_report_says_how_the_records_were_divided(hfx, fused):
    from hydraflow.runtime.report import render

    text = render(fused[1])
    counts = [fused[1]["latency_ns"][f"book/{k}"]["count"] for k in range(3)]
    section = text.partition("\nshards\n")[2].partition("\n\n")[0].splitlines()
    assert f"3, records of each: {counts[0]:,}, {counts[1]:,}, 0;" in section[0] and "shard 0 owns" in " ".join(section)
    assert max(map(len, section)) <= 79
