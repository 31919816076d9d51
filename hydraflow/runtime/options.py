"""What the parent tells the engine to do, as one JSON object on its standard input."""

from __future__ import annotations

import json
from typing import Any

import attrs

from hydraflow.errors import UsageError

__all__ = ["Options", "debugged"]


@attrs.frozen(kw_only=True)
class Options:
    """Options of one run.

    topology : path of the file; name : of the engine, default the file's. placement : as on the command line.
    record : {book|orders|fills or a ring of own records: path}. results : folder for a file of everything that can be recorded and
    that `record` does not name, None for none. hash_every : messages between checkpoints, 0 for none. journal : folder under which
    the journal's folder is made, None for the state folder. no_journal : leave the journal out. checked : bounds checks.
    stall_seconds : a handler that stays that long in one message is reported. replay : journal folder to replay instead
    of the sources; until : how many messages of it. parameters : by stage, in place of the file's. environment : for ${…}.
    debug : HANDLER or HANDLER@SEQUENCE to run un-jitted under pdb, on the terminal whose path `terminal` is.
    overrides : PATH=VALUE, as for --set. hiccup_seconds : length of the baseline measurement.
    """

    topology: str
    name: str | None = None
    placement: str | None = None
    record: dict[str, str] = attrs.field(factory=dict)
    results: str | None = None
    hash_every: int = 0
    journal: str | None = None
    no_journal: bool = False
    checked: bool = False
    stall_seconds: float = 5.0
    drain_seconds: float = 10.0
    replay: str | None = None
    until: int | None = None
    hiccup_seconds: float = 0.2
    parameters: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    debug: str | None = None
    terminal: str = ""
    environment: dict[str, str] = attrs.field(factory=dict)
    overrides: list[str] = attrs.field(factory=list)

    def to_json(self) -> str:
        return json.dumps(attrs.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Options:
        return cls(**json.loads(text))


def debugged(text: str | None) -> tuple[str, int | None]:
    """Return (handler, sequence) of HANDLER or HANDLER@SEQUENCE. Raises: UsageError for a sequence that is no number."""
    name, at, sequence = (text or "").partition("@")
    digits = sequence.replace(",", "").replace("_", "")
    if at and not digits.isdecimal():
        raise UsageError(f"'{sequence}' is no sequence", where="--debug", remedy="write HANDLER or HANDLER@SEQUENCE: strategy@4173")
    return name, int(digits) if at else None
