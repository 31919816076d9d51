"""Placement is separate from the graph: whoever shares a thread with whom, state, wire bytes and journal are the same.

By default a few cuts of the graph into two threads run compiled, and every cut un-jitted, where threads change places
every few milliseconds at any bytecode. With HYDRAFLOW_ALL_CUTS=1 every cut runs compiled.
"""

import hashlib
import os
import random
from concurrent.futures import Future
from typing import Any

import pytest

from disruptor.cache import cache_root
from disruptor.log import read
from tests.reference.sleepy_venue import slept_seconds
from tests.system.conftest import ROOT, two_at_a_time

CHAIN = ["book", "strategy", "risk", "route", "mev", "wire", "paper"]
STAGES = ["simulator", "deserialize", "sequencer", "journal", *CHAIN]
FRAMES = 200_000
SHORT = 2_000


def cut(first: list[str]) -> str:
    """Return the placement with `first` on one thread and all other stages on another."""
    return f"a={','.join(first)};b={','.join(s for s in STAGES if s not in first)}"


def all_cuts() -> dict[str, str]:
    """Return every way to cut the graph in two with all arrows in one direction; the journal may be on either side."""
    firsts = [STAGES[:1], STAGES[:2]]
    for count in range(len(CHAIN) + 1):
        firsts += [STAGES[:3] + CHAIN[:count], STAGES[:4] + CHAIN[:count]]
    side = {True: "journal in front", False: "journal behind"}
    return {f"after {f[-1]}, {side['journal' in f]}": cut(f) for f in firsts if len(f) < len(STAGES)}


def some_mixtures() -> dict[str, str]:
    """Return placements in which arrows go back and forth between the threads."""
    draw = random.Random(5)
    return {f"mixture {n}": cut(sorted(draw.sample(STAGES, 5), key=STAGES.index)) for n in range(4)}


def some_at_random() -> dict[str, str]:
    """Return placements on three and four threads, each stage anywhere, each thread with a wait of its own."""
    draw = random.Random(6)
    found = {}
    for number in range(4):
        threads: list[list[str]] = [[] for _ in range(3 + number % 2)]
        for stage in STAGES:
            draw.choice(threads).append(stage)
        found[f"random {number}"] = ";".join(
            f"t{k}:{draw.choice(('busy-spin', 'yielding', 'blocking'))}={','.join(names)}" for k, names in enumerate(threads) if names)
    return found


FEW = {
    "auto": "auto",
    "simulator | deserialize": cut(STAGES[:1]),
    "book | strategy": cut(STAGES[:5]),
    "risk | route, journal behind": cut([*STAGES[:3], *CHAIN[:3]]),
}  # "wire | paper" is compiled with a venue that sleeps, below
COMPILED = {**FEW, **(all_cuts() if os.environ.get("HYDRAFLOW_ALL_CUTS") else {})}
SLEEPY = "wire | sleepy paper"
UNJITTED = {"auto": "auto", **all_cuts(), **some_mixtures(), **some_at_random()}


def journal_hash(result: dict[str, Any]) -> str:
    """Return a hash over every journaled message with its payload: the one order itself."""
    digest = hashlib.sha256()
    for _, body in read(result["journal"]["path"]):
        digest.update(body.tobytes())
    return digest.hexdigest()


def outcome(result: dict[str, Any]) -> dict[str, Any]:
    """Return what must not depend on placement."""
    names = ("frames", "messages", "decisions", "orders", "rejects", "fills", "level_changes", "wire", "state_hashes", "state_hash")
    journal = {name: result["journal"][name] for name in ("messages", "verified")}
    return {**{name: result[name] for name in names}, **journal, "journal": journal_hash(result)}


@pytest.fixture(scope="module")
def compiled_runs(hfx):
    """Run all placements, two at a time, and let each test wait for its own."""
    topology = hfx.topology(stages={"simulator": {"frames": FRAMES}})
    sleepy = hfx.topology(stages={"simulator": {"frames": FRAMES}},
                          uses={"paper": f"{ROOT}/tests/reference/sleepy_venue.py:on_event"})
    wanted = {"fused": (topology, "fused"), **{name: (topology, text) for name, text in COMPILED.items()},
              SLEEPY: (sleepy, cut(STAGES[:-1]))}
    with two_at_a_time() as pool:
        yield {name: pool.submit(hfx.run, *what) for name, what in wanted.items()}
        pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def unjitted_runs(hfx):
    topology = hfx.topology(stages={"simulator": {"frames": SHORT}})
    wanted = {"fused": "fused", **UNJITTED}
    with two_at_a_time() as pool:
        yield {n: pool.submit(hfx.run, topology, text, NUMBA_DISABLE_JIT="1") for n, text in wanted.items()}
        pool.shutdown(cancel_futures=True)


def result_of(runs: dict[str, Future], name: str) -> dict[str, Any]:
    return outcome(runs[name].result())


def test_fused_run_trades(compiled_runs):
    run = compiled_runs["fused"].result()
    assert len(run["placement"]) == 2  # the loop, and the journal's writer
    assert run["fills"] > 1_000
    assert run["wire"]["bytes"] > 100_000
    assert run["state_hashes"].keys() == set(CHAIN)


@pytest.mark.parametrize("name", COMPILED)
def test_state_wire_and_journal_are_those_of_one_thread(compiled_runs, name):
    assert result_of(compiled_runs, name) == result_of(compiled_runs, "fused")


def test_state_wire_and_journal_are_the_same_when_the_venue_sleeps_at_random(compiled_runs):
    run = compiled_runs[SLEEPY].result()
    paper = run["latency_ns"]["paper"]
    assert paper["mean"] * paper["count"] / 1e9 > 0.99 * slept_seconds(run["messages"]) > 0.05
    assert result_of(compiled_runs, SLEEPY) == result_of(compiled_runs, "fused")


def test_machine_code_of_every_loop_counts_no_references(compiled_runs):
    compiled_runs["fused"].result()
    root = cache_root()
    files = [path for text in root.glob("loops/*/disruptor_loop_demo_*.py") for path in text.parent.glob("run-*")]
    assert files
    for path in files:
        code = path.read_bytes()
        assert b"\x7fELF" in code and b"_ZN" in code  # an object file, in which the names of called functions can be read
        assert b"NRT_" not in code, path


@pytest.mark.parametrize("name", UNJITTED)
def test_state_wire_and_journal_are_those_of_one_thread_unjitted(unjitted_runs, name):
    assert result_of(unjitted_runs, name) == result_of(unjitted_runs, "fused")
