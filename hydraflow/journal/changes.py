"""What a PARAMETERS message of a journal says, in names: the header lists the stages and the fields of their parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["changed_parameters", "pairs_of", "stage_name"]

_READ: dict[str, Callable[[int], Any]] = {"float": lambda word: float(np.int64(word).view(np.float64)), "bool": bool, "int": int}


def stage_name(number: int, stages: Sequence[Mapping[str, Any]]) -> str:
    """Return the name of a stage, "?" when the header does not know it. stages : of the header."""
    return stages[number]["name"] if 0 <= number < len(stages) else "?"


def changed_parameters(pairs: Any, stages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return {"stage.parameter": value}. pairs : the payload, int64 pairs (stage << 32 | field, value as a word)."""
    found: dict[str, Any] = {}
    for place, word in pairs:
        stage, field = int(place) >> 32, int(place) & 0xFFFFFFFF
        fields = stages[stage]["fields"] if 0 <= stage < len(stages) else []
        name, kind = fields[field] if field < len(fields) else ("?", "int")
        found[f"{stage_name(stage, stages)}.{name}"] = _READ[kind](int(word))
    return found


def pairs_of(message: Any, units: np.ndarray) -> np.ndarray:
    """Return the payload of a loaded message as int64 pairs. units : LEVEL records that its payload_position counts into."""
    start = int(message["payload_position"])
    return units[start : start + int(message["payload_count"])].view(np.int64).reshape(-1, 2)
