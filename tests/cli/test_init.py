"""`hfx init`: what is written, what is refused, and that the library's project runs and passes its tests.

The paper project runs in tests/system/test_topology_tests.py, as it needs the whole graph compiled.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hydraflow import scaffold
from hydraflow.cli.init import init
from hydraflow.errors import OutputError, UsageError
from hydraflow.topology import examine

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "library": ["README.md", "pipeline.py", "pyproject.toml", "tests/test_pipeline.py"],
    "paper": ["README.md", "handlers/spread.py", "topology.yaml"],
    "records": ["README.md", "pipeline.py", "topology.yaml"],
}
TRADING = re.compile(r"trad|market|order|book|hydraflow\.|handlers\.|exchange|price|\bhfx\b", re.IGNORECASE)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(init, arguments, catch_exceptions=False)


def written(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("template", FILES)
def test_init_writes_the_template_and_says_what_to_type_next(run, tmp_path, template):
    result = run("made", "--template", template)
    assert result.exit_code == 0
    assert written(tmp_path / "made") == FILES[template]
    steps = scaffold.TEMPLATES[template].next
    assert result.stdout.splitlines() == [*(f"made/{f}" for f in FILES[template]), "next:", "  cd made", *(f"  {s}" for s in steps)]
    for file in FILES[template]:
        assert scaffold.PLACEHOLDER not in (tmp_path / "made" / file).read_text()


def test_init_without_a_folder_makes_the_paper_project_here(run, tmp_path):
    result = run()
    assert written(tmp_path) == FILES["paper"]
    assert "cd " not in result.stdout
    assert f"\nname: {tmp_path.name}\n" in (tmp_path / "topology.yaml").read_text()


def test_init_names_the_project_as_it_is_told_and_quotes_what_is_typed(run, tmp_path):
    result = run("a b/c", "--name", "fast-1", "--template", "library")
    assert "  cd 'a b/c'\n" in result.stdout
    assert 'name = "fast-1"' in (tmp_path / "a b/c/pyproject.toml").read_text()


def test_init_lists_the_templates(run, tmp_path):
    result = run("--list")
    assert [line.split()[0] for line in result.stdout.splitlines()] == sorted(FILES)
    assert written(tmp_path) == []


def test_init_overwrites_nothing_and_says_which_files_are_there(run, tmp_path):
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers/spread.py").symlink_to("nowhere")
    with pytest.raises(OutputError, match=r"already there: README\.md, handlers/spread\.py; nothing was written"):
        run()
    assert (tmp_path / "README.md").read_text() == "mine" and not (tmp_path / "topology.yaml").exists()


def test_init_leaves_nothing_behind_when_a_file_cannot_be_written(run, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new/handlers").write_text("a file where a folder must be")
    with pytest.raises(OutputError, match=r"nothing was written"):
        run("new")
    assert written(tmp_path) == ["new/handlers"]
    with pytest.raises(OutputError, match=r"nothing was written"):
        run("new/handlers/deeper")
    assert written(tmp_path) == ["new/handlers"]


@pytest.mark.parametrize("name", ["", "-x", "x-", "a b", "é", "x" * 61, "../x"])
def test_init_refuses_names_that_nothing_can_have(run, tmp_path, name):
    with pytest.raises(UsageError, match=r"cannot be the name of a project"):
        scaffold.check_name(name)
    with pytest.raises(UsageError, match=r"name of a package that the project uses"):
        run("x", "--name", "HydraFlow")
    with pytest.raises(UsageError, match=r"cannot be the name of a project.*--name"):
        run("with a blank")
    assert written(tmp_path) == []


@pytest.mark.parametrize(("template", "hint"), [("libary", "did you mean 'library'?"), ("zzz", "templates: library, paper, records")])
def test_init_names_the_template_that_was_meant(run, template, hint):
    with pytest.raises(UsageError) as caught:
        run("x", "--template", template)
    assert str(caught.value) == f"no template is called '{template}'; {hint}"


def test_the_paper_topology_has_no_mistake(run, tmp_path):
    run("made")
    path = tmp_path / "made/topology.yaml"
    topology, findings = examine(path.read_bytes(), str(path), {})
    assert findings.diagnostics == [] and topology is not None
    assert [t.name for t in topology.tests] and topology.bound["spread"].params.wide_ticks == 3


def test_the_library_project_knows_nothing_of_trading():
    for name, content in scaffold.contents("library", "x").items():
        found = TRADING.search(content.decode().replace("in order", ""))
        assert found is None, f"{name}: {found}"


@pytest.mark.slow
def test_the_library_project_runs_and_passes_its_tests(run, tmp_path):
    run("made", "--template", "library")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")} | {"PYTHONPATH": str(ROOT)}
    for step, last in (("pipeline.py 100000", "100,000 readings, 2 far from the mean"), ("-m pytest -q -p no:cacheprovider", "passed")):
        ran = subprocess.run([sys.executable, *step.split()], cwd=tmp_path / "made", env=environment, capture_output=True, text=True,
                             timeout=240, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert last in ran.stdout.splitlines()[-1]
