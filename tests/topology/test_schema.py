"""The JSON Schema: shipped files pass, and it refuses an edited file exactly where `hfx check` refuses it as well."""

from __future__ import annotations

import copy
import enum
import re
from pathlib import Path

import attrs
import jsonschema
import pytest
import yaml

from hydraflow.plugins import Plugin, installed
from hydraflow.registry import Registry
from hydraflow.topology import examine
from hydraflow.topology.keys import keys_of
from hydraflow.topology.schema import DRAFT, schema
from hydraflow.topology.spec import HandlerSpec, RingSpec, Topology

ROOT = Path(__file__).resolve().parents[2]
GONE = type("Gone", (), {"__repr__": lambda _self: "gone"})()
# what a schema can judge: types, ranges, keys, words, the format's version, names of components
JUDGED = {"HF004", "HF006", "HF007", "HF008", "HF010", "HF011", "HF301", "HF304", "HF305", "HF306", "HF307", "HF003", "HF119"}


class _Editor(yaml.SafeLoader):
    """Reads scalars as YAML 1.2 does, and so as editors do: `on` is a text, `1_000` is a text."""


_Editor.yaml_implicit_resolvers = {}
for _tag, _form, _first in (
    ("null", r"~|null|Null|NULL|", [*"~nN", ""]), ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("int", r"[-+]?[0-9]+", [*"-+0123456789"]),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", [*"-+.0123456789"]),
    ("merge", r"<<", ["<"]),
):
    _Editor.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_form})$"), _first)
_Editor.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))
_Editor.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(node.value))


def edited(text: str) -> object:
    return yaml.load(text, _Editor)


@pytest.fixture(scope="module")
def whole() -> dict:
    return schema(installed(Registry(entry_points=False)))


@pytest.fixture(scope="module")
def validator(whole) -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(whole)
    return jsonschema.Draft202012Validator(whole)


def complaints(validator, document) -> list[str]:
    return [f"{'.'.join(map(str, e.absolute_path))}: {e.message[:100]}" for e in validator.iter_errors(document)]


