"""Everything outside a topology that changes what hfx does: environment variables, and the folders that follow from them.

Declared once: `hfx config` prints it, docs/operations.md is generated from it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import attrs

from hydraflow.scrubber import HIDDEN, is_secret

__all__ = ["EXIT_CODES", "FOLDERS", "VARIABLES", "Folder", "Place", "Variable", "folders", "shown"]


@attrs.frozen
class Variable:
    """An environment variable. shipped : it belongs to a shipped topology."""

    name: str
    meaning: str
    shipped: str = ""


@attrs.frozen
class Folder:
    """Where something lies: below the folder that `variable` names, else below `default`; ~ is HOME.

    own, default_own : what is added to either.
    """

    name: str
    variable: str
    own: str
    default: str
    default_own: str
    meaning: str


@attrs.frozen
class Place:
    """A folder as it is here. origin : the variable, "HOME" or "default"; path : "" when nothing says where."""

    folder: Folder
    path: str
    origin: str


VARIABLES = (
    Variable("HYDRAFLOW_SECRETS", "folder of the secrets that `${secret:NAME}` reads, one file each"),
    Variable("HYDRAFLOW_IMPORT_SECONDS", "seconds after which the import of a user's module is stopped: 120; 0: never"),
    Variable("HYDRAFLOW_TRACEBACK", "any text: show tracebacks of errors"),
    Variable("NO_COLOR", "any text: no colours"),
    Variable("COLUMNS", "width of what is printed where standard output is no terminal"),
    Variable("TMPDIR", "where a replay and a test keep their scratch"),
    Variable("NUMBA_DISABLE_JIT", "1: run every handler as plain Python: slow, the same results"),
    Variable("XDG_RUNTIME_DIR", "engine files lie below it"),
    Variable("XDG_STATE_HOME", "journals lie below it"),
    Variable("XDG_CACHE_HOME", "machine code lies below it"),
    Variable("HYDRAFLOW_SEED", "seed of the simulated flow", "demo"),
    Variable("HYDRAFLOW_FRAMES", "frames of the simulated flow", "demo"),
    Variable("HYDRAFLOW_RATE", "frames per second, 0: flat out", "demo"),
    Variable("HYDRAFLOW_CAPTURE", "the file that is read", "capture"),
    Variable("HYDRAFLOW_SPEED", "its pace: 1 as recorded, 0 flat out", "capture"),
    Variable("HYDRAFLOW_WS", "address of the stream, wss://…", "paper-live"),
    Variable("HYDRAFLOW_SNAPSHOT", "address of the book's snapshot, https://…", "paper-live"),
    Variable("HYDRAFLOW_DATA", "folder of real captures for the tests of this repository"),
    Variable("HYDRAFLOW_VENV", "folder of the environment that `make` keeps"),
)

FOLDERS = (
    Folder("engine files", "XDG_RUNTIME_DIR", "hydraflow", "/dev/shm", "hydraflow-UID", "NAME.cnc, one per engine, with NAME.notes and the control socket NAME.sock while it runs; the folder is 0700"),
    Folder("journals", "XDG_STATE_HOME", "hydraflow-x/journals", "~/.local/state", "hydraflow-x/journals", "three per name are kept; --journal names another folder"),
    Folder("machine code", "XDG_CACHE_HOME", "hydraflow-x", "~/.cache", "hydraflow-x", "may be removed at any time; `hfx clean --caches`"),
)

EXIT_CODES = {
    0: "all went well; a run that SIGTERM asked to stop and that drained",
    1: "a check or a comparison failed; a run is reported all the same",
    2: "the command line asks for something that does not go together",
    65: "the input is not what it should be",
    66: "an input is missing, is a directory or cannot be read",
    69: "a target, an optional library or a service is not there",
    70: "a fault of our own",
    73: "an output cannot be created",
    74: "reading or writing failed half-way",
    75: "somebody else holds what is needed",
    78: "a setting that cannot work",
    130: "interrupted: SIGINT, or halted before everything was drained",
}


def folders(environment: Mapping[str, str], user: int) -> list[Place]:
    """Return where everything lies in this environment. user : the number that a default folder in shared memory is named by."""
    found = []
    for folder in FOLDERS:
        named, home = environment.get(folder.variable), environment.get("HOME")
        if named:
            found.append(Place(folder, os.path.join(named, folder.own), folder.variable))
        elif folder.default.startswith("~") and not home:
            found.append(Place(folder, "", f"neither {folder.variable} nor HOME is set"))
        else:
            base = folder.default.replace("~", home or "", 1)
            own = folder.default_own.replace("UID", str(user))
            found.append(Place(folder, os.path.join(base, own), "HOME" if folder.default.startswith("~") else "default"))
    return found


def shown(variable: Variable, environment: Mapping[str, str]) -> str | None:
    """Return the value of a variable as it may be shown, None when it is not set."""
    value = environment.get(variable.name)
    return value if value is None or variable.name == "HYDRAFLOW_SECRETS" or not is_secret(variable.name) else HIDDEN
