"""Every public name of the library has a docstring and stands in the reference, with its methods."""

import ast
from pathlib import Path

import pytest

import disruptor
from tools import make_stub
from tools.api_reference import GROUPS, docstring, members
from tools.make_pictures import PICTURES

LIBRARY = Path(__file__).resolve().parents[2] / "docs" / "library"
NAMES = [name for group in GROUPS.values() for name in group]


def test_every_public_name_stands_in_exactly_one_group():
    assert sorted(n for n in NAMES if "." not in n) == disruptor.__all__
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_and_its_methods_say_what_they_do(name):
    assert len(docstring(name)) > 10
    bare = [m for m, thing in members(name).items() if not (getattr(thing, "__doc__", None) or _replaces(name, m))]
    assert bare == []


def _replaces(name, member):
    """Whether a method without a docstring replaces one that has one."""
    return any(getattr(vars(base).get(member), "__doc__", None) for base in getattr(disruptor, name).__mro__[1:])


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_stands_in_the_reference(name):
    assert f"\n### {name}\n" in (LIBRARY / "reference.md").read_text(encoding="utf-8")


def test_every_picture_is_shown_and_every_file_is_made():
    text = (LIBRARY / "topologies.md").read_text(encoding="utf-8")
    assert {p.stem for p in (LIBRARY / "pictures").iterdir()} == set(PICTURES)
    assert [name for name in PICTURES if f"(pictures/{name}.svg)" not in text] == []


def test_type_checkers_are_told_what_the_package_gives():
    text = make_stub.PATH.read_text()
    assert text == make_stub.stub(), "run: make docs"
    told = [alias.asname for node in ast.parse(text).body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(told) == list(disruptor.__all__)


def test_the_page_of_diagnostics_is_current():
    from tools import make_errors

    assert make_errors.PATH.read_text(encoding="utf-8") == make_errors.page(), "run: make docs"
