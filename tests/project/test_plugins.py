"""Handlers of another distribution: a real wheel, built and installed here, offers them in the entry-point groups."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from tests.project.test_packaging import build

pytestmark = pytest.mark.slow

PROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "hfx-demo"
version = "1.2"

[tool.setuptools]
packages = ["hfx_demo"]

[project.entry-points."hydraflow.handlers"]
"demo.watch" = "hfx_demo.good:watch"
needy = "hfx_demo.good:needy"
book = "hfx_demo.good:watch"
printing = "hfx_demo.printing:watch"
broken = "hfx_demo.broken:watch"
gone = "hfx_demo.gone:watch"
typo = "hfx_demo.good:wach"
odd = "hfx_demo.good"
number = "hfx_demo.good:LIMIT"

[project.entry-points."hydraflow.sources"]
ticks = "hfx_demo.good:ticks"
"""
GOOD = '''\
"""Watches spreads, from another package."""
import attrs
from hydraflow.ingress.base import source

LIMIT = 3

@attrs.frozen
class Limits:
    wide_ticks: int = attrs.field(default=2, metadata={"description": "wide from here on", "unit": "ticks", "range": (1, 100)})
    pause_ns: int = attrs.field(default=0, metadata={"description": "rest after one", "unit": "ns"})

def watch(event, params: Limits):
    if event["ask_price_ticks"] - event["bid_price_ticks"] > params["wide_ticks"]:
        event["signal"] = 1.0

def needy(event, wishes):
    pass

@source(virtual=True, instruments=lambda params: [])
def ticks(frames, room, payload_room, now, stamps):
    return -1
'''


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with the package installed in `site`, and a topology that uses it."""
    folder = tmp_path_factory.mktemp("plugin")
    package = folder / "src" / "hfx_demo"
    package.mkdir(parents=True)
    (folder / "src" / "pyproject.toml").write_text(PROJECT)
    (package / "__init__.py").write_text("")
    (package / "good.py").write_text(GOOD)
    (package / "printing.py").write_text("print('printed at import')\nfrom hfx_demo.good import watch\n")
    (package / "broken.py").write_text("\nraise RuntimeError('no licence')\n")
    wheel = build("wheel", folder / "src", folder / "dist")
    uv = shutil.which("uv")
    if importlib.util.find_spec("pip"):
        command = [sys.executable, "-m", "pip", "install", "-q"]
    elif uv:
        command = [uv, "pip", "install", "-q"]
    else:
        pytest.skip("needs pip or uv to install a wheel")
    subprocess.run([*command, "--no-deps", "--no-index", "--target", str(folder / "site"), str(wheel)], check=True, timeout=120)
    (folder / "t.yaml").write_text(
        "version: 1\nsources: [{use: simulator, with: {frames: 1000}}]\nhandlers:\n  - {use: deserialize.binance}\n  - {use: book}\n"
        "  - {name: watch, use: demo.watch, after: book, with: {wide_ticks: 5, pause: 1ms}}\n"
    )
    return folder


def hfx(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).resolve().parents[2]
    return subprocess.run(
        [sys.executable, "-m", "hydraflow_x_entry", *arguments], cwd=place, capture_output=True, text=True, timeout=120, check=False,
        env=os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{place / 'site'}"},
    )


def test_plugins_lists_every_offer_with_its_distribution_and_its_error(place):
    ran = hfx(place, "plugins", "--json")
    report = json.loads(ran.stdout)
    assert (ran.returncode, ran.stderr, report["schema"], report["ok"]) == (1, "printed at import\n", "hfx.plugins/1", False)
    ours = [p for p in report["plugins"] if p["distribution"] == "hfx-demo"]
    assert {p["version"] for p in ours} == {"1.2"}
    assert {(p["kind"], p["name"], p["error"], p["shadowed"]) for p in ours} == {
        ("handler", "demo.watch", "", False), ("handler", "needy", "", False), ("handler", "book", "", True),
        ("handler", "printing", "", False), ("source", "ticks", "", False),
        ("handler", "broken", f"importing 'hfx_demo.broken' failed ({place}/site/hfx_demo/broken.py:2): RuntimeError: no licence", False),
        ("handler", "gone", "there is no module 'hfx_demo.gone'", False), ("handler", "typo", "'hfx_demo.good' has no 'wach'", False),
        ("handler", "odd", "the entry point 'odd' says 'hfx_demo.good', which is not module:name", False),
        ("handler", "number", "'hfx_demo.good:LIMIT' is of type int, not a handler", False),
    }
    shipped = [p for p in report["plugins"] if p["shipped"]]
    assert len(shipped) == 14 and all(p["ok"] for p in shipped)


def test_plugins_are_readable_lines(place):
    ran = hfx(place, "plugins")
    lines = ran.stdout.splitlines()
    assert "ok      handler  demo.watch             hfx-demo 1.2  hfx_demo.good:watch" in lines
    assert "ok      handler  book                   shipped       handlers.book:book" in lines
    assert "hidden  handler  book                   hfx-demo 1.2  hfx_demo.good:watch" in lines
    assert lines[-1] == "19 handlers, 5 sources, 10 from other packages, 5 cannot be imported"
    assert "printed" not in ran.stdout and "Traceback" not in ran.stderr


def test_an_installed_handler_is_checked_like_a_shipped_one(place):
    assert hfx(place, "check", "t.yaml").returncode == 0
    text = (place / "t.yaml").read_text()
    for name, wrong, code, said in (
        ("a", "wide_tick: 5", "HF304", "did you mean 'wide_ticks'?"), ("b", "wide_ticks: 0", "HF306", "must be at least 1 ticks"),
        ("c", "pause: 5", "HF305", "needs a unit"),
    ):
        (place / f"{name}.yaml").write_text(text.replace("wide_ticks: 5", wrong).replace(", pause: 1ms", ""))
        ran = hfx(place, "check", f"{name}.yaml")
        assert ran.returncode == 78 and code in ran.stderr and said in ran.stderr
    for name, use, said in (
        ("d", "broken", "'broken' is offered by hfx-demo 1.2 as hfx_demo.broken:watch"), ("e", "demo.wach", "did you mean 'demo.watch'?"),
        ("f", "needy", "asks for 'wishes', which the topology does not offer"),
    ):
        (place / f"{name}.yaml").write_text(text.replace("demo.watch", use).replace("wide_ticks: 5, pause: 1ms", ""))
        ran = hfx(place, "check", f"{name}.yaml")
        assert ran.returncode == 78 and said in ran.stderr and "Traceback" not in ran.stderr


def test_an_installed_handler_is_explained(place):
    page = json.loads(hfx(place, "explain", "demo.watch", "--json").stdout)
    assert (page["from"], page["target"], page["on"]) == ("hfx-demo 1.2", "hfx_demo.good:watch", "main")
    assert [key["name"] for key in page["parameters"]] == ["wide_ticks", "pause_ns"]
    ran = hfx(place, "explain", "broken")
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (78, "", 1)
    assert json.loads(hfx(place, "explain", "ticks", "--json").stdout)["kind"] == "source"
    shown = hfx(place, "explain", "demo.watch.wide_ticks").stdout
    assert "1 to 100" in shown and "parameter of handler demo.watch" in shown


def test_the_schema_knows_installed_handlers(place):
    ran = hfx(place, "schema", "-o", "topology.schema.json")
    assert (ran.returncode, ran.stdout) == (0, "")
    notes = [line for line in ran.stderr.splitlines() if line.startswith("hfx: handler '")]
    assert [line.split("'")[1] for line in notes] == ["broken", "gone", "number", "odd", "typo"]
    validator = jsonschema.Draft202012Validator(json.loads((place / "topology.schema.json").read_text()))

    def good(use, parameters):
        return validator.is_valid({"version": 1, "sources": [], "handlers": [{"use": use, "with": parameters}]})

    assert good("demo.watch", {"wide_ticks": 100, "pause": "1ms"}) and not good("demo.watch", {"wide_ticks": 101})
    assert good("book", {"window_ticks": 64}) and not good("book", {"wide_ticks": 5})
    assert good("broken", {"whatever": 1}) and not good("demo.wach", {})
