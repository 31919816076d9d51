"""Writes docs/errors.md: a page per diagnostic, with what `hfx check` really says of its example.

    python -m tools.make_errors            rewrite it
    python -m tools.make_errors --check    exit 1 when it would change
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydraflow.explain.mistake import WITHOUT_EXAMPLE, Example, example_of
from hydraflow.registry import Registry
from hydraflow.topology import examine, render
from hydraflow.topology.explain import EXPLANATIONS

PATH = Path(__file__).resolve().parents[1] / "docs" / "errors.md"
NAME = "topology.yaml"
GROUPS = {"HF0": "The text of the file", "HF1": "Names and order", "HF2": "Rings", "HF3": "What stages use", "HF4": "Placement",
          "HF5": "Instruments", "HF6": "Tests"}
HEAD = """# Diagnostics

What `hfx check` and the other verbs that read a topology report, one section per code: the cause, a file that has the mistake,
what is said about it, and what makes it right. `hfx explain CODE` prints the same in the terminal. Codes are stable: a number
is never reused. One mistake gives one message wherever that is possible: what a mistake leaves in doubt is not concluded from.

This page is generated (`make docs`); its examples are run by a test.
"""


def page() -> str:
    """Return the text of the document."""
    parts = [HEAD]
    group = ""
    for code, cause in EXPLANATIONS.items():
        if code[:3] != group:
            group = code[:3]
            parts.append(f"## {GROUPS.get(group, 'More')}\n")
        parts.append(f"### {code}\n\n{cause}\n")
        example = example_of(code)
        if example is not None:
            parts.append(_example(example))
        else:
            parts.append(f"No example: {WITHOUT_EXAMPLE.get(code, 'none is written yet')}.\n")
    return "\n".join(parts)


def said(example: Example) -> str:
    """Return what is reported about an example, the machine having the cores 0 and 1."""
    with _laid_out(example):
        _, findings = examine(example.wrong, NAME, dict(example.environment), registry=Registry(entry_points=False), cpus=(0, 1),
                              overrides=example.overrides)
        return "\n\n".join(render(d, findings.texts) for d in findings.diagnostics)


def _example(example: Example) -> str:
    parts = []
    given = [f"{name}={value}" for name, value in example.environment.items()] + [f"--set {option}" for option in example.overrides]
    if given:
        parts.append("With `" + "`, `".join(given) + "`:")
    for name, text in example.files.items():
        opened = "<!-- not run: a test runs all examples -->\n```python" if name.endswith(".py") else "```text"
        parts.append(f"`{name}`:\n\n{opened}\n{text.rstrip()}\n```")
    parts.append(f"Wrong:\n\n```yaml\n{example.wrong.rstrip()}\n```")
    parts.append(f"```text\n{said(example)}\n```")
    if example.right != example.wrong:
        parts.append(f"Right:\n\n```yaml\n{example.right.rstrip()}\n```")
    if example.right_overrides:
        parts.append(f"Right: `--set {' --set '.join(example.right_overrides)}`")
    if example.remedy:
        parts.append(f"{example.remedy[:1].upper()}{example.remedy[1:]}.")
    return "\n\n".join(parts) + "\n"


@contextmanager
def _laid_out(example: Example) -> Iterator[None]:
    """Its files in a folder that is the working directory, its variables set."""
    before, environment = os.getcwd(), dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {**example.files, NAME: example.wrong}.items():
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
            path.chmod(0o644)
        os.chdir(folder)
        os.environ.update(example.environment)
        try:
            yield
        finally:
            os.chdir(before)
            os.environ.clear()
            os.environ.update(environment)


def main(arguments: list[str]) -> int:
    """Rewrite, or only look."""
    text = page()
    if PATH.exists() and PATH.read_text(encoding="utf-8") == text:
        return 0
    print(PATH.name)
    if "--check" not in arguments:
        PATH.write_text(text, encoding="utf-8")
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
