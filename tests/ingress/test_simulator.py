"""The simulator: its bytes are a function of (seed, frames), and a client that believes them never finds a contradiction."""

from __future__ import annotations

import hashlib
import os
import random
import statistics
import subprocess
import sys

import pytest

from hydraflow.errors import ConfigurationError
from hydraflow.ingress.base import FINISHED
from hydraflow.ingress.simulator.batch import SimulatedLines
from hydraflow.ingress.simulator.source import simulator
from hydraflow.ingress.simulator.state import FAR_LEVELS, FRAME_ROOM, WINDOW_MASK, SimulatorParams
from tests.reference.naive_feed import NaiveFeed
from tests.reference.source_driver import simulator_driver

_PINNED = "06f3f65121acc8dee88ef5412a0e15d7cf16b459f49a12aecbaa6286312ff525"
_FAULTS = {"gap_ppm": 20_000, "crossed_ppm": 10_000, "far_ppm": 100_000, "resync_ppm": 10_000, "resync_ns": 2_000_000}


def _bytes(**params) -> bytes:
    return b"".join(bytes(block) for block in SimulatedLines(SimulatorParams(**params)))


@pytest.fixture(scope="module")
def capture_20_000() -> bytes:
    return _bytes(frames=20_000, seed=7)


@pytest.fixture(scope="module")
def feed() -> tuple[NaiveFeed, SimulatedLines]:
    lines, reader = SimulatedLines(SimulatorParams(frames=60_000, **_FAULTS)), NaiveFeed()
    for block in lines:
        for line in bytes(block).splitlines():
            reader.on_frame(line.partition(b" ")[2])
    return reader, lines


def test_simulator_has_the_pinned_hash_for_seed_7(capture_20_000):
    assert hashlib.sha256(capture_20_000).hexdigest() == _PINNED
    assert capture_20_000.count(b"\n") == 20_000


def test_simulator_differs_for_another_seed_and_begins_the_same_with_fewer_frames(capture_20_000):
    other = _bytes(frames=300, seed=8)
    assert other[:2000] != capture_20_000[:2000]
    assert capture_20_000.startswith(_bytes(frames=300, seed=7))


def test_simulator_emits_the_same_bytes_whatever_room_bursts_and_rings_are(capture_20_000):
    dice = random.Random(5)
    driver = simulator_driver(SimulatorParams(frames=3_000, burst=7), slots=16, payload=1 << 17)
    digest, done = hashlib.sha256(), 0
    while done != FINISHED:
        done = driver.turn(room=dice.randrange(9), payload_room=dice.choice([0, 1000, FRAME_ROOM, 1 << 17]))
        for frame in driver.take():
            digest.update(b"%d %b\n" % (frame.receive_ns, frame.text))
    expected = b"".join(line for line in capture_20_000.splitlines(keepends=True)[:3_000])
    assert digest.digest() == hashlib.sha256(expected).digest()


def test_simulator_emits_the_same_bytes_without_jit(capture_20_000):
    environment = dict(os.environ, NUMBA_DISABLE_JIT="1")
    command = [sys.executable, "-W", "error", "-m", "tests.reference.source_driver", "400", "7"]
    out = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    expected = b"".join(capture_20_000.splitlines(keepends=True)[:400])
    assert out.split()[-1] == hashlib.sha256(expected).hexdigest()


def test_simulator_numbers_frames_and_finishes_for_good():
    driver = simulator_driver(SimulatorParams(frames=100, burst=64), source_index=3)
    assert [driver.turn() for _ in range(4)] == [64, 36, FINISHED, FINISHED]
    frames = list(driver.take())
    assert [f.number for f in frames] == list(range(100))
    assert set(driver.ring.records["source"][:100]) == {3} and {f.error for f in frames} == {0}
    assert int(driver.counters[0]["frames"]) == 100
    assert int(driver.counters[0]["bytes"]) == sum(len(f.text) for f in frames)


