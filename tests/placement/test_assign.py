"""Stages and cores → threads: the rules, and properties that hold on every machine."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydraflow.errors import UsageError
from hydraflow.placement import Machine, Stage, assign, parse_placement, stages_of
from hydraflow.topology import examine
from tests.reference.topology_stubs import registry

DEMO = [
    Stage(name="simulator", kind="source"),
    Stage(name="deserialize"),
    Stage(name="sequencer", kind="sequencer", ordered=True),
    Stage(name="journal", ordered=True, service="journal-writer"),
    *(Stage(name=n, ordered=True) for n in ("book", "strategy", "risk", "wire", "paper")),
]
AHEAD, ORDERED = ("simulator", "deserialize"), tuple(s.name for s in DEMO[2:])
TWO, FOUR, EIGHT = (Machine(cpus=tuple(range(n)), online=tuple(range(n))) for n in (2, 4, 8))


def table(placement):
    return [(t.name, t.cpu, t.wait, t.stages) for t in placement.threads]


def test_assign_auto_puts_decoding_and_the_cycle_on_two_cores():
    assert table(assign(DEMO, FOUR)) == [
        ("ingest", 1, "busy-spin", AHEAD), ("core", 2, "busy-spin", ORDERED), ("journal-writer", None, "blocking", ()),
    ]


def test_assign_auto_yields_when_blocking_threads_have_no_core():
    placement = assign(DEMO, TWO)
    assert table(placement)[:2] == [("ingest", 0, "yielding", AHEAD), ("core", 1, "yielding", ORDERED)]
    assert placement.reasons == (
        "2 of 2 cpus usable",
        "two threads: decoding runs ahead, the feedback cycle stays on one core",
        "yields: threads that block or need Python have no core of their own",
    )


def test_assign_auto_spins_on_two_cores_when_nobody_else_needs_them():
    bare = [s for s in DEMO if not s.service]
    assert {t.wait for t in assign(bare, TWO).threads} == {"busy-spin"}


def test_assign_auto_is_one_spinning_thread_when_the_source_sets_the_pace_and_cores_are_few():
    paced = [attrs.evolve(DEMO[0], paced=True), *DEMO[1:]]
    placement = assign(paced, TWO)
    assert table(placement)[:2] == [("core", 1, "busy-spin", AHEAD + ORDERED), ("journal-writer", None, "blocking", ())]
    assert placement.reasons[1:] == (
        "one thread: the sources set the pace, and what blocks needs the other core", "cpu 1: not core 0, where interrupts land",
        "spins: its core is needed by nobody else",
    )
    assert table(assign(paced, FOUR)) == table(assign(DEMO, FOUR))
    bare = [s for s in paced if not s.service]
    assert table(assign(bare, TWO)) == [("core", 1, "busy-spin", tuple(s.name for s in bare))]  # the engine's own Python needs the other


@pytest.mark.parametrize("machine", [Machine(cpus=(3,)), Machine(cpus=(0, 1, 2), quota=1.0), Machine(cpus=(0, 1, 2), quota=1.4)])
def test_assign_auto_fuses_below_one_and_a_half_cores(machine):
    threads = assign(DEMO, machine).threads
    assert [(t.name, t.wait, t.stages) for t in threads] == [
        ("core", "yielding", AHEAD + ORDERED), ("journal-writer", "blocking", ()),
    ]


def test_assign_auto_does_not_spin_against_a_quota():
    assert {t.wait for t in assign(DEMO, Machine(cpus=(0, 1, 2, 3), quota=2.5)).threads[:2]} == {"yielding"}
    assert {t.wait for t in assign(DEMO, Machine(cpus=(0, 1, 2, 3), quota=3.0)).threads[:2]} == {"busy-spin"}


def test_assign_auto_prefers_isolated_cores_and_avoids_hyper_threads_of_one():
    siblings = {c: (c % 4, c % 4 + 4) for c in range(8)}
    assert [t.cpu for t in assign(DEMO, Machine(cpus=tuple(range(8)), siblings=siblings)).threads[:2]] == [1, 2]
    isolated = Machine(cpus=tuple(range(8)), siblings=siblings, isolated=(3, 7))
    assert [t.cpu for t in assign(DEMO, isolated).threads[:2]] == [3, 1]


def test_assign_auto_yields_on_hyper_threads_of_one_core():
    placement = assign(DEMO, Machine(cpus=(0, 1), siblings={0: (0, 1), 1: (0, 1)}))
    assert [(t.cpu, t.wait) for t in placement.threads[:2]] == [(0, "yielding"), (1, "yielding")]
    assert placement.reasons[-1] == "yields: both are hyper-threads of one core"


APART = [Stage(name=f"{part}{i}", island=k) for k, part in enumerate("abc") for i in range(3 - k)]


def test_assign_auto_puts_parts_that_have_nothing_to_do_with_each_other_on_cores_of_their_own():
    a, b, c = ("a0", "a1", "a2"), ("b0", "b1"), ("c0",)
    placement = assign(APART, FOUR)
    assert table(placement) == [("core", 1, "busy-spin", a), ("core-2", 2, "busy-spin", b), ("core-3", 3, "busy-spin", c)]
    assert "3 parts of the graph have nothing to do with each other and run beside each other" in placement.reasons
    two = assign(APART, TWO)
    assert [t.stages for t in two.threads] == [a, b + c]
    assert "3 parts of the graph have nothing to do with each other and run beside each other, 1 thread for 2 of them: 1 core left" in two.reasons
    one = assign([*APART, Stage(name="p", python=True)], TWO)
    assert [t.stages for t in one.threads] == [a + b + c, ("p",)]
    assert "3 parts of the graph have nothing to do with each other and share threads all the same: no core left" in one.reasons


def test_assign_auto_keeps_the_feedback_cycle_alone_when_another_part_has_a_core():
    other = [Stage(name="x", island=1), Stage(name="y", island=1)]
    assert [t.stages for t in assign([*other, *DEMO], FOUR).threads][:3] == [AHEAD, ORDERED, ("x", "y")]
    assert [t.stages for t in assign([*other, *DEMO], TWO).threads][:2] == [("x", "y", *AHEAD), ORDERED]


def test_assign_gives_python_stages_threads_of_their_own():
    stages = [Stage(name="live", kind="source", python=True), *DEMO[1:], Stage(name="report", ordered=True, python=True)]
    threads = {t.name: t for t in assign(stages, EIGHT).threads}
    assert (threads["live"].cpu, threads["live"].kind, threads["live"].wait) == (None, "python", "blocking")
    assert threads["report"].stages == ("report",)
    assert threads["ingest"].stages == ("deserialize",)


def test_assign_fused_puts_all_compiled_stages_on_one_thread():
    assert table(assign(DEMO, FOUR, parse_placement("fused")))[0] == ("core", 1, "busy-spin", AHEAD + ORDERED)


def test_assign_explicit_keeps_the_wish_and_the_order_of_dependency():
    wish = parse_placement("a@1:busy-spin=paper,book,sequencer; b = simulator,deserialize,journal,strategy,risk,wire; journal-writer@0")
    assert table(assign(DEMO, FOUR, wish)) == [
        ("a", 1, "busy-spin", ("sequencer", "book", "paper")),
        ("b", None, "yielding", ("simulator", "deserialize", "journal", "strategy", "risk", "wire")),
        ("journal-writer", 0, "blocking", ()),
    ]


def test_assign_describes_itself():
    assert assign(DEMO, TWO).describe().splitlines() == [
        "ingest: cpu 0, yielding: simulator, deserialize",
        "core: cpu 1, yielding: sequencer, journal, book, strategy, risk, wire, paper",
        "journal-writer: unpinned, blocking",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "placement: no thread is named"), (";;", "placement: no thread is named"), ("a=b=c@", None), ("1=a", "cannot read '1=a'"),
        ("a:spin=x", "unknown wait strategy 'spin'"), ("a@x=b", "cannot read 'a@x=b'"), ("=a", "cannot read '=a'"),
    ],
)
def test_parse_placement_refuses(text, message):
    if message is None:
        assert parse_placement(text).threads[0].stages == ("b=c@",)  # not a stage: the check of the topology says so
        return
    with pytest.raises(UsageError, match=message):
        parse_placement(text)


def test_parse_placement_knows_the_words():
    assert (parse_placement(" auto ").mode, parse_placement("fused").mode) == ("auto", "fused")


@st.composite
def machines(draw):
    count = draw(st.integers(1, 12))
    paired = draw(st.booleans())
    siblings = {c: (c - c % 2, c - c % 2 + 1) for c in range(count)} if paired else {}
    return Machine(
        cpus=tuple(range(count)), online=tuple(range(count)), siblings=siblings,
        quota=draw(st.none() | st.floats(0.1, 16)), isolated=tuple(draw(st.sets(st.integers(0, count - 1)))),
    )


@st.composite
def graphs(draw):
    return [Stage(name=f"s{i}", ordered=draw(st.booleans()), island=draw(st.integers(0, 2)), python=draw(st.booleans()), service=draw(st.sampled_from(["", f"w{i}"])))
            for i in range(draw(st.integers(1, 10)))]


@given(graphs(), machines(), st.sampled_from(["auto", "fused"]))
def test_assign_holds_its_promises_on_every_machine(stages, machine, mode):
    placement = assign(stages, machine, parse_placement(mode))
    seats = [name for t in placement.threads for name in t.stages]
    assert sorted(seats) == sorted(s.name for s in stages)
    spinning = [t for t in placement.threads if t.wait == "busy-spin"]
    cores = [machine.siblings.get(t.cpu, (t.cpu,)) for t in spinning]
    assert len(set(cores)) == len(cores), "two spinners share a core"
    assert len(spinning) <= machine.capacity
    assert all(t.cpu is None or t.cpu in machine.cpus for t in placement.threads)
    assert all(t.cpu is None for t in placement.threads if t.kind != "compiled")
    python = {s.name for s in stages if s.python}
    assert all(len(t.stages) == 1 for t in placement.threads if python & set(t.stages))
    if machine.capacity < 1.5:
        assert sum(t.kind == "compiled" for t in placement.threads) <= 1
        assert not spinning
    island = {s.name: s.island for s in stages}
    compiled = [t for t in placement.threads if t.kind == "compiled"]
    if mode == "auto" and machine.capacity >= 12 and len(machine.cores) >= 7:
        assert all(len({island[name] for name in t.stages}) == 1 for t in compiled), "a core is free"
    rank = {s.name: i for i, s in enumerate(stages)}
    assert mode == "fused" or all(list(t.stages) == sorted(t.stages, key=rank.get) for t in placement.threads
                                  if len({stages[rank[n]].ordered for n in t.stages}) == 1)


def test_stages_of_reads_a_topology():
    text = (
        "version: 1\nsources: [{use: capture, with: {path: x}}]\nsinks: [{use: paper, after: wire}]\n"
        "handlers:\n  - {use: deserialize.binance}\n  - {use: journal}\n  - {use: book}\n  - {use: wire, after: book}\n"
        "  - {name: note, use: 'tests.reference.topology_stubs:notebook', after: book}\n"
    )
    topology, findings = examine(text, "t.yaml", {}, registry=registry())
    assert not findings.failed
    assert stages_of(topology) == [
        Stage(name="capture", kind="source", service="capture-feed"),
        Stage(name="deserialize"),
        Stage(name="sequencer", kind="sequencer", ordered=True),
        Stage(name="journal", ordered=True, service="journal-writer"),
        Stage(name="book", ordered=True),
        Stage(name="wire", ordered=True),
        Stage(name="note", ordered=True, python=True),
        Stage(name="paper", ordered=True),
    ]


def test_stages_of_tells_parts_that_no_record_joins():
    frames, messages = "{record: frame, slots: 64, payload: 64KiB}", "{record: message, slots: 64, payload: 65536}"
    text = (
        "version: 1\nrings:\n"
        + "".join(f"  {r}: {frames}\n  {r}-out: {messages}\n" for r in ("left", "right"))
        + "".join(f"  {r}: {messages}\n" for r in ("both",))
        + "sources:\n  - {name: l, use: simulator, into: left}\n  - {name: r, use: simulator, into: right}\n"
        "handlers:\n  - {name: one, use: deserialize.binance, on: left, into: left-out}\n"
        "  - {name: two, use: deserialize.binance, on: right, into: right-out}\n"
        "  - {name: three, use: deserialize.binance, on: left, into: both}\n"
    )
    for last, same in (("both", False), ("right-out", True)):
        topology, _ = examine(text.replace("into: both}\n", f"into: {last}}}\n"), "two.yaml", {}, registry=registry())
        islands = {s.name: s.island for s in stages_of(topology)}
        assert islands["l"] == islands["one"] == islands["three"]
        assert islands["two"] == islands["r"]
        assert (islands["one"] == islands["two"]) is same


@pytest.mark.parametrize(("source", "paced"), [
    ("capture, with: {path: x}", False), ("capture, with: {path: x, speed: 2}", True), ("simulator", False),
    ("simulator, with: {rate: 1000}", True), ("websocket, with: {url: 'ws://localhost:1'}", True),
])
def test_stages_of_knows_which_sources_set_the_pace(source, paced):
    topology, findings = examine(f"version: 1\nsources: [{{use: {source}}}]\nhandlers: [{{use: deserialize.binance}}]\n"
                                 "instruments: [{symbol: A, tick: 1, lot: 1}]\n", "t.yaml", {})
    assert not findings.failed, findings.text
    assert stages_of(topology)[0].paced is paced
