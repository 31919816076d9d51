"""The on-disk cache of machine code: keys that cover everything that changes code, files that prove themselves whole.

numba's own cache knows only the file of the function itself, so a changed callee gives stale code; two processes that
compile different signatures at once can take each other's file; and a file cut short by a crash is an exception. Here
a function's code lies in a folder named by a hash of every source that it can reach, the versions of numba, llvmlite,
numpy and Python, the NUMBA_* settings and the CPU. Each file holds one signature, is named by it, is written aside and
renamed, and carries a hash of its content: a broken one means a warning and a fresh compilation. A folder that cannot
be written means one warning and an uncached run. Folders that nobody used for a month are removed.

`cached(dispatcher)` is all that callers need; `entry` in disruptor.compiled uses it.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import pickle
import platform
import re
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

__all__ = ["CodeCache", "cache_root", "cached", "environment_key", "folder_for", "package_sources", "source_key"]

_MAGIC = b"hfx-code-1\n"
_KEPT_SECONDS = 30 * 86_400
_SETTLED = {"numba", "numpy", "llvmlite", "cffi", "attr", "attrs"} | set(sys.stdlib_module_names)
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([A-Za-z_]\w*)|import[ \t]+([\w., \t]+))", re.MULTILINE)
_INSTALLED = {"site-packages", "dist-packages"}
_warned: set[str] = set()


def cache_root() -> Path | None:
    """Return the folder under which all caches lie (XDG_CACHE_HOME, else ~/.cache), or None when there is no home."""
    base = os.environ.get("XDG_CACHE_HOME")
    if not base:
        home = os.environ.get("HOME")
        if not home:
            return None
        base = os.path.join(home, ".cache")
    return Path(base) / "hydraflow-x"


@functools.cache
def environment_key() -> str:
    """Return a text that names everything outside our sources that changes machine code."""
    from llvmlite.binding import get_host_cpu_features, get_host_cpu_name

    settings = sorted(f"{k}={v}" for k, v in os.environ.items() if k.startswith("NUMBA_") and k != "NUMBA_CACHE_DIR")
    versions = (sys.version, numba.__version__, llvmlite.__version__, numpy.__version__, platform.machine())
    installed = sorted(
        entry.name
        for folder in sys.path
        if _INSTALLED & {os.path.basename(folder)} and os.path.isdir(folder)
        for entry in os.scandir(folder)
        if entry.name.endswith(".dist-info")
    )
    return "\n".join([*versions, get_host_cpu_name(), get_host_cpu_features().flatten(), *settings, *installed])


def source_key(files: Iterable[str | os.PathLike], *texts: str) -> str:
    """Return the hex SHA-256 over the contents of `files` (sorted by path), `texts` and the environment."""
    digest = hashlib.sha256(environment_key().encode())
    for path in sorted(str(f) for f in files):
        digest.update(path.encode() + b"\0" + Path(path).read_bytes())
    for text in texts:
        digest.update(b"\1" + text.encode())
    return digest.hexdigest()


def package_sources(*modules: str) -> list[Path]:
    """Return the sources that code of these modules can reach, sorted.

    modules : dotted names of imported modules. Of a module inside a package the whole top-level package counts, and so
    does every package that any of these files imports, except the standard library and installed packages (their
    versions are in `environment_key`).
    """
    wanted = {_unit(name) for name in modules}
    found: set[Path] = set()
    waiting, seen = list(wanted), set(wanted) | _SETTLED
    while waiting:
        name = waiting.pop()
        fresh = _files_of(name, installed=name in wanted)
        found.update(fresh)
        for path in fresh:
            for source, listed in _IMPORT.findall(path.read_text(errors="replace")):
                names = [source] if source else [n.strip().partition(".")[0] for n in listed.split(",")]
                waiting.extend(n for n in names if n not in seen)
                seen.update(names)
    return sorted(found)


def folder_for(kind: str, key: str) -> Path | None:
    """Return the cache folder for `key`, or None (with one warning) when there is none that can be written.

    kind : "functions" or "loops". A folder of ours that somebody has filled before serves also where it can only be read.
    """
    root = cache_root()
    if root is None:
        _warn("HOME and XDG_CACHE_HOME are unset; compiled code is not cached")
        return None
    folder = root / kind / key[:32]
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _prune(folder.parent)
        if os.stat(folder).st_uid != os.geteuid():
            _warn(f"{folder} belongs to another user; compiled code is not cached; set XDG_CACHE_HOME")
            return None
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        if _is_filled(folder):
            return folder
        _warn(f"cannot write {folder} ({error.strerror}); compiled code is not cached; set XDG_CACHE_HOME")
        return None
    return folder


def _is_filled(folder: Path) -> bool:
    try:
        return any(not path.name.startswith(".") for path in folder.iterdir())
    except OSError:
        return False


def cached(dispatcher: Any, folder: Path | None = None) -> Any:
    """Let `dispatcher` (what numba.njit returned, without cache=True) keep its machine code on disk; return it.

    folder : where; default: a folder named by the sources that the function's module can reach, found out when the
    function is first called. Functions of `__main__`, a notebook or a string are not cached.
    Un-jitted it does nothing.
    """
    function = getattr(dispatcher, "py_func", None)
    if function is None:
        return dispatcher
    dispatcher._cache = CodeCache(function, folder)
    return dispatcher


class CodeCache(_Cache):
    """One file per signature; see the module. Stands where numba's FunctionCache would."""

    def __init__(self, function: Callable, folder: Path | None) -> None:
        self._function = function
        self._where = folder
        self._decided = folder is not None
        self._enabled = True

    @property
    def cache_path(self) -> str:
        return str(self._where or "")

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def flush(self) -> None:
        """Called by numba before it compiles every signature again: forget what is on disk."""
        if self._where is not None:
            for path in self._where.glob(f"{self._stem()}-*"):
                path.unlink(missing_ok=True)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled signature, or None to have it compiled."""
        target_context.refresh()
        path = self._path(sig, target_context.codegen())
        if path is None:
            return None
        try:
            data = path.read_bytes()
        except OSError:
            return None
        start = len(_MAGIC) + 32
        content = data[start:]
        if data[: len(_MAGIC)] != _MAGIC or hashlib.sha256(content).digest() != data[len(_MAGIC) : start]:
            _warn(f"{path} is broken; it is compiled again")
            return None
        return self._rebuilt(target_context, content)

    def _rebuilt(self, target_context: Any, content: bytes) -> Any:
        return CompileResult._rebuild(target_context, *pickle.loads(content))

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write the compiled signature."""
        path = self._path(sig, data.codegen)
        if path is None or data.lifted or data.library.has_dynamic_globals:
            return
        self._write(path, dumps(data._reduce()))

    def _write(self, path: Path, content: bytes) -> None:
        """Write a file that proves itself; on failure warn once."""
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            temporary.write_bytes(_MAGIC + hashlib.sha256(content).digest() + content)
            os.replace(temporary, path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            _warn(f"cannot write {path.parent} ({error.strerror}); compiled code is not cached; set XDG_CACHE_HOME")

    def _folder(self) -> Path | None:
        return _folder_of(self._function)

    def _stem(self) -> str:
        code = self._function.__code__
        return f"{self._function.__name__}-{code.co_firstlineno}"

    def _path(self, sig: Any, codegen: Any) -> Path | None:
        if not self._enabled:
            return None
        if not self._decided:
            self._where = self._folder()
            self._decided = True
        if self._where is None:
            return None
        code = self._function.__code__
        text = repr((sig, codegen.magic_tuple(), self._function.__qualname__, code.co_filename))
        if " at 0x" in text:
            return None  # an argument type named by its address never comes again
        name = hashlib.sha256(text.encode() + code.co_code).hexdigest()[:24]
        return self._where / f"{self._stem()}-{name}"


def _folder_of(function: Callable) -> Path | None:
    module = sys.modules.get(function.__module__)
    file = getattr(module, "__file__", None)
    if function.__module__ == "__main__" or file is None or not os.path.exists(function.__code__.co_filename):
        return None
    return _package_folder(_unit(function.__module__))


@functools.cache
def _package_folder(unit: str) -> Path | None:
    return folder_for("functions", source_key(package_sources(unit, "disruptor")))


def _unit(name: str) -> str:
    """Return the top-level package of module `name`, or `name` when its file lies outside that package."""
    top = name.partition(".")[0]
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    inside = any(file.startswith(folder + os.sep) for folder in getattr(sys.modules.get(top), "__path__", ()))
    return top if inside else name


def _files_of(name: str, *, installed: bool) -> list[Path]:
    """Return the source files of package or module `name`; none of an installed one unless `installed`."""
    module = sys.modules.get(name)
    if module is not None:
        file, folders = getattr(module, "__file__", None), getattr(module, "__path__", None)
    else:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            spec = None
        file, folders = (spec.origin, spec.submodule_search_locations) if spec else (None, None)
    places = [*(folders or ()), *([file] if file else [])]
    if not installed and any(_INSTALLED & set(Path(place).parts) for place in places):
        return []
    files = {path for folder in folders or () for path in Path(folder).rglob("*.py")}
    if file and file.endswith(".py"):
        files.add(Path(file))
    return sorted(files)


def _prune(parent: Path) -> None:
    oldest = time.time() - _KEPT_SECONDS
    for folder in parent.iterdir():
        if folder.stat().st_mtime < oldest:  # each start of a program touches its folder
            shutil.rmtree(folder, ignore_errors=True)


def _warn(text: str) -> None:
    if text not in _warned:
        _warned.add(text)
        warnings.warn(text, RuntimeWarning, stacklevel=3)
