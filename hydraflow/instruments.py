"""Instruments: what a tick and a lot are, what trading costs, and where.

`table` turns declarations into the INSTRUMENT records that every handler sees; `infer` reads them off a capture for
symbols that nobody declared. Ticks and lots are decimal text ("0.10"), never floats, and become exact integers:
tick = price_multiple × 10^-price_decimals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation

import attrs
import numpy as np

from hydraflow.codes import Venue
from hydraflow.errors import ConfigurationError
from hydraflow.records import INSTRUMENT

__all__ = ["DECIMALS_MAX", "INSTRUMENTS_MAX", "Instrument", "infer", "inverse_symbols", "table"]

DECIMALS_MAX = 18
INSTRUMENTS_MAX = 65_535  # index 65,535 means "whichever book it fits"
SYMBOL_BYTES = 24
_MULTIPLE_MAX = (1 << 31) - 1
_FEE_MAX_PPM = 1_000_000
_INVERSE = re.compile(r"[A-Z0-9]+USD_(PERP|\d{6})")


@attrs.frozen(kw_only=True)
class Instrument:
    """One tradable thing.

    symbol : as the venue writes it, upper case, at most 24 characters. tick, lot : decimal text > 0, in quote and base
    currency (of a pool: those of its underlying; leave them out to take them over). maker_fee_ppm, taker_fee_ppm : parts
    per million of notional, negative for a rebate; of a pool taker_fee_ppm is the swap fee (3000 = 0.3 %).
    Of a pool only: underlying : symbol of the exchange instrument it trades against; address : contract, 40 hexadecimal
    digits; base_decimals, quote_decimals : of its tokens; base_is_token0 : whether reserve0 is the base.
    """

    symbol: str
    tick: str | Decimal = ""
    lot: str | Decimal = ""
    maker_fee_ppm: int = 0
    taker_fee_ppm: int = 0
    venue: Venue = Venue.EXCHANGE
    underlying: str = ""
    address: str = ""
    base_decimals: int = 18
    quote_decimals: int = 18
    base_is_token0: bool = True


def table(instruments: Sequence[Instrument]) -> np.ndarray:
    """Return the INSTRUMENT records, in the order given.

    Raises: ConfigurationError with every fault of every instrument, one a line.
    """
    faults: list[str] = []
    records = np.zeros(len(instruments), INSTRUMENT)
    places = {instrument.symbol: index for index, instrument in enumerate(instruments)}
    if len(instruments) > INSTRUMENTS_MAX:
        faults.append(f"at most {INSTRUMENTS_MAX:,} instruments, got {len(instruments):,}")
    if len(places) != len(instruments):
        names = [instrument.symbol for instrument in instruments]
        faults.extend(f"'{name}' is declared {names.count(name)} times" for name in places if names.count(name) > 1)
    for index, instrument in enumerate(instruments):
        found = _faults(instrument, instruments, places)
        faults.extend(f"'{instrument.symbol}': {fault}" for fault in found)
        if not found:
            _fill(records[index], index, instrument, instruments, places)
    if faults:
        raise ConfigurationError("\n".join(faults))
    return records


def infer(text: bytes, declared: Iterable[Instrument] = ()) -> list[Instrument]:
    """Return an Instrument for each symbol in a capture's lines that is not among `declared`, in order of appearance.

    text : lines `<receive ns> <json>`, or JSON alone. tick and lot are 10^-n for the largest number n of decimals seen,
    trailing zeros apart ("58710.20" counts as one). A REST snapshot without symbol counts for the only symbol; with
    several, for none. Lines that cannot be read are skipped: they are counted when they are decoded.
    """
    from handlers.deserialize.survey import survey

    known = {instrument.symbol for instrument in declared}
    return [
        Instrument(symbol=symbol, tick=_power(price_decimals), lot=_power(quantity_decimals))
        for symbol, price_decimals, quantity_decimals in survey(text)
        if symbol not in known
    ]


def inverse_symbols(records: np.ndarray) -> list[str]:
    """Return the symbols of inverse contracts: Binance COIN-M names them BTCUSD_PERP and BTCUSD_240927.

    They are quoted in USD, counted in contracts of so many USD, and settled in the coin. Price × quantity, by which notional,
    fees and PnL are computed here, is then no amount of money.
    """
    symbols = [bytes(record["symbol"][: int(record["symbol_length"])]).decode() for record in records]
    return [symbol for symbol in symbols if _INVERSE.fullmatch(symbol)]


def _power(decimals: int) -> str:
    return "1" if decimals == 0 else "0." + "0" * (decimals - 1) + "1"


def _scale(name: str, value: str | Decimal) -> tuple[int, int] | str:
    """Return (decimals, multiple) of a decimal step, or the fault."""
    if isinstance(value, float):
        return f"{name} must be decimal text such as '0.10', got the float {value!r}"
    try:
        number = Decimal(value) if isinstance(value, (str, int, Decimal)) else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number <= 0:
        return f"{name} must be a decimal number above 0 such as '0.10', got {str(value)!r}"
    digits, exponent = int("".join(map(str, number.as_tuple().digits))), int(number.as_tuple().exponent)
    while digits % 10 == 0:
        digits, exponent = digits // 10, exponent + 1
    if exponent > 0:
        digits, exponent = digits * 10 ** min(exponent, DECIMALS_MAX), 0
    if -exponent > DECIMALS_MAX or digits > _MULTIPLE_MAX:
        return f"{name} {value} needs more than {DECIMALS_MAX} decimals or a multiple above {_MULTIPLE_MAX:,}"
    return -exponent, digits


def _inherited(instrument: Instrument, instruments: Sequence[Instrument], places: dict[str, int]) -> Instrument:
    """Return the instrument with the tick and lot it takes over."""
    if instrument.venue != Venue.POOL or instrument.underlying not in places:
        return instrument
    other = instruments[places[instrument.underlying]]
    return attrs.evolve(instrument, tick=instrument.tick or other.tick, lot=instrument.lot or other.lot)


def _faults(instrument: Instrument, instruments: Sequence[Instrument], places: dict[str, int]) -> list[str]:
    faults = []
    whole = _inherited(instrument, instruments, places)
    text = instrument.symbol.encode()
    if not text or len(text) > SYMBOL_BYTES or not instrument.symbol.isascii() or not instrument.symbol.isprintable():
        faults.append(f"a symbol is 1 to {SYMBOL_BYTES} printable ASCII characters")
    if instrument.symbol != instrument.symbol.upper():
        faults.append(f"symbols are upper case; did you mean '{instrument.symbol.upper()}'?")
    scales = [_scale("tick", whole.tick), _scale("lot", whole.lot)]
    faults.extend(scale for scale in scales if isinstance(scale, str))
    for name in ("maker_fee_ppm", "taker_fee_ppm"):
        value = getattr(instrument, name)
        if not -_FEE_MAX_PPM < value < _FEE_MAX_PPM:
            faults.append(f"{name} must lie between -{_FEE_MAX_PPM:,} and {_FEE_MAX_PPM:,}, got {value:,}")
    if instrument.venue not in (Venue.EXCHANGE, Venue.POOL):
        faults.append(f"venue must be EXCHANGE or POOL, got {instrument.venue!r}")
    if instrument.venue == Venue.POOL:
        faults.extend(_pool_faults(instrument, instruments, places, scales))
    return faults


def _pool_faults(
    instrument: Instrument, instruments: Sequence[Instrument], places: dict[str, int], scales: list
) -> list[str]:
    faults = []
    if instrument.underlying not in places:
        faults.append(f"underlying '{instrument.underlying}' is not declared; declared: {', '.join(places)}")
    else:
        other = instruments[places[instrument.underlying]]
        if other.venue == Venue.POOL:
            faults.append(f"underlying '{other.symbol}' is a pool itself; name an exchange instrument")
        elif scales != [_scale("tick", other.tick), _scale("lot", other.lot)]:
            faults.append(f"tick and lot must be those of '{other.symbol}' ({other.tick}, {other.lot})")
    if len(_address(instrument.address)) != 20:
        faults.append(f"address must be 40 hexadecimal digits, got {instrument.address!r}")
    if instrument.taker_fee_ppm < 0:
        faults.append(f"the swap fee (taker_fee_ppm) cannot be negative, got {instrument.taker_fee_ppm:,}")
    for name in ("base_decimals", "quote_decimals"):
        value = getattr(instrument, name)
        if not 0 <= value <= 36:
            faults.append(f"{name} must lie between 0 and 36, got {value}")
    return faults


def _address(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        return b""


def _fill(
    record: np.record, index: int, instrument: Instrument, instruments: Sequence[Instrument], places: dict[str, int]
) -> None:
    whole = _inherited(instrument, instruments, places)
    price, quantity = _scale("tick", whole.tick), _scale("lot", whole.lot)
    assert not isinstance(price, str)  # checked: no faults
    assert not isinstance(quantity, str)
    record["price_decimals"], record["price_multiple"] = price
    record["quantity_decimals"], record["quantity_multiple"] = quantity
    record["tick"], record["lot"] = float(whole.tick), float(whole.lot)
    record["maker_fee_ppm"], record["taker_fee_ppm"] = instrument.maker_fee_ppm, instrument.taker_fee_ppm
    record["venue"] = instrument.venue
    text = instrument.symbol.encode()
    record["symbol_length"] = len(text)
    record["symbol"][: len(text)] = np.frombuffer(text, np.uint8)
    record["underlying"] = index
    if instrument.venue == Venue.POOL:
        record["underlying"] = places[instrument.underlying]
        record["address"] = np.frombuffer(_address(instrument.address), np.uint8)
        record["base_decimals"], record["quote_decimals"] = instrument.base_decimals, instrument.quote_decimals
        record["base_is_token0"] = instrument.base_is_token0
