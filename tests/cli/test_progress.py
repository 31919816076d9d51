"""Progress: one line on a terminal, of whole numbers however narrow it is; a line for each phase and second elsewhere."""

from __future__ import annotations

import io
import os

import pytest

from disruptor.counters import CounterFile, CounterReader
from hydraflow.cli.progress import Progress
from hydraflow.runtime.phases import Phase


class Stream(io.StringIO):
    def __init__(self, tty: bool) -> None:
        super().__init__()
        self.isatty = lambda: tty


def running(file: CounterFile) -> dict:
    """A snapshot of an engine that runs, with the counters of a long run."""
    file.set_phase(int(Phase.RUNNING), "")
    reader = CounterReader(file.path)
    snapshot = reader.snapshot()
    reader.close()
    return snapshot


@pytest.fixture
def shown(monkeypatch, tmp_path):
    """Return a function: what a run with these totals shows on a terminal of so many columns, or elsewhere."""
    totals = {"frames": 12_758_203, "orders": 366_271, "fills": 119_244, "rejects": 3_457,
              "latency_ns": {"frame_to_wire": {"count": 9, "p99": 44_689_123}}}
    monkeypatch.setattr("hydraflow.cli.progress.from_snapshot", lambda snapshot: dict(totals))
    file = CounterFile.create(tmp_path / "x.cnc", name="x", cells=["ring.main"], counters={}, histograms={}, handlers=[])

    def show(columns: int, *, tty: bool, snapshots: int = 1) -> str:
        monkeypatch.setattr("shutil.get_terminal_size", lambda *_: os.terminal_size((columns, 24)))
        stream = Stream(tty)
        progress = Progress(stream=stream)
        for _ in range(snapshots):
            progress(running(file))
        return stream.getvalue()

    return show


def test_a_line_leaves_out_what_does_not_fit_a_narrow_terminal(shown):
    whole = "12,758,203 frames, 366,271 orders, 119,244 fills, 3,457 rejects, p99 44.7 ms"
    assert shown(78, tty=True) == "\r" + whole
    assert shown(77, tty=True) == "\r" + whole
    assert shown(76, tty=True) == "\r" + whole.removesuffix(", p99 44.7 ms")
    assert shown(30, tty=True) == "\r12,758,203 frames"


def test_a_rate_needs_two_looks(shown):
    lines = shown(100, tty=True, snapshots=2).split("\r")[1:]
    assert ["/s" in line for line in lines] == [False, True]


def test_elsewhere_there_is_a_whole_line_at_most_once_a_second(shown):
    assert shown(30, tty=False, snapshots=3) == (
        "hfx: 12,758,203 frames, 366,271 orders, 119,244 fills, 3,457 rejects, p99 44.7 ms\n"
    )
