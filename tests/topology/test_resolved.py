"""`render` prints what loads as the same topology, whatever it was made of, and where every value comes from."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hydraflow.scrubber import SECRETS
from hydraflow.topology import examine
from hydraflow.topology.diagnose import Findings
from hydraflow.topology.emit import as_data, as_yaml
from hydraflow.topology.nodes import Node, read
from hydraflow.topology.resolved import origin, origins, resolved
from tests.reference.topology_stubs import registry

CONFIGS = Path(__file__).parents[2] / "config"
GOLDEN = Path(__file__).parent / "golden"
REGISTRY = registry()
ENVIRONMENT = {"HYDRAFLOW_CAPTURE": "a $ ${b} $$ c: #.gz", "X": "12", "T": "0.50", "EMPTY": "", "HOSTILE": '"\u2028\x85\x1b\ud800\'\n- x'}


def examined(text, path="t.yaml", environment=None, **more):
    more.setdefault("registry", REGISTRY)
    return examine(text, path, ENVIRONMENT if environment is None else environment, **more)


def meaning(topology):
    """Return a topology as what decides what it does: the parameters by their types, not as they are written."""
    def bare(spec):  # what after: auto stands for is written out
        return attrs.evolve(spec, parameters={}, **({"auto": False} if hasattr(spec, "auto") else {}))

    rings = {name: attrs.evolve(ring, node=None) for name, ring in topology.rings.items()}
    parts = tuple(map(bare, topology.sources)), tuple(map(bare, topology.handlers)), tuple(map(bare, topology.sinks))
    tables = [(i.symbol, i.venue, *(None if v is None else float(v) for v in (i.tick, i.lot)), i.taker_fee_ppm) for i in topology.instruments]
    return topology.name, tables, parts, rings, topology.placement, repr({n: b.params for n, b in topology.bound.items()})


def same_again(topology, path="t.yaml", environment=None, **more):
    for defaults in (False, True):
        text = as_yaml(resolved(topology, defaults=defaults), lambda node: origin(node, topology))
        again, findings = examined(text, path, environment, **more)
        assert again is not None and not findings.failed, (text, [d.message for d in findings.diagnostics])
        assert meaning(again) == meaning(topology), text


@pytest.mark.parametrize("name", sorted(p.name for p in CONFIGS.glob("*.yaml")))
def test_shipped_topologies_mean_the_same_again(name):
    topology, findings = examined((CONFIGS / name).read_text(), str(CONFIGS / name), registry=None)
    assert not findings.failed
    same_again(topology, str(CONFIGS / name), registry=None)


@pytest.mark.parametrize("name", sorted(p.name for p in GOLDEN.glob("*.yaml")))
def test_golden_topologies_mean_the_same_again(name, monkeypatch):
    monkeypatch.chdir(GOLDEN)
    topology, findings = examined((GOLDEN / name).read_text(encoding="utf-8"))
    if topology is not None and not findings.failed:
        same_again(topology)


def test_every_value_says_where_it_comes_from(tmp_path):
    (tmp_path / "base.yaml").write_text("sources:\n  - use: simulator\n    with: {frames: 5, seed: '${X}'}\n")
    (tmp_path / "n.txt").write_text("3\n")
    text = ("version: 1\ninclude: base.yaml\nhandlers:\n  - {use: deserialize.binance}\n  - use: book\n"
            "    with: {low: '${file:n.txt}', window_ticks: '${UNSET:-64}', share: '${secret:S_}'}\n")
    SECRETS.clear()
    topology, findings = examined(text, str(tmp_path / "top.yaml"), {"X": "12", "S_": "0.25"}, overrides=["rings.main.slots=128"])
    assert not findings.failed
    assert as_yaml(resolved(topology), lambda node: origin(node, topology)) == """\
version: 1                      # top.yaml:1
name: top                       # default

sources:
  - use: simulator              # base.yaml:2
    with:
      frames: 5                 # base.yaml:3
      seed: 12                  # X

rings:
  main:
    slots: 128                  # --set

