"""The entry module: what it says on a foreign platform or machine; what becomes of a Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import sys

import hydraflow_x_entry
from hydraflow.runtime.supervisor import _Signals


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


def test_an_interrupt_whose_exception_was_lost_ends_the_run_all_the_same():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        hydraflow_x_entry._heed_interrupts()
        with _Signals() as signals:
            assert signals.seen == []
        hydraflow_x_entry._heed_interrupts()
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with _Signals() as signals:
            assert signals.seen == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)
        del hydraflow_x_entry._interrupt.came
