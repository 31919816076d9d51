"""What a live source decides, without a network: waits, schedules, policies, words."""

from __future__ import annotations

import io
import itertools
import json
import re
import socket
import ssl
import sys
import urllib.error
from email.message import Message

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydraflow.codes import FrameError
from hydraflow.errors import ConfigurationError, Unavailable
from hydraflow.ingress.live.backoff import Backoff
from hydraflow.ingress.live.chain import DepthChain
from hydraflow.ingress.live.client import require_library
from hydraflow.ingress.live.intake import Intake
from hydraflow.ingress.live.params import Figures, WebsocketParams
from hydraflow.ingress.live.resync import Resync
from hydraflow.ingress.live.streams import name_snapshot, streams_of
from hydraflow.ingress.live.trouble import Trouble, describe

DROPPED = int(FrameError.DROPPED)


# -- waits


def test_backoff_doubles_its_span_up_to_the_most_and_draws_from_all_of_it():
    backoff = Backoff(1.0, 8.0, 10.0, seed=1)
    spans, delays = [], []
    for _ in range(6):
        spans.append(backoff.span())
        delays.append(backoff.delay())
    assert spans == [1, 2, 4, 8, 8, 8]
    assert all(0 <= d <= s for d, s in zip(delays, spans, strict=True)) and len(set(delays)) == 6


def test_backoff_is_the_same_for_a_seed_and_another_for_another():
    runs = [[Backoff(1.0, 60.0, 1.0, seed).delay() for _ in range(3)] for seed in (5, 5, 6)]
    assert runs[0] == runs[1] != runs[2]


def test_backoff_starts_over_after_a_connection_that_held():
    backoff = Backoff(1.0, 60.0, 10.0, seed=1)
    for _ in range(5):
        backoff.delay(9.9)
    assert backoff.span() == 32
    assert backoff.delay(10.0) <= 1.0 and backoff.span() == 2


def test_backoff_never_overflows():
    backoff = Backoff(0.25, 30.0, 10.0, seed=1)
    backoff.failures = 100_000
    assert backoff.delay() <= 30.0


# -- streams and snapshots


@pytest.mark.parametrize(
    ("url", "subscribe", "books", "differences"),
    [
        ("wss://x/stream?streams=btcusdt@depth@100ms/btcusdt@bookTicker/ethusdt@trade", "", "BTCUSDT", "BTCUSDT"),
        ("wss://x/ws/btcusdt@depth", "", "BTCUSDT", "BTCUSDT"),
        ("wss://x/ws/btcusd_perp@depth20@100ms", "", "BTCUSD_PERP", ""),
        ("wss://x/ws", '{"method":"SUBSCRIBE","params":["btcusdt@depth","ethusdt@depth"]}', "BTCUSDT,ETHUSDT",
         "BTCUSDT,ETHUSDT"),
        ("wss://x/ws/btcusdt@bookTicker", "", "", ""),
    ],
)
def test_streams_of_reads_the_symbols_from_the_names(url, subscribe, books, differences):
    streams = streams_of(url, subscribe, "", "https://x/depth?symbol={symbol}")
    assert (",".join(streams.books), ",".join(streams.differences)) == (books, differences)


def test_streams_of_takes_the_symbols_that_are_given_and_fills_the_address():
    streams = streams_of("wss://x/ws", "", "btcusdt, ETHUSDT", "https://x/depth?symbol={symbol}&limit=5")
    assert streams.books == ("BTCUSDT", "ETHUSDT")
    assert streams.snapshot_url("ETHUSDT") == "https://x/depth?symbol=ETHUSDT&limit=5"


def test_streams_of_refuses_one_snapshot_for_two_symbols():
    with pytest.raises(ConfigurationError, match=r"the same for A, B.*\{symbol\}"):
        streams_of("wss://x/stream?streams=a@depth/b@depth", "", "", "https://x/depth?symbol=A")
    assert streams_of("wss://x/stream?streams=a@depth/b@depth", "", "", "").differences == ()


