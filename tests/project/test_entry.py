"""The entry module: what it says on a foreign platform or machine."""

from __future__ import annotations

import os
import sys

import hydraflow_x_entry


def test_main_refuses_when_the_platform_is_not_linux(monkeypatch, capsys):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert hydraflow_x_entry.main() == 69
    assert capsys.readouterr().err == (
        "hfx: HydraFlow-X runs on Linux (futex, memfd, mirrored mappings), not on darwin; use a Linux machine, a container "
        "or WSL 2\n"
    )


def test_main_refuses_a_machine_whose_instructions_are_not_known(monkeypatch, capsys):
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "host", "6.1", "#1", "riscv64")))
    assert hydraflow_x_entry.main() == 69
    said = capsys.readouterr().err
    assert said.startswith("hfx: HydraFlow-X runs on x86_64 and aarch64") and "not on riscv64" in said and said.count("\n") == 1
