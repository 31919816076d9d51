"""What is made of whole machines: trees of pseudo files in, threads on cores with reasons out."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydraflow.placement import Machine, Stage, assign, parse_placement, read_machine
from hydraflow.placement.seats import choose
from tests.reference.machine_tree import DESKTOP, EPYC, SERVER, VM, Tree

DEMO = [
    Stage(name="simulator", kind="source"), Stage(name="deserialize"), Stage(name="sequencer", kind="sequencer", ordered=True),
    Stage(name="journal", ordered=True, service="journal-writer"), Stage(name="book", ordered=True),
]
LATER = [Stage(name="risk", ordered=True)]


def shards(count, name="strategy"):
    return [Stage(name=f"{name}/{k}", ordered=True, shard=k) for k in range(count)]


@pytest.fixture
def placed(tmp_path):
    """Returns a function: tree, stages → placement."""

    def place(tree, stages=DEMO, text="auto"):
        return assign(stages, read_machine(tree.write(tmp_path)), parse_placement(text))

    return place


def cpus(placement):
    return {t.name: (t.cpu, t.wait) for t in placement.threads if t.kind == "compiled"}


def test_a_virtual_machine_of_two_cores_without_hyper_threads(placed):
    placement = placed(VM)
    assert cpus(placement) == {"ingest": (0, "yielding"), "core": (1, "yielding")}
    assert placement.reasons == (
        "2 of 2 cpus usable", "two threads: decoding runs ahead, the feedback cycle stays on one core",
        "yields: threads that block or need Python have no core of their own",
    )


def test_a_desktop_seats_threads_on_different_cores_and_not_on_core_0(placed):
    placement = placed(DESKTOP, [*DEMO, *shards(4), *LATER])
    assert cpus(placement) == {
        "ingest": (1, "busy-spin"), "core": (2, "busy-spin"), **{f"shard-{k}": (3 + k, "busy-spin") for k in range(4)},
    }
    assert "16 of 16 cpus usable (8 cores)" in placement.reasons
    assert "cpus 1, 2, 3, 4, 5, 6: not core 0, where interrupts land" in placement.reasons
    assert placement.thread_of("strategy/3").stages == ("strategy/3",)
    assert placement.thread_of("risk").name == "core"


def test_two_sockets_keep_the_threads_and_their_memory_on_one_node(placed):
    placement = placed(SERVER, [*DEMO, *shards(4), *LATER])
    assert {cpu for cpu, _ in cpus(placement).values()} == {8, 9, 10, 11, 12, 13}  # the node without core 0
    assert placement.node == 1
    assert placement.reasons[-1] == "memory comes from NUMA node 1, where the threads are"
    assert "cpus 8, 9, 10, 11, 12, 13: one last-level cache; NUMA node 1; not core 0, where interrupts land" in placement.reasons


def test_more_threads_than_a_node_has_cores_lie_on_two_and_memory_is_nowhere(placed):
    placement = placed(SERVER, [*DEMO, *shards(8), *LATER])
    assert len({cpu for cpu, _ in cpus(placement).values()}) == 10
    assert placement.node == -1
    assert placement.reasons[-1].startswith("memory comes from where it is first touched")
    assert any("no NUMA node has 10 cores" in reason for reason in placement.reasons)


def test_threads_that_talk_share_a_last_level_cache(placed):
    assert cpus(placed(EPYC)) == {"ingest": (4, "busy-spin"), "core": (5, "busy-spin")}
    placement = placed(EPYC, [*DEMO, *shards(2), *LATER])
    assert {cpu // 4 for cpu, _ in cpus(placement).values()} == {1}, "four threads, four cores of one cache"
    assert "4 last-level caches" in placement.reasons[0]
    wide = placed(EPYC, [*DEMO, *shards(5), *LATER])
    used = [cpu for cpu, _ in cpus(wide).values()]
    assert [c // 4 for c in used] == [1, 1, 1, 1, 2, 2, 2], "whole caches one after the other"
    assert any("no last-level cache has 7 cores" in reason for reason in wide.reasons)


@pytest.mark.parametrize("version", [1, 2])
def test_a_quota_counts_and_not_the_cores_that_can_be_seen(placed, version):
    placement = placed(attrs.evolve(DESKTOP, quota=(150_000, 100_000), version=version), [*DEMO, *shards(4)])
    assert cpus(placement) == {"ingest": (1, "yielding"), "core": (2, "yielding")}
    assert "quota of 1.50 cores" in placement.reasons[0]
    assert "shards stay with the stages around them: no core left for threads of their own" in placement.reasons
    assert "yields: the quota grants 1.50 cores" in placement.reasons
    assert cpus(placed(attrs.evolve(DESKTOP, quota=(120_000, 100_000), version=version))) == {"core": (1, "yielding")}


def test_isolated_cores_are_used_though_no_mask_has_them(placed):
    tree = attrs.evolve(DESKTOP, threads=1, isolated=(4, 5, 6, 7), tickless=(6, 7))
    assert cpus(placed(tree)) == {"ingest": (6, "busy-spin"), "core": (7, "busy-spin")}
    placement = placed(tree, [*DEMO, *shards(2)])
    assert {cpu for cpu, _ in cpus(placement).values()} == {4, 5, 6, 7}
    assert "isolated: 4-7, tickless: 6-7" in placement.reasons[0]
    assert "cpus 6, 7, 4, 5: isolated; not core 0, where interrupts land" in placement.reasons


def test_isolated_cores_are_left_alone_when_somebody_narrowed_the_mask(placed):
    tree = attrs.evolve(DESKTOP, threads=1, isolated=(4, 5, 6, 7), mask=(0, 1, 2))
    assert {cpu for cpu, _ in cpus(placed(tree)).values()} <= {0, 1, 2}
    assert cpus(placed(attrs.evolve(tree, mask=(0, 1, 2, 5))))["ingest"][0] == 5, "but not those that the mask has"


def test_isolated_cores_outside_the_cpuset_cannot_be_had(tmp_path):
    tree = attrs.evolve(DESKTOP, threads=1, isolated=(4, 5, 6, 7), mask=(0, 1, 2, 3), cpuset=(0, 1, 2, 3, 4))
    assert read_machine(tree.write(tmp_path)).cpus == (0, 1, 2, 3, 4)


def test_cores_that_are_switched_off_are_no_cores(placed):
    placement = placed(attrs.evolve(DESKTOP, threads=1, offline=(1, 2, 3)))
    assert cpus(placement) == {"ingest": (4, "busy-spin"), "core": (5, "busy-spin")}
    assert placement.reasons[0] == "5 of 5 cpus usable"


def test_a_cpuset_with_holes(placed):
    placement = placed(attrs.evolve(DESKTOP, mask=(3, 6, 11, 14), cpuset=(3, 6, 11, 14)))  # two cores with both their threads
    assert cpus(placement) == {"ingest": (3, "busy-spin"), "core": (6, "busy-spin")}
    assert placement.reasons[0] == "4 of 16 cpus usable (2 cores)"
    third = placed(attrs.evolve(DESKTOP, mask=(3, 6, 11, 14)), [*DEMO, *shards(3)])
    assert [t for t in cpus(third)] == ["ingest", "core"], "a hyper-thread of a spinner is no core for a shard"


def test_shards_of_one_number_share_a_thread_and_threads_their_cores(placed):
    placement = placed(attrs.evolve(DESKTOP, threads=1), [*DEMO, *shards(8), *shards(3, "quote"), *LATER])
    groups = {t.name: t.stages for t in placement.threads if t.name.startswith("shard-")}
    assert len(groups) == 5, "8 cores, less two threads and one for the journal"
    assert groups["shard-0"] == ("strategy/0", "strategy/5", "quote/0")
    assert groups["shard-2"] == ("strategy/2", "strategy/7", "quote/2")
    assert any("5 threads for 8 numbers: 5 cores left" in reason for reason in placement.reasons)


@pytest.mark.parametrize(("text", "thread", "wait", "reason"), [
    ("a@1=simulator,deserialize;b@2=sequencer,journal,book", "a", "busy-spin", "its core is needed by nobody else"),
    ("a@1=simulator,deserialize;b@9=sequencer,journal,book", "a", "yielding", "cpus 1 and 9 of thread 'b' are hyper-threads of one core"),
    ("a@1=simulator,deserialize;b@1=sequencer,journal,book", "b", "yielding", "thread 'a' is on cpu 1 too"),
    ("a=simulator,deserialize;b@2=sequencer,journal,book", "a", "yielding", "not pinned"),
    ("a@1:blocking=simulator,deserialize;b@2=sequencer,journal,book", "a", "blocking", "as the placement says"),
])
def test_a_placement_that_names_threads_says_why_they_wait_as_they_do(placed, text, thread, wait, reason):
    found = {t.name: (t.wait, t.reason) for t in placed(DESKTOP, DEMO, text).threads}
    assert found[thread] == (wait, reason)


def test_a_named_placement_yields_to_what_blocks_and_to_the_quota(placed):
    text = "a@0=simulator,deserialize;b@1=sequencer,journal,book"
    assert {t.reason for t in placed(VM, DEMO, text).threads[:2]} == {"2 threads and what blocks beside them want more than 2 cores"}
    quota = attrs.evolve(DESKTOP, quota=(200_000, 100_000))
    assert {t.reason for t in placed(quota, DEMO, text).threads[:2]} == {"the quota grants 2 cores"}


def test_a_stage_may_say_how_its_thread_waits(placed):
    stages = [attrs.evolve(s, wait="blocking") if s.name == "book" else s for s in DEMO]
    auto = placed(DESKTOP, stages)
    assert cpus(auto) == {"ingest": (1, "busy-spin"), "core": (2, "blocking")}
    assert auto.thread_of("book").reason == "as 'book' asks; left alone it spins"
    named = placed(DESKTOP, stages, "a@1=simulator,deserialize;b@2=sequencer,journal,book")
    assert named.thread_of("book").reason == "as 'book' asks"


def test_stages_that_few_cores_bring_together_find_a_compromise(placed):
    stages = [attrs.evolve(s, wait={"simulator": "blocking", "book": "busy-spin"}.get(s.name)) for s in DEMO]
    thread = placed(attrs.evolve(VM, quota=(100_000, 100_000)), stages).threads[0]
    assert (thread.wait, thread.stages) == ("yielding", tuple(s.name for s in DEMO))
    assert thread.reason == "few cores brought stages together that ask for different things: 'simulator' blocking, 'book' busy-spin"


def test_a_python_stage_may_be_called_like_a_thread(placed):
    names = [t.name for t in placed(DESKTOP, [*DEMO, Stage(name="core", ordered=True, python=True)]).threads]
    assert len(set(names)) == len(names)


@st.composite
def trees(draw):
    cores = draw(st.sampled_from([1, 2, 4, 8, 16]))
    every = st.sets(st.integers(0, cores - 1))
    return Tree(cores=cores, threads=draw(st.sampled_from([1, 2])), caches=draw(st.sampled_from([0, 1, 2, 4])),
                sockets=draw(st.sampled_from([1, 2])) if cores > 1 else 1, isolated=tuple(sorted(draw(every))),
                offline=tuple(sorted(draw(every) - {0})), tickless=tuple(sorted(draw(every))))


@settings(deadline=None)  # it writes a few hundred files for each machine
@given(tree=trees(), count=st.integers(1, 8))
def test_seats_are_usable_and_no_two_share_a_core_while_cores_are_free(tmp_path_factory, tree, count):
    machine = read_machine(tree.write(tmp_path_factory.mktemp("machine")))
    if count > len(machine.cpus):
        return
    seats = choose(machine, count)
    assert len(set(seats.cpus)) == count and set(seats.cpus) <= set(machine.cpus)
    cores = {machine.siblings[c] for c in seats.cpus}
    assert len(cores) == min(count, len(machine.cores))
    assert seats.shared == (count > len(machine.cores))
    large = [group for group in _groups(machine, machine.cache_of) if len(group) >= count]
    if large:
        assert len({machine.cache_of(c) for c in seats.cpus}) == 1, "one cache is large enough"
        if any(not group & set(machine.isolated) for group in large) and all(not group & {0} for group in large):
            assert 0 not in seats.cpus
    elif any(len(group) >= count for group in _groups(machine, machine.node_of)):
        assert len({machine.node_of(c) for c in seats.cpus}) == 1, "one node is large enough"


def _groups(machine: Machine, place):
    groups = {}
    for core in machine.cores:
        groups.setdefault(place(core[0]), set()).add(core[0])
    return groups.values()
