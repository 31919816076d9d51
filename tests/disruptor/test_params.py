"""Parameters of a handler: which class they are, and which of its fields compiled code gets."""

from __future__ import annotations

import decimal
import enum
import pathlib
from typing import Any

import attrs
import numpy as np

from disruptor.handler import handler, params_dtype, params_record


class Side(enum.IntEnum):
    BUY = 1


class Mode(enum.Enum):
    SLOW = "slow"


@attrs.frozen
class Everything:
    whole: int = 3
    share: float = 0.5
    flag: bool = True
    side: Side = Side.BUY
    wide: np.int32 = attrs.field(default=np.int32(7))
    narrow: np.float32 = attrs.field(default=np.float32(0.25))
    anything: Any = 9
    text: str = "a"
    mode: Mode = Mode.SLOW
    path: pathlib.Path = pathlib.Path("x")
    price: decimal.Decimal = decimal.Decimal("0.1")
    names: tuple[str, ...] = ("a",)
    maybe: int | None = None


def test_numbers_reach_compiled_code_and_the_rest_stays_in_python():
    dtype = params_dtype(Everything)
    kept = {name: dtype.fields[name][0].kind for name in dtype.names if not name.startswith("pad")}
    assert {n: k for n, k in kept.items() if n in {f.name for f in attrs.fields(Everything)}} == {
        "whole": "i", "share": "f", "flag": "i", "side": "i", "wide": "i", "narrow": "f", "anything": "i"}
    record = params_record(Everything())[0]
    assert [record[n] for n in ("whole", "share", "flag", "side", "wide", "narrow", "anything")] == [3, 0.5, 1, 1, 7, 0.25, 9]


def test_the_annotation_of_params_names_their_class():
    @handler
    def watch(event, params: Everything):
        pass

    @handler(params=Everything)
    def declared(event, params):
        pass

    assert watch.params is declared.params is Everything


def test_what_the_decorator_says_comes_before_the_annotation():
    @attrs.frozen
    class Other:
        x: int = 1

    @handler(params=Other)
    def watch(event, params: Everything):
        pass

    assert watch.params is Other
    assert handler(lambda event, params: None).params is None
