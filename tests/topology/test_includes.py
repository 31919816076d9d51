"""Files that include files: what wins, what appends, and that every mistake is shown in the file where it stands."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hydraflow.topology import TopologyError, examine, load, render
from hydraflow.topology.explain import EXPLANATIONS
from hydraflow.topology.includes import DEPTH_MAX, FILES_MAX
from tests.reference.topology_stubs import registry

BASE = "sources: [{use: simulator, with: {frames: 5, seed: 1}}]\nhandlers:\n  - {use: deserialize.binance}\n"
TOP = "version: 1\nname: top\ninclude: base.yaml\n"


@pytest.fixture
def files(tmp_path):
    def write(**contents):
        for name, content in contents.items():
            path = tmp_path / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / "top.yaml"

    return write


def found(path, **more):
    _, findings = examine(path.read_bytes(), str(path), {}, registry=registry(), **more)
    folder = f"{path.parent}{os.sep}"
    return [(d.code, d.path.removeprefix(folder), d.line, d.column) for d in findings.diagnostics
            if d.code != "HF114"], findings


def test_an_included_file_gives_what_the_other_leaves_out(files):
    topology = load(files(top_yaml=TOP + "handlers: [{use: book}]\n", base_yaml=BASE), registry=registry())
    assert [s.name for s in topology.sources] == ["simulator"]
    assert [h.name for h in topology.handlers] == ["deserialize", "book"]
    assert topology.name == "top"


def test_later_values_win_and_mappings_merge(files):
    top = ("version: 1\ninclude: [a.yaml, b.yaml]\nname: top\nrings: {main: {slots: 128}}\n")
    a = BASE + "name: a\nplacement: fused\nrings: {main: {record: message, slots: 64, payload: 4096}}\n"
    b = "name: b\nplacement: auto\nrings: {decoded: {slots: 256}}\nhandlers:\n  - {use: book}\n"
    topology, _ = examine(top, str(files(a_yaml=a, b_yaml=b)), {}, registry=registry(), components=False)
    assert (topology.name, topology.placement.mode) == ("top", "auto")
    assert (topology.rings["main"].slots, topology.rings["main"].payload, topology.rings["decoded"].slots) == (128, 4096, 256)
    assert [h.name for h in topology.handlers] == ["deserialize", "book"]


def test_what_a_later_file_replaces_need_not_be_there(files):
    base = BASE + "name: ${NEVER_SET}\n"
    assert found(files(top_yaml=TOP, base_yaml=base))[0] == []
    assert found(files(top_yaml=TOP.replace("name: top\n", ""), base_yaml=base))[0] == [("HF009", "base.yaml", 4, 7)]


def test_a_section_without_anything_takes_nothing_away(files):
    assert found(files(top_yaml=TOP + "handlers:\n", base_yaml=BASE))[0] == []


def test_one_name_in_two_files_is_shown_at_both(files):
    codes, findings = found(files(top_yaml=TOP + "handlers: [{name: deserialize, use: book}]\n", base_yaml=BASE))
    assert codes == [("HF101", "top.yaml", 4, 19)]
    folder = os.path.dirname(findings.path)
    assert render(findings.diagnostics[0], findings.texts).replace(folder + "/", "") == """\
error[HF101]: two stages are called 'deserialize'
 --> top.yaml:4:19
  |
4 | handlers: [{name: deserialize, use: book}]
  |                   ^^^^^^^^^^^ again
 ::: base.yaml:3:5
  |
