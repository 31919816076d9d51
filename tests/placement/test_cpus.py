"""Cores from fake /proc and /sys trees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydraflow.placement.cpus import Machine, parse_cpu_list, read_machine

CPU = "sys/devices/system/cpu"


@pytest.fixture
def machine(tmp_path):
    """Returns a function: {path: text} → the machine that such a root describes."""

    def build(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return read_machine(tmp_path)

    return build


BARE = {f"{CPU}/online": "0-7\n", "proc/self/status": "Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t0-7\n"}


def test_read_machine_sees_a_whole_machine(machine):
    assert machine(BARE) == Machine(cpus=tuple(range(8)), online=tuple(range(8)), siblings={c: (c,) for c in range(8)})


def test_read_machine_honours_the_affinity_mask(machine):
    assert machine({**BARE, "proc/self/status": "Cpus_allowed_list:\t2,5-6,11\n"}).cpus == (2, 5, 6)


def test_read_machine_reads_siblings_and_isolation(machine):
    files = {**BARE, f"{CPU}/isolated": "3,7,9\n"}
    files |= {f"{CPU}/cpu{c}/topology/thread_siblings_list": f"{c % 4},{c % 4 + 4}\n" for c in range(8)}
    found = machine(files)
    assert found.isolated == (3, 7)
    assert found.siblings[5] == (1, 5)
    assert found.cores == [(3, 7), (0, 4), (1, 5), (2, 6)]


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "150000 100000\n"}, 1.5),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "max 100000\n"}, None),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "400000 100000", "sys/fs/cgroup/a/cpu.max": "200000 100000"},
         2.0),
        ({"proc/self/cgroup": "0::/not/visible\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 0.5),
        ({"proc/self/cgroup": "0::/\n"}, None),
        ({"proc/self/cgroup": "4:cpu,cpuacct:/x\n0::/\n", "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us": "300000\n",
          "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us": "100000\n"}, 3.0),
        ({"proc/self/cgroup": "1:cpu:/\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
          "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"proc/self/cgroup": "1:cpu:/k\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "120000\n",
          "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, 1.2),
        ({"proc/self/cgroup": "1:cpuset:/k\n2:cpuacct:/\n"}, None),
        ({"proc/self/cgroup": "0::/../../a\n", "sys/fs/cgroup/cpu.max": "100000"}, 1.0),
        ({"proc/self/cgroup": "nonsense", "sys/fs/cgroup/cpu.max": "x y z"}, None),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "100000 0"}, None),
    ],
)
def test_read_machine_finds_the_tightest_quota(machine, files, quota):
    found = machine({**BARE, **files})
    assert found.quota == quota
    assert found.capacity == (8.0 if quota is None else quota)


def test_read_machine_survives_an_empty_root(tmp_path):
    assert read_machine(tmp_path).cpus == (0,)


def test_read_machine_reads_this_machine():
    import os

    assert set(read_machine().cpus) == os.sched_getaffinity(0)


@pytest.mark.parametrize(
    ("text", "cpus"), [("0-3", (0, 1, 2, 3)), ("1,3-4,\n", (1, 3, 4)), ("", ()), ("a-b,2", (2,)), ("3-1", ()), ("0-99999999999", None)]
)
def test_parse_cpu_list_reads_kernel_lists(text, cpus):
    found = parse_cpu_list(text)
    assert found == cpus if cpus is not None else len(found) == 65_536


@given(st.text(alphabet="0123456789,- \n", max_size=12))
def test_parse_cpu_list_never_raises(text):
    parse_cpu_list(text)
