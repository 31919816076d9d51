"""`hfx schema`: on stdout, or into a file that is whole or not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from hydraflow.cli import schema as module
from hydraflow.cli.schema import schema
from hydraflow.errors import InputOutputError


def test_the_schema_goes_to_stdout_and_to_a_file_alike(tmp_path):
    shown = CliRunner().invoke(schema, [], catch_exceptions=False).stdout
    CliRunner().invoke(schema, ["-o", str(tmp_path / "s.json")], catch_exceptions=False)
    assert (tmp_path / "s.json").read_text(encoding="utf-8") == shown
    assert json.loads(shown)["$schema"].endswith("2020-12/schema")
    assert os.listdir(tmp_path) == ["s.json"]


def test_a_file_is_replaced_whole_through_its_link(tmp_path):
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to("real.json")
    module._write(str(tmp_path / "link.json"), "new")
    assert (tmp_path / "link.json").is_symlink() and (tmp_path / "real.json").read_text() == "new"


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    (tmp_path / "s.json").write_text("old")

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InputOutputError, match="cannot be written: No space left on device; make room there, or name another place"):
        module._write(str(tmp_path / "s.json"), "new")
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"s.json": "old"}


@pytest.mark.parametrize(("path", "said"), [(".", "is a directory; name a file in it"), ("no/where.json", "No such file or directory")])
def test_a_place_that_cannot_be_written_is_named(path, said, tmp_path):
    ran = subprocess.run([sys.executable, "-m", "hydraflow_x_entry", "schema", "-o", path], cwd=tmp_path, capture_output=True,
                         text=True, timeout=120, check=False, env=os.environ)
    assert (ran.returncode, ran.stdout) == (73, "")
    assert ran.stderr.startswith(f"hfx: output '{path}': ") and said in ran.stderr and ran.stderr.count("\n") == 1
