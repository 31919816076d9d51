"""`--set PATH=VALUE`: what it changes, and what is said when it leads nowhere."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hydraflow.topology import TopologyError, examine, load, render
from hydraflow.topology.explain import EXPLANATIONS
from tests.reference.topology_stubs import registry

TEXT = """\
version: 1
instruments: [{symbol: BTCUSDT, tick: 0.1, lot: 0.001}]
sources: [{use: simulator, with: {frames: 5}}]
handlers:
  - {use: deserialize.binance}
  - {name: a.book, use: book}
  - {name: a, use: risk, after: a.book}
rings:
"""
REGISTRY = registry()


def examined(*options, text=TEXT, **environment):
    return examine(text, "t.yaml", environment, registry=REGISTRY, overrides=options)


def changed(*options, **environment):
    topology, findings = examined(*options, **environment)
    assert [d.message for d in findings.diagnostics if d.severity == "error"] == []
    return topology


def test_set_changes_a_parameter_by_the_stage_s_name():
    assert changed("sources.simulator.with.frames=1_000").bound["simulator"].params.frames == 1000


def test_set_finds_items_by_index_default_name_dotted_name_and_symbol():
    topology = changed("sources.0.with.seed=9", "handlers.deserialize.name=d", "handlers.a.book.with.low=-3",
                       "instruments.BTCUSDT.tick=0.5")
    assert topology.bound["simulator"].params.seed == 9
    assert topology.handlers[0].name == "d"
    assert topology.bound["a.book"].params.low == -3
    assert topology.instruments[0].tick == "0.5"


def test_set_adds_what_is_not_there_and_the_last_one_wins():
    topology = changed("rings.main.slots=128", "rings.main.slots=256", "placement=fused", "handlers.a.after=[]", "name=other")
    assert topology.rings["main"].slots == 256
    assert (topology.placement.mode, topology.handlers[2].after, topology.name) == ("fused", (), "other")


def test_set_takes_flow_collections_variables_and_texts_with_equals():
    topology = changed("handlers.a.book.with={low: 1, high: ${N}, mode: quiet}".replace("${N}", '"${N}"'),
                       "sources.simulator.with.seed=${N}", "name=x", N="7")
    assert (topology.bound["a.book"].params.high, topology.bound["simulator"].params.seed) == (7, 7)
    topology, findings = examined("sources.simulator.with.frames='a=b'")
    assert findings.diagnostics[0].message == "source 'simulator': frames must be a whole number, got text 'a=b'"


@pytest.mark.parametrize(
    ("option", "code", "message", "label"),
    [
        ("sources.simulatr.with.frames=1", "HF018", "sources has nothing called 'simulatr'", "did you mean 'simulator'?"),
        ("sources.7.with.frames=1", "HF018", "sources has 1 items; the first one is 0", ""),
        ("sorces.simulator.with.frames=1", "HF007", "the topology has no key 'sorces'", "did you mean 'sources'?"),
        ("sources.simulator.wth.frames=1", "HF007", "source 'simulator' has no key 'wth'", "did you mean 'with'?"),
        ("sources.simulator.with.frmes=1", "HF304", "source 'simulator' has no parameter 'frmes'", "did you mean 'frames'?"),
        ("sources.simulator.with.frames=ten", "HF305",
         "source 'simulator': frames must be a whole number, got text 'ten'", ""),
        ("rings.main.slots=100", "HF201", "ring 'main': slots must be a power of two, got 100", ""),
        ("version.x=1", "HF018", "version is one value and has no 'x'", "write version=VALUE"),
        ("sinks.paper.with.latency=1ms", "HF018", "the topology has no sinks, so none is called 'paper'", ""),
        ("frames", "HF018", "cannot read 'frames'", "write PATH=VALUE, such as sources.simulator.with.frames=1000"),
        ("a..b=1", "HF018", "cannot read 'a..b=1'", "write PATH=VALUE, such as sources.simulator.with.frames=1000"),
        ("include=x.yaml", "HF018", "files are included by files, not by options", ""),
        ("name=[", "HF001", "not YAML: did not find expected node content", ""),
        ("name=${NONE}", "HF009", "environment variable NONE is not set", "set NONE, or write ${NONE:-default}"),
        ("." .join("a" * 40) + "=1", "HF018", "a path of 40 steps is deeper than any topology", ""),
    ],
)
def test_mistakes_have_the_option_as_their_place(option, code, message, label):
    _, findings = examined(option)
    (diagnostic, *_rest) = findings.diagnostics
    assert (diagnostic.code, diagnostic.message, diagnostic.label or label) == (code, message, label or diagnostic.label)
    assert (diagnostic.path, diagnostic.line, diagnostic.column) == (f"--set {option}", 0, 0)
    assert f"--> --set {option}" in render(diagnostic, findings.texts)


def test_what_an_option_replaces_need_not_be_there():
    text = TEXT.replace("frames: 5", "frames: '${NEVER_SET:?please}', seed: '${secret:NEVER_SET}'")
    assert [d.code for d in examined(text=text)[1].diagnostics if d.severity == "error"] == ["HF009", "HF015"]
    topology, findings = examined("sources.simulator.with.frames=3", "sources.simulator.with.seed=4", text=text)
    assert not findings.failed
    assert topology.bound["simulator"].params.frames == 3


def test_one_name_in_the_file_and_an_option_is_shown_at_both():
    _, findings = examined("handlers.deserialize.name=a")
    (diagnostic,) = [d for d in findings.diagnostics if d.code == "HF101"]
    text = render(diagnostic, findings.texts)
    assert "--> t.yaml:7:12" in text
    assert "= first here: --set handlers.deserialize.name=a" in text


def test_an_option_that_is_wrong_is_a_usage_error(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(TEXT)
    with pytest.raises(TopologyError) as caught:
        load(path, registry=REGISTRY, overrides=["sources.simulator.with.frames=x", "name=_"])
    assert str(caught.value).startswith("2 errors in --set\n\nerror[HF109]")
    assert caught.value.exit_code == 2


_WORDS = ["sources", "simulator", "handlers", "a", "book", "with", "frames", "0", "99", "rings", "main", "slots", "placement", "threads",
          "version", "name", "include", "x-a", "<<", "instruments", "BTCUSDT", ""]


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(
    st.text(max_size=30) | st.builds(
        lambda steps, value: ".".join(steps) + "=" + value, st.lists(st.sampled_from(_WORDS), max_size=5),
        st.text(max_size=12) | st.sampled_from(["[]", "{}", "[{use: book}]", "{a: {b: [1]}}", "1", "x", "${X}", "${secret:X}", "[", "*a",
                                                "&a [*a]", "{name: ''}", "auto", "null", "${file:/}", "'"])),
    max_size=4))
def test_any_options_give_diagnostics(options):
    topology, findings = examined(*options)
    for diagnostic in findings.diagnostics:
        assert diagnostic.code in EXPLANATIONS
        assert "Error" not in diagnostic.message.split(":")[0]
        assert render(diagnostic, findings.texts)
    assert topology is not None or findings.failed
