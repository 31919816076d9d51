"""The journal alone rebuilds every handler's state, to any message; a journal that tells another story gives another one."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hydraflow.codes import Kind
from hydraflow.journal.reader import JournalReader
from tests.reference.reseal import change_quantity
from tests.system.conftest import EVERY

FRAMES = 200_000


class Recorded:
    """A run of which only a copy of the journal is left. messages : how many."""

    def __init__(self, hfx: Any, folder: Path) -> None:
        elsewhere = hfx.folder / "gone"
        topology = hfx.topology(stages={"simulator": {"frames": FRAMES}})
        self.run = hfx.run(topology, "fused", "--journal", str(elsewhere))
        self.journal = folder / "copy"
        shutil.copytree(self.run["journal"]["path"], self.journal)
        shutil.rmtree(elsewhere)
        Path(topology).unlink()
        self.messages = self.run["messages"]


@pytest.fixture(scope="module")
def recorded(hfx, tmp_path_factory) -> Recorded:
    return Recorded(hfx, tmp_path_factory.mktemp("replay"))


def last_with_quantity(journal: Path) -> int:
    """Return the sequence of the last depth message whose first level has a quantity: what it sets stays to the end."""
    messages, units = JournalReader(journal).load()
    depths = np.flatnonzero((messages["kind"] == Kind.DEPTH) & (messages["payload_count"] > 0))
    quantities = units["quantity_lots"][messages["payload_position"][depths]]
    return int(depths[quantities > 0][-1])


def test_replay_of_a_copied_journal_gives_the_same_hashes(hfx, recorded):
    replayed = hfx.replay(recorded.journal)
    assert replayed["state_hashes"] == recorded.run["state_hashes"]
    assert replayed["state_hash"] == recorded.run["state_hash"]
    assert recorded.run["fills"] > 1_000
    facts = replayed["replay"]
    assert facts["verified"] and facts["end"] == "clean"
    assert facts["messages"] == recorded.messages == replayed["messages"]
    assert facts["compared"] == recorded.run["sequencer"]["feedback_messages"] > 5_000
    assert facts["differences"] == 0 and facts["first_difference"] == -1
    assert facts["changed_handlers"] == []
    for name in ("fills", "orders", "rejects_by_reason", "level_changes", "wire"):
        assert replayed[name] == recorded.run[name], name


@pytest.mark.parametrize("checkpoint", [0, 2, 4])
def test_replay_until_a_checkpoint_gives_its_hashes(hfx, recorded, checkpoint):
    wanted = recorded.run["checkpoints"][checkpoint]
    replayed = hfx.replay(recorded.journal, "--until", str(wanted["messages"]))
    assert replayed["messages"] == wanted["messages"] == (checkpoint + 1) * EVERY
    assert replayed["state_hashes"] == wanted["state_hashes"]
    assert replayed["state_hash"] == wanted["state_hash"]
    assert replayed["state_hash"] != recorded.run["state_hash"]


def test_replay_of_a_resealed_journal_with_one_quantity_changed_differs(hfx, recorded, tmp_path):
    change_quantity(recorded.journal, tmp_path / "changed", last_with_quantity(recorded.journal))
    replayed = hfx.replay(tmp_path / "changed", code=(0, 1))  # 1 when the venue answers otherwise
    assert replayed["replay"]["verified"]
    assert replayed["replay"]["messages"] == recorded.messages
    assert replayed["state_hashes"]["book"] != recorded.run["state_hashes"]["book"]
    assert replayed["state_hash"] != recorded.run["state_hash"]


@pytest.mark.parametrize("kept", [0.9, 0.31])
def test_replay_of_a_truncated_journal_ends_where_it_is_proven(hfx, recorded, tmp_path, kept):
    cut = tmp_path / "cut"
    shutil.copytree(recorded.journal, cut)
    (segment,) = cut.glob("*.hfj")
    with segment.open("r+b") as file:
        file.truncate(int(segment.stat().st_size * kept) | 1)
    messages = len(JournalReader(cut))
    assert 0 < messages < recorded.messages
    part = hfx.replay(cut)
    assert part["replay"]["end"] == "torn" and not part["replay"]["verified"]
    assert part["messages"] == messages
    whole = hfx.replay(recorded.journal, "--until", str(messages))
    assert part["state_hashes"] == whole["state_hashes"]
    assert part["replay"]["differences"] == 0


def test_replay_with_another_parameter_differs_and_says_so(hfx, recorded):
    topology = hfx.topology(stages={"strategy": {"quote_lots": 7}})
    replayed = hfx.replay(recorded.journal, "--topology", topology, code=1)
    assert replayed["state_hashes"]["wire"] != recorded.run["state_hashes"]["wire"]
    assert replayed["state_hashes"]["book"] == recorded.run["state_hashes"]["book"]
    assert replayed["state_hash"] != recorded.run["state_hash"]
    assert replayed["replay"]["differences"] > 0
    assert 0 <= replayed["replay"]["first_difference"] < recorded.messages


def test_replay_of_a_journal_damaged_in_the_middle_stops_there_and_fails(hfx, recorded, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(recorded.journal, broken)
    (segment,) = broken.glob("*.hfj")
    with segment.open("r+b") as file:
        file.seek(segment.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 4]))
    replayed = hfx.replay(broken, code=65)
    assert replayed["replay"]["end"] == "corrupt"
    assert 0 < replayed["messages"] < recorded.messages
    assert replayed["replay"]["differences"] == 0
