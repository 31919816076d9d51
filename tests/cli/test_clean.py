"""`hfx clean`: asks, looks only, or removes; as text and as JSON. What goes and what stays is in tests/hydraflow/test_leftovers.py."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from hydraflow.cli import clean as module
from hydraflow.cli.clean import clean
from hydraflow.errors import InputOutputError, UsageError


@pytest.fixture
def places(tmp_path, monkeypatch):
    for variable in ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_STATE_HOME", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    old, young, journal = (tmp_path / "hydraflow-x" / name for name in ("loops/old", "loops/young", "journals/demo"))
    for path, days in ((old, 50), (young, 1), (journal, 50)):
        path.mkdir(parents=True)
        (path / "000000.hfj").write_bytes(b"x" * 3000)
        then = time.time() - days * 86_400
        os.utime(path / "000000.hfj", (then, then))
        os.utime(path, (then, then))
    return tmp_path


def run(*arguments, answer=None, terminal=False, monkeypatch=None):
    if terminal:
        monkeypatch.setattr(module, "_on_terminal", lambda: True)
    return CliRunner().invoke(clean, arguments, input=answer, catch_exceptions=False)


def there(places: Path) -> list[str]:
    return sorted(p.name for kind in ("loops", "journals") for p in (places / "hydraflow-x" / kind).iterdir())


def test_dry_run_says_what_would_go_and_changes_nothing(places):
    lines = run("--dry-run").stdout.splitlines()
    assert lines[0].split()[:2] == ["remove", "code"] and lines[0].endswith("~/hydraflow-x/loops/old")
    assert lines[1].strip() == "not used for 50 days"
    assert "1 file or folder, younger than 30 days" in lines[2]
    assert lines[3].startswith("would remove 1 file or folder, ") and len(lines) == 4
    assert there(places) == ["demo", "old", "young"]


def test_without_a_terminal_it_does_not_remove_unasked(places):
    for arguments in ((), ("--json",)):
        with pytest.raises(UsageError) as caught:
            run(*arguments)
        assert str(caught.value) == "HF660: nobody can answer whether to remove them; add --yes, or --dry-run to look only"
    assert there(places) == ["demo", "old", "young"]


def test_on_a_terminal_it_asks(places, monkeypatch):
    no = run(answer="n\n", terminal=True, monkeypatch=monkeypatch)
    assert no.exit_code == 0 and "Remove 1 file or folder, " in no.stdout and no.stdout.endswith("nothing was removed\n")
    assert there(places) == ["demo", "old", "young"]
    yes = run(answer="y\n", terminal=True, monkeypatch=monkeypatch)
    assert "removed 1 file or folder, " in yes.stdout and there(places) == ["demo", "young"]


def test_journals_go_only_when_they_are_named(places):
    assert "removed 1 file or folder" in run("--yes").stdout and there(places) == ["demo", "young"]
    assert "journal" in run("--runs", "--dry-run").stdout
    run("--runs", "--yes")
    assert there(places) == ["young"]
    assert run("--runs", "--yes").stdout == "nothing is left over\n"


def test_older_than_holds_for_every_kind(places):
    assert "nothing to remove" in run("--yes", "--older-than", "9w").stdout and there(places) == ["demo", "old", "young"]
    run("--yes", "--older-than", "1h")
    assert there(places) == ["demo"]


def test_json_lists_what_went_and_what_stayed(places):
    looked = json.loads(run("--json", "--dry-run").stdout)
    assert looked["schema"] == "hfx.clean/1" and looked["dry_run"] is True and there(places) == ["demo", "old", "young"]
    done = json.loads(run("--json", "--yes").stdout)
    assert [(r["kind"], Path(r["path"]).name) for r in done["removed"]] == [("caches", "old")]
    assert [(Path(r["path"]).name, r["kept"]) for r in done["kept"]] == [("young", "younger than 30 days")]
    assert done["bytes"] == looked["bytes"] >= 4096 and done["failed"] == [] and there(places) == ["demo", "young"]


def test_what_cannot_be_removed_is_an_error_and_the_rest_goes(places, monkeypatch):
    from hydraflow import leftovers

    second = places / "hydraflow-x/functions/old"
    second.mkdir(parents=True)
    os.utime(second, (1, 1))
    real = leftovers.remove

    def refuse(item):
        if item.path == second:
            raise PermissionError(13, "Permission denied")
        return real(item)

    monkeypatch.setattr(leftovers, "remove", refuse)
    with pytest.raises(InputOutputError, match=rf"1 file or folder could not be removed, the first {second}: Permission denied"):
        run("--yes")
    assert there(places) == ["demo", "young"]
