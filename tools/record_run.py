"""Turns a real run in a terminal into an animated SVG: every line appears, changes and goes when it did.

    python -m tools.record_run docs/run.svg -- hfx run demo

The command runs on a pseudo terminal of COLUMNS columns. Nothing is edited but the home folder, which becomes `~`; waiting
longer than PAUSE_S is shortened to that, and the picture says by how much. Where animation is not shown, the end is.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import NamedTuple

__all__ = ["Span", "draw", "record", "spans"]

COLUMNS = 100
ROWS = 100
PAUSE_S = 2.0
LINE_PX, COLUMN_PX, MARGIN_PX, TITLE_PX = 17, 7.83, 16, 30
_ESCAPES = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")

_STYLE = """<style>
  .card { fill: #ffffff; stroke: #d0d7de; } .bar { fill: #f6f8fa; }
  text { fill: #1f2328; white-space: pre; } .soft { fill: #57606a; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #0d1117; stroke: #30363d; } .bar { fill: #161b22; } text { fill: #e6edf3; } .soft { fill: #9da7b1; }
  }
</style>"""


class Span(NamedTuple):
    """A line's text while it stood. row : 0 is the top; begin_s, end_s : from the start, end_s None: to the end."""

    row: int
    text: str
    begin_s: float
    end_s: float | None


def record(command: list[str]) -> list[tuple[float, str]]:
    """Run a command on a terminal; return (seconds since the start, text) of each piece of output.

    Raises: SystemExit when it does not end with status 0: what failed is not shown as an example.
    """
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = os.environ | {"COLUMNS": str(COLUMNS), "NO_COLOR": "1", "TERM": "xterm"}
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment)
    os.close(terminal)
    pieces = []
    while True:
        try:
            data = os.read(controller, 1 << 16)
        except OSError:  # the last writer has gone
            break
        pieces.append((time.monotonic() - began, data.decode(errors="replace")))
    os.close(controller)
    if process.wait() != 0:
        sys.exit(f"'{' '.join(command)}' ended with status {process.returncode}")
    return pieces


def shortened(pieces: Iterable[tuple[float, str]]) -> tuple[list[tuple[float, str]], float]:
    """Return the pieces with no pause above PAUSE_S, and the seconds that were left out."""
    out, last, cut = [], 0.0, 0.0
    for at_s, text in pieces:
        cut += max(0.0, at_s - last - PAUSE_S)
        out.append((at_s - cut, text))
        last = at_s
    return out, cut


def spans(pieces: Iterable[tuple[float, str]]) -> list[Span]:
    """Return what stood in each line, and when. Knows newline, carriage return and "erase to the end of the line"."""
    lines, row, column = [""], 0, 0
    done: list[Span] = []
    shown: dict[int, tuple[str, float]] = {}
    for at_s, text in pieces:
        for token in re.split(r"(\x1b\[[0-9;?]*[A-Za-z]|[\r\n])", text.replace(os.path.expanduser("~"), "~")):
            if token == "\n":
                row, column = row + 1, 0
                lines += [""] * (row + 1 - len(lines))
            elif token == "\r":
                column = 0
            elif match := _ESCAPES.fullmatch(token):
                if match[2] == "K":
                    lines[row] = lines[row][:column]
            elif token:
                lines[row] = lines[row][:column].ljust(column) + token + lines[row][column + len(token) :]
                column += len(token)
        for place, line in enumerate(lines):
            before = shown.get(place, ("", 0.0))
            if line.rstrip() != before[0]:
                if before[0]:
                    done.append(Span(place, before[0], before[1], at_s))
                shown[place] = (line.rstrip(), at_s)
    done += [Span(place, text, begin_s, None) for place, (text, begin_s) in shown.items() if text]
    return sorted(done, key=lambda s: (s.row, s.begin_s))


def draw(found: list[Span], prompt: str, cut_s: float = 0.0) -> str:
    """Return the SVG. prompt : the command as it was typed, shown from the beginning."""
    rows = max((s.row for s in found), default=0) + 2
    width = round(2 * MARGIN_PX + COLUMNS * COLUMN_PX)
    height = TITLE_PX + rows * LINE_PX + 2 * MARGIN_PX
    note = f"pauses shortened by {cut_s:.0f} s" if cut_s >= 1 else ""
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        ' font-family="ui-monospace, \'SF Mono\', Menlo, \'DejaVu Sans Mono\', monospace" font-size="13">',
        f"<title>A run of: {escape(prompt)}</title>", _STYLE,
        f'<rect class="card" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
        f'<path class="bar" d="M1 {TITLE_PX}V9a8 8 0 0 1 8-8H{width - 9}a8 8 0 0 1 8 8V{TITLE_PX}z"/>',
        *(f'<circle cx="{MARGIN_PX + 4 + 18 * i}" cy="15" r="5.5" fill="{c}"/>' for i, c in enumerate(("#ff5f57", "#febc2e", "#28c840"))),
        f'<text class="soft" x="{width - MARGIN_PX}" y="20" text-anchor="end">{note}</text>',
        _line(Span(-1, f"$ {prompt}", 0.0, None)),
        *(_line(span) for span in found),
    ]
    return "\n".join([*out, "</svg>"]) + "\n"


def _line(span: Span) -> str:
    """One text: what stays is visible but for the time before it; what goes is hidden but for its time."""
    y = TITLE_PX + MARGIN_PX + (span.row + 1.7) * LINE_PX
    hidden, change = "", ""
    if span.end_s is not None:
        hidden = ' visibility="hidden"'
        change = f'<set attributeName="visibility" to="visible" begin="{span.begin_s:.2f}s" dur="{span.end_s - span.begin_s:.2f}s"/>'
    elif span.begin_s > 0:
        change = f'<set attributeName="visibility" to="hidden" begin="0s" dur="{span.begin_s:.2f}s"/>'
    return f'<text x="{MARGIN_PX}" y="{y:g}" xml:space="preserve"{hidden}>{escape(span.text)}{change}</text>'


def main(arguments: list[str]) -> None:
    """Record and write."""
    if len(arguments) < 3 or arguments[1] != "--":
        sys.exit("usage: python -m tools.record_run FILE.svg -- COMMAND …")
    pieces, cut_s = shortened(record(arguments[2:]))
    Path(arguments[0]).write_text(draw(spans(pieces), " ".join(arguments[2:]), cut_s), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
