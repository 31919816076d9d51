"""The entry module: what it says on a foreign platform."""

from __future__ import annotations

import sys

import hydraflow_x_entry


def test_main_refuses_when_the_platform_is_not_linux(monkeypatch, capsys):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert hydraflow_x_entry.main() == 69
    assert capsys.readouterr().err == (
        "hfx: HydraFlow-X runs on Linux (futex, memfd, mirrored mappings), not on darwin; use a Linux machine, a container "
        "or WSL 2\n"
    )
