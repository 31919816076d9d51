"""The functions of disruptor.detmath to a thousand digits where need be, in decimal arithmetic: slow and obvious."""

from __future__ import annotations

import math
from decimal import Decimal, getcontext, localcontext
from fractions import Fraction

__all__ = ["EXACT", "ulps"]

_DIGITS = 60
_TURN_DIGITS = 420  # 308 before the point, 60 behind, and what cancels


def _pi() -> Decimal:
    """Return π by Machin's formula: 16 arctan(1/5) − 4 arctan(1/239)."""
    def arctan_inverse(n: int) -> Decimal:
        total, power, k = Decimal(0), Decimal(1) / n, 0
        while power > Decimal(10) ** -(_TURN_DIGITS + 5):
            total += (-power if k & 1 else power) / (2 * k + 1)
            power /= n * n
            k += 1
        return total

    with localcontext() as context:
        context.prec = _TURN_DIGITS + 10
        return 16 * arctan_inverse(5) - 4 * arctan_inverse(239)


PI = _pi()


def _series(x: Decimal, first: int) -> Decimal:
    """Return x^first/first! − x^(first+2)/(first+2)! + …"""
    total, term, n = Decimal(0), x**first if first else Decimal(1), first
    while abs(term) > Decimal(10) ** -(_DIGITS + 20):
        total += term
        term *= -x * x / ((n + 1) * (n + 2))
        n += 2
    return total


def _reduced(x: Decimal) -> Decimal:
    with localcontext() as context:
        context.prec = _TURN_DIGITS
        turns = (x / (2 * PI)).to_integral_value()
        return x - turns * 2 * PI


def _sin(x: Decimal) -> Decimal:
    return _series(_reduced(x), 1)


def _cos(x: Decimal) -> Decimal:
    return _series(_reduced(x), 0)


def _expm1(x: Decimal) -> Decimal:
    getcontext().prec += 40
    value = x.exp() - 1
    getcontext().prec -= 40
    return value


def _log1p(x: Decimal) -> Decimal:
    getcontext().prec += 340
    value = (1 + x).ln() if abs(x) > Decimal("1e-30") else x - x * x / 2
    getcontext().prec -= 340
    return value


def _tanh(x: Decimal) -> Decimal:
    part = _expm1(2 * x)
    return part / (part + 2)


EXACT = {
    "exp": Decimal.exp,
    "expm1": _expm1,
    "log": Decimal.ln,
    "log1p": _log1p,
    "sin": _sin,
    "cos": _cos,
    "tanh": _tanh,
    "pow": lambda x, y: (y * x.ln()).exp(),
}


def ulps(name: str, arguments: tuple[float, ...], result: float) -> float:
    """Return by how many units in the last place of the exact value `result` is wrong."""
    with localcontext() as context:
        context.prec = _DIGITS
        exact = Fraction(EXACT[name](*(Decimal(a) for a in arguments)))
    if exact == 0:
        return 0.0 if result == 0.0 else math.inf
    try:
        unit = Fraction(math.ulp(float(exact)))
    except OverflowError:
        unit = Fraction(2) ** 971
    if math.isinf(result):
        return 0.0 if exact >= Fraction(2) ** 1024 - unit / 2 else math.inf
    return float(abs(Fraction(result) - exact) / unit)
