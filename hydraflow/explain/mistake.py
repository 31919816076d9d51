"""A page per diagnostic: the cause, a file that is wrong, what `hfx check` says of it, what makes it right.

The examples lie in `mistakes/*.yaml`, one entry per code. A test runs every one: the wrong file gives exactly that code, the
right one nothing at all.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import resources
from typing import Any

import attrs

__all__ = ["Example", "WITHOUT_EXAMPLE", "example_of", "explain_mistake"]

WITHOUT_EXAMPLE = {  # code → why no topology can show it
    "HF313": "it depends on what is installed, not on the topology",
    "HF340": "it depends on a folder of the machine, not on the topology",
    **dict.fromkeys(("HF650", "HF651", "HF652", "HF653", "HF654", "HF655"), "it is about results, not about a topology"),
    **dict.fromkeys(("HF134", "HF135", "HF136"), "it is about a change of a running engine (hfx apply), not about a topology"),
    **dict.fromkeys(("HF660", "HF661"), "it is about a command, not about a topology"),
}


@attrs.frozen(kw_only=True)
class Example:
    """A mistake and its remedy. wrong : the file topology.yaml; change : text of it → text that is right.

    files : those beside it; environment : variables; overrides, right_overrides : `--set` options of the wrong and the right
    call; remedy : another way out, in words.
    """

    wrong: str
    change: Mapping[str, str] = attrs.field(factory=dict)
    files: Mapping[str, str] = attrs.field(factory=dict)
    environment: Mapping[str, str] = attrs.field(factory=dict)
    overrides: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    right_overrides: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    remedy: str = ""

    @property
    def right(self) -> str:
        """The file with its mistake mended."""
        text = self.wrong
        for wrong, right in self.change.items():
            text = text.replace(wrong, right, 1)
        return text


def example_of(code: str) -> Example | None:
    """Return the example of a code, or None when there is none."""
    return _examples().get(code)


def explain_mistake(code: str, cause: str) -> dict[str, Any]:
    """Return the page of a diagnostic (schema hfx.explain/1)."""
    page: dict[str, Any] = {"kind": "diagnostic", "name": code, "summary": cause, "explanations": {code: cause}}
    example = example_of(code)
    if example is None:
        return page
    return page | {
        "wrong": example.wrong, "right": example.right, "files": dict(example.files), "environment": dict(example.environment),
        "set": list(example.overrides), "right_set": list(example.right_overrides), "remedy": example.remedy,
    }


@functools.cache
def _examples() -> dict[str, Example]:
    import yaml

    found: dict[str, Example] = {}
    folder = resources.files("hydraflow.explain").joinpath("mistakes")
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".yaml"):
            for code, entry in yaml.safe_load(file.read_text(encoding="utf-8")).items():
                entry["overrides"], entry["right_overrides"] = entry.pop("set", ()), entry.pop("right_set", ())
                found[code] = Example(**entry)
    return found
