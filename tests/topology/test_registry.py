"""What `use:` names: short names, importable names, files beside the topology."""

from __future__ import annotations

import sys

import pytest

from hydraflow.registry import ComponentError, Entry, Registry, default_name
from tests.reference.topology_stubs import registry

PLAIN = "def on_event(event, sequence):\n    pass\n"


def test_registry_resolves_a_short_name():
    component = registry().resolve("handler", "book")
    assert (component.module, component.attribute, component.handler.name) == ("tests.reference.topology_stubs", "book", "book")


def test_registry_resolves_an_undeclared_function():
    handler = registry().resolve("handler", "tests.reference.topology_stubs:plain").handler
    assert (handler.name, handler.jit, handler.arguments) == ("plain", True, ("event", "sequence"))


def test_registry_loads_a_file_beside_the_topology(tmp_path):
    folder = tmp_path / "my files"
    folder.mkdir()
    (folder / "my-handlers.py").write_text("from . import sibling\n" + PLAIN)
    (folder / "sibling.py").write_text("VALUE = 7\n")
    component = registry().resolve("handler", "./my-handlers.py:on_event", folder)
    assert component.module.startswith("hydraflow_user.h")
    assert sys.modules[component.module].sibling.VALUE == 7
    assert component.handler.function.__module__ == component.module
    again = registry().resolve("handler", "./my-handlers.py:on_event", folder)
    assert again.handler.function is component.handler.function
    (folder / "my-handlers.py").write_text("# changed\n" + PLAIN)
    assert registry().resolve("handler", "./my-handlers.py:on_event", folder).handler.function is not component.handler.function


def test_registry_never_shadows_our_packages(tmp_path):
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers" / "book.py").write_text(PLAIN)
    component = registry().resolve("handler", "./handlers/book.py:on_event", tmp_path)
    import handlers

    assert not str(handlers.__file__).startswith(str(tmp_path))
    assert component.module.startswith("hydraflow_user.")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import nothing_of_this_name\n", r"failed \(line 1\): ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("x = 1\ny = x / 0\n", r"failed \(line 2\): ZeroDivisionError: division by zero"),
        ("def broken(:\n", r"failed \(line 1\): SyntaxError: "),
        ("import sys\nsys.exit(3)\n", r"failed \(line 2\): it ends the process \(SystemExit: 3\)"),
    ],
)
def test_registry_says_why_an_import_fails(tmp_path, source, message):
    (tmp_path / "mine.py").write_text(source)
    with pytest.raises(ComponentError, match=message) as caught:
        registry().resolve("handler", "./mine.py:on_event", tmp_path)
    assert caught.value.code == "HF302"


@pytest.mark.parametrize(
    ("kind", "use", "code"),
    [
        ("handler", "bok", "HF301"), ("handler", "simulator", "HF301"), ("source", "book", "HF301"), ("handler", ":", "HF301"),
        ("handler", "a b:c", "HF301"), ("handler", "a..b:c", "HF301"), ("handler", ".a:c", "HF301"), ("handler", "no_such:x", "HF302"),
        ("handler", "./none.py:x", "HF302"), ("handler", "json:nothing", "HF303"), ("handler", "json:JSONDecoder", "HF303"),
        ("handler", "tests.reference.topology_stubs:simulator", "HF303"), ("source", "tests.reference.topology_stubs:book", "HF303"),
    ],
)
def test_registry_refuses(kind, use, code):
    with pytest.raises(ComponentError) as caught:
        registry().resolve(kind, use)
    assert caught.value.code == code


def test_registry_prefers_its_table_to_entry_points(monkeypatch):
    import importlib.metadata as metadata

    points = [metadata.EntryPoint("book", "elsewhere:book", "hydraflow.handlers"),
              metadata.EntryPoint("mine", "tests.reference.topology_stubs:plain", "hydraflow.handlers")]
    monkeypatch.setattr(metadata, "entry_points", lambda group: [p for p in points if p.group == group])
    found = Registry(handlers={"book": Entry("tests.reference.topology_stubs:book")})
    assert found.resolve("handler", "book").handler.name == "book"
    assert found.resolve("handler", "mine").handler.name == "plain"
    assert found.names("handler") == ["book", "mine"]


@pytest.mark.parametrize(
    ("use", "name"), [("book", "book"), ("deserialize.binance", "deserialize"), ("pkg.mod:on_tick", "on_tick"), ("./f.py:go", "go")]
)
def test_default_name_is_short(use, name):
    assert default_name(use) == name
