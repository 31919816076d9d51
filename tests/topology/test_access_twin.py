"""The dynamic twin: handlers run in plain Python on records that note every access never touch more than was inferred.

All shipped handlers on random events, and generated ones, of which each field must really be seen.
"""

from __future__ import annotations

import contextlib
import importlib.util
import random
import sys

import numpy as np
import pytest

from disruptor.access import accesses
from disruptor.handler import as_handler, params_record
from disruptor.ring import PORT, Inlet, Port
from disruptor.twin import plain_twin
from hydraflow.codes import Kind, Venue
from hydraflow.records import EGRESS, FEEDBACK, FRAME, INSTRUMENT, LEVEL, MESSAGE, ORDER, REPORT
from hydraflow.registry import HANDLERS, Registry
from hydraflow.topology.spec import RingSpec
from hydraflow.topology.touched import layouts_of
from tests.reference.access_graphs import PRELUDE, random_graph, source_of
from tests.reference.recording import Seen, recorded

EVENTS = 250
UNITS = 1024  # payload units; bytes of frames
SHIPPED = {name: Registry(entry_points=False).resolve("handler", name).handler for name in HANDLERS}
SMALL = {"window_ticks": 64, "far_levels": 64, "max_orders": 16, "max_open_orders": 16}
PORTS = {"decoded": (MESSAGE, LEVEL), "egress": (EGRESS, np.uint8), "feedback": (FEEDBACK, np.uint8), "staging": (FRAME, np.uint8)}
FRAMES = [
    b'{"e":"trade","E":1,"T":1,"s":"AAA","t":5,"p":"100.5","q":"1.5","X":"MARKET","m":true}',
    b'{"u":7,"s":"AAA","b":"100.0","B":"2.0","a":"100.5","A":"1.0"}',
    b'{"e":"depthUpdate","E":1,"T":1,"s":"AAA","U":5,"u":9,"pu":4,"b":[["100.0","1.0"]],"a":[["100.5","0"]]}',
    b'{"lastUpdateId":8,"bids":[["100.0","1.0"]],"asks":[["100.5","3.0"]]}', b'{"e":"trade"', b"",
]


def instruments() -> np.ndarray:
    table = np.zeros(3, INSTRUMENT)
    table["price_multiple"] = table["quantity_multiple"] = 1
    table["tick"] = table["lot"] = 0.1
    table["price_decimals"] = table["quantity_decimals"] = 1
    table["underlying"] = (0, 1, 0)
    table["venue"] = (Venue.EXCHANGE, Venue.EXCHANGE, Venue.POOL)
    table["base_decimals"], table["quote_decimals"] = 8, 6
    for row, name in zip(table, (b"AAA", b"BBB", b"POOL"), strict=True):
        row["symbol"][: len(name)] = list(name)
        row["symbol_length"] = len(name)
    return table


def port(dtype, unit, kind=Port):
    cell = np.zeros(1, PORT)
    cell["mask"], cell["gate"], cell["payload_gate"], cell["payload_mask"] = 255, 1 << 40, 1 << 40, 65_535
    return kind(np.zeros(256, dtype), np.zeros(131_072, unit), cell[0])


def messages(chance: np.random.Generator) -> np.ndarray:
    events = np.zeros(EVENTS, MESSAGE)
    kinds = [int(k) for k in Kind]
    events["kind"] = chance.choice(kinds, EVENTS)
    events["symbol"] = chance.integers(0, 4, EVENTS)
    events["receive_ns"] = np.cumsum(chance.integers(1, 1 << 30, EVENTS))
    events["payload_position"] = chance.integers(0, 200, EVENTS) * 4
    events["payload_count"] = chance.integers(0, 6, EVENTS)
    events["bid_count"] = events["payload_count"] // 2
    for name in ("first_update", "last_update", "previous_update", "number"):
        events[name] = chance.integers(0, 12, EVENTS)
    events["flags"] = chance.integers(0, 8, EVENTS)
    for name in ("bid_price_ticks", "bid_quantity_lots", "ask_price_ticks", "ask_quantity_lots"):
        events[name] = chance.integers(900, 1100, EVENTS)
    events["ask_price_ticks"] += events["bid_price_ticks"]
    events["book_status"] = chance.integers(0, 3, EVENTS)
    events["order_count"] = chance.integers(0, 5, EVENTS)
    events["accepted_count"] = chance.integers(0, 5, EVENTS)
    return events


def orders(chance: np.random.Generator) -> np.ndarray:
    lanes = np.zeros((4096, 4), ORDER)
    for name in ("order_id", "quantity_lots"):
        lanes[name] = chance.integers(1, 50, lanes.shape)
    lanes["price_ticks"] = lanes["limit_price_ticks"] = chance.integers(900, 1100, lanes.shape)
    for name, most in (("symbol", 2), ("action", 3), ("type", 4), ("time_in_force", 4), ("reason", 2), ("route_reason", 2), ("venue", 3)):
        lanes[name] = chance.integers(0, most, lanes.shape)
    lanes["side"] = chance.choice((-1, 1), lanes.shape)
    lanes["pool"] = 2
    lanes["slices"] = chance.integers(1, 4, lanes.shape)
    return lanes


