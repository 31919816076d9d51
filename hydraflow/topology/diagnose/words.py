"""Words of reports: names that were probably meant, counts, where the findings are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from hydraflow.topology.diagnose.finding import Diagnostic

__all__ = ["did_you_mean", "places", "plural", "summary"]


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Return the name out of `known` that `name` was probably meant to be, or None."""
    by_folded = {k.casefold(): k for k in sorted(known, reverse=True)}
    close = difflib.get_close_matches(name.casefold(), list(by_folded), n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None


def plural(count: int, noun: str) -> str:
    """Return "1 error", "2 errors"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def summary(diagnostics: Iterable[Diagnostic], path: str) -> str:
    """Return the last line of a report: "2 errors, 1 warning in demo.yaml"."""
    severities = [d.severity for d in diagnostics]
    errors, warnings = severities.count("error"), severities.count("warning")
    parts = [plural(errors, "error")] if errors or not warnings else []
    if warnings:
        parts.append(plural(warnings, "warning"))
    if severities.count("note"):
        parts.append(plural(severities.count("note"), "note"))
    return f"{', '.join(parts)} in {path}"


def places(diagnostics: Iterable[Diagnostic], path: str) -> str:
    """Return where diagnostics are, each file or option once: "a.yaml, b.yaml and --placement"; `path` when there are none."""
    named = list(dict.fromkeys(d.path.partition(" ")[0] if d.path.startswith("--") else d.path or path for d in diagnostics)) or [path]
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
