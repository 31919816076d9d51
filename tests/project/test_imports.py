"""What a command loads: a verb that compiles nothing has no need of a compiler, and none of what only others use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from disruptor.counters import CounterFile, counter_path

DEMO = str(Path(__file__).parents[2] / "config" / "demo.yaml")
COMPILER = {"numba", "llvmlite"}
ARRAYS = {"numpy", "cffi", *COMPILER}
OTHERS = {"rich", "asyncio", "orjson", "websockets", "pandas", "pyarrow"}
METADATA = {"importlib.metadata", "email", "zipfile"}  # of installed packages: only for a short name that no table knows; numba loads them too
MACHINE_CODE = {"disruptor.codegen", "disruptor.loop_processor", "hydraflow.runtime.assembly", "hydraflow.runtime.loops"}

NEEDLESS = {
    ("--help",): ARRAYS | OTHERS | METADATA | {"yaml", "hydraflow.topology", "disruptor"},
    ("check", DEMO): OTHERS | MACHINE_CODE | {"hydraflow.picture", "hydraflow.ingress.live"},
    ("graph", DEMO): ARRAYS | OTHERS | METADATA | {"hydraflow.picture.svg", "handlers", "disruptor.ring_buffer"},
    ("graph", DEMO, "--format", "json"): ARRAYS | OTHERS | METADATA | {"hydraflow.picture.text", "handlers"},
    ("plan", DEMO): OTHERS | MACHINE_CODE | {"hydraflow.picture"},
    ("explain", "HF112"): ARRAYS | OTHERS | {"handlers"},
    ("stat", "idle"): COMPILER | (OTHERS - {"rich"}) | {"yaml", "hydraflow.topology", "handlers"},
    ("stat", "idle", "--json"): COMPILER | OTHERS | {"yaml", "hydraflow.topology", "handlers"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of engines with the file of one."""
    folder = tmp_path_factory.mktemp("run")
    folder.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        CounterFile.create(counter_path("idle"), name="idle", cells=["ring.main"]).close()
    return folder


def loaded_by(folder: Path, *arguments: str) -> set[str]:
    """Return every module that a command has loaded when it ends, with the packages around it."""
    code = (
        "import sys, hydraflow_x_entry\n"
        f"sys.argv = ['hfx', *{list(arguments)!r}]\n"
        "code = hydraflow_x_entry.main()\n"
        "print('\\0' + ' '.join(sys.modules), code)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False,
                         env=os.environ | {"XDG_RUNTIME_DIR": str(folder)})
    assert ran.returncode == 0, ran.stderr
    *modules, status = ran.stdout.rpartition("\0")[2].split()
    assert status == "0", ran.stderr + ran.stdout[:2000]
    return set(modules)


@pytest.mark.parametrize("arguments", NEEDLESS, ids=lambda a: " ".join(Path(word).name for word in a))
def test_a_verb_loads_nothing_that_it_needs_not(arguments, folder):
    needless = loaded_by(folder, *arguments) & NEEDLESS[arguments]
    assert not needless


def test_what_is_called_needless_is_what_other_verbs_load(folder):
    """So that a module that was renamed does not leave a test that cannot fail."""
    checked, drawn = loaded_by(folder, "check", DEMO), loaded_by(folder, "graph", DEMO)
    assert COMPILER <= checked and "handlers" in checked and {"numpy", "cffi", "disruptor"} <= checked
    assert {"yaml", "hydraflow.topology", "hydraflow.picture", "hydraflow.picture.text"} <= drawn
    root = Path(__file__).parents[2]
    ours = {name for names in NEEDLESS.values() for name in names if name.partition(".")[0] in ("disruptor", "hydraflow")}
    for name in ours:
        place = root / name.replace(".", "/")
        assert place.with_suffix(".py").is_file() or place.is_dir(), name
