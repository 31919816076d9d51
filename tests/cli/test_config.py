"""`hfx config`: folders and variables are those that the code uses, each with where it comes from."""

from __future__ import annotations

import inspect
import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from disruptor.cache import cache_root
from disruptor.memory import runtime_folder
from hydraflow import errors
from hydraflow.cli.config import config
from hydraflow.journal import journal_root
from hydraflow.settings import EXIT_CODES, VARIABLES, Variable, folders, shown

ROOT = Path(__file__).resolve().parents[2]
INTERNAL = {"HYDRAFLOW_PARENT"}  # between hfx's own processes
READ = re.compile(r"""environ(?:ment)?(?:\.get\(|\[)\s*["']([A-Z_]+)["']""")


@pytest.mark.parametrize("names", [("XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CACHE_HOME"), ()])
def test_folders_are_those_that_the_code_uses(monkeypatch, tmp_path, names):
    for variable in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in names:
        monkeypatch.setenv(variable, str(tmp_path / variable))
    found = {place.folder.name: place for place in folders(os.environ, os.getuid())}
    assert found["journals"].path == str(journal_root()) and found["machine code"].path == str(cache_root())
    if names:
        assert found["engine files"].path == str(runtime_folder(create=False))
        assert {place.origin for place in found.values()} == set(names)
    else:
        assert found["engine files"].path == f"/dev/shm/hydraflow-{os.getuid()}"
        assert [place.origin for place in found.values()] == ["default", "HOME", "HOME"]


def test_without_a_home_a_folder_is_nowhere_and_says_why():
    found = {place.folder.name: place for place in folders({}, 7)}
    assert found["engine files"].path == "/dev/shm/hydraflow-7"
    assert (found["journals"].path, found["journals"].origin) == ("", "neither XDG_STATE_HOME nor HOME is set")


def test_every_variable_that_the_code_reads_is_declared():
    sources = [p for name in ("hydraflow", "disruptor") for p in (ROOT / name).rglob("*.py")] + [ROOT / "hydraflow_x_entry.py"]
    read = {name for p in sources for name in READ.findall(p.read_text())} - INTERNAL - {"HOME", "PYTHONPATH", "TERM"}
    assert "HYDRAFLOW_TRACEBACK" in read and "XDG_STATE_HOME" in read
    own = {name for name in read if not name.startswith(("NUMBA_", "PYTHON", "_HFX"))}
    assert own <= {v.name for v in VARIABLES}


def test_variables_of_shipped_topologies_are_those_that_they_name():
    named = {(p.stem, name) for p in (ROOT / "config").glob("*.yaml") for name in re.findall(r"\$\{(HYDRAFLOW_\w+)", p.read_text())}
    assert {(v.shipped, v.name) for v in VARIABLES if v.shipped} == named


def test_exit_codes_are_those_of_the_errors():
    classes = [c for c in vars(errors).values() if inspect.isclass(c) and issubclass(c, errors.HydraFlowError)]
    own = {c.exit_code: (c.__doc__ or "").strip().partition("\n")[0].rstrip(".") for c in classes if c is not errors.HydraFlowError}
    assert set(own) == set(EXIT_CODES) - {0, 1, 130}
    for code, sentence in own.items():
        assert EXIT_CODES[code] == sentence[:1].lower() + sentence[1:]


def test_a_variable_named_like_a_secret_is_not_shown():
    assert shown(Variable("MY_TOKEN", ""), {"MY_TOKEN": "abc"}) == "***" and shown(Variable("MY_TOKEN", ""), {}) is None
    assert shown(Variable("HYDRAFLOW_SECRETS", ""), {"HYDRAFLOW_SECRETS": "/run/secrets"}) == "/run/secrets"


def test_config_prints_within_80_columns(monkeypatch):
    monkeypatch.setenv("HYDRAFLOW_SEED", "11")
    text = CliRunner().invoke(config, []).stdout
    assert re.search(r"HYDRAFLOW_SEED +11\n", text) and "HYDRAFLOW_FRAMES" in text
    assert all(len(line) <= 80 or "/" in line for line in text.splitlines())
    codes = CliRunner().invoke(config, ["--exit-codes"]).stdout.splitlines()
    assert codes[0].startswith("  0  all went well") and len(codes) == len(EXIT_CODES)


def test_json_holds_everything(monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "/somewhere")
    report = json.loads(CliRunner().invoke(config, ["--json"]).stdout)
    assert report["schema"] == "hfx.config/1"
    [journals] = [f for f in report["folders"] if f["name"] == "journals"]
    assert (journals["path"], journals["origin"]) == ("/somewhere/hydraflow-x/journals", "XDG_STATE_HOME")
    assert {v["name"]: v["value"] for v in report["variables"]}["XDG_STATE_HOME"] == "/somewhere"
    assert [c["code"] for c in report["exit_codes"]] == sorted(EXIT_CODES)
