"""The thread of a live source: runs the client's loop, fills the inbox, and watches the books for the client."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hydraflow.errors import HydraFlowError, InternalError
from hydraflow.ingress.live.client import Client, require_library
from hydraflow.ingress.live.inbox import Inbox
from hydraflow.ingress.live.intake import Intake
from hydraflow.ingress.live.params import Figures, WebsocketParams
from hydraflow.ingress.live.streams import streams_of
from hydraflow.ingress.live.trouble import Trouble

__all__ = ["LiveFeed"]

_JOIN_SECONDS = 2.0


class LiveFeed:
    """Fills the inbox of one live source; see ingress.base.Feed.

    instruments : the INSTRUMENT table; name : of the source, for messages. figures : what is counted.
    failure : why the source has given up, None while it has not.
    Raises: Unavailable without the library, ConfigurationError for streams that do not go together.
    """

    def __init__(
        self, params: WebsocketParams, *, instruments: np.ndarray | None = None, name: str = "websocket", **_context: Any
    ) -> None:
        require_library()
        where = f"source '{name}'"
        self._name = name
        streams = streams_of(params.url, params.subscribe, params.symbols, params.snapshot_url, where)
        self.figures = Figures()
        self._inbox = Inbox(params.buffer_frames, params.buffer_bytes)
        intake = Intake(self._inbox.post, params.when_full, streams.books, params.hold_bytes, self.figures)
        self._client = Client(
            params, streams, intake, self.figures, Trouble(where), not_live=self._not_live,
            tend=lambda: self._inbox.show(self.figures),
        )
        self._symbols = _symbols(instruments)
        self._reader: Callable[[], Sequence[int]] | None = None
        self._error: HydraFlowError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        return self._inbox.arrays

    @property
    def failure(self) -> HydraFlowError | None:
        return self._error or self._client.failure

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._client.connected

    def watch(self, reader: Callable[[], Sequence[int]]) -> None:
        """Give it the means to see which books are not LIVE. reader : returns their symbol indexes."""
        self._reader = reader

    def start(self) -> None:
        """Start the thread; it does not wait for the connection."""
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(self._client.run())
        self._thread = threading.Thread(target=self._run, name=f"{self._name}-feed", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the connection and join the thread, within two seconds."""
        if self._thread is None or self._loop is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(_JOIN_SECONDS)
        self._thread = None

    def _run(self) -> None:
        assert self._loop is not None
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except Exception as error:  # a fault of our own ends the source, and the run says so
            self._error = InternalError(f"the thread of the feed failed: {_cause(error)!r}")
        finally:
            self._inbox.show(self.figures)
            self._inbox.close()
            self._loop.close()

    def _not_live(self) -> list[str]:
        if self._reader is None:
            return []
        return [self._symbols[index] for index in self._reader() if index < len(self._symbols)]


def _symbols(instruments: np.ndarray | None) -> list[str]:
    """Return the symbols of the instrument table, by index."""
    if instruments is None:
        return []
    return [bytes(record["symbol"][: int(record["symbol_length"])]).decode() for record in instruments]


def _cause(error: BaseException) -> BaseException:
    """Return the first error inside an exception group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
