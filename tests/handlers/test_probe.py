"""The probes."""

from __future__ import annotations

import numpy as np

from handlers.probe import probe, work_probe
from hydraflow.codes import Kind
from tests.reference.line import Line, Stage, instrument, levels_message, touch


def _seen(messages):
    line = Line(np.array([instrument()]), {"probe": Stage(probe), "work": Stage(work_probe)})
    line.run(messages)
    return line.stages


def _messages(quantity=3, bid=10):
    return [
        levels_message(Kind.SNAPSHOT, 1, [(10, 1), (9, 2)], [(11, quantity)], **touch(bid, 1, 11, 3)),
        levels_message(Kind.TRADE, 2, [(10, 5)]),
        levels_message(Kind.LOST, 3),
        levels_message(Kind.TRADE, 4, [(11, 1)]),
    ]


def test_probe_counts_messages_by_kind():
    state = _seen(_messages())["probe"].state[0]
    assert (state["messages"], state["units"]) == (4, 5)
    assert {k: int(n) for k, n in enumerate(state["by_kind"]) if n} == {Kind.SNAPSHOT: 1, Kind.TRADE: 2, Kind.LOST: 1}


def test_probe_digests_differ_when_the_input_does():
    one, same, other = _seen(_messages()), _seen(_messages()), _seen(_messages(quantity=4))
    assert one["probe"].digest() == same["probe"].digest() != other["probe"].digest()


def test_only_the_work_probe_sees_what_the_book_wrote():
    one, other = _seen(_messages()), _seen(_messages(bid=9))
    assert one["probe"].digest() == other["probe"].digest()
    assert one["work"].digest() != other["work"].digest()
