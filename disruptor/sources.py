"""Which source files a function's machine code depends on: the imports of its module, followed from file to file.

Read from the text, so that imports inside functions and constants that leave no trace in a module's namespace count too.
What is installed (site-packages, the standard library) is left to disruptor.cache.environment_key.
"""

from __future__ import annotations

import functools
import importlib.util
import re
import sys
from pathlib import Path

__all__ = ["module_sources"]

_FROM = re.compile(r"^[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*import[ \t]+([^\n]+)", re.MULTILINE)
_WORD = re.compile(r"\w+")
_INSTALLED = {"site-packages", "dist-packages"}  # Debian's own packages lie in the second


def module_sources(*modules: str) -> list[Path]:
    """Return the files of `modules` and of everything of ours or the user's that they import, sorted.

    modules : dotted names of imported modules. A package counts with its `__init__`.
    """
    pending = list(modules)
    files: dict[str, Path] = {}
    seen: set[str] = set()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        path = _file_of(name)
        if path is None:
            continue
        files[name] = path
        about = path.stat()
        pending.extend(_imported(name, path, about.st_mtime_ns, about.st_size))
        if "." in name:
            pending.append(name.rpartition(".")[0])
    return sorted(set(files.values()))


@functools.cache  # several loops of a graph reach the same files
def _imported(name: str, path: Path, _changed_ns: int, _size: int) -> list[str]:
    text = path.read_text(errors="replace")
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = []
    for target, names in _FROM.findall(text):
        base = _absolute(target, package)
        found.append(base)
        found.extend(f"{base}.{word}" for word in _WORD.findall(names) if _is_package(base))
    for listed in _IMPORT.findall(text):
        found.extend(part.split()[0] for part in listed.split(",") if part.split())
    return found


def _absolute(target: str, package: str) -> str:
    level = len(target) - len(target.lstrip("."))
    if level == 0:
        return target
    parts = package.split(".")
    base = ".".join(parts[: len(parts) - level + 1])
    rest = target.lstrip(".")
    return f"{base}.{rest}" if rest else base


def _is_package(name: str) -> bool:
    path = _file_of(name)
    return path is not None and path.name == "__init__.py"


def _file_of(name: str) -> Path | None:
    """Return the source of a module that is neither built in nor installed; None for any other."""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or not name.replace(".", "_").isidentifier():
        return None
    module = sys.modules.get(name)
    if module is not None:
        file = getattr(module, "__file__", None)
    elif top in sys.modules or "." not in name:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError, AttributeError):
            return None
        file = spec.origin if spec else None
    else:
        return None
    if not file or not file.endswith(".py"):
        return None
    if _INSTALLED & set(Path(file).parts) and top not in ("disruptor", "hydraflow", "handlers"):  # a wheel's own files count all the same
        return None
    return Path(file)