def test_simulator_waits_without_advancing_when_there_is_no_room():
    driver = simulator_driver(SimulatorParams(frames=10))
    assert driver.turn(room=0) == 0 and driver.turn(payload_room=FRAME_ROOM - 1) == 0
    assert int(driver.state[0]["number"]) == 0
    assert driver.turn(room=1) == 1


def test_simulator_publishes_at_planned_stamps_when_paced():
    driver = simulator_driver(SimulatorParams(frames=200, speed=2.0), ticks_per_second=2e9)
    now, frames = 1_000, []
    while driver.turn(now=now) != FINISHED:
        taken = list(driver.take())
        assert all(frame.stamp <= now for frame in taken)
        frames += taken
        now += 3_000
    first = frames[0].receive_ns
    assert [f.stamp for f in frames] == [1_000 + (f.receive_ns - first) for f in frames]  # 2 ticks/ns, twice as fast
    flat = simulator_driver(SimulatorParams(frames=200))
    assert [f.text for f in frames] == [f.text for f in flat.frames()]


def test_simulator_makes_the_next_frame_while_it_waits_and_counts_it_when_it_goes_out():
    driver = simulator_driver(SimulatorParams(frames=3, rate=1000.0))
    counted = []
    for now in (0, 999_999, 999_999, 1_000_000, 1_500_000, 2_000_000):
        driver.turn(now=now)
        sent = sum(1 for _ in driver.take())
        counted.append((int(driver.state[0]["number"]), int(driver.counters[0]["frames"]), sent))
    assert counted == [(1, 1, 1), (2, 1, 0), (2, 1, 0), (2, 2, 1), (3, 2, 0), (3, 3, 1)]
    flat = simulator_driver(SimulatorParams(frames=3))
    flat.turn()
    assert driver.counters.tobytes() == flat.counters.tobytes() and driver.turn(now=9_000_000) == FINISHED


def test_simulator_keeps_a_fixed_rate_when_asked():
    driver = simulator_driver(SimulatorParams(frames=5, rate=1000.0))
    stamps = []
    for now in range(0, 5_000_001, 500_000):
        driver.turn(now=now)
        stamps += [(now, frame.stamp) for frame in driver.take()]
    assert stamps == [(n * 1_000_000, n * 1_000_000) for n in range(5)]


def test_simulator_mixes_kinds_sizes_and_times_as_promised(capture_20_000):
    lines = capture_20_000.splitlines()
    stamps = [int(line.partition(b" ")[0]) for line in lines]
    assert stamps == sorted(stamps)
    assert 27_000 < (stamps[-1] - stamps[0]) / len(lines) < 33_000
    assert 240 < len(capture_20_000) / len(lines) < 300
    share = {kind: sum(mark in line for line in lines) / len(lines) for kind, mark in {
        "ticker": b'"bookTicker"', "trade": b'"trade"', "depth": b'"depthUpdate"', "pool": b"eth_subscription"}.items()}  # fmt: skip
    assert share["ticker"] == pytest.approx(0.60, abs=0.03) and share["trade"] == pytest.approx(0.25, abs=0.03)
    assert share["depth"] == pytest.approx(0.13, abs=0.02) and share["pool"] == pytest.approx(0.02, abs=0.005)


def test_simulator_faults_are_what_a_client_finds(feed):
    reader, lines = feed
    counted = {name: int(lines.counters[name]) for name in lines.counters.dtype.names}
    assert reader.seen["depthUpdate"] == counted["depths"] and reader.seen["snapshot"] == counted["snapshots"]
    assert sum(reader.level_counts) == counted["levels"]
    assert counted["gaps"] > 100 and counted["crossed"] > 50 and counted["far_levels"] > 500 and counted["resyncs"] > 20
    assert reader.seen["gaps"] + reader.seen["missed"] > 80  # two faults before one snapshot are found once
    assert reader.seen["gaps"] + reader.seen["missed"] <= counted["gaps"]
    assert 0 < reader.seen["crossed"] <= counted["crossed"]
    assert reader.seen["straddled"] >= counted["snapshots"] - reader.seen["missed"] - 2
    assert reader.seen["unknown_deletes"] > 100


