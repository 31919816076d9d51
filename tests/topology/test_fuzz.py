"""Whatever the bytes, the answer is a topology or diagnostics: never a traceback, never minutes."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hydraflow.topology import examine, render
from hydraflow.topology.explain import EXPLANATIONS
from tests.reference.calls import calls_of
from tests.reference.topology_stubs import registry

GOLDEN = Path(__file__).parent / "golden"
CONFIGS = Path(__file__).parents[2] / "config"
SEEDS = [p.read_bytes() for p in [*sorted(CONFIGS.glob("*.yaml")), *sorted(GOLDEN.glob("*.yaml"))]]
WORDS = [w.encode() for w in ("version: 1", "sources:", "- {use: simulator}", "&a ", "*a", "<<: ", "${X}", "${X:-1}", "[", "]", "{",
                              "}", ": ", "\n  ", "\t", "'", '"', "|\n", "!!int ", "---\n", "x-a: ", "after: ", "on: ", "into: ", "\u00e9")]
REGISTRY = registry()
RELAXED = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def examined(data):
    calls, _ = calls_of(_examined, data)
    assert calls < 2_000_000


def _examined(data):
    topology, findings = examine(data, "f.yaml", {"X": "1"}, registry=REGISTRY, cpus=(0, 1))
    for diagnostic in findings.diagnostics:
        assert diagnostic.code in EXPLANATIONS
        assert diagnostic.message
        assert "Error" not in diagnostic.message.split(":")[0]
        render(diagnostic, findings.text, colour=True)
        if diagnostic.span:
            assert diagnostic.line >= 1 and diagnostic.column >= 1 and diagnostic.length >= 1
    assert topology is not None or findings.failed


@RELAXED
@given(st.binary(max_size=400))
def test_any_bytes_give_diagnostics(data):
    examined(data)


@RELAXED
@given(st.lists(st.sampled_from(WORDS) | st.binary(max_size=6), max_size=30))
def test_any_pieces_of_yaml_give_diagnostics(pieces):
    examined(b"version: 1\n" + b"".join(pieces))


@RELAXED
@given(st.data())
def test_mutated_files_give_diagnostics(data):
    text = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, max(0, len(text) - 1)))
        match data.draw(st.integers(0, 3)):
            case 0:
                del text[position : position + data.draw(st.integers(1, 30))]
            case 1:
                text[position:position] = data.draw(st.sampled_from(WORDS))
            case 2:
                text[position:position] = text[position : position + data.draw(st.integers(1, 60))]
            case 3:
                text[position : position + 1] = data.draw(st.binary(min_size=1, max_size=2))
    examined(bytes(text))


_SCALARS = st.none() | st.booleans() | st.integers(-5, 1 << 40) | st.floats() | st.sampled_from(
    ["main", "decoded", "frames", "book", "sequencer", "simulator", "auto", "paper", "", "1ms", "message", "frame"])
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["use", "name", "on", "into", "after", "from", "with", "record", "slots", "payload", "sequence", "feedback",
                         "threads", "stages", "cpu", "mode", "symbol", "tick", "venue", "main", "frames", "wait"]), inner, max_size=5),
    max_leaves=25,
)


@RELAXED
@given(st.dictionaries(st.sampled_from(["name", "instruments", "sources", "rings", "handlers", "sinks", "placement"]), _VALUES))
def test_any_structure_gives_diagnostics(document):
    import yaml

    examined(yaml.safe_dump({"version": 1, **document}))


_TESTS = st.recursive(
    _SCALARS | st.sampled_from(["> 5", "3..7", "last", "fills", "50us", "1 {}", "./gone.py:x", "${Y}", "risk"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["name", "input", "lines", "file", "simulator", "source", "handlers", "parameters", "expect", "book", "risk",
                         "frames", "rejects", "kill_switch", "frame_errors", "book_checks", "passed", "counters", "accepted", "rows",
                         "of", "row", "has", "side", "state_hash", "budgets", "p99", "share", "sequencer"]), inner, max_size=6),
    max_leaves=30,
)
_STAGES = st.sampled_from(["book", "risk", "sequencer"])
_EXPECTATIONS = st.fixed_dictionaries({}, optional={
    **dict.fromkeys(["frames", "rejects", "frame_errors", "book_checks", "state_hash"], _TESTS),
    "counters": st.dictionaries(_STAGES, st.dictionaries(st.sampled_from(["accepted", "x"]), _TESTS)),
    "rows": st.lists(st.fixed_dictionaries({"of": _TESTS | st.just("book"), "has": _TESTS | st.just({"u": 1})}, optional={"row": _TESTS})),
    "budgets": st.dictionaries(_STAGES, st.dictionaries(st.sampled_from(["p99", "x"]), _TESTS) | _TESTS),
})
_CASES = st.fixed_dictionaries({"name": st.just("t"), "input": st.just("1 {}") | _TESTS}, optional={
    "handlers": st.dictionaries(_STAGES, _TESTS), "parameters": st.dictionaries(_STAGES, _TESTS), "expect": _EXPECTATIONS | _TESTS,
})


@settings(RELAXED, max_examples=400)
@given(st.lists(_CASES | _TESTS, max_size=3) | _TESTS)
def test_any_tests_give_diagnostics(tests):
    examined(json.dumps({
        "version": 1, "sources": [{"use": "simulator"}], "tests": tests,
        "handlers": [{"use": "deserialize.binance"}, {"use": "book"}, {"use": "risk", "after": "book"}],
    }))
