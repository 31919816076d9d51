"""From a topology to its picture: boxes, edges, what `after` implies, what is missing, which thread."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from hydraflow.picture import picture_of
from hydraflow.picture.threads import needs_components, threads_of
from hydraflow.placement import parse_placement
from hydraflow.placement.cpus import Machine
from hydraflow.topology.load import examine

CONFIGS = sorted((Path(__file__).parents[2] / "config").glob("*.yaml"))
SOURCE = "version: 1\nsources: [{use: simulator}]\n"
MACHINES = [Machine(cpus=tuple(range(n))) for n in (1, 2, 4)]


def read(text, **options):
    topology, _ = examine(text, "t.yaml", {"HYDRAFLOW_CAPTURE": "c"}, components=False, **options)
    return topology


def edges(text, *, drawn=False):
    picture = picture_of(read(text))
    return {(e.source.rpartition("/")[2], e.kind, e.target.rpartition("/")[2]) for e in (picture.drawn if drawn else picture.edges)}


def test_every_relation_of_the_demo_is_an_edge():
    shown = edges((CONFIGS[0].parent / "demo.yaml").read_text(), drawn=True)
    chain = ["book", "strategy", "risk", "route", "mev", "wire", "paper"]
    assert shown == {
        ("simulator", "into", "frames"), ("frames", "on", "deserialize"), ("deserialize", "into", "decoded"),
        ("decoded", "sequence", "sequencer"), ("sequencer", "into", "main"), ("feedback", "feedback", "sequencer"),
        ("main", "on", "journal"), ("main", "on", "book"), ("wire", "into", "egress"), ("egress", "from", "paper"),
        ("paper", "into", "feedback"), *((a, "after", b) for a, b in pairwise(chain)),
    }


def test_a_reader_behind_another_is_implied_and_still_an_edge():
    text = SOURCE + "handlers: [{use: book}, {use: risk, after: book}]"
    assert ("main", "on", "risk") in edges(text)
    assert ("main", "on", "risk") not in edges(text, drawn=True)


def test_readers_that_wait_for_each_other_in_turn_hang_on_their_ring():
    text = SOURCE + "handlers: [{use: book, after: risk}, {use: risk, after: book}]"
    assert {("main", "on", "book"), ("main", "on", "risk")} <= edges(text, drawn=True)


def test_names_that_lead_nowhere_are_boxes_of_their_own():
    picture = picture_of(read(SOURCE + "handlers: [{use: book, after: nobody, on: mian}, {use: risk, after: risk, into: gone}]"))
    kinds = {box.id: box.kind for box in picture.boxes}
    assert kinds["stage/nobody"] == kinds["ring/mian"] == kinds["ring/gone"] == "missing"
    assert next(b for b in picture.boxes if b.name == "risk").itself
    assert {e.source for e in picture.edges} | {e.target for e in picture.edges} <= set(kinds)


def test_two_stages_of_one_name_are_two_boxes():
    picture = picture_of(read(SOURCE + "handlers: [{use: book}, {name: book, use: risk}, {name: simulator, use: mev}]"))
    assert [b.id for b in picture.boxes if b.kind in ("source", "handler")] == [
        "stage/simulator", "stage/book", "stage/book#2", "stage/simulator#2"]
    assert {(e.source, e.target) for e in picture.edges if e.kind == "on"} == {
        ("ring/main", "stage/book"), ("ring/main", "stage/book#2"), ("ring/main", "stage/simulator#2")}


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: f"{len(m.cpus)} cores")
@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.stem)
@pytest.mark.parametrize("rate", ["0", "1000"])
def test_threads_are_the_same_without_importing_a_handler(config, machine, rate):
    environment = {"HYDRAFLOW_CAPTURE": "c", "HYDRAFLOW_RATE": rate, "HYDRAFLOW_SPEED": rate}
    light, _ = examine(config.read_text(), str(config), environment, components=False)
    whole, _ = examine(config.read_text(), str(config), environment)
    assert not needs_components(light)
    assert whole.bound
    assert threads_of(light, machine) == threads_of(whole, machine)


def test_a_handler_of_ones_own_must_be_asked_unless_the_placement_says_all():
    text = SOURCE + "handlers: [{use: deserialize.binance}, {use: './mine.py:f'}]"
    assert needs_components(read(text))
    assert not needs_components(read(text, placement=parse_placement("a=simulator,deserialize,sequencer,f")))


@pytest.mark.parametrize("placement", ["a=simulator", "a=simulator,nobody;b=simulator,book", "a=book;a=simulator", "a@900:busy-spin="])
def test_a_placement_with_mistakes_is_shown_as_far_as_it_goes(placement):
    topology = read(SOURCE + "handlers: [{use: deserialize.binance}, {use: book}]", placement=parse_placement(placement))
    picture = picture_of(topology, threads_of(topology, MACHINES[1]))
    assert {b.thread for b in picture.boxes if b.kind == "ring"} == {""}
    assert [b.thread for b in picture.boxes if b.name == "simulator"] == ["a" if "simulator" in placement else ""]
