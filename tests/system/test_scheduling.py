"""Threads of a running engine are scheduled as the file asks, and the result says what was refused."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from disruptor.scheduling import Scheduling, refusal
from tests.reference.engine_process import PATIENCE_SECONDS, hfx_process
from tests.reference.faulty_handlers import FOREVER, topology

HANDLER = "def on_event(event):\n    pass\n"
ASKED = {"loop": Scheduling("batch", nice=3), "journal-writer": Scheduling("fifo", 2)}


@pytest.mark.timeout(2 * PATIENCE_SECONDS)
def test_threads_are_scheduled_as_the_file_asks(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(HANDLER)
    tree = json.loads(Path(topology(tmp_path, ticks=FOREVER)).read_text())
    tree["name"] = "asks"
    tree["handlers"][-1] = {"name": "mine", "use": "./mine.py:on_event", "on": "main"}
    tree["placement"] = {"threads": [
        {"name": "loop", "scheduler": "batch", "nice": 3, "node": 0, "stages": ["ticks", "relay", "sequencer", "mine", "journal"]},
        {"name": "journal-writer", "scheduler": "fifo", "priority": 2},
    ]}
    (tmp_path / "asks.yaml").write_text(json.dumps(tree))
    with hfx_process(tmp_path, "run", "asks.yaml", "--json", "--quiet", "--hiccups", "0", "--stall", "120") as process:
        pid = process.engine_at("asks", 10)
        seen = {}
        for task in Path(f"/proc/{pid}/task").iterdir():
            tid = int(task.name)
            policy = os.sched_getscheduler(tid) & ~os.SCHED_RESET_ON_FORK
            seen[(task / "comm").read_text().strip()] = policy, os.sched_getparam(tid).sched_priority, os.getpriority(os.PRIO_PROCESS, tid)
        process.send(signal.SIGTERM)
        assert process.end() == 0, process.err
    rows = {row["thread"]: row for row in json.loads(process.out)["placement"]}
    granted = {"loop": (os.SCHED_BATCH, 0, 3), "journal-writer": (os.SCHED_FIFO, 2, 0)}
    for name, asked in ASKED.items():
        refused = refusal(asked)
        assert [note for note in rows[name]["refused"] if "memory node" not in note] == ([refused] if refused else [])
        assert rows[name]["scheduling"] == str(asked)
        if not refused:
            assert seen[name[:15]] == granted[name]
    assert rows["loop"]["node"] == 0
    assert sum(policy in (os.SCHED_FIFO, os.SCHED_RR) for policy, _, _ in seen.values()) == (not refusal(ASKED["journal-writer"]))
