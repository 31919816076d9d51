"""The cache of what handlers touch, as a check uses it: trouble is a warning, slowness is told on a terminal only."""

from __future__ import annotations

import io

from disruptor.handler import handler
from hydraflow.topology import remembered as module
from hydraflow.topology.diagnose import Findings
from hydraflow.topology.remembered import remembered


class Terminal(io.StringIO):
    def isatty(self):
        return True


def touch(event):
    event["signal"] = 1.0


def look(root, stream):
    findings = Findings("t.yaml")
    with remembered(findings, root=root, stream=stream) as find:
        found = find(handler(touch), {})
    assert found.writes == {"signal"}
    return findings.diagnostics


def test_trouble_with_the_disk_is_one_warning(tmp_path):
    assert look(tmp_path / "cache", io.StringIO()) == []
    path, = (tmp_path / "cache").iterdir()
    path.write_bytes(b"no cache")
    told, = look(tmp_path / "cache", io.StringIO())
    assert (told.severity, told.code) == ("warning", "HF340")
    assert told.message == f"what handlers touch is not kept: {path} is broken; it is made again"
    assert look(tmp_path / "cache", io.StringIO()) == []
    (tmp_path / "file").write_text("")
    assert [d.code for d in look(tmp_path / "file" / "cache", io.StringIO())] == ["HF340"]


def test_a_long_look_is_told_on_a_terminal_and_wiped_away(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_S", 0.0)
    terminal, pipe = Terminal(), io.StringIO()
    look(tmp_path / "one", terminal)
    look(tmp_path / "two", pipe)
    assert terminal.getvalue().startswith("\rlooking into handlers: 1, touch")
    assert terminal.getvalue().endswith("\r") and pipe.getvalue() == ""
    monkeypatch.setattr(module, "PATIENCE_S", 60.0)
    quick = Terminal()
    look(tmp_path / "three", quick)
    assert quick.getvalue() == ""
