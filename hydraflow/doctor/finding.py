"""One look at the machine, and how the pseudo files of proc and sys are read."""

from __future__ import annotations

from pathlib import Path

import attrs

__all__ = ["GIB", "MIB", "STATUSES", "Finding", "read_text", "size_text"]

MIB = 1 << 20
GIB = 1 << 30
STATUSES = ("ok", "warn", "fail")


@attrs.frozen
class Finding:
    """One look. status : "ok", "warn" (it runs, worse than it could) or "fail" (it does not run).

    text : what was found. why : why it matters here. fix : a command, or what to do; of an "ok" a hint.
    """

    name: str
    status: str
    text: str
    fix: str = ""
    why: str = ""


def read_text(path: Path) -> str:
    """Return what a pseudo file says, stripped; "" when it is not there or may not be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def size_text(size: int) -> str:
    """Return bytes as MiB or GiB."""
    return f"{size / GIB:,.1f} GiB" if size >= 10 * GIB else f"{size / MIB:,.0f} MiB"
