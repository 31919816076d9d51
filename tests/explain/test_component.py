"""`hfx explain` of handlers and sources says what is declared, and what their source shows."""

from __future__ import annotations

import pytest
import yaml

from disruptor.access import accesses
from hydraflow.explain import answer, render
from hydraflow.explain.record import RECORDS, fields_of
from hydraflow.registry import HANDLERS, SOURCES, Registry

REGISTRY = Registry(entry_points=False)
COMPONENTS = [*HANDLERS, *SOURCES]


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_page_fits_80_columns_and_names_everything(name):
    page = answer(name, REGISTRY)
    text = render(page)
    assert max(map(len, text.splitlines())) <= 80
    words = set(text.replace(",", " ").replace(":", " ").split())
    for key in page["parameters"]:
        assert key["name"] in words and key["description"]
    assert set(page["counters"]) <= words
    assert page["summary"] and page["from"] == "shipped"


@pytest.mark.parametrize("name", COMPONENTS)
def test_an_example_can_be_copied_into_a_topology(name, tmp_path):
    from hydraflow.topology import examine

    kind = "handler" if name in HANDLERS else "source"
    example = yaml.safe_load(answer(name, REGISTRY)["example"].replace('path: "…"', "path: x").replace('url: "…"', "url: wss://x"))
    (section, (stage,)), = example.items()
    assert (section, stage["use"]) == ({"paper": "sinks"}.get(name, f"{kind}s"), name)
    whole = {"version": 1, "sources": [{"use": "simulator"}],
             "handlers": [{"use": "deserialize.binance"}, {"use": "book"}, {"use": "strategy.market_maker", "after": "book"},
                          {"use": "risk", "after": "strategy"}, {"use": "route", "after": "risk"}, {"use": "mev", "after": "route"},
                          {"use": "wire", "after": "mev"}],
             "sinks": [{"use": "paper", "after": "wire"}]}
    if name == "websocket":
        whole["instruments"] = [{"symbol": "BTCUSDT", "tick": 0.1, "lot": 0.001}]
    if name == "recording":
        (tmp_path / "own.py").write_text("READING = [('celsius', 'f8')]\ndef watch(event): pass\n")
        whole = {"version": 1, "rings": {"readings": {"record": "./own.py:READING", "slots": 64}},
                 "handlers": [{"use": "./own.py:watch", "on": "readings"}]}
    others = [s for s in whole.get(section, []) if s["use"] != name]
    whole[section] = example[section] if section == "sources" else [*others, stage]
    _, findings = examine(yaml.safe_dump(whole), str(tmp_path / "x.yaml"), {}, registry=REGISTRY, cpus=(0, 1))
    assert [d.message for d in findings.diagnostics] == []


def test_a_page_tells_what_a_handler_declares():
    page = answer("book", REGISTRY)
    assert page["writes_are"] == "declared" and page["reads_are"] == "seen in its source"
    assert page["writes"] == ["bid_price_ticks", "bid_quantity_lots", "ask_price_ticks", "ask_quantity_lots", "book_status", "book_changes"]
    assert page["state"]["bytes"] > 1_000_000 and "books" in page["state"]["fields"]
    window = page["parameters"][0]
    assert (window["name"], window["type"], window["unit"], window["range"], window["default"]) == (
        "window_ticks", "whole number", "ticks", "64 to 262,144", 65_536)


def test_a_page_tells_on_which_ring_and_how_much_comes_out():
    page = answer("paper", REGISTRY)
    assert (page["on"], page["takes_from"], page["into"]) == ("main", ["egress"], ["feedback"])
    assert page["outputs"] == [{"name": "feedback", "max_out": 64, "max_payload": 0}]
    assert "into feedback: at most 64 records, for each record that it gets" in " ".join(render(page).split())


def test_a_file_of_ones_own_is_explained(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from __future__ import annotations\n"
        "import attrs\n"
        "@attrs.frozen\n"
        "class Limits:\n"
        "    pause_ns: int\n"
        "    wide: int = attrs.field(default=2, metadata={'description': 'wide from here on', 'unit': 'ticks', 'range': (1, 9)})\n"
        "def watch(event, params: Limits):\n"
        "    '''Marks wide spreads.'''\n"
        "    event['signal'] = event['ask_price_ticks'] - event['bid_price_ticks'] > params['wide']\n"
    )
    page = answer("./mine.py:watch", REGISTRY, str(tmp_path))
    assert (page["summary"], page["from"], page["runs"]) == ("Marks wide spreads.", str(tmp_path / "mine.py"), "compiled")
    assert (page["reads"], page["writes"]) == (["bid_price_ticks", "ask_price_ticks"], ["signal"])
    text = render(page)
    assert "  wide\n      wide from here on\n      whole number; ticks; 1 to 9; default 2" in text
    assert text.endswith('example\n  handlers:\n    - use: "./mine.py:watch"\n      after: book\n      with:\n        pause_ns: 1ms')


def test_a_page_lists_the_notes_of_a_handler_with_their_texts(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from disruptor import handler, note\n"
        "@handler(notes={'WIDE': 'spread {a:,} ticks', 'THIN': 'thin'})\n"
        "def watch(event):\n"
        "    note('WIDE', event['ask_price_ticks'])\n"
    )
    page = answer("./mine.py:watch", REGISTRY, str(tmp_path))
    assert page["notes"] == {"WIDE": "spread {a:,} ticks", "THIN": "thin"}
    assert "  notes       WIDE: spread {a:,} ticks\n              THIN: thin\n" in render(page)


def test_a_keyword_that_no_topology_fills_is_told(tmp_path):
    (tmp_path / "mine.py").write_text("def watch(event, wide=2):\n    event['signal'] = wide\n")
    assert "It asks for wide" in answer("./mine.py:watch", REGISTRY, str(tmp_path))["more"][0]


def test_a_parameter_has_a_page_of_its_own():
    page = answer("paper.latency", REGISTRY)
    assert (page["kind"], page["name"], page["of"]) == ("parameter", "paper.latency_ns", "handler paper")
    assert "duration" in render(page) and "also written latency" in " ".join(render(page).split())


def test_the_writers_that_records_name_are_the_handlers_that_write():
    """The comments in hydraflow/records.py say who writes a field of a message; the handlers' source says it as well."""
    from hydraflow.registry import default_name

    said: dict[str, set[str]] = {}
    for field in fields_of("message"):
        said.setdefault(field["written_by"], set()).add(field["name"])
    for name, entry in HANDLERS.items():
        if entry.on == "main":
            assert accesses(REGISTRY.resolve("handler", name).handler).writes == said.pop(default_name(name), set())
    assert set(said) == {"the sequencer (in a decoded ring: deserialize)", "your handlers"}


@pytest.mark.parametrize("record", RECORDS)
def test_every_field_of_a_record_is_told_but_its_padding(record):
    from hydraflow import records

    dtype = getattr(records, RECORDS[record].constant)
    told = {field["name"] for field in fields_of(record)}
    assert {name for name in dtype.names or () if "pad" not in name} == told
    assert all(field["written_by"] for field in fields_of(record))
