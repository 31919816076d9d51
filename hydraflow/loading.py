"""Imports the modules of others: what they print, how long they take and what they raise is told on stderr, in one line each.

    pkg.mod       by its name
    ./file.py     by its location, as `hydraflow_user.<hash>.file`: a user's `handlers/` folder never shadows ours, and
                  `from . import sibling` works

Standard output belongs to the command (its JSON, its schema), so a module that prints while it is imported prints to stderr.
One that ends the process (`sys.exit`, `os._exit`) is refused, and one that does not come back is stopped after
HYDRAFLOW_IMPORT_SECONDS (120; 0: never), also while it sleeps. What is not Python's can do both all the same: a C extension
that calls `exit`, a signal that a module sends itself, a call into C that holds the GIL.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import os
import re
import signal
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
LIMIT_S = 120.0  # an import that takes longer is stopped
LIMIT_VARIABLE = "HYDRAFLOW_IMPORT_SECONDS"
_OURS = ("disruptor", "handlers", "hydraflow")


class ComponentError(Exception):
    """A `use:` that cannot be resolved. code : HF301 unknown, HF302 import failed, HF303 not a component, HF312 does not end.

    close : names for "did you mean"; notes : further lines.
    """

    def __init__(self, code: str, message: str, *, close: tuple[str, ...] = (), notes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.close = close
        self.notes = notes


class _Endless(BaseException):
    """An import took too long. No Exception, for modules that catch those while they are imported."""


class _EndsProcess(SystemExit):
    """A module called os._exit while it was imported."""


def load_module(name: str, use: str) -> types.ModuleType:
    """Import a module by its dotted name. use : as the user wrote it. Raises: ComponentError HF302."""
    try:
        if name.partition(".")[0] in _OURS:
            return importlib.import_module(name)
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
    import disruptor.handler  # noqa: F401  what every handler needs is not that module's doing

    begun = time.monotonic()
    timer = threading.Timer(PATIENCE_S, note, [f"hfx: still importing '{what}': it waits or computes while it is imported"])
    timer.daemon = True
    timer.start()
    try:
        with contextlib.redirect_stdout(sys.stderr), _guarded(), _limited(_limit_s()):
            yield
    finally:
        timer.cancel()
        taken = time.monotonic() - begun
        if taken > PATIENCE_S:
            note(f"hfx: importing '{what}' took {taken:.1f} s, which every command that uses it waits for")


@contextlib.contextmanager
def _guarded() -> Iterator[None]:
    """Turn os._exit into an exception."""
    def refuse(status: int) -> None:
        raise _EndsProcess(status)

    ends, os._exit = os._exit, refuse  # type: ignore[assignment]
    try:
        yield
    finally:
        os._exit = ends


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise _Endless in the main thread after so many seconds; elsewhere, where no signal can be handled, there is no limit."""
    if seconds <= 0 or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(signum: int, frame: types.FrameType | None) -> None:
        raise _Endless(f"{seconds:g}")

    begun = time.monotonic()
    handler = signal.signal(signal.SIGALRM, stop)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:  # somebody's alarm goes on, as if nothing had been
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left - (time.monotonic() - begun)), interval)


def _limit_s() -> float:
    try:
        return float(os.environ.get(LIMIT_VARIABLE, LIMIT_S))
    except ValueError:
        return LIMIT_S


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
    if isinstance(error, _Endless):
        return ComponentError("HF312", f"importing '{what}' did not end within {error} s{place}",
                              notes=("what a module does as a program belongs under: if __name__ == \"__main__\":",
                                     f"{LIMIT_VARIABLE} sets the limit"))
    if isinstance(error, SyntaxError):
        reason = error.msg
    elif isinstance(error, SystemExit):
        ends = "os._exit" if isinstance(error, _EndsProcess) else kind
        return ComponentError("HF302", f"importing '{what}' failed{place}: it ends the process ({ends}: {reason})",
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