def test_name_snapshot_adds_the_symbol_and_keeps_the_rest():
    named = name_snapshot(b'{"bids":[["1.0","2"]],"E":5,\n "lastUpdateId":7,"asks":[]}', "BTCUSDT")
    assert b"\n" not in named
    assert json.loads(named) == {"lastUpdateId": 7, "symbol": "BTCUSDT", "bids": [["1.0", "2"]], "E": 5, "asks": []}


@pytest.mark.parametrize("answer", [b"", b"[]", b"<html>", b'{"code":-1003}', b'{"lastUpdateId":1,"bids":[]}'])
def test_name_snapshot_refuses_what_is_none(answer):
    with pytest.raises(ValueError, match="is no order book"):
        name_snapshot(answer, "BTCUSDT")


@pytest.mark.parametrize(
    ("url", "wrong"),
    [("http://x", "must begin with wss:// or ws://"), ("ws://", "names no host"), ("ws://x:port/", "is not an address")],
)
def test_parameters_refuse_an_address_that_cannot_be_one(url, wrong):
    with pytest.raises(ValueError, match=wrong):
        WebsocketParams(url=url)


# -- resync


def test_resync_asks_once_and_keeps_the_least_distance():
    resync = Resync(["A"], 1.0, 8.0)
    assert resync.due(0.0) == []
    resync.lose()
    assert resync.due(0.0) == ["A"]
    resync.observe(["A"])
    assert resync.due(0.5) == []  # in flight
    assert resync.arrived("A", True)
    resync.observe(["A"])
    assert resync.due(0.9) == []
    assert resync.due(1.0) == ["A"]


def test_resync_doubles_the_distance_while_the_book_does_not_come_alive():
    resync = Resync(["A"], 1.0, 8.0)
    begun, now = [], 0.0
    while now < 60:
        resync.observe(["A"])
        if resync.due(now):
            begun.append(now)
            resync.arrived("A", True)
        now += 0.25
    assert [b - a for a, b in itertools.pairwise(begun)][:5] == [1, 2, 4, 8, 8]
    resync.observe([])
    resync.observe(["A"])
    assert resync.due(begun[-1] + 1.0) == ["A"]  # it was alive in between


def test_resync_throws_away_what_was_asked_for_before_a_loss():
    resync = Resync(["A", "B"], 1.0, 8.0)
    resync.lose()
    assert resync.due(0.0) == ["A", "B"]
    assert resync.arrived("A", True)
    resync.lose()
    assert not resync.arrived("B", True)
    assert resync.due(1.0) == ["A", "B"]


def test_resync_asks_again_after_a_failure_but_not_before_the_venue_allows():
    resync = Resync(["A"], 1.0, 8.0)
    resync.lose()
    assert resync.due(0.0) == ["A"]
    assert not resync.arrived("A", False, 5.0)
    assert resync.due(4.9) == [] and resync.due(5.0) == ["A"]


# -- chain


def _depth(first: int, last: int, previous: int | None, symbol: str = "A") -> bytes:
    data = {"e": "depthUpdate", "s": symbol, "U": first, "u": last, "b": [], "a": []}
    if previous is not None:
        data["pu"] = previous
    return json.dumps({"stream": "a@depth", "data": data}, separators=(",", ":")).encode()


@pytest.mark.parametrize("futures", [True, False])
def test_chain_is_broken_by_a_gap_until_a_snapshot_reaches_behind_it(futures):
    chain = DepthChain(("A",))
    chain.see(_depth(11, 20, 10 if futures else None))
    chain.snapshot("A", b'{"lastUpdateId":9}')
    assert chain.broken() == {"A"}
    chain.snapshot("A", b'{"lastUpdateId":15}')
    assert chain.broken() == set()
    chain.see(_depth(21, 30, 20 if futures else None))
    assert chain.broken() == set() and chain.gaps == 0
    chain.see(_depth(41, 50, 40 if futures else None))
    assert chain.broken() == {"A"} and chain.gaps == 1
    chain.snapshot("A", b'{"lastUpdateId":39}')
    assert chain.broken() == {"A"}
    chain.snapshot("A", b'{"lastUpdateId":40}')
    assert chain.broken() == set()


