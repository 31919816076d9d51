"""New projects: which templates there are, what they hold, and writing one, all of it or nothing.

A template is a folder of real files under `hydraflow/templates`; the name of the project stands in them as PLACEHOLDER,
which is a name itself, so that the templates run as they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import attrs

from hydraflow.errors import InternalError, OutputError, UsageError, cannot_write

__all__ = ["PLACEHOLDER", "TEMPLATES", "Template", "check_name", "contents", "write"]

PLACEHOLDER = "hydraflow-project"
_FOLDER = Path(__file__).parent / "templates"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,58}[A-Za-z0-9])?")  # of an engine and of a distribution
_TAKEN = ("disruptor", "hydraflow", "hydraflow-x", "hydraflow_x", "numba", "numpy")


@attrs.frozen
class Template:
    """about : a sentence; next : what to type in the project's folder."""

    about: str
    next: tuple[str, ...]


TEMPLATES = {
    "library": Template("A pipeline of your own handlers in Python, with tests; nothing of trading.",
                        ("python pipeline.py", "python -m pytest")),
    "paper": Template("A trading engine on simulated order flow, with a handler of your own, and tests in YAML.",
                      ("hfx check topology.yaml", "hfx run topology.yaml", "hfx test")),
    "records": Template("A graph of records of your own: a source, handlers, a sink, and tests in YAML; nothing of trading.",
                        ("hfx check topology.yaml", "hfx run topology.yaml", "hfx test")),
}


def check_name(name: str) -> None:
    """Raise UsageError when a project cannot have this name: engines, their files and distributions are called so."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"'{name[:70]}' cannot be the name of a project", limit="letters, digits, '-', '_' and '.', the first and "
                         "the last a letter or digit, at most 60", remedy="give another one with --name")
    if name.casefold() in _TAKEN:
        raise UsageError(f"'{name}' is the name of a package that the project uses", remedy="give another one with --name")


def contents(template: str, name: str) -> dict[str, bytes]:
    """Return {path below the project's folder: content} of a template, in order of path."""
    folder = _FOLDER / template
    paths = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix != ".pyc"]
    if not paths:
        raise InternalError(f"the template '{template}' is not there", where=str(folder),
                            remedy="pip install --force-reinstall hydraflow-x")
    return {str(p.relative_to(folder)): p.read_bytes().replace(PLACEHOLDER.encode(), name.encode()) for p in paths}


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files below a folder, which is made when it is not there: all of them, or none.

    Raises: OutputError, also when one of them is there already; then nothing has been changed.
    """
    present = [name for name in files if os.path.lexists(folder / name)]
    if present:
        raise OutputError(f"already there: {', '.join(present)}", where=f"folder '{folder}'",
                          remedy="nothing was written; name another folder, or move what is there away")
    made: list[Path] = []
    try:
        for name, content in files.items():
            _make_folders((folder / name).parent, made)
            with open(folder / name, "xb") as file:
                made.append(folder / name)
                file.write(content)
    except BaseException as error:
        for path in reversed(made):
            path.rmdir() if path.is_dir() else path.unlink()
        if isinstance(error, OSError):
            where = error.filename or folder
            raise cannot_write(error, where=f"'{where}'", what="nothing was written",
                               remedy="name a folder that you may write") from error
        raise


def _make_folders(folder: Path, made: list[Path]) -> None:
    """Make a folder and those above it; what was made is added to `made`."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir()
        made.append(path)
