"""The source `websocket` against a real server on the loopback interface: nothing is lost unseen, and it always comes back.

The step runs compiled as in an engine, called by the test: a consumer that pauses is a test that does not call it.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable

import pytest

from hydraflow.codes import FrameError
from hydraflow.ingress.base import FINISHED
from hydraflow.ingress.live.http import get
from hydraflow.ingress.live.params import WebsocketParams
from hydraflow.ingress.websocket import websocket
from hydraflow.instruments import Instrument, table
from tests.reference.feed_server import FeedServer, simulated_frames
from tests.reference.kernels_websocket import ticks, websocket_turn
from tests.reference.source_driver import Frame, SourceDriver

DROPPED = int(FrameError.DROPPED)
MS = 1_000_000
SECONDS = 60


@pytest.fixture(scope="module")
def texts() -> list[bytes]:
    return list(simulated_frames(4000, 7))


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


class Live:
    """The source on a server. frames : what its step has published so far."""

    def __init__(self, server: FeedServer | None, *, books: Callable[[], list[int]] | None = None, **params) -> None:
        if server is not None:
            params = {"url": server.url, "snapshot_url": server.snapshot_url, **params}
        params = {"retry_ns": 5 * MS, "retry_most_ns": 20 * MS, "snapshot_every_ns": 20 * MS, "seed": 1, **params}
        instruments = table([Instrument(symbol="BTCUSDT", tick="0.10", lot="0.001")])
        self.driver = SourceDriver(websocket, websocket_turn, WebsocketParams(**params), slots=1024, payload=1 << 22,
                                   ticks_per_second=2e9, instruments=instruments)
        self.feed = self.driver.feed
        if books is not None:
            self.feed.watch(books)
        self.frames: list[Frame] = []
        self.done = 0

    def __enter__(self) -> Live:
        self.feed.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.feed.stop()

    def pump(self, condition: Callable[[], bool], what: str) -> None:
        """Call the step until the condition holds."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"{what}: {vars(self.feed.figures)}, {len(self.frames)} frames"
            self.done = self.driver.turn(now=ticks())
            self.frames += self.driver.take()
            if self.done <= 0:
                time.sleep(0.0005)

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait without calling the step: the consumer pauses."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"{what}: {vars(self.feed.figures)}"
            time.sleep(0.001)

    def counter(self, name: str) -> int:
        return int(self.driver.counters[0][name])

    def market(self) -> list[bytes]:
        """The frames that came from the socket."""
        return [f.text for f in self.frames if not f.error and not f.text.startswith(b'{"lastUpdateId"')]

    def kinds(self) -> str:
        """One letter a frame: market, lost, snapshot; runs of market frames are one."""
        letters = ["L" if f.error else "S" if f.text.startswith(b'{"lastUpdateId"') else "m" for f in self.frames]
        return "".join(a for a, b in zip(letters, [*letters[1:], ""], strict=True) if a != b or a != "m")


def test_every_frame_arrives_in_order_across_disconnects(texts):
    events = {800: "close", 1600: "abort", 2400: "close"}
    with FeedServer(texts=texts, events=events, hold=50) as server, Live(server) as live:
        live.pump(lambda: server.finished.is_set() and live.counter("received") == server.delivered, "the end")
        live.pump(lambda: live.counter("frames") == server.delivered + 3 + live.counter("resyncs"), "all of it")
    assert live.market() == [texts[i] for i in server.sent]
    assert len(server.sent) == server.delivered == len(texts) - 1 - 3 * 50
    assert [f.number for f in live.frames] == list(range(len(live.frames)))
    assert all(a.receive_ns <= b.receive_ns for a, b in zip(live.frames, live.frames[1:], strict=False) if not b.error)
    assert abs(live.frames[-1].receive_ns - time.time_ns()) < SECONDS * 1e9
    shape = live.kinds()
    assert shape.count("L") == live.counter("markers") == live.counter("disconnects") == 3
    assert all("S" in part for part in shape.split("L")), shape  # a snapshot after each connection
    assert (live.counter("connects"), live.counter("dropped")) == (4, 0)
    assert live.counter("bytes") == sum(len(f.text) for f in live.frames)