@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "config").glob("*.yaml")))
def test_the_shipped_topologies_pass(name, validator):
    assert complaints(validator, edited((ROOT / "config" / name).read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("name", sorted(p.stem for p in (ROOT / "tests/topology/golden").glob("*.yaml")))
def test_a_golden_file_is_refused_only_where_check_refuses_it(name, monkeypatch):
    """Those files are written for stubs, so a schema without components judges them."""
    from tests.reference.topology_stubs import registry

    bare = jsonschema.Draft202012Validator(schema(installed(registry())))
    monkeypatch.chdir(ROOT / "tests/topology/golden")
    text = Path(f"{name}.yaml").read_text(encoding="utf-8")
    try:
        document = edited(text)
    except (yaml.YAMLError, RecursionError):
        return  # no editor reads it either
    _, findings = examine(text, f"{name}.yaml", {}, registry=registry(), cpus=(0, 1))
    found = {d.code for d in findings.diagnostics if d.severity == "error"}
    if not found & JUDGED and "HF005" not in found:
        assert complaints(bare, document) == []


DEMO = edited((ROOT / "config/demo.yaml").read_text(encoding="utf-8"))
BOOK, STRATEGY, RISK = 2, 3, 4  # places in `handlers`

EDITS = [
    # (path, value, whether the file may still be used)
    (("version",), 2, False), (("version",), "1", False), (("version",), True, False), (("version",), GONE, False),
    (("name",), "other", True), (("name",), 12, False), (("name",), None, False), (("nmae",), "x", False),
    (("x-mine",), {"any": ["thing"]}, True), (("name",), "${NOWHERE:-demo}", True), (("name",), "${bad name}", False),
    (("name",), "de$$mo", None), (("handlers",), None, False), (("handlers",), {}, False), (("handlers",), [3], False),
    (("sources",), "simulator", False), (("sinks",), GONE, None),
    (("instruments", 0, "symbol"), GONE, False), (("instruments", 0, "symbol"), 7, False),
    (("instruments", 0, "tick"), "0.10", True), (("instruments", 0, "tick"), 0.1, True), (("instruments", 0, "tick"), "ten", False),
    (("instruments", 0, "tick"), "1_000", False), (("instruments", 0, "tick"), [1], False), (("instruments", 0, "tick"), "1e-1", True),
    (("instruments", 0, "maker_fee_ppm"), -100_001, False), (("instruments", 0, "maker_fee_ppm"), 2.5, False),
    (("instruments", 0, "maker_fee_ppm"), 200.0, True), (("instruments", 0, "maker_fee_ppm"), "many", False),
    (("instruments", 0, "venue"), "dex", False), (("instruments", 1, "base_is_token0"), "yes", False),
    (("instruments", 1, "base_is_token0"), False, True), (("instruments", 1, "base_decimals"), 37, False),
    (("instruments", 1, "address"), 5, None), (("instruments", 1, "address"), {}, False), (("instruments", 0, "lott"), 1, False),
    (("sources", 0, "use"), GONE, False), (("sources", 0, "use"), "simulatr", False), (("sources", 0, "use"), "book", False),
    (("sources", 0, "use"), None, False), (("sources", 0, "when_full"), "wait", True), (("sources", 0, "when_full"), "drop", False),
    (("sources", 0, "when_full"), "conflate", False), (("sources", 0, "when_full"), None, True),
    (("sources", 0, "when_full"), "${POLICY:-wait}", True), (("version",), "${VERSION:-1}", True), (("placement",), "${WHERE:-fused}", True),
    (("instruments", 0, "tick"), "${TICK:-0.10}", True), (("instruments", 1, "base_is_token0"), "${FIRST:-true}", True),
    (("handlers", BOOK, "after"), "${AFTER:-journal}", True), (("handlers", BOOK, "use"), "${BOOK:-book}", True),
    (("sources", 0, "into"), ["frames"], False), (("sources", 0, "after"), "x", False),
    (("sources", 0, "with"), None, True), (("sources", 0, "with"), [], False), (("sources", 0, "with"), GONE, True),
    (("sources", 0, "with", "seed"), "seven", False), (("sources", 0, "with", "seed"), -3, True), (("sources", 0, "with", "seed"), 1.5, False),
    (("sources", 0, "with", "seed"), "${SEED:-9}", True), (("sources", 0, "with", "sead"), 7, False), (("sources", 0, "with", "x-note"), [1], True),
    (("sources", 0, "with", "frames"), -1, False), (("sources", 0, "with", "frames"), "1_000_000", True), (("sources", 0, "with", "burst"), 0, False),
    (("sources", 0, "with", "rate"), -0.5, False), (("sources", 0, "with", "rate"), 10, True), (("sources", 0, "with", "rate"), True, False),
    (("sources", 0, "with", "interval"), "30us", True), (("sources", 0, "with", "interval"), "30 lightyears", False),
    (("sources", 0, "with", "interval"), 30, False), (("sources", 0, "with", "interval_ns"), 30, True),
    (("sources", 0, "with", "interval_ns"), "1.5ms", True), (("sources", 0, "with", "interval_ns"), 0, False),
    (("sources", 0, "with", "price_ticks"), 9_999, False), (("sources", 0, "with", "pool_address"), 7, False),
    (("rings", "main", "slots"), "4096", False), (("rings", "main", "slots"), -1, False), (("rings", "main", "slots"), 8192, None),
    (("rings", "main", "record"), "massage", False), (("rings", "egress", "payload"), "2MiB", True), (("rings", "egress", "payload"), "2 parsecs", False),
    (("rings", "egress", "payload"), "${BYTES:-1MiB}", True), (("rings", "main", "sequence"), "decoded", True),
    (("rings", "main", "sequence"), [["decoded"]], False), (("rings", "main", "sequence"), {}, False), (("rings", "egress"), None, True),
    (("rings", "egress"), "big", False), (("rings",), [], False), (("rings",), None, True), (("rings", "egress", "slot"), 4096, False),
    (("handlers", BOOK, "use"), "bok", False), (("handlers", BOOK, "use"), "simulator", False), (("handlers", BOOK, "after"), {}, False),
    (("handlers", BOOK, "after"), None, True), (("handlers", BOOK, "after"), [1], False), (("handlers", BOOK, "aftr"), "x", False),
    (("handlers", BOOK, "on"), ["main"], False), (("handlers", BOOK, "x-why"), "because", True), (("handlers", BOOK, "from"), "${RING:-egress}", None),
    (("handlers", BOOK, "with"), {"window_tick": 64}, False), (("handlers", BOOK, "with"), {"window_ticks": "wide"}, False),
    (("handlers", BOOK, "with"), {"window_ticks": None}, False), (("handlers", BOOK, "with"), {}, True),
    (("handlers", BOOK, "with"), {"window_ticks": 32}, False), (("handlers", BOOK, "with"), {"far_levels": 8}, False),
    (("handlers", 1, "with"), {"anything": 1}, False), (("handlers", 1, "with"), {"x-note": 1}, True), (("handlers", 1, "on_error"), "continue", True),
    (("handlers", 1, "on_error"), "ignore", False), (("handlers", 0, "with"), {"frame_bytes_max": "1MiB"}, True),
    (("handlers", 0, "with"), {"frame_bytes_max": "32MiB"}, None), (("handlers", 0, "with"), {"frame_bytes_max": 1 << 25}, False),
    (("handlers", 0, "with"), {"levels_max": 65_537}, False),
    (("handlers", STRATEGY, "with"), {"quote_lots": 0}, False), (("handlers", STRATEGY, "with"), {"confirm": "1s"}, True),
    (("handlers", STRATEGY, "with"), {"confirm": "1s", "confirm_ns": 1}, False), (("handlers", STRATEGY, "with"), {"skew_ticks": 1e7}, False),
    (("handlers", RISK, "with"), {"kill": True}, True), (("handlers", RISK, "with"), {"kill": 1}, False),
    (("handlers", RISK, "with"), {"kill": "${KILL:-false}"}, True), (("handlers", RISK, "with"), {"orders_per_second": 0}, False),
    (("handlers", RISK, "with"), {"max_position": "1_000"}, True), (("handlers", RISK, "with"), {"max_position": "lots"}, False),
    (("sinks", 0, "with"), {"latency": "1 ms"}, True), (("sinks", 0, "with"), {"latency": 1}, False), (("sinks", 0, "with"), {"latency": 0}, None),
    (("sinks", 0, "with"), {"latency_ns": -1}, False), (("sinks", 0, "use"), "./mine.py:venue", None),
    (("placement",), "fused", True), (("placement",), "fast", False), (("placement",), {"mode": "auto"}, True), (("placement",), {"mode": "x"}, False),
    (("placement",), {"mode": "explicit", "threads": [{"name": "a", "cpu": "one"}]}, False),
    (("placement",), {"mode": "explicit", "threads": [{"cpu": 0}]}, False), (("placement",), {"threads": [{"name": "a", "wait": "sleepy"}]}, False),
    (("placement",), {"mode": "explicit", "threads": [{"name": "a", "cpu": None, "stages": "book"}]}, None), (("placement",), ["auto"], False),
]


def with_edit(path, value) -> dict:
    document = copy.deepcopy(DEMO)
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    if value is GONE:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return document


class _Dumper(yaml.SafeDumper):
    """Quotes nothing that YAML 1.2 reads as a text, so that `1_000` stays a number of ours."""


_Dumper.yaml_implicit_resolvers = _Editor.yaml_implicit_resolvers


def written(document) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


@pytest.mark.parametrize(("path", "value", "usable"), EDITS, ids=lambda v: re.sub(r"\W+", "-", str(v))[:40])
def test_schema_and_check_agree_on_an_edit(path, value, usable, validator, monkeypatch):
    """usable : None where only the check can tell (names, order, sizes)."""
    document = with_edit(path, value)
    said = complaints(validator, document)
    _, findings = examine(written(document), str(ROOT / "config/demo.yaml"), {}, registry=Registry(entry_points=False), cpus=(0, 1))
    codes = {d.code for d in findings.diagnostics if d.severity == "error"}
    if said:
        assert codes, f"a false alarm: {said}"
    if codes & JUDGED and usable is not None:
        assert said, f"the check says {[d.message for d in findings.diagnostics]}"
    if usable is not None:
        assert (not codes, not said) == (usable, usable), (sorted(codes), said)


def test_every_key_and_parameter_is_told_with_its_meaning(whole):
    for place, definition in {"the file": whole, **whole["$defs"]}.items():
        for name, one in definition.get("properties", {}).items():
            assert one.get("description"), f"{place}: {name}"


def test_ranges_units_and_defaults_are_shown(whole):
    collar = whole["$defs"]["handler.risk"]["properties"]["collar_ppm"]
    assert collar["description"] == "largest distance of the price from the mid (ppm of the mid, 0 to 1,000,000)"
    assert collar["default"] == 10_000
    assert collar["anyOf"][0] == {"type": "integer", "minimum": 0, "maximum": 1_000_000}


def test_the_schema_offers_the_names_of_components(whole):
    names = [one["const"] for one in whole["$defs"]["handler"]["properties"]["use"]["anyOf"] if "const" in one]
    assert names == ["book", "deserialize.binance", "journal", "mev", "paper", "probe", "risk", "route", "strategy.market_maker", "wire"]
    assert whole["$schema"] == DRAFT


def test_a_component_that_cannot_be_imported_stays_open():
    broken = Plugin(name="mine", kind="handler", target="mine:f", distribution="mine", version="1", shipped=False, error="no module")
    made = jsonschema.Draft202012Validator(schema([broken]))
    document = {"version": 1, "handlers": [{"use": "mine", "with": {"anything": [1]}}], "sources": []}
    assert complaints(made, document) == []


class Side(enum.Enum):
    BID_SIDE = 1
    ASK = 2


@attrs.frozen
class Inner:
    depth: int = 1


@attrs.frozen
class Odd:
    path: Path
    gap_ns: int
    side: Side = Side.ASK
    inner: Inner = attrs.field(factory=Inner)
    names: tuple[str, ...] = ()
    maybe: int | None = None
    span: int = attrs.field(default=4, validator=attrs.validators.in_(range(1, 9)))
    share: float = attrs.field(default=0.5, validator=[attrs.validators.ge(0), attrs.validators.le(1)])
    policy: str = attrs.field(default="a", validator=attrs.validators.in_(("a", "b")))


@pytest.mark.parametrize(
    ("parameters", "good"),
    [
        ({"path": "x", "gap": "1ms"}, True), ({"path": "x", "gap_ns": 5}, True), ({"path": "x"}, False), ({"gap_ns": 5}, False),
        ({"path": "x", "gap_ns": 5, "side": "Bid_side"}, True), ({"path": "x", "gap_ns": 5, "side": "bid-side"}, True),
        ({"path": "x", "gap_ns": 5, "side": "mid"}, False), ({"path": "x", "gap_ns": 5, "inner": {"depth": 2}}, True),
        ({"path": "x", "gap_ns": 5, "inner": {"deep": 2}}, False), ({"path": "x", "gap_ns": 5, "names": ["a", "b"]}, True),
        ({"path": "x", "gap_ns": 5, "names": [1]}, False), ({"path": "x", "gap_ns": 5, "maybe": None}, True),
        ({"path": "x", "gap_ns": 5, "maybe": "no"}, False), ({"path": "x", "gap_ns": 5, "span": 9}, False),
        ({"path": "x", "gap_ns": 5, "share": 1.01}, False), ({"path": "x", "gap_ns": 5, "policy": "c"}, False),
        ({"path": "x", "gap_ns": 5, "policy": "${P:-a}"}, True),
    ],
)
def test_parameters_of_every_type_are_judged_as_the_check_judges_them(parameters, good):
    from disruptor.handler import handler
    from hydraflow.registry import Component
    from hydraflow.topology.convert import PARAMETER_CODES, convert
    from hydraflow.topology.diagnose import Findings
    from hydraflow.topology.nodes import read

    component = Component(use="odd", kind="handler", module="m", attribute="odd", handler=handler(lambda event: None, params=Odd))
    plugin = Plugin(name="odd", kind="handler", target="m:odd", distribution="d", version="1", shipped=False, component=component)
    made = jsonschema.Draft202012Validator(schema([plugin]))
    said = complaints(made, {"version": 1, "sources": [], "handlers": [{"use": "odd", "with": parameters}]})
    findings = Findings()
    node = read(written(parameters), findings, {})
    convert(Odd, node, findings, codes=PARAMETER_CODES)
    assert (not said, not findings.failed) == (good, good), (said, findings.diagnostics)


def test_keys_say_kind_range_and_default():
    keys = {key.name: key for key in keys_of(Odd)}
    assert (keys["gap_ns"].kind, keys["gap_ns"].other, keys["gap_ns"].needed) == ("duration", "gap", True)
    assert (keys["span"].range, keys["share"].range, keys["policy"].choices) == ("1 to 8", "0 to 1", ("a", "b"))
    assert (keys["side"].words, keys["side"].default) == ("bid-side, ask", "ask")
    assert [k.kind for k in keys_of(Topology)] == [
        "whole", "text", "names", "objects", "objects", "table", "text", "objects", "objects", "object", "objects"]
    assert {k.name for k in keys_of(HandlerSpec)} >= {"from", "with"}
    assert next(k for k in keys_of(RingSpec) if k.name == "slots").default is None  # 0 stands for "not said"