def test_simulator_touch_equals_its_tickers_in_both_orders(feed):
    reader, _ = feed
    assert reader.seen["ticker_first"] > 500 and reader.seen["depth_first"] > 100  # each one was asserted


def test_simulator_market_moves_but_not_away(feed):
    reader, _ = feed
    mids = [mid / 2 for mid in reader.mids]
    assert max(mids) - min(mids) > 100 and 600_000 < min(mids) and max(mids) < 640_000
    assert reader.touch_trades > reader.seen["trade"] / 2
    pool = [price / 618_000 for price in reader.pool_prices]
    assert 0.95 < min(pool) < 1 < max(pool) < 1.05 and statistics.mean(pool) == pytest.approx(1, abs=0.01)
    assert 8 < statistics.mean(reader.level_counts) < 20 and max(reader.level_counts) > 200


def test_simulator_book_of_a_client_is_the_true_book_after_each_depth_message():
    driver, reader = simulator_driver(SimulatorParams(frames=6_000, seed=11, burst=1, **_FAULTS)), NaiveFeed()
    compared = 0
    while driver.turn() != FINISHED:
        (frame,) = driver.take()
        reader.on_frame(frame.text)
        if reader.live and not reader.waiting_for_first and b"depthUpdate" in frame.text:
            assert (reader.bids, reader.asks) == _true_book(driver.state[0])
            compared += 1
    assert compared > 300


def _true_book(state) -> tuple[dict[int, int], dict[int, int]]:
    bids = {t: int(state["lots"][t & WINDOW_MASK]) for t in range(int(state["low"]), int(state["bid"]) + 1)}
    asks = {t: int(state["lots"][t & WINDOW_MASK]) for t in range(int(state["ask"]), int(state["high"]) + 1)}
    half, start = FAR_LEVELS // 2, int(state["start_ticks"])
    bids |= {start // 2 - 16 * k: int(state["far_lots"][k]) for k in range(half)}
    asks |= {start * 3 // 2 + 16 * k: int(state["far_lots"][half + k]) for k in range(half)}
    return {t: q for t, q in bids.items() if q}, {t: q for t, q in asks.items() if q}


@pytest.mark.parametrize("faults", [{"gap_ppm": 1_000_000}, {"crossed_ppm": 1_000_000, "resync_ns": 0}, {"far_ppm": 1_000_000}])
def test_simulator_survives_extreme_rates(faults):
    quiet = dict.fromkeys(("gap_ppm", "crossed_ppm", "far_ppm", "resync_ppm"), 0)
    reader = NaiveFeed()
    lines = SimulatedLines(SimulatorParams(frames=5_000, **(quiet | faults)))
    for block in lines:
        for line in bytes(block).splitlines():
            reader.on_frame(line.partition(b" ")[2])
    assert sum(reader.seen[k] for k in ("snapshot", "depthUpdate", "bookTicker", "trade", "pool")) == 5_000


def test_prepare_refuses_rates_of_more_than_everything():
    with pytest.raises(ConfigurationError) as error:
        SimulatedLines(SimulatorParams(gap_ppm=999_999, crossed_ppm=2, far_ppm=0, resync_ppm=0))
    assert str(error.value) == (
        "simulator: the rates of gaps, crossed books, far levels and resyncs add up to 1,000,001 ppm"
        " (limit: 1,000,000 ppm); lower one of them"
    )


@pytest.mark.parametrize("wrong", [{"frames": -1}, {"burst": 0}, {"seed": 1 << 63}, {"pool_address": "0x12"}])
def test_params_refuse_what_cannot_work(wrong):
    with pytest.raises(ValueError):
        SimulatorParams(**wrong)


def test_simulator_is_declared_as_a_virtual_source():
    assert simulator.virtual and simulator.name == "simulator" and simulator.step is simulator.function
    assert simulator.arguments[:4] == ("state", "params", "counters", "frames")
