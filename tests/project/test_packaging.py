"""The distribution: built offline as sdist, wheel and editable, installed into empty environments, used in an empty folder.

Environments hold nothing but the distribution and links to packages that are installed here, so nothing is downloaded.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = (".*", "build", "dist", "*.egg-info", "__pycache__")
LIBRARY = ("numpy", "numba", "llvmlite", "cffi", "pycparser", "attrs")
ENGINE = (*LIBRARY, "click", "orjson", "PyYAML", "rich", "pygments", "markdown-it-py", "mdurl")
HOOK = "import setuptools.build_meta as b, sys; print(getattr(b, sys.argv[1])(sys.argv[2]))"

pytestmark = pytest.mark.slow


class Installed:
    """An environment with one form of the distribution in it, and an empty working directory."""

    def __init__(self, folder: Path, wheel: Path, packages: tuple[str, ...]) -> None:
        self.folder = folder
        self.work = folder / "empty"
        self.work.mkdir(parents=True)
        venv.create(folder / "venv", with_pip=False, symlinks=True)
        self.python = folder / "venv" / "bin" / "python"
        self.site = next((folder / "venv" / "lib").glob("python*/site-packages"))
        for name in packages:
            link(name, self.site)
        install(self.python, wheel)

    def run(self, *command: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the environment, with nothing of this process's Python settings."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "HYDRAFLOW", "PYTEST", "NUMBA"))}
        return subprocess.run(
            [self.python.parent / command[0], *command[1:]], cwd=cwd or self.work, env=kept | variables,
            capture_output=True, text=True, timeout=240, check=False,
        )


def link(distribution: str, site: Path) -> None:
    """Link what an installed distribution has at the top of its site-packages into another one."""
    found = importlib.metadata.distribution(distribution)
    for top in sorted({file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}):
        if not (site / top).exists():
            os.symlink(found.locate_file(top), site / top)


def install(python: Path, wheel: Path) -> None:
    """Install a wheel without its dependencies, with the installer that is there."""
    uv = shutil.which("uv")
    if importlib.util.find_spec("pip"):
        command = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q"]
    elif uv:
        command = [uv, "pip", "install", "-q", "--python", str(python)]
    else:
        pytest.skip("needs pip or uv to install a wheel")
    subprocess.run([*command, "--no-deps", "--no-index", str(wheel)], check=True, timeout=120)


def build(kind: str, source: Path, out: Path) -> Path:
    """Build "sdist", "wheel" or "editable" from a folder, without isolation; return the file."""
    out.mkdir(parents=True, exist_ok=True)
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HOOK, f"build_{kind}", str(out)], cwd=source, capture_output=True, text=True,
        timeout=120, check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return out / ran.stdout.split()[-1]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy of the checkout, at a path with a blank in it."""
    copy = tmp_path_factory.mktemp("a checkout") / "hydraflow x"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
    return copy


@pytest.fixture(scope="module")
def sdist(checkout, tmp_path_factory) -> Path:
    return build("sdist", checkout, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheels(checkout, sdist, tmp_path_factory) -> dict[str, Path]:
    """{form: wheel}: built from the checkout, from the sdist, and editable."""
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    return {
        "wheel": build("wheel", checkout, tmp_path_factory.mktemp("wheel")),
        "sdist": build("wheel", next(unpacked.iterdir()), tmp_path_factory.mktemp("wheel")),
        "editable": build("editable", checkout, tmp_path_factory.mktemp("wheel")),
    }


@pytest.fixture(scope="module", params=["wheel", "sdist", "editable"])
def installed(request, wheels, tmp_path_factory) -> Installed:
    return Installed(tmp_path_factory.mktemp(request.param), wheels[request.param], ENGINE)


def test_the_wheel_holds_the_packages_the_topologies_and_nothing_else(wheels):
    names = zipfile.ZipFile(wheels["wheel"]).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"disruptor", "handlers", "hydraflow", "hydraflow_x_entry.py", "hydraflow_x-0.1.0.dist-info"}
    topologies = {f"hydraflow/config/{path.name}" for path in (ROOT / "config").glob("*.yaml")}
    assert topologies <= set(names)
    assert {f"{package}/py.typed" for package in ("disruptor", "handlers", "hydraflow")} <= set(names)
    templates = {str(p.relative_to(ROOT)) for p in (ROOT / "hydraflow/templates").rglob("*") if p.is_file() and p.suffix != ".pyc"}
    assert templates == {name for name in names if name.startswith("hydraflow/templates/")} and len(templates) >= 7
    mistakes = {str(p.relative_to(ROOT)) for p in (ROOT / "hydraflow/explain/mistakes").glob("*.yaml")}
    assert mistakes == {name for name in names if name.startswith("hydraflow/explain/mistakes/")} and len(mistakes) >= 7
    modules = {str(p.relative_to(ROOT)) for top in ("disruptor", "handlers", "hydraflow") for p in (ROOT / top).rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == modules | {"hydraflow_x_entry.py"}


def test_the_sdist_makes_the_same_wheel(wheels):
    def content(path: Path) -> dict[str, bytes]:
        archive = zipfile.ZipFile(path)
        return {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}

    assert content(wheels["sdist"]) == content(wheels["wheel"])


def test_the_sdist_holds_what_is_needed_to_test_it(sdist):
    names = {name.partition("/")[2] for name in tarfile.open(sdist).getnames()}
    assert {"Makefile", "bootstrap.sh", "LICENSE", "README.md", "config/demo.yaml", "tests/conftest.py"} <= names


def test_the_metadata_say_what_users_need(wheels):
    archive = zipfile.ZipFile(wheels["wheel"])
    metadata = archive.read("hydraflow_x-0.1.0.dist-info/METADATA").decode()
    scripts = archive.read("hydraflow_x-0.1.0.dist-info/entry_points.txt").decode()
    assert "Name: hydraflow-x\n" in metadata and "License-Expression: MIT\n" in metadata
    assert "Requires-Python: >=3.11\n" in metadata
    assert "hfx = hydraflow_x_entry:main" in scripts and "hydraflow = hydraflow_x_entry:main" in scripts


def test_the_commands_work_in_an_empty_folder(installed):
    for command in ("hfx", "hydraflow"):
        ran = installed.run(command, "--version")
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "hfx, version 0.1.0\n", "")


