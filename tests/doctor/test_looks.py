"""Each look is a function of values or of a folder that looks like `/`, which the test builds."""

from __future__ import annotations

import os
import resource

import pytest

from hydraflow.doctor import STATUSES, examine, kernel, memory, processor, software, surroundings
from hydraflow.placement import Machine

MIB = 1 << 20
CPU = "sys/devices/system/cpu"

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
    finding = processor.look_at_cores(machine)
    assert finding.status == status
    assert bool(finding.fix) == (status != "ok")


@pytest.mark.parametrize(("limit", "status"), [(-1, "ok"), (1 << 40, "ok"), (8 * MIB, "warn"), (0, "warn")])
def test_look_at_locking_judges(limit, status):
    assert memory.look_at_locking(limit).status == status


@pytest.mark.parametrize(("version", "machine", "status"),
                         [((3, 11, 0), "x86_64", "ok"), ((3, 10, 9), "x86_64", "fail"), ((3, 12, 0), "aarch64", "warn"), ((3, 12, 0), "riscv64", "fail")])
def test_look_at_python_judges(version, machine, status):
    assert software.look_at_python(version, machine).status == status


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ({"sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n"}, "ok"),
        ({"sys/kernel/mm/transparent_hugepage/enabled": "always madvise [never]\n"}, "warn"),
        ({"proc/meminfo": "HugePages_Free:      12\n"}, "ok"), ({}, "warn"),
    ],
)
def test_look_at_huge_pages_judges(tmp_path, files, status):
    assert memory.look_at_huge_pages(write(tmp_path, files)).status == status


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
    monkeypatch.setattr(processor.platform, "machine", lambda: "x86_64")
    assert processor.look_at_clock(write(tmp_path, files)).status == status


@pytest.mark.parametrize(("governor", "status"), [(None, "ok"), ("performance", "ok"), ("powersave", "warn")])
def test_look_at_governor_judges(tmp_path, governor, status):
    if governor:
        write(tmp_path, {f"sys/devices/system/cpu/cpu{c}/cpufreq/scaling_governor": governor + "\n" for c in (0, 1)})
    assert processor.look_at_governor(tmp_path, Machine(cpus=(0, 1))).status == status


def test_look_at_shared_memory_judges(tmp_path, monkeypatch):
    assert memory.look_at_shared_memory(tmp_path / "none").status == "fail"
    class Full:
        f_blocks, f_bavail, f_frsize = 16_384, 256, 4096

    monkeypatch.setattr(os, "statvfs", lambda path: Full)
    finding = memory.look_at_shared_memory(tmp_path)
    assert (finding.status, finding.text) == ("fail", f"{tmp_path}: 1 of 64 MiB free")
    assert "--shm-size" in finding.fix


def test_look_at_cache_judges(tmp_path):
    assert software.look_at_cache({}).status == "warn"
    assert software.look_at_cache({"HOME": str(tmp_path)}).status == "ok"
    assert software.look_at_cache({"HOME": "/nowhere", "XDG_CACHE_HOME": str(tmp_path / "deep" / "er")}).status == "ok"
    (tmp_path / "file").write_text("x")
    assert software.look_at_cache({"XDG_CACHE_HOME": str(tmp_path / "file")}).status == "warn"



@pytest.mark.parametrize(
    ("pair", "required", "status"),
    [
        ("0.50.0", ["llvmlite<0.51,>=0.50.0dev0", "numpy<2.6,>=1.22"], "ok"), ("0.51.0", ["llvmlite<0.51,>=0.50.0dev0"], "fail"),
        ("0.49.1", ["llvmlite<0.51,>=0.50.0dev0"], "fail"), ("", ["llvmlite<0.51,>=0.50.0dev0"], "fail"), ("0.50.0", ["numpy"], "ok"),
        ("0.50.0rc1", ["llvmlite<0.51,>=0.50.0dev0"], "ok"), ("0.9.0", ["llvmlite>=0.10"], "fail"),
    ],
)
def test_look_at_pair_judges_as_numba_s_metadata_say(pair, required, status):
    finding = software.look_at_pair(pair, required)
    assert finding.status == status and bool(finding.fix) == (status != "ok")
    if status == "fail":
        assert finding.fix == f"pip install '{required[0]}'"


def test_look_at_yaml_judges():
    assert software.look_at_yaml("6.0", fast=True).status == "ok"
    slow = software.look_at_yaml("6.0", fast=False)
    assert slow.status == "warn" and "PyYAML" in slow.fix


def test_look_at_threads_of_a_core_says_how_many_share_one():
    assert processor.look_at_threads_of_a_core(Machine(cpus=(0, 1))).fix == ""
    shared = Machine(cpus=(0, 1, 2, 3), siblings={0: (0, 2), 2: (0, 2), 1: (1, 3), 3: (1, 3)})
    assert processor.look_at_threads_of_a_core(shared).text.startswith("2 cores have 2 hyper-threads")


