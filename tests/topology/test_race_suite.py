"""500 random graphs of generated handlers, checked from YAML and source, against the definition of a race."""

from __future__ import annotations

import random
import re

import pytest

from disruptor.access.cache import AccessCache
from hydraflow.topology import examine
from hydraflow.topology.happens_before import Order
from hydraflow.topology.races import races_of
from hydraflow.topology.touched import touched_by
from tests.reference import happens_before as oracle
from tests.reference.access_graphs import PRELUDE, Graph, random_graph, source_of
from tests.reference.topology_stubs import registry

GRAPHS = 500
SEED = 20_261_126
LABEL = re.compile(r"(?:add|write) after: \[?([^\]]*)\]?$")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """(folder, graphs): a folder with a module for each graph, and a cache of its own."""
    folder = tmp_path_factory.mktemp("races")
    chance = random.Random(SEED)
    graphs = [random_graph(chance, f"g{number}") for number in range(GRAPHS)]
    for number, graph in enumerate(graphs):
        (folder / f"g{number}.py").write_text(PRELUDE + "\n\n".join(source_of(stage, chance) for stage in graph.stages))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder, graphs


def text_of(graph: Graph, *, auto: bool = False) -> str:
    lines = ["version: 1", *(["after: auto"] if auto else []), "sources: [{use: simulator}]", "handlers:",
             "  - {use: deserialize.binance, after: []}"]
    for stage in graph.stages:
        module = stage.name.partition("_")[0]
        after = "" if auto else f", after: [{', '.join(stage.after)}]"
        lines.append(f'  - {{use: "./{module}.py:{stage.name}"{after}}}')
    return "\n".join(lines) + "\n"


def look(graph: Graph, folder, *, auto: bool = False):
    return examine(text_of(graph, auto=auto), str(folder / "t.yaml"), {}, registry=registry())


def sets(graph: Graph):
    return {s.name: s.after for s in graph.stages}, {s.name: s.reads for s in graph.stages}, {s.name: s.writes for s in graph.stages}


def test_500_graphs_race_where_the_definition_says(world):
    folder, graphs = world
    racing = suggested = early = 0
    for graph in graphs:
        topology, findings = look(graph, folder)
        after, reads, writes = sets(graph)
        stages = [s for s in touched_by(topology, topology.bound, AccessCache().accesses) if s.name in after]
        assert {s.name: ({f for _, f in s.reads}, {f for _, f in s.writes}) for s in stages} == \
            {s.name: (s.reads, s.writes) for s in graph.stages}, "what the source was made from is what is inferred"
        wanted = oracle.races(after, reads, writes)
        found = races_of(stages, Order.of({s.name: s.spec.after for s in stages}))
        assert {frozenset((r.writer.name, r.other.name)) for r in found} == wanted
        told = {d.code for d in findings.diagnostics if d.severity != "note"}
        late = oracle.early_reads(after, reads, writes)
        assert told == {code for code, there in (("HF112", wanted), ("HF331", late)) if there}
        racing, early = racing + bool(wanted), early + bool(late)
        if wanted:
            suggested += follow(graph, findings, wanted)
    assert racing > 200 and GRAPHS - racing > 100 and suggested > 300 and early > 50, "a suite that shows something"


def follow(graph: Graph, findings, wanted) -> int:
    """What the reports ask for orders everything, closes no circle, and none of it could be left out."""
    after, reads, writes = sets(graph)
    own = {s.name: s for s in graph.stages}
    edges = []
    for finding in (d for d in findings.diagnostics if d.code == "HF112"):
        other = re.match(r"handler '(\w+)'", finding.message)[1]
        writer = re.search(r"which '(\w+)' writes", finding.message)[1]
        names = LABEL.search(finding.label)[1].split(", ")
        assert writer in names and set(own[other].after) <= set(names)
        edges.append((writer, other))
    grown = {name: (*earlier, *(w for w, o in edges if o == name)) for name, earlier in after.items()}
    assert not any(name in oracle.paths_to(grown, name) for name in grown), "a circle is asked for"
    assert not oracle.races(grown, reads, writes)
    for edge in edges:
        less = {n: tuple(a for a in grown[n] if (a, n) != edge or a in after[n]) for n in grown}
        assert oracle.races(less, reads, writes), f"{edge} is asked for and not needed"
    return len(edges)


