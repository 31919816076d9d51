"""Nodes → attrs objects: types, units, ranges, variables."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

from hydraflow.topology.convert import PARAMETER_CODES, convert
from hydraflow.topology.diagnose import Findings
from hydraflow.topology.nodes import Node, read
from tests.reference.topology_stubs import BookParams, Mode


@attrs.frozen(kw_only=True)
class Everything:
    count: int = 0
    gap_ns: int = 0
    block_bytes: int = 0
    ratio: float = 0.0
    exact: Decimal = Decimal(0)
    label: str = ""
    many: tuple[str, ...] = ()
    maybe: int | None = None
    anything: object = None


def made(text, cls=Everything, environment=None):
    findings = Findings("f.yaml")
    root = read(text, findings, environment or {})
    return convert(cls, root, findings, codes=PARAMETER_CODES, owner="it"), findings.diagnostics


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("count: 1_000", "count", 1000), ("count: 1e6", "count", 1_000_000), ("count: 0x10", "count", 16),
        ("gap: 1ms", "gap_ns", 1_000_000), ("gap_ns: 2s", "gap_ns", 2_000_000_000), ("gap_ns: 5", "gap_ns", 5),
        ("gap: 0", "gap_ns", 0), ("block: 64KiB", "block_bytes", 65_536), ("block_bytes: 4096", "block_bytes", 4096),
        ("ratio: 3", "ratio", 3.0), ("exact: 0.10", "exact", Decimal("0.10")), ("label: on", "label", "on"),
        ("many: one", "many", ("one",)), ("many: [a, b]", "many", ("a", "b")), ("many:", "many", ()),
        ("maybe:", "maybe", None), ("maybe: 3", "maybe", 3),
    ],
)
def test_convert_reads(text, field, value):
    result, diagnostics = made(text)
    assert not diagnostics
    assert getattr(result, field) == value
    assert type(getattr(result, field)) is type(value)


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("count: true", "HF305", "it: count must be a whole number, got true"),
        ("count: 1.5", "HF305", "it: count must be a whole number, got the number 1.5"),
        ("count: '5'", "HF305", "it: count must be a whole number, got text '5'"),
        ("count:", "HF305", "it: count must be a whole number, got nothing"),
        ("count: [1]", "HF305", "it: count must be a whole number, got a list"),
        ("count: 0xFFFFFFFFFFFFFFFF", "HF306", "it: count must fit 64 bits, got the number 0xFFFFFFFFFFFFFFFF"),
        ("gap: 5", "HF305", "it: gap needs a unit, got the number 5"),
        ("gap: 5 days", "HF305", "it: gap must be a duration such as 250us, 1ms, 2s, got text '5 days'"),
        ("gap: 1ms\ngap_ns: 1", "HF003", "it: 'gap' and 'gap_ns' are the same parameter"),
        ("ratio: .nan", "HF305", "it: ratio must be a finite number, got .nan"),
        ("exact: 1_0", "HF305", "it: exact must be a decimal number such as 0.001, got the number 1_0"),
        ("label: 3", "HF305", "it: label must be text, got the number 3"),
        ("many: [1]", "HF305", "it: many: an item must be text, got the number 1"),
    ],
)
def test_convert_refuses(text, code, message):
    _, diagnostics = made(text)
    assert [(d.code, d.message) for d in diagnostics] == [(code, message)]


def test_convert_types_a_variable_by_its_field():
    result, diagnostics = made('count: "${N}"\nlabel: "${N}"\nratio: ${N}', environment={"N": "12"})
    assert not diagnostics
    assert (result.count, result.label, result.ratio) == (12, "12", 12.0)


def test_convert_says_which_variable_a_wrong_value_came_from():
    _, (diagnostic,) = made('count: "${N}"', environment={"N": "many"})
    assert diagnostic.notes == ("the value comes from ${N}",)


def test_convert_reads_enums_by_name_or_number():
    for text in ("loud-enough", "LOUD_ENOUGH", "1"):
        assert made(f"mode: {text}", BookParams)[0].mode is Mode.LOUD_ENOUGH


def test_convert_passes_on_what_the_class_itself_refuses():
    result, (diagnostic,) = made("low: 20\nhigh: 5\n", BookParams)
    assert result is None
    assert (diagnostic.code, diagnostic.message, diagnostic.line) == ("HF308", "it: low (20) must not exceed high (5)", 1)


def test_convert_reads_plain_python_values():
    findings = Findings()
    result = convert(Everything, Node.of({"count": 3, "many": ["a"], "gap": "1ms"}), findings, codes=PARAMETER_CODES, owner="it")
    assert not findings.diagnostics
    assert (result.count, result.many, result.gap_ns) == (3, ("a",), 1_000_000)
