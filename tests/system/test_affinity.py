"""A loop that spins has its core to itself: every other thread of the engine, whoever started it, is kept off it."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.reference.engine_process import PATIENCE_SECONDS, hfx_process
from tests.reference.faulty_handlers import FOREVER, topology

HANDLER = """import threading
import time

threading.Thread(target=lambda: time.sleep(3600), daemon=True, name="a library's own").start()

def on_event(event):
    pass
"""


def allowed(task: Path) -> tuple[str, set[int]]:
    """Return the name of a thread and the cpus that it may use."""
    cpus: set[int] = set()
    listed = next(line for line in (task / "status").read_text().splitlines() if line.startswith("Cpus_allowed_list"))
    for part in listed.split()[1].split(","):
        first, _, last = part.partition("-")
        cpus |= set(range(int(first), int(last or first) + 1))
    return (task / "comm").read_text().strip(), cpus


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="skipped: one cpu is everybody's")
@pytest.mark.timeout(2 * PATIENCE_SECONDS)
def test_spinning_loop_is_alone_on_its_core(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(HANDLER)
    cpu = max(os.sched_getaffinity(0))
    tree = json.loads(Path(topology(tmp_path, ticks=FOREVER)).read_text())
    tree["name"] = "alone"
    tree["handlers"][-1] = {"name": "mine", "use": "./mine.py:on_event", "on": "main"}
    tree["placement"] = {"threads": [
        {"name": "loop", "cpu": cpu, "wait": "busy-spin", "stages": ["ticks", "relay", "sequencer", "mine", "journal"]},
    ]}
    (tmp_path / "alone.yaml").write_text(json.dumps(tree))
    with hfx_process(tmp_path, "run", "alone.yaml", "--json", "--quiet", "--hiccups", "0", "--stall", "120") as process:
        pid = process.engine_at("alone", 10)
        threads = [allowed(task) for task in Path(f"/proc/{pid}/task").iterdir()]
        process.send(signal.SIGTERM)
        assert process.end() == 0, process.err
    assert ("loop", {cpu}) in threads and len(threads) >= 4  # the loop, the main thread, the writer and the handler's own
    assert all(cpu not in cpus for name, cpus in threads if name != "loop"), threads
