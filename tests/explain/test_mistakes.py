"""Every diagnostic has a page, and its examples are true: the wrong file gives exactly that code, the right one nothing."""

from __future__ import annotations

import os

import pytest

from hydraflow.explain import answer, render
from hydraflow.explain.mistake import WITHOUT_EXAMPLE, example_of
from hydraflow.registry import Registry
from hydraflow.topology import examine
from hydraflow.topology.explain import EXPLANATIONS

REGISTRY = Registry(entry_points=False)
CODES = [code for code in EXPLANATIONS if code not in WITHOUT_EXAMPLE]


def codes_of(text, overrides, example, *sought):
    _, findings = examine(text, "topology.yaml", dict(example.environment), registry=REGISTRY, cpus=(0, 1), overrides=overrides)
    noted = {d.code for d in findings.diagnostics if d.severity == "note"} - set(sought)  # of which a file may have any number
    return [d.code for d in findings.diagnostics if d.code not in noted]


@pytest.mark.parametrize("code", CODES)
def test_the_examples_of_a_page_are_true(code, tmp_path, monkeypatch):
    example = example_of(code)
    assert example is not None, "write its example into hydraflow/explain/mistakes/, or say in WITHOUT_EXAMPLE why there is none"
    monkeypatch.chdir(tmp_path)
    for name, content in example.files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
        os.chmod(tmp_path / name, 0o644)
    for name, value in example.environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "topology.yaml").write_text(example.wrong)
    assert codes_of(example.wrong, example.overrides, example, code) == [code]
    assert codes_of(example.right, example.right_overrides, example, code) == []
    assert all(wrong in example.wrong for wrong in example.change), "what is changed does not stand there"


def test_codes_without_an_example_are_codes_and_have_none():
    assert set(WITHOUT_EXAMPLE) <= set(EXPLANATIONS)
    assert not any(example_of(code) for code in WITHOUT_EXAMPLE)


@pytest.mark.parametrize("code", list(EXPLANATIONS))
def test_a_page_fits_80_columns_and_shows_cause_wrong_and_right(code):
    text = render(answer(code, REGISTRY))
    example = example_of(code)
    files = {line.strip() for content in (example.files.values() if example else ()) for line in content.splitlines()}
    assert max(len(line) for line in text.splitlines() if line.strip() not in files) <= 80
    assert text.startswith(f"{code}  ")
    if code not in WITHOUT_EXAMPLE:
        assert "\n  wrong\n" in text and "\n  right\n" in text