def test_chain_passes_over_what_is_not_its_own():
    chain = DepthChain(("A",))
    chain.snapshot("A", b'{"lastUpdateId":1}')
    for text in (b"", b'"depthUpdate"', b'{"e":"depthUpdate"}', b'{"e":"depthUpdate","s":"A","U":"x","u":1}', _depth(1, 2, 0, "B")):
        chain.see(text)
    assert chain.broken() == set() and chain.gaps == 0
    chain.lose()
    assert chain.broken() == {"A"}


# -- intake


class _Room:
    """A ring with some room: what was posted, as (text, error)."""

    def __init__(self, room: int = 0) -> None:
        self.room = room
        self.posted: list[tuple[bytes, int]] = []

    def __call__(self, text: bytes, receive_ns: int, error: int) -> bool:
        if self.room == 0:
            return False
        self.room -= 1
        self.posted.append((text, error))
        return True


def _ticker(symbol: str, number: int) -> bytes:
    return json.dumps({"stream": "x", "data": {"e": "bookTicker", "u": number, "s": symbol, "b": "1", "B": "1", "a": "2",
                                               "A": "1"}}).encode()


MARKER = (b'{"e":"depthUpdate","s":"A"}', DROPPED)


def _intake(policy: str, room: int, hold_bytes: int = 1 << 20) -> tuple[Intake, _Room, Figures]:
    ring, figures = _Room(room), Figures()
    return Intake(ring, policy, ["A"], hold_bytes, figures), ring, figures


def test_intake_refuses_without_room_when_it_is_to_wait():
    intake, ring, figures = _intake("wait", 1)
    assert intake.offer(b"1", 1)
    assert not intake.offer(b"2", 2)
    ring.room = 1
    assert intake.offer(b"2", 2)
    assert ring.posted == [(b"1", 0), (b"2", 0)] and figures.dropped == 0


def test_intake_puts_one_marker_where_frames_were_dropped():
    intake, ring, figures = _intake("drop_and_resync", 1)
    for number in range(4):
        assert intake.offer(b"%d" % number, number)
    assert figures.dropped == 3 and not intake.resync_due
    ring.room = 1
    assert not intake.snapshot(b"S", 5)  # the marker took the only place
    assert intake.resync_due
    ring.room = 9
    assert intake.snapshot(b"S", 6) and intake.offer(b"4", 7)
    assert ring.posted == [(b"0", 0), MARKER, (b"S", 0), (b"4", 0)] and figures.markers == 1


def test_intake_marks_every_drop_that_comes_after_a_marker_went_out():
    intake, ring, figures = _intake("drop_and_resync", 0)
    for text in (b"1", b"2"):
        intake.offer(text, 0)
        ring.room = 1
        intake.flush()
    assert ring.posted == [MARKER, MARKER] and figures.dropped == 2


def test_intake_replaces_the_best_bid_and_offer_of_the_same_symbol_only():
    intake, ring, figures = _intake("conflate", 0)
    depth = _depth(1, 2, 0)
    frames = [_ticker("A", 1), depth, _ticker("B", 2), _ticker("A", 3), b"trade", _ticker("A", 4)]
    for text in frames:
        assert intake.offer(text, 0)
    ring.room = 99
    assert intake.flush()
    assert [t for t, _ in ring.posted] == [depth, _ticker("B", 2), b"trade", _ticker("A", 4)]
    assert (figures.conflated, figures.dropped, figures.markers) == (2, 0, 0)


def test_intake_drops_and_marks_when_conflating_does_not_suffice():
    intake, ring, figures = _intake("conflate", 0, hold_bytes=3)
    for text in (b"1", b"2", b"3", b"4", b"5"):
        assert intake.offer(text, 0)
    ring.room = 99
    assert intake.offer(b"6", 0)
    assert ring.posted == [(b"1", 0), (b"2", 0), (b"3", 0), MARKER, (b"6", 0)] and figures.dropped == 2