@pytest.mark.parametrize(
    ("nodes", "cpus", "status"),
    [({}, (0, 1), "ok"), ({"node0": "0-1"}, (0, 1), "ok"), ({"node0": "0", "node1": "1"}, (0, 1), "warn"),
     ({"node0": "0-3", "node1": "4-7"}, (4, 5), "ok")],
)
def test_look_at_nodes_counts_those_with_usable_cpus(tmp_path, nodes, cpus, status):
    write(tmp_path, {f"sys/devices/system/node/{name}/cpulist": text + "\n" for name, text in nodes.items()})
    finding = processor.look_at_nodes(tmp_path, Machine(cpus=cpus))
    assert finding.status == status and (status == "ok" or finding.fix.startswith("numactl --cpunodebind=0"))


@pytest.mark.parametrize(
    ("files", "word", "command"),
    [({}, "not visible", ""), ({f"{CPU}/intel_pstate/no_turbo": "1"}, "off", ""), ({f"{CPU}/cpufreq/boost": "0"}, "off", ""),
     ({f"{CPU}/intel_pstate/no_turbo": "0"}, "on", "echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo"),
     ({f"{CPU}/cpufreq/boost": "1"}, "on", "echo 0 > /sys/devices/system/cpu/cpufreq/boost")],
)
def test_look_at_turbo_says_how_to_make_runs_comparable(tmp_path, files, word, command):
    finding = processor.look_at_turbo(write(tmp_path, files))
    assert finding.status == "ok" and finding.text.startswith(word) and finding.fix.endswith(command)


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, None),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "1000\n", "sys/fs/cgroup/a/b/memory.max": "max\n"}, 1000),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "3000\n", "sys/fs/cgroup/a/b/memory.max": "2000\n"}, 2000),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "5000\n"}, 5000),
        ({"proc/self/cgroup": "5:memory:/x\n", "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "7000\n"}, 7000),
        ({"proc/self/cgroup": "5:memory:/x\n", "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "9223372036854771712\n"}, None),
        ({"proc/self/cgroup": "3:cpu:/x\n", "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "7000\n"}, None),
    ],
)
def test_memory_limit_is_the_tightest_above(tmp_path, files, limit):
    assert memory.memory_limit(write(tmp_path, files)) == limit


@pytest.mark.parametrize(
    ("limit", "available", "status"),
    [(None, None, "ok"), (None, 8_000_000, "ok"), (256 * MIB, 8_000_000, "fail"), (1024 * MIB, 8_000_000, "warn"),
     (8192 * MIB, 300_000, "fail"), (8192 * MIB, 8_000_000, "ok")],
)
def test_look_at_memory_limit_judges_the_smaller_of_both(tmp_path, limit, available, status):
    files = {"proc/self/cgroup": "0::/\n"}
    files |= {"sys/fs/cgroup/memory.max": f"{limit}\n"} if limit else {}
    files |= {"proc/meminfo": f"MemTotal: 9 kB\nMemAvailable:  {available} kB\n"} if available else {}
    finding = memory.look_at_memory_limit(write(tmp_path, files))
    assert finding.status == status and bool(finding.fix and finding.why) == (status != "ok")


@pytest.mark.parametrize(("enabled", "defrag", "status"), [
    ("", "", "ok"), ("always [madvise] never", "", "ok"), ("always madvise [never]", "", "warn"),
    ("[always] madvise never", "[always] defer madvise never", "warn"), ("[always] madvise never", "always [madvise] never", "ok")])
def test_look_at_transparent_pages_judges(tmp_path, enabled, defrag, status):
    base = "sys/kernel/mm/transparent_hugepage"
    files = {f"{base}/{name}": text for name, text in (("enabled", enabled), ("defrag", defrag)) if text}
    assert memory.look_at_transparent_pages(write(tmp_path, files)).status == status


@pytest.mark.parametrize(("limit", "root", "hint"), [(0, True, False), (0, False, True), (50, False, False), (resource.RLIM_INFINITY, False, False)])
def test_look_at_priority_hints(limit, root, hint):
    finding = kernel.look_at_priority(limit, root=root)
    assert finding.status == "ok" and bool(finding.fix) == hint


@pytest.mark.parametrize(("limit", "root", "text"), [
    (0, False, "below 0 is not allowed; nothing here needs it"), (20, False, "below 0 is not allowed; nothing here needs it"),
    (25, False, "down to -5 may be asked for"), (99, False, "down to -20 may be asked for"), (resource.RLIM_INFINITY, False, "down to -20 may be asked for"),
    (0, True, "down to -20 may be asked for"),
])
def test_look_at_nice_says_how_far_down(limit, root, text):
    finding = kernel.look_at_nice(limit, root=root)
    assert (finding.status, finding.text) == ("ok", text)
    assert bool(finding.fix) == ("not allowed" in text)


@pytest.mark.parametrize(("runtime", "status", "text"), [
    ("950000", "ok", "real-time threads get 95 % of a core at most, 1 s at a time"), ("", "ok", "not visible"),
    ("-1", "warn", "off: a real-time thread that never sleeps takes its core for good"),
])
def test_look_at_throttling_judges(tmp_path, runtime, status, text):
    write(tmp_path, {"proc/sys/kernel/sched_rt_runtime_us": f"{runtime}\n", "proc/sys/kernel/sched_rt_period_us": "1000000\n"})
    finding = kernel.look_at_throttling(tmp_path)
    assert (finding.status, finding.text, bool(finding.fix)) == (status, text, status == "warn")


@pytest.mark.parametrize(("refused", "nodes", "status", "text"), [
    ("", 1, "ok", "memory can be put on a node (node: 0)"), ("", 2, "ok", "memory can be put on a node (node: 0 … 1)"),
    ("Operation not permitted", 1, "ok", "memory cannot be put on a node: Operation not permitted"),
    ("Operation not permitted", 2, "warn", "memory cannot be put on a node: Operation not permitted"),
])
def test_look_at_binding_judges(refused, nodes, status, text):
    finding = memory.look_at_binding(refused, nodes)
    assert (finding.status, finding.text, bool(finding.fix)) == (status, text, bool(refused))


@pytest.mark.parametrize(("limit", "status"), [(resource.RLIM_INFINITY, "ok"), (1024, "ok"), (255, "warn"), (16, "fail")])
def test_look_at_files_judges(limit, status):
    assert kernel.look_at_files(limit).status == status


@pytest.mark.parametrize(("state", "status"), [(None, "ok"), ((True, 500), "ok"), ((True, 900_000), "warn"), ((False, 0), "warn")])
def test_look_at_time_judges(state, status):
    assert kernel.look_at_time(state).status == status


def test_the_kernel_s_own_answer_about_the_time_is_one_of_these():
    state = kernel.time_status()
    assert state is None or (isinstance(state[0], bool) and 0 <= state[1] < 10**9)


@pytest.mark.parametrize(("free", "status"), [(1 << 40, "ok"), (512 * MIB, "warn"), (63 * MIB, "fail")])
def test_look_at_room_judges(tmp_path, free, status):
    assert surroundings.look_at_room(tmp_path, free).status == status


def test_look_at_disk_judges_the_median_and_leaves_no_file(tmp_path):
    assert surroundings.look_at_disk(tmp_path, [0.0002] * 20 + [0.9]).status == "ok"
    slow = surroundings.look_at_disk(tmp_path, [0.02] * 5)
    assert slow.status == "warn" and "20.00 ms" in slow.text
    assert surroundings.look_at_disk(tmp_path, ()).status == "warn"
    assert len(surroundings.time_commits(tmp_path, 3)) == 3 and list(tmp_path.iterdir()) == []
    assert surroundings.time_commits(tmp_path / "gone") == []


@pytest.mark.parametrize(
    ("environment", "columns", "encoding", "tty", "status", "text"),
    [({}, 80, "utf-8", True, "ok", "80 columns, utf-8, colour"), ({"NO_COLOR": "1"}, 120, "utf-8", True, "ok", "no colour (NO_COLOR)"),
     ({"TERM": "dumb"}, 80, "utf-8", True, "ok", "no colour (TERM=dumb)"), ({}, 60, "utf-8", True, "warn", "60 columns"),
     ({}, 60, "utf-8", False, "ok", "no terminal"), ({}, 80, "ascii", False, "warn", "ascii")],
)
def test_look_at_terminal_judges(environment, columns, encoding, tty, status, text):
    finding = surroundings.look_at_terminal(environment, columns, encoding, tty=tty)
    assert finding.status == status and text in finding.text


def test_look_at_engines_names_them():
    assert surroundings.look_at_engines([], []).text == "none running"
    left = surroundings.look_at_engines([], ["demo"])
    assert (left.status, left.fix) == ("ok", "hfx clean") and "1 left-over file of dead ones (demo)" in left.text
    busy = surroundings.look_at_engines([("demo", 7)], [])
    assert (busy.status, busy.fix) == ("warn", "hfx stat demo") and "demo (pid 7)" in busy.text


def test_a_container_without_these_files_and_without_a_home_is_looked_at(tmp_path, monkeypatch):
    """Nothing of proc and sys, HOME unset, engine files in a folder of the test."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("HOME", raising=False)
    (tmp_path / "root").mkdir()
    findings = examine(tmp_path / "root", {})
    names = [f.name for f in findings]
    assert len(set(names)) == len(names) == 29
    found = {f.name: f for f in findings}
    assert found["shared memory"].status == "fail"  # <root>/dev/shm is not there
    assert found["code cache"].status == "warn" and found["cores"].status == "warn"
    for finding in findings:
        assert finding.status in STATUSES
        assert finding.status == "ok" or (finding.fix and finding.why), finding


def test_a_file_that_may_not_be_read_is_as_one_that_is_not_there(tmp_path):
    write(tmp_path, {f"{CPU}/intel_pstate/no_turbo": "0"})
    os.chmod(tmp_path / CPU / "intel_pstate/no_turbo", 0)
    if os.access(tmp_path / CPU / "intel_pstate/no_turbo", os.R_OK):
        (tmp_path / CPU / "intel_pstate/no_turbo").unlink()
        (tmp_path / CPU / "intel_pstate/no_turbo").mkdir()  # root reads everything but a folder
    assert processor.look_at_turbo(tmp_path).text == "not visible"
