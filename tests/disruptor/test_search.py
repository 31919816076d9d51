"""find_byte against bytes.find, compiled and not; put_text."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from disruptor.literal import put_text
from disruptor.search import find_byte
from tests.reference import kernels_ingress


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 200), st.integers(0, 200), st.integers(0, 255))
def test_find_byte_finds_the_first_one_or_stop(data, start, stop, byte):
    array = np.frombuffer(data + b"\n" * 8, np.uint8).copy()
    stop = min(stop, len(data))
    start = min(start, stop)
    expected = data[:stop].find(byte, start)
    expected = stop if expected < 0 else expected
    assert find_byte(array, start, stop, byte) == expected
    assert kernels_ingress.find(array, start, stop, byte) == expected


def test_find_byte_finds_beyond_a_stride():
    array = np.zeros(200_000, np.uint8)
    array[150_001] = 7
    assert find_byte(array, 5, 200_000, 7) == kernels_ingress.find(array, 5, 200_000, 7) == 150_001
    assert find_byte(array, 5, 150_001, 7) == kernels_ingress.find(array, 5, 150_001, 7) == 150_001


def test_put_text_writes_utf8_and_returns_the_index_after_it():
    expected = '{"price":"ü}'.encode()
    buffer = np.zeros(32, np.uint8)
    end = kernels_ingress.two_texts(buffer, 3)
    assert bytes(buffer[3:end]) == expected and not buffer[:3].any() and not buffer[end:].any()
    plain = np.zeros(32, np.uint8)
    assert put_text(plain, put_text(plain, 3, '{"price":"'), "ü}") == end
    assert bytes(plain) == bytes(buffer)