def test_intake_marks_a_lost_connection():
    intake, ring, figures = _intake("wait", 9)
    intake.offer(b"1", 0)
    intake.lose(1)
    assert ring.posted == [(b"1", 0), MARKER] and intake.resync_due and figures.markers == 1


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["drop_and_resync", "conflate"]), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4))))
def test_intake_keeps_order_and_marks_every_loss(policy, steps):
    """Whatever the room: what comes out is in order, and between two frames that were neighbours nothing is missing unmarked."""
    intake, ring, figures = _intake(policy, 0, hold_bytes=8)
    number = 0
    for room, offered in steps:
        ring.room = room
        for _ in range(offered):
            assert intake.offer(b"%d" % number, number)
            number += 1
    ring.room = 1 << 20
    assert intake.flush()
    seen = [None if e else int(t) for t, e in ring.posted]
    numbers = [n for n in seen if n is not None]
    assert numbers == sorted(set(numbers)) and len(numbers) + figures.dropped == number
    expected = 0
    for value in seen:
        if value is None:
            expected = None
            continue
        assert expected is None or value == expected
        expected = value + 1
    assert expected is None or expected == number


# -- words


def _closed(code: int, reason: str) -> Exception:
    from websockets.exceptions import ConnectionClosedError
    from websockets.frames import Close

    return ConnectionClosedError(Close(code, reason), None, None)


def _given_up(code: int, reason: str, *, answered: bool) -> Exception:
    from websockets.exceptions import ConnectionClosedError
    from websockets.frames import Close

    ours = Close(code, reason)
    return ConnectionClosedError(ours if answered else None, ours, False if answered else None)


def _echoed(code: int, reason: str) -> Exception:
    from websockets.exceptions import ConnectionClosedError
    from websockets.frames import Close

    return ConnectionClosedError(Close(code, reason), Close(code, reason), True)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "refused: is the host right"),
        (socket.gaierror(-2, "Name or service not known"), "cannot be resolved .Name or service not known"),
        (TimeoutError(), "no answer in time"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "TLS failed"),
        (urllib.error.URLError(ConnectionRefusedError(111, "x")), "connection was refused"),
        (urllib.error.HTTPError("u", 429, "Too Many", Message(), io.BytesIO()), "HTTP 429 .too many requests"),
        (urllib.error.HTTPError("u", 500, "x", Message(), io.BytesIO()), "HTTP 500 .the venue refused"),
        (_closed(1008, "policy"), "closed the connection, code 1008 .policy"),
        (_echoed(1001, "bye"), "the venue closed the connection, code 1001 .bye"),
        (_given_up(1009, "frame with 17 bytes exceeds limit of 16 bytes", answered=False), "given up here, code 1009 .frame with 17 "),
        (_given_up(1011, "keepalive ping timeout", answered=True), "given up here, code 1011 .keepalive ping timeout"),
        (OSError(101, "Network is unreachable"), "network is unreachable"),
    ],
)
def test_describe_says_what_happened(error, words):
    assert re.search(words, describe(error))
    if isinstance(error, urllib.error.HTTPError):
        error.close()


def test_trouble_says_each_thing_once():
    lines: list[str] = []
    trouble = Trouble("source 'x'", lines.append)
    for text in ("a", "b", "a"):
        trouble.say(text)
    assert lines == ["hfx: source 'x': a; trying again", "hfx: source 'x': b; trying again"] and trouble.last == "a"


def test_a_missing_library_names_the_extra(monkeypatch):
    for module in [m for m in sys.modules if m.split(".")[0] == "websockets"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "websockets", None)
    with pytest.raises(Unavailable, match=r"pip install 'hydraflow-x\[feeds\]'") as raised:
        require_library()
    assert raised.value.exit_code == 69
