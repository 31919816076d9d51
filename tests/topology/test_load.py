"""The whole way: defaults, units, errors as one exception, import cost."""

from __future__ import annotations

import subprocess
import sys

import pytest

from disruptor.counters_format import NAME
from hydraflow.errors import ConfigurationError, InputNotFound
from hydraflow.placement import parse_placement
from hydraflow.topology import TopologyError, examine, load
from hydraflow.topology.check import ENGINE_NAME
from hydraflow.topology.graph import order
from tests.reference.topology_stubs import registry

MINIMAL = "version: 1\nsources: [{use: simulator}]\nhandlers: [{use: deserialize.binance}, {use: book}]\n"


def topology_of(text, **options):
    topology, findings = examine(text, "t.yaml", options.pop("environment", {}), registry=registry(), **options)
    assert not findings.diagnostics
    return topology


def test_load_completes_a_minimal_file():
    topology = topology_of(MINIMAL)
    assert topology.name == "t"
    assert [(s.name, s.into) for s in topology.sources] == [("simulator", "frames")]
    assert [(h.name, h.on, h.into) for h in topology.handlers] == [("deserialize", "frames", ("decoded",)), ("book", "main", ())]
    assert set(topology.rings) == {"frames", "decoded", "main"}
    assert topology.sequenced.name == "main"
    assert (topology.sequenced.sequence, topology.sequenced.feedback) == (("decoded",), ())
    assert (topology.rings["frames"].slots, topology.rings["frames"].payload) == (8192, 32 << 20)


def test_load_counts_payload_in_units_of_the_record():
    topology = topology_of(MINIMAL + "rings: {frames: {payload: 64MiB}, decoded: {payload: 2MiB}, main: {payload: 131072}}\n")
    assert [topology.rings[n].payload for n in ("frames", "decoded", "main")] == [64 << 20, 131_072, 131_072]


def test_load_keeps_ticks_as_exact_text():
    text = "instruments:\n  - {symbol: A, tick: 0.10, lot: 1e-3}\n  - {symbol: NO, tick: '0.25', lot: 1}\n"
    topology = topology_of(MINIMAL + text)
    assert [(i.symbol, i.tick, i.lot) for i in topology.instruments] == [("A", "0.10", "0.001"), ("NO", "0.25", "1")]


def test_load_binds_components_and_parameters():
    topology = topology_of(MINIMAL.replace("use: book}", "use: book, with: {window_ticks: 128, stale_after: 2ms}}"))
    params = topology.bound["book"].params
    assert (params.window_ticks, params.stale_after_ns) == (128, 2_000_000)
    assert topology.bound["simulator"].handler.virtual


def test_load_merges_two_sources_that_have_their_own_rings():
    topology = topology_of(
        "version: 1\nsources:\n  - {name: one, use: simulator}\n  - {name: two, use: simulator, into: frames2}\n"
        "rings:\n  frames2: {record: frame, slots: 64, payload: 16MiB}\n"
        "  decoded2: {record: message, slots: 64, payload: 65536}\n  main: {sequence: [decoded, decoded2]}\n"
        "handlers:\n  - {name: a, use: deserialize.binance}\n  - {name: b, use: deserialize.binance, on: frames2, into: decoded2}\n"
        "  - {use: book}\n"
    )
    assert order(topology) == ["one", "two", "a", "b", "sequencer", "book"]


def test_load_raises_one_error_with_everything(tmp_path):
    path = tmp_path / "with blanks.yaml"
    path.write_text(MINIMAL.replace("use: book", "use: bok, on: mian"))
    with pytest.raises(TopologyError) as caught:
        load(path, registry=registry())
    assert isinstance(caught.value, ConfigurationError)
    assert caught.value.exit_code == 78
    assert {d.code for d in caught.value.diagnostics} == {"HF106", "HF301"}
    assert str(caught.value).startswith(f"2 errors in {path}\n\n")


def test_load_names_a_missing_file(tmp_path):
    with pytest.raises(InputNotFound, match="cannot read the topology: No such file or directory"):
        load(tmp_path / "none.yaml")
    with pytest.raises(InputNotFound, match="Is a directory"):
        load(tmp_path)


def test_load_takes_a_placement_from_outside():
    wish = parse_placement("a=simulator,deserialize;b=sequencer,bok")
    _, findings = examine(MINIMAL, "t.yaml", {}, registry=registry(), placement=wish)
    assert [d.code for d in findings.diagnostics] == ["HF402"]


def test_order_is_a_topological_one_whatever_the_file_says():
    text = (
        "version: 1\nsources: [{use: simulator}]\nsinks: [{use: paper, after: wire}]\n"
        "handlers:\n  - {use: wire, after: risk}\n  - {use: risk, after: book}\n  - {use: book}\n  - {use: deserialize.binance}\n"
    )
    assert order(topology_of(text)) == ["simulator", "deserialize", "sequencer", "book", "risk", "wire", "paper"]


def test_importing_topology_loads_neither_numpy_nor_numba():
    code = "import sys, hydraflow.topology, hydraflow.placement; print(sorted({'numpy', 'numba', 'cffi'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize(("policy", "found"), [("wait", []), ("conflate", ["HF304"]), ("wiat", ["HF011"])])
def test_when_full_is_never_silently_ignored(policy, found):
    text = MINIMAL.replace("use: simulator", f"use: simulator, when_full: {policy}")
    assert [d.code for d in examine(text, "t.yaml", {}, registry=registry())[1].diagnostics] == found


def test_when_full_reaches_a_source_that_has_a_choice():
    text = MINIMAL.replace("use: simulator", "use: 'tests.reference.topology_stubs:live', when_full: conflate, name: s")
    text += "instruments: [{symbol: A, tick: 1, lot: 1}]\n"
    assert topology_of(text).bound["s"].params.when_full == "conflate"


@pytest.mark.parametrize(("file", "name"), [("my demo.yaml", "my-demo"), ("../a/.b c.yaml", "b-c"), ("é.yaml", "topology"),
                                            ("x" * 99 + ".yaml", "x" * 60)])
def test_load_makes_a_name_that_an_engine_can_have_of_the_file_s(file, name):
    topology, findings = examine(MINIMAL, file, {}, registry=registry())
    assert (topology.name, findings.failed) == (name, False)


def test_check_and_the_engine_agree_on_names_of_engines():
    assert (ENGINE_NAME.pattern, ENGINE_NAME.flags) == (NAME.pattern, NAME.flags)


def test_mistakes_of_the_option_placement_are_not_the_file_s(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(MINIMAL)
    placement = parse_placement("one=simulator,deserialise;two@7=book,sequencer")
    with pytest.raises(TopologyError) as error:
        load(path, registry=registry(), cpus=(0, 1), placement=placement)
    assert error.value.exit_code == 2
    assert str(error.value) == """\
2 errors in --placement

error[HF402]: thread 'one' runs 'deserialise', which is not a stage
 --> --placement
  = did you mean 'deserialize'?
  = known: simulator, sequencer, deserialize, book
  = more: hfx explain HF402

error[HF404]: thread 'two' asks for cpu 7, which this process may not use
 --> --placement
  = it may use: 0, 1
  = more: hfx explain HF404"""
    path.write_text(MINIMAL.replace("use: book", "use: book, with: {x: 1}"))
    with pytest.raises(TopologyError) as error:
        load(path, registry=registry(), placement=placement)
    assert error.value.exit_code == 78 and str(error.value).startswith(f"2 errors in --placement and {path}")
