"""What a test says of a number: `5`, or text with a sign: `>= 5`, `> 0`, `< 9`, `<= 9`, `!= 0`, `3..7`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs

__all__ = ["Comparison", "FORMS", "comparison", "number"]

FORMS = "5, '>= 5', '> 0', '<= 9', '< 9', '!= 0' or '3..7'"
_NUMBER = r"[-+]?[0-9][0-9_]*(?:\.[0-9]+)?"
_SIGNED = re.compile(rf"(>=|<=|!=|>|<|=)?\s*({_NUMBER})")
_RANGE = re.compile(rf"({_NUMBER})\s*\.\.\s*({_NUMBER})")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge, "<=": operator.le, "!=": operator.ne, ">": operator.gt, "<": operator.lt, "=": operator.eq,
}


@attrs.frozen
class Comparison:
    """A condition on a number. text : as a report shows it; holds(actual) : whether it is met."""

    text: str
    holds: Callable[[Decimal], bool] = attrs.field(repr=False, eq=False)


def comparison(value: Any) -> Comparison | None:
    """Return the condition that `value` stands for, None when it stands for none."""
    text = f"{Decimal(str(value)):f}" if isinstance(value, float) else str(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    between = _RANGE.fullmatch(text.strip())
    if between:
        low, high = (Decimal(part.replace("_", "")) for part in between.groups())
        return Comparison(f"{low:,f}..{high:,f}", lambda actual: low <= actual <= high)
    signed = _SIGNED.fullmatch(text.strip())
    if signed is None:
        return None
    sign, wanted = signed[1] or "=", Decimal(signed[2].replace("_", ""))
    shown = f"{wanted:,f}" if sign == "=" else f"{sign} {wanted:,f}"
    return Comparison(shown, lambda actual: _OPERATORS[sign](actual, wanted))


def number(value: Any) -> Decimal | None:
    """Return a number, or a text that is one, exactly; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    return Decimal(str(value)) if re.fullmatch(rf"{_NUMBER}(?:[eE][-+]?[0-9]+)?", str(value)) else None
