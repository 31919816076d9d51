"""Values that must never leave the process: what came from a secret is `***` in every text that does.

A topology's secrets are added when they are read (hydraflow.topology.lookup); notes, diagnostics, the engine's CnC file, its
result and the journal's header go through `SECRETS`, the process's own scrubber. It replaces texts, never numbers, so JSON
stays JSON. A value shorter than four characters cannot be told from other text and is not replaced.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["HIDDEN", "SECRETS", "Scrubbed", "Scrubber", "is_secret"]

HIDDEN = "***"
_LEAST = 4  # characters
_LEAST_LINE = 8  # of a line of a secret that has several
_NAMED = re.compile(r"KEY|SECRET|TOKEN|PASSW|PASSPHRASE|CREDENTIAL|PRIVATE|MNEMONIC|SEED_?PHRASE|AUTH", re.IGNORECASE)


def is_secret(variable: str) -> bool:
    """Return whether a variable's name says that its value must never be written to a file."""
    return _NAMED.search(variable) is not None


class Scrubber:
    """Knows secrets and replaces them."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, value: str) -> None:
        """Hide `value` from now on: as it is, quoted by JSON or Python, on one line, each of its lines."""
        if value in self._values:
            return
        self._values.add(value)
        self._forms |= {form for form in _forms(value) if len(form) >= _LEAST}
        longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def clear(self) -> None:
        """Forget everything: for tests."""
        self.__init__()  # type: ignore[misc]

    def holds(self, value: Any) -> bool:
        """Return whether the text of `value` contains a secret, however short."""
        text = str(value)
        return any(secret in text for secret in self._values) or self.scrub(text) != text

    def scrub(self, text: str) -> str:
        """Return the text with every secret replaced."""
        return self._pattern.sub(HIDDEN, text) if self._pattern is not None else text

    def data(self, value: Any) -> Any:
        """Return dicts, lists and tuples with the texts in them scrubbed, keys too."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.scrub(value)
        if isinstance(value, dict):
            return {self.data(key): self.data(inner) for key, inner in value.items()}
        return [self.data(inner) for inner in value] if isinstance(value, (list, tuple)) else value


class Scrubbed:
    """A text stream whose writes are scrubbed; everything else is that of `stream`, the one beneath."""

    def __init__(self, stream: Any, scrubber: Scrubber) -> None:
        self.stream = stream
        self._scrubber = scrubber

    def write(self, text: str) -> int:
        self.stream.write(self._scrubber.scrub(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def _forms(value: str) -> set[str]:
    import json

    lines = {line.strip() for line in value.splitlines() if len(line.strip()) >= _LEAST_LINE}
    quoted = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    grouped = {f"{int(value):,}"} if value.isascii() and value.isdigit() and len(value) <= 64 else set()
    return {value, value.strip(), " ".join(value.split())} | lines | quoted | grouped


SECRETS = Scrubber()
