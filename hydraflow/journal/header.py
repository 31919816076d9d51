"""What a journal says about the run that wrote it: JSON in the header of its first segment.

Enough to rebuild the engine (topology text, parameters, instruments) and to tell whether the handlers of today are those
that wrote it (a hash of each one's source).
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hydraflow.errors import DataError
from hydraflow.records import INSTRUMENT

__all__ = [
    "SCHEMA", "changed_handlers", "decode_header", "encode_header", "instruments_from_json", "instruments_to_json",
    "source_hash",
]

SCHEMA = "hfx.journal/1"


def encode_header(
    *,
    topology: str,
    handlers: Mapping[str, Mapping[str, Any]],
    instruments: np.ndarray,
    rings: Mapping[str, Any] | None = None,
    **more: Any,
) -> bytes:
    """Return the header's text.

    topology : the file as it was read. handlers : stage → {"use", "source" (see source_hash), "parameters"}.
    instruments : INSTRUMENT records. rings : name → sizes. more : anything else that JSON can hold.
    """
    content = {
        "schema": SCHEMA, "topology": topology, "handlers": {k: dict(v) for k, v in handlers.items()},
        "instruments": instruments_to_json(instruments), "rings": dict(rings or {}), **more,
    }
    return json.dumps(content, sort_keys=True, default=_plain).encode()


def decode_header(text: bytes) -> dict[str, Any]:
    """Return the header's content. Raises: DataError when it is no header of this schema."""
    try:
        content = json.loads(text)
    except ValueError as error:
        raise DataError(f"the journal's header is not JSON: {error}") from error
    found = content.get("schema") if isinstance(content, dict) else None
    if found != SCHEMA:
        raise DataError(f"the journal's header has schema {found!r}; this program reads {SCHEMA!r}")
    return content


def instruments_to_json(instruments: np.ndarray) -> list[dict[str, Any]]:
    """Return INSTRUMENT records as plain data: `symbol` as text, other byte fields as hexadecimal, pads left out."""
    return [{name: _value(name, record[name]) for name in _fields()} for record in instruments]


def instruments_from_json(rows: list[dict[str, Any]]) -> np.ndarray:
    """Return the INSTRUMENT records again, equal byte for byte. Raises: DataError for a missing or foreign field."""
    table = np.zeros(len(rows), INSTRUMENT)
    for record, row in zip(table, rows, strict=True):
        if set(row) != set(_fields()):
            raise DataError(f"instrument fields {sorted(set(row) ^ set(_fields()))} are missing or not known here")
        for name, value in row.items():
            if isinstance(value, str):
                content = value.encode() if name == "symbol" else bytes.fromhex(value)
                record[name][: len(content)] = np.frombuffer(content, np.uint8)
            else:
                record[name] = value
    return table


def source_hash(function: Any) -> str:
    """Return the SHA-256 of the source file that defines a handler (a Handler or a plain function); "" when it has none."""
    plain = getattr(function, "function", function)
    try:
        path = inspect.getsourcefile(plain)
        return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else ""
    except (OSError, TypeError):
        return ""


def changed_handlers(header: Mapping[str, Any], sources: Mapping[str, str]) -> list[str]:
    """Return the stages whose source is not what it was when the journal was written. sources : stage → source_hash."""
    written = header.get("handlers", {})
    return sorted(name for name, source in sources.items() if name in written and written[name].get("source") != source)


def _fields() -> list[str]:
    return [name for name in INSTRUMENT.names or () if not name.startswith("pad")]


def _value(name: str, value: Any) -> Any:
    if isinstance(value, np.ndarray):
        content = value.tobytes()
        return content.rstrip(b"\0").decode() if name == "symbol" else content.hex()
    return value.item()


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot stand in a journal's header")