def test_check_finds_the_shipped_topology(installed):
    ran = installed.run("hfx", "check", "demo")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "demo.yaml: ok: 1 source, 8 handlers, 1 sink" in ran.stdout
    assert installed.run("hfx", "check", "config/demo.yaml").returncode == 0


@pytest.mark.parametrize("template", ["library", "paper"])
def test_init_makes_a_project_that_the_installation_can_use(installed, template):
    made = installed.run("hfx", "init", template, "--template", template, "--name", "made")
    assert (made.returncode, made.stderr) == (0, "")
    command = ["hfx", "check", "topology.yaml"] if template == "paper" else ["python", "pipeline.py", "10000"]
    ran = installed.run(*command, cwd=installed.work / template)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_folder_of_handlers_in_the_working_directory_does_not_shadow_ours(installed, tmp_path):
    for name in ("handlers", "hydraflow", "disruptor"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the wrong package')\n")
    for command in (["hfx"], ["python", "-m", "hydraflow_x_entry"]):
        ran = installed.run(*command, "check", "demo", cwd=tmp_path)
        assert (ran.returncode, ran.stderr) == (0, "")


def test_the_library_runs_with_its_own_dependencies_only(wheels, tmp_path):
    bare = Installed(tmp_path, wheels["wheel"], LIBRARY)
    (bare.work / "example.py").write_text(
        "import sys\n"
        "import numpy as np\n"
        "import disruptor\n"
        "from disruptor import Disruptor, handler\n"
        "everything = [getattr(disruptor, name) for name in disruptor.__all__]\n"
        "@handler(state=[('total', 'i8')])\n"
        "def add(event, sequence, end_of_batch, state):\n"
        "    state['total'] += event['value']\n"
        "with Disruptor([('value', 'i8')], slots=64).then(add) as d:\n"
        "    d.publish(value=np.arange(1000))\n"
        "print(d.state('add')['total'], *sorted({'yaml', 'click', 'rich', 'orjson', 'hydraflow'} & set(sys.modules)))\n"
    )
    ran = bare.run("python", "-W", "error", "example.py")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "499500\n", "")


def test_a_second_owner_of_the_package_is_named(wheels, tmp_path):
    shared = Installed(tmp_path, wheels["wheel"], ENGINE)
    other = shared.site / "hydraflow-0.23.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: hydraflow\nVersion: 0.23.0\n")
    (other / "top_level.txt").write_text("hydraflow\n")
    (shared.site / "hydraflow" / "__init__.py").write_text("__version__ = '0.23.0'\n")
    ran = shared.run("hfx", "--version")
    assert (ran.returncode, ran.stdout) == (70, "")
    assert ran.stderr == (
        "hfx: the package 'hydraflow' is also owned by hydraflow, which has overwritten files of hydraflow-x; use an "
        "environment of its own, or: pip uninstall hydraflow && pip install --force-reinstall hydraflow-x\n"
    )


def test_a_broken_installation_is_named(wheels, tmp_path):
    broken = Installed(tmp_path, wheels["wheel"], ENGINE)
    shutil.rmtree(broken.site / "hydraflow" / "cli")
    ran = broken.run("hfx", "--version")
    assert ran.returncode == 70
    assert ran.stderr == (
        "hfx: the installation of hydraflow-x is incomplete (No module named 'hydraflow.cli'); run: pip install "
        "--force-reinstall hydraflow-x\n"
    )
