"""The control socket with those who ask badly: nobody who comes after them is kept waiting."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from hydraflow.control import connection
from hydraflow.control.connection import SCHEMA, Listener, ask


@pytest.fixture
def listener(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = tmp_path / "hydraflow"
    folder.mkdir(mode=0o700)
    gate = threading.Event()
    gate.set()

    def answer(request):
        gate.wait(60)
        return {"ok": True, "do": request["do"]}

    one = Listener(folder / "engine.sock", answer)
    one.gate = gate
    one.start()
    yield one
    gate.set()
    one.stop()


def connected(listener) -> socket.socket:
    asking = socket.socket(socket.AF_UNIX)
    asking.connect(str(listener.path))
    return asking


def test_a_request_that_comes_in_drops_is_given_up(listener, monkeypatch):
    monkeypatch.setattr(connection, "_REQUEST_SECONDS", 0.2)
    begun, over = threading.Event(), threading.Event()

    def drip() -> None:
        with connected(listener) as asking:
            asking.sendall(b" ")
            begun.set()
            while not over.wait(0.02):
                try:
                    asking.sendall(b" ")
                except OSError:
                    return

    dripping = threading.Thread(target=drip)
    dripping.start()
    begun.wait()
    try:
        assert ask("engine", "describe")["ok"]
    finally:
        over.set()
        dripping.join()


def test_whoever_finds_the_queue_full_waits_for_a_place(listener):
    answers: list[dict] = []
    listener.gate.clear()
    askers = [threading.Thread(target=lambda: answers.append(ask("engine", "describe"))) for _ in range(60)]
    for asker in askers:
        asker.start()
    listener.gate.set()
    for asker in askers:
        asker.join()
    assert [a["ok"] for a in answers] == [True] * 60


@pytest.mark.parametrize("sent", [b"", b"{", b"\xff\xfe\n", b"[" * 100_000 + b"\n", b'{"schema": 1}\n', b"1" * 6_000 + b"\n", b'"' + b"x" * (2 << 20)])
def test_garbage_and_half_a_message_do_not_keep_others_from_their_answer(listener, sent):
    with connected(listener) as asking:
        try:
            asking.sendall(sent)
            asking.shutdown(socket.SHUT_WR)
            said = asking.makefile().readline()
        except OSError:
            said = ""
        if said:
            assert json.loads(said)["schema"] == SCHEMA and not json.loads(said)["ok"]
    assert ask("engine", "describe") == {"schema": SCHEMA, "ok": True, "do": "describe"}


def test_many_who_connect_and_say_nothing_are_passed_by(listener, monkeypatch):
    monkeypatch.setattr(connection, "_REQUEST_SECONDS", 0.01)
    silent = [connected(listener) for _ in range(16)]
    assert ask("engine", "describe")["ok"]
    for one in silent:
        one.close()
