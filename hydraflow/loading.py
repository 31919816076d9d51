"""Imports the modules of others: what they print, how long they take and what they raise is told on stderr, in one line each.

    pkg.mod       by its name
    ./file.py     by its location, as `hydraflow_user.<hash>.file`: a user's `handlers/` folder never shadows ours, and
                  `from . import sibling` works

Standard output belongs to the command (its JSON, its schema), so a module that prints while it is imported prints to stderr.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import re
import sys
import threading
import time
import traceback
import types
from collections.abc import Iterator
from pathlib import Path

from hydraflow.notes import note

__all__ = ["ComponentError", "load_file", "load_module"]

USER_NAMESPACE = "hydraflow_user"
PATIENCE_S = 2.0  # an import that takes longer is named while it lasts
_OURS = ("disruptor", "handlers", "hydraflow")


class ComponentError(Exception):
    """A `use:` that cannot be resolved. code : HF301 unknown, HF302 import failed, HF303 not a component.

    close : names for "did you mean"; notes : further lines.
    """

    def __init__(self, code: str, message: str, *, close: tuple[str, ...] = (), notes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.close = close
        self.notes = notes


def load_module(name: str, use: str) -> types.ModuleType:
    """Import a module by its dotted name. use : as the user wrote it. Raises: ComponentError HF302."""
    try:
        with _watched(name):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name != missing and not name.startswith(f"{missing}."):
            raise _failed(name, error) from error
        own = missing.partition(".")[0] in _OURS or ":" not in use
        notes = () if own else (f"a file beside the topology is used by ./{name.rpartition('.')[2]}.py:{use.rpartition(':')[2]}",)
        raise ComponentError("HF302", f"there is no module '{missing}'", notes=notes) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _failed(name, error) from error


def load_file(path: Path, use: str) -> types.ModuleType:
    """Import a file by its location; again when its content has changed. Raises: ComponentError HF302."""
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        siblings = tuple(f"./{p.name}:{use.rpartition(':')[2]}" for p in sorted(path.parent.glob("*.py"))[:200]) \
            if isinstance(error, OSError) else ()
        reason = error.strerror if isinstance(error, OSError) else error
        raise ComponentError("HF302", f"cannot read '{path}': {reason}", close=siblings) from error
    folder = path.resolve().parent
    package = f"{USER_NAMESPACE}.h{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    _ensure_package(USER_NAMESPACE, [])
    _ensure_package(package, [str(folder)])
    name = f"{package}.{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}"
    fingerprint = hashlib.sha256(content).hexdigest()
    present = sys.modules.get(name)
    if present is not None and getattr(present, "__hydraflow_fingerprint__", "") == fingerprint:
        return present
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise ComponentError("HF302", f"cannot load '{path}'")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _watched(str(path)):
            spec.loader.exec_module(module)
    except BaseException as error:
        sys.modules.pop(name, None)
        if isinstance(error, KeyboardInterrupt):
            raise
        raise _failed(str(path), error, path.resolve()) from error
    module.__hydraflow_fingerprint__ = fingerprint  # type: ignore[attr-defined]
    return module


@contextlib.contextmanager
def _watched(what: str) -> Iterator[None]:
    """Send what is printed to stderr, and name an import that lasts."""
    begun = time.monotonic()
    timer = threading.Timer(PATIENCE_S, note, [f"hfx: still importing '{what}': it waits or computes while it is imported"])
    timer.daemon = True
    timer.start()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        timer.cancel()
        taken = time.monotonic() - begun
        if taken > PATIENCE_S:
            note(f"hfx: importing '{what}' took {taken:.1f} s, which every command that uses it waits for")


def _ensure_package(name: str, path: list[str]) -> None:
    if name not in sys.modules:
        package = types.ModuleType(name, "Modules that were loaded by their location, as topologies ask for.")
        package.__path__ = path
        sys.modules[name] = package


def _failed(what: str, error: BaseException, path: Path | None = None) -> ComponentError:
    """Return the diagnostic of an import that raised. path : of the user's own file, whose line is named first."""
    try:
        reason = next((line for line in str(error).splitlines() if line.strip()), "")
    except Exception:  # its own __str__ fails
        reason = ""
    file, line = _place(error, path)
    own = path is not None and file and Path(file).resolve() == path
    place = f" (line {line})" if own else f" ({file}:{line})" if file else ""
    kind = type(error).__name__
    if isinstance(error, SyntaxError):
        reason = error.msg
    elif isinstance(error, SystemExit):
        return ComponentError("HF302", f"importing '{what}' failed{place}: it ends the process (SystemExit: {reason})",
                              notes=("what a module does as a program belongs under: if __name__ == \"__main__\":",))
    return ComponentError("HF302", f"importing '{what}' failed{place}: {kind}: {reason}".removesuffix(": "))


def _place(error: BaseException, path: Path | None) -> tuple[str, int]:
    """Return file and line: of the syntax error, else the innermost line of the user's file, else the innermost one."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return error.filename, error.lineno
    frames = [(f.filename, f.lineno or 0) for f in traceback.extract_tb(error.__traceback__)]
    frames = [f for f in frames if not f[0].startswith("<frozen ") and f[0] != __file__ and f[0] != importlib.__file__]
    own = [f for f in frames if path is not None and Path(f[0]) == path]
    return next(iter([*own[::-1], *frames[::-1]]), ("", 0))
