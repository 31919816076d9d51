"""Progress of a run on stderr: one line refreshed in place on a terminal, a line a second elsewhere.

A line is made of whole words: on a narrow terminal the last ones are left out, a number is never cut.
"""

from __future__ import annotations

import shutil
import sys
import time
from typing import Any

from hydraflow.cli.quantities import duration
from hydraflow.notes import write
from hydraflow.runtime.phases import Phase
from hydraflow.runtime.report import trades
from hydraflow.runtime.result import from_snapshot

__all__ = ["Progress"]

_PHASES = {  # {}: the phase's text
    Phase.BUILDING: "building the graph",
    Phase.COMPILING: "compiling {}, or loading what was compiled before",
    Phase.MEASURING: "measuring the machine's own {}",
    Phase.FILLING: "reading ahead: {}",
}


class Progress:
    """Shows snapshots of the engine's CnC file. stream : a text stream; when its reader has gone nothing is shown."""

    def __init__(self, *, stream: Any = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._quiet = False
        self._tty = bool(getattr(self._stream, "isatty", lambda: False)())
        self._last_line = 0.0
        self._last = (0.0, 0)
        self._phase, self._text = -1, ""
        self._width = 0

    def __call__(self, snapshot: dict[str, Any]) -> None:
        """Show one snapshot."""
        if self._quiet:
            return
        now = time.monotonic()
        phase = int(snapshot["phase"]["code"])
        if phase < Phase.RUNNING:
            if (phase, snapshot["phase"]["text"]) != (self._phase, self._text) or self._tty:
                self._show([_PHASES[Phase(phase)].format(snapshot["phase"]["text"])])
        elif phase == Phase.RUNNING and snapshot["phase"]["text"]:
            if snapshot["phase"]["text"] != self._text or self._tty:
                self._show([snapshot["phase"]["text"]])
        elif phase == Phase.RUNNING and (self._tty or now - self._last_line >= 1.0):
            self._show(self._running(snapshot, now))
            self._last_line = now
        self._phase, self._text = phase, snapshot["phase"]["text"]

    def close(self) -> None:
        """Leave the line empty."""
        if self._tty and self._width:
            self._write("\r" + " " * min(self._width, shutil.get_terminal_size().columns - 1) + "\r")

    def _running(self, snapshot: dict[str, Any], now: float) -> list[str]:
        result = from_snapshot(snapshot)
        before, count_before = self._last
        noun, count = ("frames", result["frames"]) if trades(result) else ("records", sum(result["records"].values()))
        parts = [f"{count:,} {noun}"]
        if before and now > before:
            parts.append(f"{(count - count_before) / (now - before):,.0f}/s")
        self._last = (now, count)
        if noun == "records":
            return parts if len(result["records"]) < 2 else [*parts, *(f"{ring} {n:,}" for ring, n in result["records"].items())]
        parts += [f"{result[what]:,} {what}" for what in ("orders", "fills", "rejects")]
        wire: dict[str, Any] = next((v for k, v in result["latency_ns"].items() if k.startswith("frame_to_")), {})
        return [*parts, f"p99 {duration(wire['p99'])}"] if wire.get("count") else parts

    def _show(self, parts: list[str]) -> None:
        """Show parts, separated by commas: those that fit a line, for one that wraps could not be refreshed in place."""
        if not self._tty:
            self._write(f"hfx: {', '.join(parts).strip()}\n")
            return
        columns = shutil.get_terminal_size().columns - 1
        line = parts[0][:columns]
        for part in parts[1:]:
            if len(line) + 2 + len(part) > columns:
                break
            line += f", {part}"
        self._write("\r" + line.ljust(min(self._width, columns)))
        self._width = len(line)

    def _write(self, text: str) -> None:
        if not write(self._stream, text):
            self._quiet = True
