"""Entry of the commands `hfx` and `hydraflow`.

A module of a unique name: another distribution (an MLflow tool) owns the import name `hydraflow` on the package index,
and installing both overwrites files silently. Then this says so instead of failing somewhere inside.
"""

from __future__ import annotations

import os
import signal
import sys

__all__ = ["main"]

_OURS = "hydraflow-x"
_MACHINES = ("x86_64", "aarch64")
_INTERRUPTED = 130
_UNAVAILABLE = 69
_INTERNAL = 70


def main() -> int:
    """Run the command; refuse with a remedy on a foreign platform or when another distribution has overwritten ours."""
    _open_closed_streams()
    if sys.platform != "linux":
        return _refuse(_UNAVAILABLE, f"HydraFlow-X runs on Linux (futex, memfd, mirrored mappings), not on {sys.platform}; "
                       "use a Linux machine, a container or WSL 2")
    machine = os.uname().machine
    if machine not in _MACHINES:
        return _refuse(_UNAVAILABLE, f"HydraFlow-X runs on {' and '.join(_MACHINES)} (atomics, futex, clock), not on {machine}; "
                       "use such a machine")
    _heed_interrupts()
    try:
        import hydraflow

        if getattr(hydraflow, "DISTRIBUTION", None) != _OURS:
            return _refuse(_INTERNAL, _complaint(f"{hydraflow.__file__} is not ours"))
        from hydraflow.cli import main as run
    except ImportError as error:
        return _refuse(_INTERNAL, _complaint(str(error)))
    except KeyboardInterrupt:
        return _INTERRUPTED
    try:
        return run()
    except KeyboardInterrupt:  # before, or after, it listens itself
        return _INTERRUPTED


def _heed_interrupts() -> None:
    """Remember a Ctrl-C: Python drops the exception where it strikes inside of a callback, as imports have, and the run would go on."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(_number: int, _frame: object) -> None:
    _interrupt.came = True  # type: ignore[attr-defined]  # read by hydraflow.runtime.supervisor
    raise KeyboardInterrupt


def _open_closed_streams() -> None:
    """Put the null device where a standard stream was closed (`hfx run … 2>&-`), or another file would get its number."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                os.dup2(os.open(os.devnull, os.O_RDWR), number)
                os.set_inheritable(number, True)  # which dup2 onto itself does not do: the engine has it too
            setattr(sys, name, open(number, mode, closefd=False))


def _refuse(code: int, text: str) -> int:
    print(f"hfx: {text}", file=sys.stderr)
    return code


def _complaint(cause: str) -> str:
    from importlib.metadata import packages_distributions

    owners = sorted(set(packages_distributions().get("hydraflow", [])) - {_OURS})
    if owners:
        return (
            f"the package 'hydraflow' is also owned by {', '.join(owners)}, which has overwritten files of {_OURS}; "
            f"use an environment of its own, or: pip uninstall {' '.join(owners)} && pip install --force-reinstall {_OURS}"
        )
    return f"the installation of {_OURS} is incomplete ({cause}); run: pip install --force-reinstall {_OURS}"


def _here() -> str:
    """Return the working directory, "" where it has been removed."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


if __name__ == "__main__":
    if sys.path[0] == _here() != os.path.dirname(os.path.abspath(__file__)):
        del sys.path[0]  # `python -m` puts the working directory first, whose handlers/ or hydraflow/ would shadow ours
    sys.exit(main())
