"""How much a check does grows with the file: counted in calls, which a slow machine does not change."""

from __future__ import annotations

import pytest

from bench.bench_check import chain, layers
from hydraflow.registry import Registry
from hydraflow.topology import examine
from tests.reference.calls import calls_of

REGISTRY = Registry(entry_points=False)


def work(text: str) -> int:
    def check():
        return examine(text, "t.yaml", {}, registry=REGISTRY, components=False, cpus=(0, 1))

    _, (topology, findings) = calls_of(check)
    assert topology is not None and not findings.diagnostics
    calls, _ = calls_of(check)
    return calls


@pytest.mark.parametrize("shape", [chain, layers])
def test_four_times_the_handlers_are_about_four_times_the_work(shape):
    small, large = shape(60), shape(240)
    assert work(large) / work(small) < 1.2 * len(large) / len(small)


def test_two_hundred_handlers_are_less_than_a_thousand_calls_per_line():
    text = chain(200)
    assert work(text) < 1000 * text.count("\n")


@pytest.mark.parametrize("shape", [chain, layers])
def test_what_the_handlers_source_proves_costs_in_proportion_as_well(shape, tmp_path):
    """With the handlers: who waits through whom is looked up in the closure, and what stages share is looked into once."""
    (tmp_path / "bare.py").write_text("def bare(event):\n    pass\n")

    def proof(text: str) -> int:
        def check():
            return examine(text, str(tmp_path / "t.yaml"), {}, registry=REGISTRY, cpus=(0, 1))

        _, (topology, findings) = calls_of(check)
        assert topology is not None and not findings.failed
        return calls_of(check)[0]

    small, large = shape(50), shape(200)
    assert proof(large) / proof(small) < 1.5 * len(large) / len(small)