handlers:
  - use: deserialize.binance    # top.yaml:4
  - use: book                   # top.yaml:5
    with:
      low: 3                    # file:n.txt
      window_ticks: 64          # top.yaml:6
      share: ${secret:S_}       # secret:S_
"""
    with_defaults = as_yaml(resolved(topology, defaults=True), lambda node: origin(node, topology))
    assert re.search(r"\n    name: deserialize +# default\n    on: frames +# default\n", with_defaults)
    assert "      stale_after_ns: 1000000000" in with_defaults
    assert origins(resolved(topology), topology)["handlers.1.with.low"] == "file:n.txt"
    same_again(topology, str(tmp_path / "again.yaml"), {"S_": "0.25"})
    SECRETS.clear()


def test_variables_named_like_secrets_stay_references():
    text = "version: 1\nsources: [{use: capture, with: {path: '/x/${API_TOKEN}'}}]\nhandlers: [{use: deserialize.binance}]\n"
    topology, _ = examined(text, environment={"API_TOKEN": "abcdef"})
    assert topology.bound["capture"].params.path == "/x/abcdef"
    shown = as_yaml(resolved(topology, defaults=True))
    assert "abcdef" not in shown
    assert 'path: "/x/${API_TOKEN}"' in shown
    same_again(topology, environment={"API_TOKEN": "abcdef"})


def test_variables_that_no_document_can_hold_stay_references():
    text = "version: 1\nsources: [{use: capture, with: {path: '${P}'}}]\nhandlers: [{use: deserialize.binance}]\n"
    topology, _ = examined(text, environment={"P": "a\udcffb"})
    assert "path: ${P}" in as_yaml(resolved(topology))
    same_again(topology, environment={"P": "a\udcffb"})


_TEXTS = st.text(max_size=20) | st.sampled_from(["${X}", "$$", "${X:-y}", "yes", "12:30", "1_000", "0x1F", ".inf", "~", "null", "true", "- a",
                                                 "a: b", "a #b", "'", '"', "\n", " x ", "%", "@", "&a", "*a", "!t", "", "<<", "---", "..."])
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS.filter(
    lambda key: not key.startswith("x-") and key != "<<"), inner, max_size=4), max_leaves=20)




@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), _VALUES, max_size=3))
def test_any_values_are_read_again_as_they_were(document):
    for text in (as_yaml(Node.of(document)), as_yaml(Node.of(document), lambda _: "here")):
        findings = Findings()
        node = read(text, findings, {"X": "wrong"})
        assert node is not None and not findings.failed, (text, [d.message for d in findings.diagnostics])
        assert repr(node.plain() or {}) == repr(document), text


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from(["seed", "frames"]), st.integers(0, 1 << 60) | st.sampled_from(["${X}", "'${X}'", "1e3", "0x1F", "7_0"])),
       st.dictionaries(st.sampled_from(["low", "share", "strict", "mode", "stale_after", "cache", "high"]),
                       st.sampled_from(["0", "-5", "0.25", ".5", "true", "quiet", "loud-enough", "1ms", "4KiB", "'${T}'", "${X}", "1"])),
       st.lists(st.sampled_from(["placement=fused", "rings.main.slots=128", "handlers.book.after=deserialize", "name=${X}", "name=zz",
                                 "sources.0.with.seed=${X}", "handlers.book.with.low=-1"]), max_size=3))
def test_any_topology_means_the_same_again(source, book, options):
    def written(parameters):
        return "{" + ", ".join(f"{key}: {value if str(value)[0] != '$' else repr(value)}" for key, value in parameters.items()) + "}"

    text = (f"version: 1\nsources: [{{use: simulator, with: {written(source)}}}]\nhandlers:\n  - {{use: deserialize.binance}}\n"
            f"  - {{use: book, with: {written(book)}}}\n")
    topology, findings = examined(text, overrides=options)
    if not findings.failed:
        same_again(topology)


def test_data_reads_back_too():
    document = {"a": ["${X}", "$$", float("inf"), 1.5, None, True, {"b": "x\u2028"}]}
    findings = Findings()
    node = read(yaml.safe_dump(as_data(Node.of(document))), findings, {})
    assert repr(node.plain()).replace("'.inf'", "inf") == repr(document)
