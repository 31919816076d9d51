"""Which symbols a subscription carries, and where their snapshots are.

Binance names streams `<symbol>@depth`, `<symbol>@depth@100ms` (differences: the book needs a REST snapshot) and
`<symbol>@depth5`, `…@depth20@100ms` (whole books of few levels: it does not). The names stand in the address
(`/ws/<stream>`, `/stream?streams=<stream>/<stream>`) or in the text sent after connecting.

Source: Binance, "WebSocket Streams" and "How to manage a local order book correctly".
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import orjson

from hydraflow.errors import ConfigurationError

__all__ = ["Streams", "check_address", "name_snapshot", "streams_of"]

_DEPTH = re.compile(r"([A-Za-z0-9_]{1,24})@depth([0-9]*)")
_PLACE = "{symbol}"


class Streams:
    """books : symbols with depth streams, whose books a lost frame spoils. differences : those that need a snapshot."""

    def __init__(self, books: tuple[str, ...], differences: tuple[str, ...], snapshot_url: str) -> None:
        self.books = books
        self.differences = differences
        self._snapshot_url = snapshot_url

    def snapshot_url(self, symbol: str) -> str:
        """Return the address of the snapshot of `symbol`."""
        return self._snapshot_url.replace(_PLACE, symbol)


def streams_of(url: str, subscribe: str, symbols: str, snapshot_url: str, where: str = "websocket") -> Streams:
    """Return what this subscription carries.

    symbols : comma-separated, in place of what the stream names say. snapshot_url : with the place {symbol} where it goes;
    empty: no snapshots. Raises: ConfigurationError when several symbols share an address without that place.
    """
    named = list(dict.fromkeys(s.strip().upper() for s in symbols.split(",") if s.strip()))
    found = [(symbol.upper(), bool(levels)) for symbol, levels in _DEPTH.findall(f"{url} {subscribe}")]
    books = named or list(dict.fromkeys(symbol for symbol, _ in found))
    differences = named or list(dict.fromkeys(symbol for symbol, whole in found if not whole))
    if not snapshot_url:
        differences = []
    elif len(differences) > 1 and _PLACE not in snapshot_url:
        raise ConfigurationError(
            f"snapshot_url is the same for {', '.join(differences)}", where=where, remedy=f"write …symbol={_PLACE}&…"
        )
    return Streams(tuple(books), tuple(differences), snapshot_url)


def check_address(url: str, schemes: tuple[str, ...]) -> str:
    """Return what is wrong with an address, "" when nothing is."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises when it is no number
    except ValueError as error:
        return f"'{url}' is not an address: {error}"
    if parts.scheme not in schemes:
        return f"'{url}' must begin with {' or '.join(s + '://' for s in schemes)}"
    return "" if parts.hostname else f"'{url}' names no host"


def name_snapshot(text: bytes, symbol: str) -> bytes:
    """Return a REST snapshot as one line of JSON that names its symbol, which the venue's own answer does not.

    Raises: ValueError when it is no snapshot.
    """
    try:
        answer = orjson.loads(text)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict) or not {"lastUpdateId", "bids", "asks"} <= answer.keys():
        raise ValueError(f"is no order book: {text[:80].decode(errors='replace')!r}")
    return orjson.dumps({"lastUpdateId": answer.pop("lastUpdateId"), "symbol": symbol, **answer})
