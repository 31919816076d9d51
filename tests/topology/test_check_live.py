"""Timers and live parameters in a topology file: every mistake with its place, its limit and its remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hydraflow.topology import examine
from hydraflow.topology.keys import keys_of
from hydraflow.topology.resolved import resolved
from hydraflow.topology.spec import HandlerSpec
from hydraflow.topology.values import duration_ns, duration_text

HANDLERS = '''
import attrs
from disruptor.handler import handler

@attrs.frozen
class Named:
    text: str = attrs.field(default="x", metadata={"live": True})
    size: int = attrs.field(default=1, metadata={"live": True})

def takes_all(event, sequence, end_of_batch, state, counters, payload, instruments, orders): pass
def takes_unknown(event, colour, *more): pass
def takes_absent(event, state, params): pass
def writes(event): event["signal"] = 1.0

good = handler(lambda event: None, name="good", state=[("x", "i8")], counters=[("y", "i8")], on_timer=takes_all)
unknown = handler(lambda event: None, name="unknown", on_timer=takes_unknown)
absent = handler(lambda event: None, name="absent", on_params=takes_absent)
number = handler(lambda event: None, name="number", on_timer=5)
named = handler(lambda event, params: None, name="named", params=Named)
writer = handler(lambda event: None, name="writer", on_timer=writes)
def reader(event): return event["signal"] > 0
plain = handler(lambda event: None, name="plain")
'''
HEAD = '''version: 1
sources: [{use: simulator}]
handlers:
  - {use: deserialize.binance}
'''


@pytest.fixture
def found(tmp_path: Path) -> Any:
    """Return a function: handlers as lines of the file → [(code, line, column, message, label)] of what is found."""
    (tmp_path / "some.py").write_text(HANDLERS)

    def look(*stages: str, head: str = HEAD) -> list[tuple[str, int, int, str, str]]:
        text = head + "".join(f"  - {stage}\n" for stage in stages)
        _, findings = examine(text, str(tmp_path / "t.yaml"), {}, cpus=(0, 1))
        return [(d.code, d.line, d.column, d.message, d.label) for d in findings.diagnostics]

    return look


def one(name: str, more: str = "") -> str:
    return f'{{name: {name}, use: "./some.py:{name}"{more}}}'


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("0", "every must be at least 1us, got 0"),
        ("-5ms", "every must be a duration such as 250us, 1ms, 2s, got text '-5ms'"),
        ("100", "every needs a unit, got the number 100"),
        ("1.5", "every must be a duration such as 100ms, got the number 1.5"),
        ("999ns", "every must be at least 1us, got 999ns"),
        ("1500ns", None),
        ("24h", None),
        ("86_401s", "every must be at most 24h, got 86401s"),
        ("1d", "every must be a duration such as 250us, 1ms, 2s, got text '1d'"),
        ("1.5ns", "every must be a whole number of nanoseconds, got text '1.5ns'"),
        ("true", "every must be a duration such as 100ms, got true"),
        ("[1ms]", "every must be a duration such as 100ms, got a list"),
        ("{a: 1}", "every must be a duration such as 100ms, got a mapping"),
        ("99999999999999999999h", "every must be at most 24h, got 99999999999999999999h"),
    ],
)
def test_a_period_is_a_duration_within_its_limits(found, written, message):
    expected = [] if message is None else [("HF130", 5, 48, f"handler 'good': {message}")]
    assert [f[:4] for f in found(one("good", f", every: {written}"))] == expected


def test_no_period_is_no_mistake_but_a_timer_that_never_fires_is_told(found):
    assert found(one("good", ", every: ~")) == []
    assert found(one("good")) == [
        ("HF137", 5, 23, "handler 'good' has a timer, but nothing says how often", "add every: 100ms, or as it should be"),
    ]
    assert [f[0] for f in found(one("good", ", every: 5"))] == ["HF130"]  # said once


def test_only_a_stage_on_the_sequenced_ring_with_a_hook_has_a_timer(found):
    head = HEAD.replace("binance}", "binance, every: 1s}")
    assert [f[:4] for f in found(one("good", ", every: 1s"), head=head)] == [
        ("HF132", 4, 32, "handler 'deserialize' on ring 'frames' cannot have a timer: it comes in the order of ring 'main'"),
    ]
    assert found(one("plain", ", every: 1s")) == [
        ("HF131", 5, 43, "handler 'plain' does nothing at its timer: it declares no on_timer", "remove it"),
    ]
    source = HEAD.replace("{use: simulator}", "{use: simulator, every: 1s}")
    assert [f[:4] for f in found(one("good", ", every: 1s"), head=source)] == [
        ("HF007", 2, 28, "source 'simulator' has no key 'every'"),
    ]


@pytest.mark.parametrize(
    ("name", "messages"),
    [
        ("unknown", ["handler 'unknown': its on_timer asks for 'colour', 'more', which nobody offers"]),
        ("absent", ["handler 'absent': its on_params asks for 'state', 'params', which the handler does not declare"]),
        ("number", ["handler 'number': on_timer is int, not a function"]),
    ],
)
def test_a_hook_asks_for_what_there_is(found, name, messages):
    every = "" if name == "absent" else ", every: 1s"
    assert [f[3] for f in found(one(name, every)) if f[0] == "HF133"] == messages


def test_a_live_parameter_is_a_number(found):
    assert [f[0::3] for f in found(one("named"))] == [
        ("HF138", "handler 'named': parameter 'text' is marked live, but is no number or flag"),
    ]


def test_what_a_timer_writes_counts_as_written_by_its_stage(found):
    stages = (one("writer", ", every: 1s"), one("reader"))
    assert [f[0::3] for f in found(*stages)] == [
        ("HF112", "handler 'reader' reads 'signal', which 'writer' writes, and nothing orders the two"),
    ]
    assert found(stages[0], one("reader", ", after: writer")) == []


def test_the_period_is_rendered_and_in_the_schema_as_it_is_written(found, tmp_path):
    topology, _ = examine(HEAD + f"  - {one('good', ', every: 1500us')}\n", str(tmp_path / "t.yaml"), {}, cpus=(0, 1))
    assert topology.stages[1].every_ns == 1_500_000
    assert resolved(topology).plain()["handlers"][1]["every"] == "1500us"
    key = next(k for k in keys_of(HandlerSpec) if k.name == "every")
    assert (key.kind, key.optional) == ("duration", True)


@pytest.mark.parametrize("text", ["1ns", "1us", "1500us", "100ms", "1s", "90s", "1min", "24h", "36h"])
def test_a_duration_is_written_exactly(text):
    assert duration_ns(duration_text(duration_ns(text))) == duration_ns(text)
    assert duration_text(0) == "0"
