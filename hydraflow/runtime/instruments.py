"""The instrument table of a run: from the topology or its sources, completed by the decimals seen in a capture."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import attrs
import numpy as np

from hydraflow.codes import Venue
from hydraflow.errors import ConfigurationError, DataError
from hydraflow.ingress.decompress import Decompressor
from hydraflow.instruments import Instrument, infer, table
from hydraflow.records import INSTRUMENT
from hydraflow.topology.check_lots import ADVISED, too_fine
from hydraflow.topology.spec import InstrumentSpec, Topology, trades

__all__ = ["instrument_table", "instruments_of"]

PREFIX_BYTES = 64 << 20
PIECE_BYTES = 4 << 20


def instrument_table(topology: Topology, bound: dict[str, Any]) -> np.ndarray:
    """Return the INSTRUMENT records.

    One whose rings all hold records of its own has none. A topology that lists none gets those that its sources know. Instruments without tick or lot, and symbols of captures that are not declared, take theirs from the decimals seen in
    the first PREFIX_BYTES of the captures. Raises: ConfigurationError when nothing says what is traded, DataError when the
    captures should, and nothing in them is a frame.
    """
    if not trades(topology) and not topology.instruments:
        return np.zeros(0, INSTRUMENT)
    declared = [_instrument(spec) for spec in topology.instruments or instruments_of(topology, bound)]
    complete = [i for i in declared if i.venue == Venue.POOL or (i.tick and i.lot)]
    seen: dict[str, Instrument] = {}
    captures = [bound[s.name].params.path for s in topology.sources if s.use == "capture" and s.name in bound]
    for path in captures:
        for text in _pieces(path):
            for found in infer(text, complete):
                seen[found.symbol] = _finer(found, seen.get(found.symbol))
    merged = [_completed(i, seen.pop(i.symbol, None)) for i in declared] + list(seen.values())
    for instrument in merged:
        if instrument.venue != Venue.POOL and not (instrument.tick and instrument.lot):
            raise ConfigurationError(f"instrument '{instrument.symbol}' has no tick and lot, and no capture to take them from",
                                     where=topology.path, remedy="write tick: and lot: under instruments:")
        wrong = too_fine(topology, instrument.lot)
        if wrong:
            raise ConfigurationError(f"instrument '{instrument.symbol}': {wrong}", where=topology.path,
                                     remedy=f"write lot: {ADVISED} under instruments: (an order holds up to 1,099 then)")
    if not merged and captures:
        raise _useless(captures[0])
    if not merged:
        raise ConfigurationError("nothing says what is traded", where=topology.path,
                                 remedy="list symbols under instruments:, with tick and lot")
    return table(merged)


def instruments_of(topology: Topology, bound: dict[str, Any]) -> list[InstrumentSpec]:
    """Return what the sources know that they trade, each symbol once."""
    known = [bound[s.name] for s in topology.sources if s.name in bound and bound[s.name].handler.instruments]
    specs = [InstrumentSpec(**keys) for one in known for keys in one.handler.instruments(one.params)]
    return list({spec.symbol: spec for spec in reversed(specs)}.values())[::-1]


def _useless(path: str) -> DataError:
    """Return what is wrong with a capture in which no symbol was found."""
    source = Decompressor(path)
    lines, last = 0, b"\n"
    for piece in source:
        lines, last = lines + piece.count(b"\n"), piece[-1:]
    lines += last != b"\n"  # without a line end
    what = {0: "holds no line", 1: "its only line is no frame that names a symbol"}.get(
        lines, f"none of its {lines:,} lines is a frame that names a symbol")
    return DataError(
        f"{what}{f': {source.damage}' if source.damage else ''}", where=f"capture '{path}'",
        remedy="give a file of lines '<receive ns> <json>', as hfx record and hfx simulate write them",
    )


def _pieces(path: str) -> Iterator[bytes]:
    """Yield the beginning of a capture in pieces of whole lines, so that it never lies in memory as a whole."""
    rest, seen = b"", 0
    for chunk in Decompressor(path):
        seen += len(chunk)
        rest += chunk
        if len(rest) >= PIECE_BYTES:
            cut = rest.rfind(b"\n") + 1
            yield rest[:cut]
            rest = rest[cut:]
        if seen >= PREFIX_BYTES:
            break
    if rest:
        yield rest


def _finer(found: Instrument, before: Instrument | None) -> Instrument:
    """Return the instrument with the smaller tick and the smaller lot of the two."""
    if before is None:
        return found
    tick = min((found.tick, before.tick), key=Decimal)
    return attrs.evolve(found, tick=tick, lot=min((found.lot, before.lot), key=Decimal))


def _completed(declared: Instrument, seen: Instrument | None) -> Instrument:
    if seen is None:
        return declared
    return attrs.evolve(declared, tick=declared.tick or seen.tick, lot=declared.lot or seen.lot)


def _instrument(spec: InstrumentSpec) -> Instrument:
    known = {field.name for field in attrs.fields(Instrument)}
    values = {f.name: getattr(spec, f.name) for f in attrs.fields(InstrumentSpec) if f.name in known}
    values = {name: "" if value is None else value for name, value in values.items()}
    values["venue"] = Venue.POOL if spec.venue == "pool" else Venue.EXCHANGE
    return Instrument(**values)