def test_markers_name_the_book_and_carry_the_reason(texts):
    with FeedServer(texts=texts, events={10: "abort"}) as server, Live(server) as live:
        live.pump(lambda: live.counter("markers") == 1 and any(f.error for f in live.frames), "a marker")
    marker = next(f for f in live.frames if f.error)
    assert (marker.text, marker.error) == (b'{"e":"depthUpdate","s":"BTCUSDT"}', DROPPED)


def test_a_paused_consumer_loses_nothing_when_the_source_waits(texts):
    params = {"when_full": "wait", "buffer_frames": 64}
    with FeedServer(texts=texts) as server, Live(server, **params) as live:
        live.wait(lambda: live.feed.figures.received > 64, "a full inbox")
        live.pump(lambda: server.finished.is_set() and live.counter("received") == server.delivered, "the end")
        live.pump(lambda: len(live.market()) == server.delivered, "all of it")
    assert live.market() == [texts[i] for i in server.sent]
    assert live.counter("dropped") == live.counter("markers") == 0


def test_the_age_of_the_oldest_frame_is_shown_while_frames_wait(texts):
    with FeedServer(texts=texts[:200]) as server, Live(server) as live:
        live.wait(lambda: server.finished.is_set() and live.feed.figures.received == server.delivered, "the end")
        for room, waits in ((0, True), (64, True), (1024, False)):
            live.driver.turn(now=ticks(), room=room)
            assert (live.counter("age_ns") > 0) == waits
            assert live.counter("age_ns") <= live.counter("age_most_ns") < SECONDS * 1e9


def test_a_paused_consumer_gets_a_marker_for_what_was_dropped_and_a_fresh_snapshot(texts):
    with FeedServer(texts=texts) as server, Live(server, buffer_frames=64, snapshot_every_ns=1 * MS) as live:
        live.wait(lambda: server.finished.is_set() and live.feed.figures.received == server.delivered, "the end")
        before = server.snapshots
        live.pump(lambda: server.snapshots > before and live.kinds().endswith("S"), "the resync")
        live.pump(lambda: live.counter("markers") == 1, "the figures")
    passed = live.market()
    assert live.counter("dropped") + len(passed) == live.counter("received") == server.delivered
    assert passed == [texts[i] for i in server.sent[: len(passed)]]  # nothing came after the drop
    assert live.kinds().endswith("LS")
    assert b'"lastUpdateId":%d,' % server.last_update in live.frames[-1].text


def test_a_paused_consumer_gets_the_newest_quotes_and_every_depth_message(texts):
    params = {"when_full": "conflate", "buffer_frames": 64}
    with FeedServer(texts=texts) as server, Live(server, **params) as live:
        live.wait(lambda: server.finished.is_set() and live.feed.figures.received == server.delivered, "the end")
        live.pump(lambda: len(live.market()) == server.delivered - live.feed.figures.conflated, "all that is left")
    sent = [texts[i] for i in server.sent]
    quotes = [t for t in sent if b'"e":"bookTicker"' in t]
    others = [t for t in sent if b'"e":"bookTicker"' not in t]
    got = live.market()
    assert [t for t in got if b'"e":"bookTicker"' not in t] == others
    assert [t for t in got if b'"e":"bookTicker"' in t][-1] == quotes[-1]
    assert got == [t for t in sent if t in set(got)]
    assert live.feed.figures.conflated > len(quotes) // 2 and live.feed.figures.dropped == 0


def test_silence_makes_it_connect_anew(texts, capfd):
    with FeedServer(texts=texts, events={500: "silence"}) as server, Live(server, stale_ns=100 * MS) as live:
        live.pump(lambda: server.finished.is_set() and live.counter("received") == server.delivered, "the end")
    assert live.counter("stale_feeds") == 1 and live.counter("disconnects") == 1
    assert "no frame for 0.1 s; trying again" in capfd.readouterr().err


def test_snapshots_that_fail_are_asked_for_again(texts, capfd):
    with FeedServer(texts=texts, snapshot_status=(429, 500)) as server, Live(server) as live:
        live.pump(lambda: live.counter("resyncs") == 1, "a snapshot")
    assert live.counter("snapshot_failures") == 2
    said = capfd.readouterr().err
    assert "HTTP 429 (too many requests)" in said and "HTTP 500" in said


