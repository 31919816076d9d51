"""What a topology takes from outside its text: environment variables, files, secrets.

A `Lookup` answers and remembers what it was asked, so that a journal can hold the answers and a replay gives them again.
A secret NAME is the file NAME in the folder that HYDRAFLOW_SECRETS names, or the variable NAME when that is not set.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

import attrs

from hydraflow.scrubber import SECRETS

__all__ = ["FILE_BYTES_MAX", "SECRETS_FOLDER", "Lookup", "LookupFailed"]

SECRETS_FOLDER = "HYDRAFLOW_SECRETS"
FILE_BYTES_MAX = 64 << 10  # of a file whose contents are a value


class LookupFailed(Exception):
    """Something outside cannot be had. close : names that are there, for "did you mean"."""

    def __init__(self, message: str, close: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.close = close


@attrs.define
class Lookup:
    """environment : variables. stored : absolute path → text, taken in place of what lies there now.

    variables, files : what was asked for, and the answers. nodes : values made so far, of all files.
    """

    environment: Mapping[str, str]
    stored: Mapping[str, str] = attrs.field(factory=dict)
    variables: dict[str, str] = attrs.field(factory=dict)
    files: dict[str, str] = attrs.field(factory=dict)
    nodes: int = 0

    @classmethod
    def of(cls, environment: Mapping[str, str] | Lookup) -> Lookup:
        return environment if isinstance(environment, Lookup) else cls(environment)

    def variable(self, name: str) -> str | None:
        """Return an environment variable, None when it is not set."""
        value = self.environment.get(name)
        if value is not None:
            self.variables[name] = value
        return value

    def contents(self, path: str, bytes_max: int) -> bytes:
        """Return the bytes of a file, at most one more than `bytes_max`. Raises: LookupFailed."""
        absolute = os.path.abspath(path)
        if absolute in self.stored:
            data = self.stored[absolute].encode()
        else:
            data = _read(path, bytes_max)[0]
        self.files[absolute] = data.decode("utf-8", "replace")
        return data

    def value(self, path: str) -> str:
        """Return the text of a small file without its last newline. Raises: LookupFailed."""
        return _text(self.contents(path, FILE_BYTES_MAX), path)

    def secret(self, name: str) -> tuple[str, str]:
        """Return a secret, hidden from every output from now on, and what is unsafe about it. Raises: LookupFailed."""
        folder, unsafe = self.environment.get(SECRETS_FOLDER), ""
        if folder:
            path = os.path.join(folder, name)
            try:
                data, mode = _read(path, FILE_BYTES_MAX)
            except LookupFailed as failed:
                raise LookupFailed(str(failed), _listed(folder)) from None
            value = _text(data, path)
            if mode & stat.S_IROTH:
                unsafe = f"'{path}' can be read by everybody (mode {stat.S_IMODE(mode):04o})"
        else:
            found = self.environment.get(name)
            if found is None:
                raise LookupFailed(f"neither {SECRETS_FOLDER} (a folder of secrets) nor the variable {name} is set")
            value = found
        if not value:
            raise LookupFailed("it is empty")
        SECRETS.add(value)
        return value, unsafe


def _read(path: str, bytes_max: int) -> tuple[bytes, int]:
    """Return the bytes and the mode of a regular file; a pipe or a device would never end."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise LookupFailed(f"cannot read '{path}': {'a folder' if stat.S_ISDIR(mode) else 'not a regular file'}")
            return stream.read(bytes_max + 1), mode
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path, a surrogate that no file name has
        reason = error.strerror if isinstance(error, OSError) else "no file can be called so"
        if isinstance(error, IsADirectoryError):
            reason = "a folder"
        raise LookupFailed(f"cannot read '{path}': {reason}", _listed(os.path.dirname(path) or ".")) from None


def _text(data: bytes, path: str) -> str:
    if len(data) > FILE_BYTES_MAX:
        raise LookupFailed(f"'{path}' has more than {FILE_BYTES_MAX:,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LookupFailed(f"'{path}' is not UTF-8: byte 0x{data[error.start]:02x} at {error.start:,}") from None
    return text.removesuffix("\n").removesuffix("\r")


def _listed(folder: str) -> tuple[str, ...]:
    try:
        return tuple(sorted(os.listdir(folder))[:200])
    except (OSError, ValueError):
        return ()
