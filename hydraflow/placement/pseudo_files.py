"""Reading what the kernel shows in /proc and /sys. What is absent or unreadable is empty."""

from __future__ import annotations

from pathlib import Path

__all__ = ["cpu_words", "parse_cpu_list", "text"]


def text(path: Path) -> str:
    """Return the contents of a pseudo file, "" when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def parse_cpu_list(listed: str) -> tuple[int, ...]:
    """Return the cpus of a kernel list such as "0-3,8,10-11"; what cannot be read is skipped."""
    found: set[int] = set()
    for part in listed.strip().split(","):
        first, dash, last = part.strip().partition("-")
        if first.isdecimal() and (not dash or last.isdecimal()):
            found.update(range(int(first), min(int(last or first), 65_535) + 1))
    return tuple(sorted(found))


def cpu_words(cpus: tuple[int, ...]) -> str:
    """Return cpus as the kernel writes them: "0-3,8"; "none" for no cpu."""
    parts: list[list[int]] = []
    for cpu in sorted(cpus):
        if parts and cpu == parts[-1][-1] + 1:
            parts[-1].append(cpu)
        else:
            parts.append([cpu])
    return ",".join(f"{p[0]}-{p[-1]}" if len(p) > 1 else str(p[0]) for p in parts) or "none"