def test_500_graphs_get_an_order_from_what_they_touch(world):
    """With `after: auto` every reader comes after its writers, nothing races, and no edge could be left out; else it is said why."""
    folder, graphs = world
    derived = refused = 0
    for graph in graphs:
        topology, findings = look(graph, folder, auto=True)
        told = {d.code for d in findings.diagnostics if d.severity == "error"}
        _, reads, writes = sets(graph)
        names = [s.name for s in graph.stages]
        if told:
            assert told <= {"HF338", "HF341", "HF331"}
            assert _cannot_be_ordered(names, reads, writes), f"it could be ordered: {told}"
            refused += 1
            continue
        after = {s.name: s.after for s in topology.stages if s.name in names}
        assert not oracle.races(after, reads, writes) and not oracle.early_reads(after, reads, writes)
        for stage, earlier in ((s, e) for s in names for e in after[s]):
            less = {**after, stage: tuple(a for a in after[stage] if a != earlier)}
            assert earlier not in oracle.paths_to(less, stage), "an edge that others imply"
            derived += 1
        for writer, reader in ((w, r) for w in names for r in names if w != r):
            for field in writes[writer] & (reads[reader] - writes[reader]):
                writers = [n for n in names if field in writes[n]]
                above = [n for n in writers if names.index(n) < names.index(reader)]
                first = writer in above or not above
                pair = (writer, reader) if first else (reader, writer)
                assert pair[0] in oracle.paths_to(after, pair[1])
    assert derived > 150 and refused > 150


def _cannot_be_ordered(names, reads, writes) -> bool:
    """By the rule alone: two writers whom no dependence orders, or dependences that go round in a circle."""
    before: dict[str, set[str]] = {n: set() for n in names}
    for position, reader in enumerate(names):
        for field in reads[reader] - writes[reader]:
            writers = [n for n in names if field in writes[n]]
            above = [n for n in writers if names.index(n) < position]
            before[reader] |= set(above or writers)
            for later in (n for n in writers if above and names.index(n) > position):
                before[later].add(reader)
    after = {n: tuple(b) for n, b in before.items()}
    if any(n in {e for b in after[n] for e in oracle.paths_to(after, b) | {b}} for n in names):
        return True
    return bool(oracle.races(after, reads, writes))


@pytest.mark.parametrize("seed", range(40))
def test_closure_is_that_of_all_paths(seed):
    chance = random.Random(seed)
    graph = random_graph(chance, "s")
    after, _, _ = sets(graph)
    if seed % 4 == 0:  # circles too: what lies on one comes before and after itself
        name = chance.choice(list(after))
        after = {**after, name: (*after[name], chance.choice(list(after)))}
    order = Order.of(after)
    reached = {later: {e for a in after[later] for e in oracle.paths_to(after, a) | {a}} for later in after}
    assert {later: {e for e in after if order.has(e, later)} for later in after} == reached
    for i, (one, _) in enumerate(after.items()):
        apart = {o for o in after if o != one and o not in reached[one] and one not in reached[o]}
        assert {order.names[j] for j in range(len(after)) if order.unordered(i) >> j & 1} == apart


def test_a_graph_that_is_given_the_wrong_sets_is_noticed(world):
    """The oracle can fail: a stage that writes one field more than its source does changes the verdict."""
    _, graphs = world
    changed = 0
    for graph in graphs[:50]:
        after, reads, writes = sets(graph)
        more = {name: fields | {"signal"} for name, fields in writes.items()}
        changed += oracle.races(after, reads, writes) != oracle.races(after, reads, more)
    assert changed > 25

