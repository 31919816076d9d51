"""`hfx simulate`: write a capture of seeded order flow. The same frames as the source `simulator` publishes."""

from __future__ import annotations

import sys
import time
from typing import BinaryIO

import click

from hydraflow.cli.output import open_output
from hydraflow.errors import UsageError
from hydraflow.notes import note

__all__ = ["simulate"]

SCHEMA = "hfx.simulate/1"
_PROGRESS_SECONDS = 1.0


@click.command()
@click.option("--frames", type=click.IntRange(min=0), default=100_000, show_default=True, help="How many frames.")
@click.option(
    "--seed",
    type=click.IntRange(min=-(1 << 63), max=(1 << 63) - 1),
    default=7,
    show_default=True,
    help="Key of the random numbers: the same seed gives the same bytes everywhere.",
)
@click.option("-o", "--output", required=True, help="Capture to write: plain, FILE.gz or FILE.zst; '-' is stdout.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
def simulate(frames: int, seed: int, output: str, force: bool, as_json: bool) -> None:
    """Write a capture of simulated Binance order flow with an AMM pool beside it.

    The lines are `<receive ns> <json>`. Frames, bytes and the SHA-256 of the lines (before compression) go to stderr.
    """
    if as_json and output == "-":
        raise UsageError("--json and -o - both want stdout", remedy="write the capture to a file")
    with open_output(output, force=force) as file:
        result = _write(file, output, frames, seed)
    note(f"{result['frames']:,} frames, {result['bytes']:,} bytes, sha256 {result['sha256']}")
    if as_json:
        import json

        click.echo(json.dumps(result, indent=2))


def _write(file: BinaryIO, output: str, frames: int, seed: int) -> dict:
    import hashlib

    from hydraflow.ingress.compress import CompressedWriter, codec_of
    from hydraflow.ingress.simulator.batch import SimulatedLines
    from hydraflow.ingress.simulator.state import SimulatorParams

    writer = CompressedWriter(file, codec_of(output), output)
    simulated = SimulatedLines(SimulatorParams(frames=frames, seed=seed))
    progress = _Progress(frames)
    digest = hashlib.sha256()
    written = 0
    try:
        for block in simulated:
            digest.update(block)
            writer.write(block)
            written += len(block)
            progress.show(int(simulated.counters["frames"]))
    finally:
        progress.close()
    writer.finish()
    counters = {name: int(simulated.counters[name]) for name in simulated.counters.dtype.names or ()}
    return {
        "schema": SCHEMA,
        "path": output,
        "frames": frames,
        "seed": seed,
        "bytes": written,
        "sha256": digest.hexdigest(),
        "counters": counters,
    }


class _Progress:
    """Frames done, refreshed in place on a terminal from the second second on; before the first block, why it takes time."""

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._tty = sys.stderr.isatty()
        self._last = time.monotonic()
        if self._tty:
            sys.stderr.write("compiling, or loading what was compiled before")
            sys.stderr.flush()

    def show(self, done: int) -> None:
        now = time.monotonic()
        if self._tty and now - self._last >= _PROGRESS_SECONDS:
            self._last = now
            percent = 100 * done // self._frames
            sys.stderr.write(f"\r\033[Ksimulated {done:,} of {self._frames:,} frames ({percent} %)")
            sys.stderr.flush()

    def close(self) -> None:
        if self._tty:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
