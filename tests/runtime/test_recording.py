"""Files of `--record`: which are refused, and that nothing but a regular file is ever replaced."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from hydraflow.codes import MevAction, Reason
from hydraflow.errors import OutputError, UsageError
from hydraflow.records import INSTRUMENT, MESSAGE, ORDER
from hydraflow.runtime.recording import Recording

NONE = np.zeros(0, INSTRUMENT)


def test_recording_refuses_a_file_that_is_no_regular_one_and_leaves_it(tmp_path):
    """Root could rename over a device: the machine would have lost it."""
    pipe, book = tmp_path / "pipe", tmp_path / "book"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path / "link"):
        if path != pipe:
            path.symlink_to(pipe)
        with pytest.raises(OutputError) as error:
            Recording({"book": str(book), "orders": str(path)}, NONE)
        remedy = "name a file in a folder that exists and that you may write"
        assert str(error.value) == f"{path}: cannot write the record of orders: Not a regular file; {remedy}"
        assert error.value.exit_code == 73
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "pipe"]


def test_recording_refuses_one_file_for_two_streams(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for second in ("file", "link", "./file"):
        with pytest.raises(UsageError) as error:
            Recording({"book": str(tmp_path / "file"), "fills": f"{tmp_path}/{second}"}, NONE)
        assert "book and fills are both recorded into" in str(error.value) and error.value.exit_code == 2
    assert [p.name for p in tmp_path.iterdir()] == ["link"]


def test_recording_replaces_a_file_at_the_end_and_no_other(tmp_path):
    (tmp_path / "book").write_text("old")
    (tmp_path / "book.part").write_text("somebody's own")
    recording = Recording({"book": str(tmp_path / "book")}, NONE)
    assert (tmp_path / "book").read_text() == "old"
    recording.close()
    assert (tmp_path / "book").read_text() == ""
    assert (tmp_path / "book.part").read_text() == "somebody's own"
    assert len(list(tmp_path.iterdir())) == 2


def test_what_became_of_an_order_is_said_in_words(tmp_path):
    """A number of one reason beside the names of the others was no use to anybody outside."""
    instruments = np.zeros(1, INSTRUMENT)
    recording = Recording({"orders": str(tmp_path / "orders")}, instruments)
    records, orders = np.zeros(2, MESSAGE), np.zeros((2, 4), ORDER)
    records[0]["kind"], records[0]["order_count"] = 2, 1
    orders[0, 0]["action"], orders[0, 0]["side"], orders[0, 0]["mev_reason"] = 1, 1, MevAction.TIGHTENED
    recording.bind(records, np.zeros(8, "i8"), orders)
    recording.on_batch(records, 0)
    recording.close()
    row = json.loads((tmp_path / "orders").read_text())
    assert (row["reason"], row["route_reason"], row["mev_reason"]) == ("ACCEPTED", "ACCEPTED", "TIGHTENED")


def test_every_word_for_what_became_of_an_order_is_documented():
    text = (Path(__file__).parents[2] / "docs/results.md").read_text()
    assert [word for code in (Reason, MevAction) for word in code.__members__ if f"`{word}`" not in text] == []