def test_an_answer_that_is_not_http_is_no_snapshot():
    def serve(listener: socket.socket) -> None:
        with listener.accept()[0] as peer:
            peer.recv(4096)
            peer.sendall(b"nonsense\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        with pytest.raises(ValueError, match="is broken: BadStatusLine"):
            asyncio.run(get(f"http://127.0.0.1:{listener.getsockname()[1]}/", 5.0))
        thread.join()


def test_a_book_that_is_not_live_gets_snapshots_until_it_is(texts):
    ill, looks = [0], [0]

    def books() -> list[int]:
        looks[0] += 1
        return list(ill)

    with FeedServer(texts=texts) as server, Live(server, books=books) as live:
        live.pump(lambda: server.finished.is_set() and server.snapshots >= 4, "four snapshots")
        ill.clear()
        first = looks[0]
        live.pump(lambda: looks[0] > first + 1 and live.feed.figures.resyncs == server.snapshots, "the last of them")
        seen, first = server.snapshots, looks[0]
        live.wait(lambda: looks[0] > first + 10, "ten more looks at the book")
        assert server.snapshots == seen and live.feed.figures.connects == 1


def test_subscriptions_are_sent_after_connecting(texts):
    subscribe = '{"method":"SUBSCRIBE","params":["btcusdt@depth"],"id":1}'
    with FeedServer(texts=texts[:100]) as server:
        url = server.url.partition("?")[0]
        with Live(server, url=url, subscribe=subscribe) as live:
            live.pump(lambda: server.heard == [subscribe] and live.counter("resyncs") == 1, "the subscription")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_refused_connection_is_said_once_and_given_up_after_the_attempts_allowed(capfd):
    with Live(None, url=f"ws://127.0.0.1:{_free_port()}/", max_attempts=3) as live:
        live.pump(lambda: live.done == FINISHED, "the end")
    assert live.counter("failed_attempts") == 3 and live.counter("connects") == 0
    said = capfd.readouterr().err
    assert said.count("the connection was refused") == 1
    assert live.feed.failure.exit_code == 69
    assert "gave up after 3 attempts" in str(live.feed.failure) and "refused" in str(live.feed.failure)


def test_a_refused_handshake_is_said(texts, capfd):
    with FeedServer(texts=texts, refuse=404) as server, Live(server, max_attempts=1) as live:
        live.pump(lambda: live.done == FINISHED, "the end")
    assert "answered HTTP 404 (no such path" in capfd.readouterr().err


def test_an_address_that_speaks_no_tls_is_said(capfd):
    with socket.create_server(("127.0.0.1", 0)) as plain:
        plain.settimeout(SECONDS)
        with Live(None, url=f"wss://127.0.0.1:{plain.getsockname()[1]}/", max_attempts=1) as live:
            with plain.accept()[0] as peer:
                peer.recv(1024)
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                live.pump(lambda: live.done == FINISHED, "the end")
    assert "TLS failed" in capfd.readouterr().err


@pytest.mark.parametrize("state", ["reading", "waiting for room", "waiting to connect", "never started"])
@pytest.mark.timeout(SECONDS)
def test_stop_waits_for_nothing(texts, state):
    params = {"when_full": "wait", "buffer_frames": 64} if state == "waiting for room" else {}
    if state == "waiting to connect":
        params = {"url": f"ws://127.0.0.1:{_free_port()}/", "retry_ns": 3600 * 1000 * MS, "retry_most_ns": 3600 * 1000 * MS}
    with FeedServer(texts=texts) as server:
        live = Live(server, **params)
        figures = live.feed.figures
        if state != "never started":
            live.feed.start()
        ready = {"reading": lambda: figures.received > 0, "waiting for room": lambda: figures.received > 64,
                 "waiting to connect": lambda: figures.failed_attempts > 0, "never started": lambda: True}
        live.wait(ready[state], state)
        live.feed.stop()
        live.feed.stop()
    if state != "never started":
        live.pump(lambda: live.done == FINISHED, "the end")
        assert live.feed.failure is None
