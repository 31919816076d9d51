"""`hfx doctor`: prints every look at 80 columns, exits 1 on a failure. The looks are in tests/doctor."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from hydraflow import doctor as looks
from hydraflow.cli.doctor import doctor

FINE = looks.Finding("x", "ok", "fine")
POOR = looks.Finding("memory lock", "warn", "only 8 MiB may be locked; " + "word " * 12, "ulimit -l unlimited", "because " * 12)
BROKEN = looks.Finding("y", "fail", "broken", "mend it", "it matters")


def test_doctor_prints_every_look_within_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    result = CliRunner().invoke(doctor, [])
    lines = result.stdout.splitlines()
    assert result.exit_code in (0, 1)
    assert [line for line in lines if line.startswith("ok    python")]
    assert lines[-1].endswith(" fail")
    long = [line for line in lines if len(line) > 80]
    assert all("/" in line for line in long), long  # a path is not broken


def test_what_is_not_ok_has_its_reason_and_its_fix(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(looks, "examine", lambda: [FINE, POOR, BROKEN])
    lines = CliRunner().invoke(doctor, []).stdout.splitlines()
    assert lines[0] == "ok    x            fine" and lines[-1] == "1 ok, 1 warn, 1 fail"
    assert [line.strip() for line in lines if "fix:" in line] == ["fix: ulimit -l unlimited", "fix: mend it"]
    assert "                   why: it matters" in lines and max(map(len, lines)) <= 80
    brief = CliRunner().invoke(doctor, ["--brief"]).stdout
    assert "fine" not in brief and "fix: mend it" in brief


@pytest.mark.parametrize(("findings", "code"), [([FINE, POOR], 0), ([FINE, BROKEN], 1)])
def test_doctor_exits_1_on_a_failure_only(monkeypatch, findings, code):
    monkeypatch.setattr(looks, "examine", lambda: findings)
    result = CliRunner().invoke(doctor, ["--json"])
    assert result.exit_code == code
    assert json.loads(result.stdout) == {
        "schema": "hfx.doctor/1", "ok": code == 0,
        "findings": [{"name": f.name, "status": f.status, "text": f.text, "why": f.why, "fix": f.fix} for f in findings],
    }
