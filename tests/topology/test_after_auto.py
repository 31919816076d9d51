"""`after: auto`: what is derived, where it is shown, and that what runs is what was shown."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

from hydraflow.cli.graph import graph
from hydraflow.cli.plan import plan
from hydraflow.cli.render import render
from hydraflow.topology import examine
from hydraflow.topology.superfluous import note_superfluous
from hydraflow.topology.touched import touched_by

SIGNALS = """
def spread(event):
    event["signal"] = event["ask_price_ticks"] - event["bid_price_ticks"]

def rate(event):
    event["fair_price"] = event["signal"] * 0.5

def look(event, state):
    state["sum"] += event["fair_price"]

def sharpen(event):
    event["signal"] = event["signal"] * 2.0 if event["symbol"] else 0.0
"""
TEXT = """version: 1
name: derived
after: auto
sources: [{use: simulator, with: {frames: 100}}]
handlers:
  - {use: deserialize.binance}
  - {use: "./signals.py:rate"}
  - {use: "./signals.py:spread"}
  - {use: book}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "signals.py").write_text(SIGNALS)
    (tmp_path / "t.yaml").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def derived(text):
    topology, findings = examine(text, "t.yaml", {})
    return {s.name: s.after for s in topology.stages}, [(d.severity, d.code) for d in findings.diagnostics], topology


def test_readers_come_after_writers_wherever_they_stand(folder):
    after, said, topology = derived(TEXT)
    assert after == {"deserialize": (), "rate": ("spread",), "spread": ("book",), "book": ()}
    assert said == []
    assert {s.name: dict(s.derived) for s in topology.stages if s.derived} == \
        {"rate": {"spread": "reads signal"}, "spread": {"book": "reads ask_price_ticks"}}


def test_a_stage_that_says_after_is_left_alone(folder):
    after, said, _ = derived(TEXT.replace('signals.py:rate"', 'signals.py:rate", after: []'))
    assert after["rate"] == () and said == [("error", "HF112")]


def test_names_beside_auto_are_kept_and_imply_what_they_imply(folder):
    after, said, _ = derived(TEXT.replace('signals.py:rate"', 'signals.py:rate", after: [auto, spread]'))
    assert after["rate"] == ("spread",) and said == []
    after, said, _ = derived(TEXT.replace('signals.py:rate"', 'signals.py:rate", after: [auto, book]'))
    assert after["rate"] == ("book", "spread") and said == [("note", "HF339")]


def test_a_reader_between_two_writers_stays_between_them(folder):
    more = '  - {use: "./signals.py:sharpen", after: [auto, spread]}\n'
    lines = TEXT.splitlines(keepends=True)
    text = "".join([*lines[:6], lines[7], lines[6], more, lines[8]])  # spread, rate, sharpen, book
    after, said, _ = derived(text)
    assert after == {"deserialize": (), "spread": ("book",), "rate": ("spread",), "sharpen": ("spread", "rate"), "book": ()}
    assert ("note", "HF339") in said and not any(severity == "error" for severity, _ in said)


def test_a_stage_that_drains_a_ring_comes_after_the_stage_that_fills_it(folder):
    text = re.sub(r"  - \{use: \"./signals.*\n", "", TEXT) + '  - {use: strategy.market_maker}\n  - {use: risk}\n  - {use: route}\n' \
        '  - {use: mev}\n  - {use: wire}\nsinks:\n  - {use: paper, with: {latency: 1ms}}\n'
    after, said, topology = derived(text)
    assert said == []
    assert after == {"deserialize": (), "book": (), "strategy": ("book",), "risk": ("strategy",), "route": ("risk",), "mev": ("route",),
                     "wire": ("mev",), "paper": ("wire",)}
    assert topology.sinks[0].derived == {"wire": "takes from ring egress"}


def test_plan_graph_and_render_show_it_as_derived(folder):
    def run(command, *arguments):
        result = CliRunner().invoke(command, arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    assert "  rate         spread (derived: reads signal)" in run(plan, "t.yaml")
    stages = {s["name"]: s for s in json.loads(run(plan, "t.yaml", "--json"))["stages"]}
    assert stages["rate"]["derived"] == {"spread": "reads signal"} and stages["book"]["derived"] == {}
    drawn = run(graph, "t.yaml")
    assert drawn.count("◆") == 3 and "◆ derived (after: auto)" in drawn
    edges = [e for e in json.loads(run(graph, "t.yaml", "--format", "json"))["edges"] if e["kind"] == "after"]
    assert edges == [
        {"from": "stage/spread", "to": "stage/rate", "kind": "after", "implied": False, "derived": "reads signal"},
        {"from": "stage/book", "to": "stage/spread", "kind": "after", "implied": False, "derived": "reads ask_price_ticks"},
    ]
    assert run(graph, "t.yaml", "--format", "mermaid").count("-->|after, derived|") == 2
    assert run(graph, "t.yaml", "--format", "dot").count('label="after (derived)"') == 2
    assert run(graph, "t.yaml", "--format", "svg").count('stroke-dasharray="2 3"') == 2
    rendered = run(render, "t.yaml", "--origin")
    assert re.search(r"after: \[spread\] +# spread: derived, reads signal\n", rendered)
    assert re.search(r"after: \[\] +# derived: nothing to wait for\n", rendered)
    (folder / "again.yaml").write_text(rendered)
    assert derived(rendered)[0] == derived(TEXT)[0]


def test_auto_is_no_name_for_a_stage_and_no_other_word_is_taken(folder):
    assert derived(TEXT.replace("use: book}", "use: book, name: auto}"))[1] == [("error", "HF109")]
    assert derived(TEXT.replace("after: auto", "after: always"))[1][0] == ("error", "HF011")


def test_200_stages_are_proved_with_one_look_at_each_handler_and_one_closure(folder, monkeypatch):
    """Counted, not timed: what grows with the number of stages grows no faster than it."""
    from disruptor.access import cache as access_cache
    from disruptor.access import walk as access_walk
    from hydraflow.topology import happens_before

    walks, closures = [], []
    run, of = access_walk.Walk.run, happens_before.Order.of.__func__
    monkeypatch.setattr(access_walk.Walk, "run", lambda *a: (walks.append(1), run(*a))[1])
    monkeypatch.setattr(happens_before.Order, "of", classmethod(lambda *a: (closures.append(1), of(*a))[1]))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    lines = [f'  - {{name: s{n}, use: "./signals.py:look", after: {"rate" if n % 2 else "[rate]"}}}\n' for n in range(190)]
    text = TEXT.replace("after: auto\n", "").replace('rate"', 'rate", after: spread').replace('spread"}', 'spread", after: book}') + "".join(lines)
    _, said, topology = derived(text)
    assert said == [] and len(topology.stages) == 194
    assert len(walks) == 5, "one for each handler, whatever number of stages uses it"
    assert len(closures) <= 2
    walks.clear()
    access_cache._hashed.cache_clear()
    derived(text)
    assert walks == [], "the second time none"


def test_the_journal_may_be_waited_for(folder):
    text = TEXT.replace("after: auto\n", "") + "  - {use: journal}\n"
    text = text.replace('rate"', 'rate", after: [spread, journal]').replace('spread"}', 'spread", after: book}')
    _, said, topology = derived(text)
    assert said == []
    stages = touched_by(topology, topology.bound)
    from hydraflow.topology.diagnose import Findings
    from hydraflow.topology.happens_before import Order
    findings = Findings("t.yaml", text)
    note_superfluous(stages, Order.of({s.name: s.spec.after for s in stages}), findings)
    assert [d.code for d in findings.diagnostics] == ["HF339"], "it is the journal that makes the difference"