3 |   - {use: deserialize.binance}
  |     -------------------------- first here
  = more: hfx explain HF101"""
    assert findings.diagnostics[0].as_dict()["related"][0]["path"] == f"{folder}/base.yaml"


def test_mistakes_are_shown_in_the_file_that_holds_them(files):
    path = files(top_yaml=TOP + "nmae: x\n", base_yaml=BASE + "  - {use: book, with: {window_ticks: 1, wat: 2}}\nrngs: {}\n")
    codes, findings = found(path)
    assert codes == [("HF007", "top.yaml", 4, 1), ("HF306", "base.yaml", 4, 38), ("HF304", "base.yaml", 4, 41),
                     ("HF007", "base.yaml", 5, 1)]
    assert "4 |   - {use: book, with: {window_ticks: 1, wat: 2}}" in render(findings.diagnostics[1], findings.texts)
    with pytest.raises(TopologyError) as caught:
        load(path, registry=registry())
    assert f"4 errors in {path} and {path.parent}/base.yaml" in str(caught.value)
    assert "5 | rngs: {}" in str(caught.value)
    assert caught.value.exit_code == 78


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [(b"a: [", "HF001", (1, 5)), (b"\xff", "HF001", (0, 0)), (b"a\0", "HF001", (1, 2)), (b"a: 1\na: 2", "HF003", (2, 1)),
     (b"- 1", "HF006", (1, 1)), (b"version: 2", "HF004", (1, 10)), (b"name: ${X}", "HF009", (1, 7))],
)
def test_an_included_file_that_cannot_be_read_has_its_own_place(files, content, code, place):
    codes, _ = found(files(top_yaml="version: 1\ninclude: base.yaml\n", base_yaml=content))
    assert (code, "base.yaml", *place) in codes


@pytest.mark.parametrize(
    ("include", "code", "message"),
    [("bas.yaml", "HF012", "No such file"), (".", "HF012", "a folder"), ("pipe", "HF012", "not a regular file"),
     ("[[a]]", "HF006", "include: names files"), ("7", "HF006", "include: names files"), ("", "HF006", "include: names files"),
     ('"a\\0b"', "HF012", "no file can be called so"), ("top.yaml", "HF013", "top.yaml → ")],
)
def test_what_cannot_be_included_is_shown_where_it_is_named(files, tmp_path, include, code, message):
    os.mkfifo(tmp_path / "pipe")
    path = files(top_yaml=f"version: 1\ninclude: {include}\n" + BASE, base_yaml=BASE)
    codes, findings = found(path)
    assert [(c, p, line) for c, p, line, _ in codes] == [(code, "top.yaml", 2)]
    assert message in findings.diagnostics[0].message
    assert ("did you mean 'base.yaml'?" in findings.diagnostics[0].label) == (include == "bas.yaml")


def test_what_is_missing_with_a_file_is_not_missed(files):
    codes, _ = found(files(top_yaml=TOP + "handlers: [{use: book, after: gone}]\n"))
    assert [c for c, *_ in codes] == ["HF012"]


def test_a_circle_is_shown_where_it_closes(files):
    codes, findings = found(files(top_yaml=TOP, base_yaml="include: sub/c.yaml\n" + BASE, sub__c_yaml="include: [../base.yaml]\n"))
    assert codes == [("HF013", "sub/c.yaml", 1, 11)]
    assert findings.diagnostics[0].message.count("→") == 2


def test_a_file_is_taken_once(files):
    path = files(top_yaml="version: 1\ninclude: [a.yaml, b.yaml, base.yaml]\n", a_yaml="include: base.yaml\n",
                 b_yaml="include: ./base.yaml\n", base_yaml=BASE)
    assert found(path)[0] == []


def test_depth_number_and_size_are_bounded(files):
    deep = {f"f{i}_yaml": f"include: f{i + 1}.yaml\n" for i in range(DEPTH_MAX + 1)}
    assert found(files(top_yaml="version: 1\ninclude: f0.yaml\n" + BASE, **deep))[0] == [
        ("HF005", f"f{DEPTH_MAX - 1}.yaml", 1, 10)]
    many = {f"m{i}_yaml": "" for i in range(FILES_MAX + 1)}
    names = ", ".join(f"m{i}.yaml" for i in range(FILES_MAX + 1))
    assert [c for c, *_ in found(files(top_yaml=f"version: 1\ninclude: [{names}]\n" + BASE, **many))[0]] == ["HF005"]
    large = {f"l{i}_yaml": "#" + "x" * 300_000 for i in range(4)}
    codes, findings = found(files(top_yaml="version: 1\ninclude: [l0.yaml, l1.yaml, l2.yaml, l3.yaml]\n" + BASE, **large))
    assert codes == [("HF005", "top.yaml", 2, 38)]
    assert "with all that it includes has more than 1,048,576 bytes" in findings.diagnostics[0].message


def test_values_are_counted_over_all_files(files):
    bomb = "x-a: &a [" + "1, " * 90 + "]\n" + "name: [" + "*a, " * 90 + "]\n"
    many = {f"b{i}_yaml": bomb for i in range(8)}
    codes, _ = found(files(top_yaml="version: 1\ninclude: [" + ", ".join(f"b{i}.yaml" for i in range(8)) + "]\n" + BASE, **many))
    assert "HF005" in [c for c, *_ in codes]


def test_private_keys_and_anchors_belong_to_their_file(files):
    base = "x-p: &p {frames: 3}\nsources: [{use: simulator, with: *p}]\nhandlers: [{use: deserialize.binance}]\n"
    assert found(files(top_yaml=TOP + "x-p: 1\n", base_yaml=base))[0] == []
    codes, _ = found(files(top_yaml=TOP + "rings: *p\n", base_yaml=base))
    assert codes == [("HF001", "top.yaml", 4, 8)]


def test_a_stage_s_own_file_lies_beside_the_file_that_uses_it(files):
    path = files(top_yaml="version: 1\ninclude: sub/b.yaml\n" + BASE, sub__b_yaml="handlers: [{use: './mine.py:one'}]\n",
                 sub__mine_py="def one(event): pass\n")
    topology = load(path, registry=registry())
    assert topology.handlers[0].use == "./sub/mine.py:one"


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=300) | st.lists(st.sampled_from(
    [b"version: 1\n", b"include: ", b"base.yaml", b"top.yaml", b"handlers:", b"sources:", b" - {use: book}\n", b"rings: {main: ",
     b"&a ", b"*a", b"[", b"]", b"{", b"}", b"\n", b"${file:base.yaml}", b"${secret:X}", b"1", b"name: ", b"\xff", b": "]),
    max_size=20).map(b"".join))
def test_any_bytes_in_an_included_file_give_diagnostics(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    (folder / "base.yaml").write_bytes(data)
    text = TOP + "handlers: [{use: deserialize.binance}]\n"
    topology, findings = examine(text, str(folder / "top.yaml"), {}, registry=registry())
    for diagnostic in findings.diagnostics:
        assert diagnostic.code in EXPLANATIONS
        assert "Error" not in diagnostic.message.split(":")[0]
        assert render(diagnostic, findings.texts, colour=True)
    assert topology is not None or findings.failed