def frames(chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    events, data = np.zeros(EVENTS, FRAME), np.zeros(2 << 16, np.uint8)
    at = 0
    for row in events:
        frame = bytearray(FRAMES[chance.integers(len(FRAMES))])
        if frame and chance.random() < 0.2:
            frame[chance.integers(len(frame))] = chance.integers(32, 127)
        data[at : at + len(frame)] = list(frame)
        row["payload_position"], row["payload_count"], row["receive_ns"] = at, len(frame), at + 1
        row["error"] = chance.random() < 0.05
        at += len(frame)
    data[1 << 16 :] = data[: 1 << 16]
    return events, data


def run(declared, record: str, seen: Seen) -> int:
    """Run a shipped handler on random events; return how many it handled without an exception."""
    chance = np.random.default_rng(7)
    params = declared.params and declared.params(**{k: v for k, v in SMALL.items() if k in {f.name for f in declared.params.__attrs_attrs__}})
    table = instruments()
    given: dict = {"params": params_record(params)[0] if params else None, "instruments": recorded(table, "instruments", seen)}
    dtype = declared.state_dtype(params, instruments=table)
    if dtype is not None:
        given["state"] = np.zeros(1, dtype)[0]
        if declared.prepare is not None:
            declared.prepare(given["state"], given["params"], instruments=table)
    if declared.counters is not None:
        given["counters"] = np.zeros(1, declared.counters_dtype())[0]
    if record == "frame":
        events, data = frames(chance)
    else:
        events, data = messages(chance), np.zeros(2 * UNITS, LEVEL)
        data["price_ticks"], data["quantity_lots"] = chance.integers(900, 1100, len(data)), chance.integers(0, 50, len(data))
        reports = data.view(np.uint8)[: UNITS * 16].view(REPORT)
        reports["order_id"] = chance.integers(1, 50, len(reports))
        data[UNITS:] = data[:UNITS]
    given["payload"] = recorded(data, "payload", seen)
    given["orders"] = recorded(orders(chance), "orders", seen)
    given |= {name: port(*PORTS[name]) for name in declared.max_out}
    if "egress" in declared.arguments and "egress" not in declared.max_out:
        inlet = port(*PORTS["egress"], Inlet)
        inlet.records["order_id"] = np.arange(1, 257)
        inlet.records["quantity_lots"], inlet.records["price_ticks"], inlet.records["side"] = 5, 1000, 1
        inlet.records["venue"], inlet.records["type"] = chance.integers(0, 3, 256), chance.integers(0, 4, 256)
        given["egress"] = inlet
    function, ran = plain_twin(declared.function), 0
    watched = recorded(events, "", seen)
    with np.errstate(all="ignore"):
        for sequence in range(EVENTS):
            own = {"event": watched[sequence], "sequence": sequence, "end_of_batch": sequence % 16 == 15}
            if "egress" in given and isinstance(given["egress"], Inlet):
                given["egress"].cell["gate"] = sequence
            with contextlib.suppress(ArithmeticError, IndexError, ValueError, OverflowError):
                function(**{name: (own | given)[name] for name in declared.arguments})
                ran += 1
    return ran


@pytest.mark.parametrize("name", sorted(HANDLERS))
def test_a_shipped_handler_touches_no_more_than_was_inferred(name):
    declared, record = SHIPPED[name], "frame" if HANDLERS[name].on == "frames" else "message"
    found = accesses(declared, layouts_of(RingSpec(record=record)))
    seen = Seen()
    assert run(declared, record, seen) > EVENTS // 2, "most events are handled"
    for verb in ("reads", "writes"):
        assert seen.names(verb, "") <= getattr(found, verb)
        for region in ("orders", "payload", "instruments"):
            inferred = {n.partition(".")[2] for n in getattr(found, f"beside_{verb}") if n.startswith(f"{region}.")}
            touched = seen.names(verb, region)
            assert touched <= inferred or "*" in inferred, (region, verb)
    assert len(seen.names("reads", "")) * 2 >= len(found.reads), "it sees most of what it may see"
    assert seen.names("writes", "") == found.writes


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    chance = random.Random(20_261_127)
    graphs = [random_graph(chance, f"t{number}") for number in range(120)]
    stages = [stage for graph in graphs for stage in graph.stages]
    path = tmp_path_factory.mktemp("twin") / "twin_made.py"
    path.write_text(PRELUDE + "\n\n".join(source_of(stage, chance) for stage in stages))
    spec = importlib.util.spec_from_file_location("twin_made", path)
    module = sys.modules["twin_made"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield [(stage, getattr(module, stage.name)) for stage in stages]
    del sys.modules["twin_made"]


def test_generated_handlers_touch_exactly_what_was_inferred(generated):
    events = np.zeros(2, MESSAGE)
    assert len(generated) > 400
    for stage, function in generated:
        seen = Seen()
        watched = recorded(events.copy(), "", seen)
        for sequence in range(2):
            plain_twin(function)(watched[sequence], sequence)
        found = accesses(as_handler(function), {"event": MESSAGE})
        assert (seen.names("reads", ""), seen.names("writes", "")) == (found.reads, found.writes) == (stage.reads, stage.writes)


def test_the_recording_sees_views_elements_and_copies():
    seen = Seen()
    dtype = np.dtype([("a", "i8"), ("win", "f8", (3,)), ("b", "i8"), ("c", "i8")])
    record = recorded(np.zeros(2, dtype), "", seen)[1]
    record["win"][2] = 7
    assert (seen.reads, seen.writes) == (set(), {("", "win")})
    record.b += record["win"][0]
    record["c"] = 1
    assert (seen.names("reads", ""), seen.names("writes", "")) == ({"b", "win"}, {"win", "b", "c"})
    record.copy()
    assert seen.names("reads", "") == {"a", "b", "c", "win"}
