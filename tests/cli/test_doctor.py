"""`hfx doctor`: each look is a function of values; the command prints them and exits 1 on a failure."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from hydraflow import doctor as looks
from hydraflow.cli.doctor import doctor
from hydraflow.placement import Machine

MIB = 1 << 20


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("machine", "status"),
    [
        (Machine(cpus=(0, 1), online=(0, 1)), "ok"), (Machine(cpus=(0,), online=(0, 1)), "warn"),
        (Machine(cpus=(0, 1), online=(0, 1), quota=1.0), "warn"), (Machine(cpus=(0, 1), online=(0, 1), quota=1.8), "warn"),
        (Machine(cpus=(0, 1), online=(0, 1), siblings={0: (0, 1), 1: (0, 1)}), "warn"),
    ],
)
def test_look_at_cores_judges(machine, status):
    finding = looks.look_at_cores(machine)
    assert finding.status == status
    assert bool(finding.fix) == (status != "ok")


@pytest.mark.parametrize(("limit", "status"), [(-1, "ok"), (1 << 40, "ok"), (8 * MIB, "warn"), (0, "warn")])
def test_look_at_locking_judges(limit, status):
    assert looks.look_at_locking(limit).status == status


@pytest.mark.parametrize(("version", "machine", "status"),
                         [((3, 11, 0), "x86_64", "ok"), ((3, 10, 9), "x86_64", "fail"), ((3, 12, 0), "aarch64", "warn"), ((3, 12, 0), "riscv64", "fail")])
def test_look_at_python_judges(version, machine, status):
    assert looks.look_at_python(version, machine).status == status


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ({"sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n"}, "ok"),
        ({"sys/kernel/mm/transparent_hugepage/enabled": "always madvise [never]\n"}, "warn"),
        ({"proc/meminfo": "HugePages_Free:      12\n"}, "ok"), ({}, "warn"),
    ],
)
def test_look_at_huge_pages_judges(tmp_path, files, status):
    assert looks.look_at_huge_pages(write(tmp_path, files)).status == status


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ({"sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n"}, "ok"),
        ({"sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet\n", "proc/cpuinfo": "flags\t\t: fpu tsc\n"}, "warn"),
        ({"sys/devices/system/clocksource/clocksource0/current_clocksource": "kvm-clock\n",
          "proc/cpuinfo": "flags\t\t: tsc constant_tsc nonstop_tsc\n"}, "ok"),
    ],
)
def test_look_at_clock_judges(tmp_path, monkeypatch, files, status):
    monkeypatch.setattr(looks.platform, "machine", lambda: "x86_64")
    assert looks.look_at_clock(write(tmp_path, files)).status == status


@pytest.mark.parametrize(("governor", "status"), [(None, "ok"), ("performance", "ok"), ("powersave", "warn")])
def test_look_at_governor_judges(tmp_path, governor, status):
    if governor:
        write(tmp_path, {f"sys/devices/system/cpu/cpu{c}/cpufreq/scaling_governor": governor + "\n" for c in (0, 1)})
    assert looks.look_at_governor(tmp_path, Machine(cpus=(0, 1))).status == status


def test_look_at_shared_memory_judges(tmp_path, monkeypatch):
    assert looks.look_at_shared_memory(tmp_path / "none").status == "fail"
    import os

    class Full:
        f_blocks, f_bavail, f_frsize = 16_384, 256, 4096

    monkeypatch.setattr(os, "statvfs", lambda path: Full)
    finding = looks.look_at_shared_memory(tmp_path)
    assert (finding.status, finding.text) == ("fail", f"{tmp_path}: 1 of 64 MiB free")
    assert "--shm-size" in finding.fix


def test_look_at_cache_judges(tmp_path):
    assert looks.look_at_cache({}).status == "warn"
    assert looks.look_at_cache({"HOME": str(tmp_path)}).status == "ok"
    assert looks.look_at_cache({"HOME": "/nowhere", "XDG_CACHE_HOME": str(tmp_path / "deep" / "er")}).status == "ok"
    (tmp_path / "file").write_text("x")
    assert looks.look_at_cache({"XDG_CACHE_HOME": str(tmp_path / "file")}).status == "warn"


def test_doctor_prints_every_look():
    result = CliRunner().invoke(doctor, [])
    lines = result.stdout.splitlines()
    assert result.exit_code in (0, 1)
    assert [line for line in lines if line.startswith("ok    python")]
    assert lines[-1].endswith(" fail")


def test_doctor_exits_1_on_a_failure(monkeypatch):
    monkeypatch.setattr(looks, "examine", lambda: [looks.Finding("x", "ok", "fine"), looks.Finding("y", "fail", "broken", "mend it")])
    result = CliRunner().invoke(doctor, ["--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "schema": "hfx.doctor/1", "ok": False,
        "findings": [{"name": "x", "status": "ok", "text": "fine", "fix": ""},
                     {"name": "y", "status": "fail", "text": "broken", "fix": "mend it"}],
    }
    assert CliRunner().invoke(doctor, []).stdout.splitlines()[-1] == "1 ok, 0 warn, 1 fail"
