"""`hfx record SOURCE -o FILE`: write a capture from a live source. No engine, nothing is compiled."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING, Any

import click

from hydraflow.errors import HydraFlowError, UsageError
from hydraflow.notes import note

if TYPE_CHECKING:
    from hydraflow.ingress.live.client import Client
    from hydraflow.ingress.live.params import Figures, WebsocketParams
    from hydraflow.ingress.recorder import Recorder

__all__ = ["record"]

SCHEMA = "hfx.record/1"
_PROGRESS_SECONDS = 1.0


@click.command()
@click.argument("source")
@click.option("-o", "--output", required=True, help="Capture to write: plain, FILE.gz or FILE.zst.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="Stop after so long.")
@click.option("--frames", type=click.IntRange(min=1), help="Stop after so many lines.")
@click.option("--url", help="With SOURCE websocket: address of the stream, wss:// or ws://.")
@click.option("--snapshot-url", default="", help="REST snapshot of its books; {symbol} stands for the symbol.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
@click.option("--quiet", is_flag=True, help="No progress.")
def record(source: str, output: str, as_json: bool, **choices: Any) -> int:
    """Write the frames of a live SOURCE into a capture, until Ctrl-C, SIGTERM, --seconds or --frames.

    SOURCE is `websocket` (with --url), or a topology file: all its websocket sources are recorded into the one file, in
    order of arrival. Snapshots are fetched as for a run and recorded too, so the capture can be replayed.
    """
    from hydraflow.ingress.live.client import require_library
    from hydraflow.ingress.recorder import Recorder

    require_library()
    sources = _sources(source, choices["url"], choices["snapshot_url"])
    with Recorder(output, force=choices["force"]) as recorder:
        session = _Session(sources, recorder, choices["seconds"], choices["frames"] or 0, quiet=choices["quiet"])
        asyncio.run(session.run())
    result = {"schema": SCHEMA, "path": output, "frames": recorder.frames, "bytes": recorder.bytes, **session.counts()}
    summary = f"{recorder.frames:,} frames, {recorder.bytes:,} bytes, {result['connects']:,} connections, {result['gaps']:,} gaps"
    note(summary)
    if as_json:
        import json

        click.echo(json.dumps(result, indent=2))
    if session.failure is not None:
        raise session.failure
    return 130 if session.interrupted else 0


def _sources(source: str, url: str | None, snapshot_url: str) -> dict[str, WebsocketParams]:
    """Return the parameters of each source to record, by name."""
    from hydraflow.ingress.live.params import WebsocketParams

    if source == "websocket":
        if not url:
            raise UsageError("websocket needs an address", where="hfx record", remedy="add --url wss://…, or name a topology")
        try:
            return {"websocket": WebsocketParams(url=url, snapshot_url=snapshot_url)}
        except ValueError as error:
            raise UsageError(str(error), where="--url, --snapshot-url") from error
    if url or snapshot_url:
        raise UsageError("--url goes with SOURCE websocket; a topology names its own", where="hfx record")
    from hydraflow.cli.run import shipped
    from hydraflow.topology.load import load

    topology = load(shipped(source))
    found = {name: one.params for name, one in topology.bound.items() if isinstance(one.params, WebsocketParams)}
    if not found:
        raise UsageError("has no websocket source", where=f"topology '{source}'", remedy="name one with a live source")
    return found


class _Session:
    """Records some sources into one file. failure : why it ended early; interrupted : by Ctrl-C."""

    def __init__(
        self, sources: dict[str, WebsocketParams], recorder: Recorder, seconds: float | None, frames: int, *, quiet: bool
    ) -> None:
        self.failure: HydraFlowError | None = None
        self.interrupted = False
        self._recorder = recorder
        self._seconds = seconds
        self._progress = sys.stderr.isatty() and not quiet
        self._ended = asyncio.Event()
        self._clients: list[tuple[Client, Figures, Any]] = [self._client(n, p, frames) for n, p in sources.items()]

    def counts(self) -> dict[str, int]:
        """Return the sums of what the sources counted."""
        names = ("received", "connects", "disconnects", "failed_attempts", "resyncs", "snapshot_failures", "stale_feeds")
        found = {name: sum(getattr(figures, name) for _, figures, _ in self._clients) for name in names}
        return {**found, "gaps": sum(tape.chain.gaps for *_, tape in self._clients)}

    async def run(self) -> None:
        """Record until the end is reached or asked for."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        loop.add_signal_handler(signal.SIGTERM, self._ended.set)
        tasks = [asyncio.create_task(client.run()) for client, *_ in self._clients]
        watch = [asyncio.create_task(self._ended.wait()), asyncio.create_task(self._show())]
        await asyncio.wait([*tasks, watch[0]], timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in (*tasks, *watch):
            task.cancel()
        for outcome in await asyncio.gather(*tasks, *watch, return_exceptions=True):
            if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
                raise _cause(outcome)
        self.failure = next((client.failure for client, *_ in self._clients if client.failure), None)

    def _client(self, name: str, params: WebsocketParams, frames: int) -> tuple[Client, Figures, Any]:
        from hydraflow.ingress.live.client import Client
        from hydraflow.ingress.live.params import Figures
        from hydraflow.ingress.live.streams import streams_of
        from hydraflow.ingress.live.tape import Tape
        from hydraflow.ingress.live.trouble import Trouble

        where = f"source '{name}'"
        streams = streams_of(params.url, params.subscribe, params.symbols, params.snapshot_url, where)
        tape = Tape(self._recorder, streams.differences, frames, self._ended.set)
        figures = Figures()
        return Client(params, streams, tape, figures, Trouble(where), not_live=tape.chain.broken), figures, tape

    def _interrupt(self) -> None:
        self.interrupted = True
        self._ended.set()

    async def _show(self) -> None:
        """Refresh one line on a terminal."""
        while self._progress:
            await asyncio.sleep(_PROGRESS_SECONDS)
            sys.stderr.write(f"\r\033[Krecorded {self._recorder.frames:,} frames, {self._recorder.bytes:,} bytes")
            sys.stderr.flush()


def _cause(error: BaseException) -> BaseException:
    """Return the first error inside an exception group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
