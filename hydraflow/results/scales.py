"""What a tick and a lot of each symbol are: from a table of instruments, from a report, or from the decimals that were written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs
import numpy as np

__all__ = ["Scale", "Scales"]

_EXACT = 1 << 53  # integers up to here are floats without loss


@attrs.frozen
class Scale:
    """A symbol with its tick (quote currency) and lot (base currency), exact."""

    symbol: str
    tick: Decimal
    lot: Decimal

    @property
    def unit(self) -> Decimal:
        """Money: tick × lot, in quote currency."""
        return self.tick * self.lot


class Scales:
    """Scales by index of the instrument.

    known : False when nothing says what a tick is; amounts can then be given in ticks and lots only.
    """

    def __init__(self, scales: Iterable[Scale] = (), *, known: bool = True) -> None:
        self._scales = list(scales)
        self.known = known and bool(self._scales)

    @classmethod
    def of_records(cls, instruments: np.ndarray) -> Scales:
        """Return those of INSTRUMENT records."""
        def one(record: Any) -> Scale:
            return Scale(bytes(record["symbol"][: int(record["symbol_length"])]).decode(),
                         Decimal(int(record["price_multiple"])).scaleb(-int(record["price_decimals"])),
                         Decimal(int(record["quantity_multiple"])).scaleb(-int(record["quantity_decimals"])))

        return cls(one(record) for record in instruments)

    @classmethod
    def of_report(cls, rows: Iterable[Mapping[str, Any]]) -> Scales:
        """Return those that a report lists under `instruments`."""
        return cls(Scale(row["symbol"], Decimal(row["tick"]), Decimal(row["lot"])) for row in rows)

    @classmethod
    def of_texts(cls, texts: Mapping[str, tuple[Iterable[str], Iterable[str]]]) -> Scales:
        """Return those that the decimals show. texts : symbol → (prices, quantities) as decimal text."""
        return cls(Scale(symbol, _step(prices), _step(quantities)) for symbol, (prices, quantities) in texts.items())

    def __len__(self) -> int:
        return len(self._scales)

    def __getitem__(self, index: int) -> Scale:
        return self._scales[index]

    def __repr__(self) -> str:
        return "\n".join(f"{k}  {s.symbol}  tick {s.tick:f}  lot {s.lot:f}" for k, s in enumerate(self._scales)) or "no instruments"

    @property
    def symbols(self) -> list[str]:
        """Every symbol, by index."""
        return [scale.symbol for scale in self._scales]

    def floats(self, amounts: np.ndarray, symbols: np.ndarray, what: str) -> np.ndarray:
        """Return float64 of int64 amounts, each the float nearest to the exact decimal. what : "ticks", "lots" or "units"."""
        out = np.zeros(len(amounts), np.float64)
        for index in np.unique(symbols):
            chosen = symbols == index
            step = self._step(int(index), what)
            numerator, denominator = step.as_integer_ratio()
            part = amounts[chosen]
            top = max(-int(part.min(initial=0)), int(part.max(initial=0))) * numerator
            if top < _EXACT and denominator < _EXACT:  # both exact, so that the division rounds once
                out[chosen] = (part * numerator).astype(np.float64) / denominator
            else:
                out[chosen] = [float(int(value) * step) for value in part]
        return out

    def decimals(self, amounts: np.ndarray, symbols: np.ndarray, what: str) -> list[Decimal]:
        """Return the exact decimals of int64 amounts."""
        steps = {int(index): self._step(int(index), what) for index in np.unique(symbols)}
        return [value * steps[index] for value, index in zip(amounts.tolist(), symbols.tolist(), strict=True)]

    def _step(self, index: int, what: str) -> Decimal:
        if index >= len(self._scales):  # a message of no symbol
            return Decimal(0)
        scale = self._scales[index]
        return {"ticks": scale.tick, "lots": scale.lot, "units": scale.unit}[what]


def _step(texts: Iterable[str]) -> Decimal:
    exponents: Sequence[int] = [int(Decimal(text).as_tuple().exponent) for text in texts]
    return Decimal(1).scaleb(min([0, *exponents]))
