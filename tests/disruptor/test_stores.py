"""Stores into byte arrays, jitted and un-jitted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disruptor import stores
from tests.reference import kernels_stores

WAYS = {"jitted": kernels_stores, "plain": stores}


@pytest.mark.parametrize("way", WAYS)
@given(value=st.integers(-(1 << 63), (1 << 63) - 1), position=st.integers(0, 24))
@settings(deadline=None)
def test_store_word_writes_eight_bytes_anywhere(way: str, value: int, position: int) -> None:
    array = np.full(32, 7, np.uint8)
    WAYS[way].store_word(array, position, value)
    wanted = bytearray(b"\7" * 32)
    wanted[position : position + 8] = value.to_bytes(8, "little", signed=True)
    assert array.tobytes() == wanted


@pytest.mark.parametrize("way", WAYS)
@given(value=st.integers(-(1 << 63), (1 << 63) - 1), position=st.integers(0, 28))
@settings(deadline=None)
def test_store_half_writes_the_low_four_bytes(way: str, value: int, position: int) -> None:
    array = np.full(32, 7, np.uint8)
    WAYS[way].store_half(array, position, value)
    wanted = bytearray(b"\7" * 32)
    wanted[position : position + 4] = (value & 0xFFFFFFFF).to_bytes(4, "little")
    assert array.tobytes() == wanted


@pytest.mark.parametrize("way", WAYS)
def test_copy_bytes_copies_between_dtypes(way: str) -> None:
    source = np.zeros(4, np.dtype((np.record, [("a", "i8"), ("b", "i8")])))
    source["a"], source["b"] = np.arange(4), -np.arange(4)
    target = np.zeros(64, np.uint8)
    WAYS[way].copy_bytes(target, 5, source, 16, 48)
    assert target[5:53].tobytes() == source.tobytes()[16:]
    assert not target[:5].any() and not target[53:].any()
    WAYS[way].copy_bytes(target, 0, source, 0, 0)
    assert target[5:53].tobytes() == source.tobytes()[16:]
