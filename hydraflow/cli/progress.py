"""Progress of a run on stderr: one line refreshed in place on a terminal, a line a second elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from typing import Any

from hydraflow.notes import write
from hydraflow.runtime.phases import Phase
from hydraflow.runtime.result import from_snapshot

__all__ = ["Progress"]

_PHASES = {
    Phase.BUILDING: "building the graph",
    Phase.COMPILING: "compiling (the first time takes longest; cached afterwards)",
    Phase.MEASURING: "measuring this machine's own hiccups",
    Phase.FILLING: "reading ahead",
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
                detail = snapshot["phase"]["text"]
                self._show(_PHASES[Phase(phase)] + (f": {detail}" if detail else ""), keep=not self._tty)
        elif phase == Phase.RUNNING and snapshot["phase"]["text"]:
            if snapshot["phase"]["text"] != self._text or self._tty:
                self._show(snapshot["phase"]["text"], keep=not self._tty)
        elif phase == Phase.RUNNING and (self._tty or now - self._last_line >= 1.0):
            self._show(self._running(snapshot, now), keep=not self._tty)
            self._last_line = now
        self._phase, self._text = phase, snapshot["phase"]["text"]

    def close(self) -> None:
        """Leave the line empty."""
        if self._tty and self._width:
            self._write("\r" + " " * self._width + "\r")

    def _running(self, snapshot: dict[str, Any], now: float) -> str:
        result = from_snapshot(snapshot)
        before, frames_before = self._last
        rate = (result["frames"] - frames_before) / (now - before) if before and now > before else 0.0
        self._last = (now, result["frames"])
        wire: dict[str, Any] = next((v for k, v in result["latency_ns"].items() if k.startswith("frame_to_")), {})
        p99 = f", p99 {wire['p99'] / 1000:,.0f} µs" if wire.get("count") else ""
        return (f"{result['frames']:,} frames, {rate:,.0f}/s, {result['orders']:,} orders, {result['fills']:,} fills, "
                f"{result['rejects']:,} rejects{p99}")

    def _show(self, text: str, *, keep: bool) -> None:
        if keep:
            self._write(f"hfx: {text.strip()}\n")
            return
        line = text[: shutil.get_terminal_size().columns - 1]  # a line that wraps could not be refreshed in place
        self._write("\r" + line.ljust(self._width))
        self._width = len(line)

    def _write(self, text: str) -> None:
        if not write(self._stream, text):
            self._quiet = True
