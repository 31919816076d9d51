"""A numba that does not fit the llvmlite beside it: a diagnostic, no traceback, and what needs no handler still works."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

TOPOLOGY = "version: 1\nsources: [{use: simulator}]\nhandlers: [{use: deserialize.binance}, {use: book}]\n"


@pytest.fixture(scope="module")
def hfx(tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken")
    (folder / "t.yaml").write_text(TOPOLOGY)
    (folder / "site" / "llvmlite").mkdir(parents=True)
    (folder / "site" / "llvmlite" / "__init__.py").write_text("__version__ = '0.1.0'\n")

    def call(*arguments):
        return subprocess.run([sys.executable, "-m", "hydraflow_x_entry", *arguments], cwd=folder, capture_output=True, text=True,
                              timeout=300, check=False, env={**os.environ, "PYTHONPATH": str(folder / "site")})

    return call


def test_check_says_what_does_not_fit_together(hfx):
    result = hfx("check", "t.yaml")
    assert result.returncode == 78
    assert "Traceback" not in result.stderr
    assert "error[HF313]: handlers cannot be looked at: " in result.stderr and "llvmlite" in result.stderr
    assert "pip install --upgrade --force-reinstall numba" in result.stderr


def test_graph_draws_all_the_same(hfx):
    result = hfx("graph", "t.yaml", "--format", "mermaid")
    assert (result.returncode, result.stderr) == (0, "")
    assert "book" in result.stdout
