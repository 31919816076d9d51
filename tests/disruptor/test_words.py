"""disruptor.words: the vector and word tricks say what the plain functions say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disruptor.words import (
    digits,
    equal_mask,
    fixed_digits,
    leading_digits,
    load_word,
    nondigit_mask,
    string_mask,
    word,
    zeros,
)
from tests.reference.kernels_words import all_at, plain_all_at

ALPHABETS = (b"0123456789", b"0", b"09./:", b'0.,"\\ \x00\x1f \x7f\x80\xff', bytes(range(256)))


def array(text: bytes) -> np.ndarray:
    return np.frombuffer(text, np.uint8).copy()


def test_words_say_what_they_promise() -> None:
    text = array(b'00061653.3"' + b'a"\\\x01\x80z' + b"." * 24)
    assert load_word(text, 3) == word(b"61653.3\"")
    assert word(b"ab") == ord("a") | ord("b") << 8
    assert digits(text, 8, 5) == 61653
    assert digits(text, 8, 8) == 61653
    assert digits(text, 9, 3) == -1
    assert leading_digits(text, 3, 5) == 61653
    assert leading_digits(text, 0, 8) == 61653
    assert leading_digits(text, 6, 3) == -1
    assert fixed_digits(text, 10, 5, 1) == 616533
    assert zeros(array(b"12345000"), 8, 3)
    assert not zeros(array(b"12345000"), 8, 4)
    assert equal_mask(text, 8, 34) == 0b10100
    assert string_mask(text, 8) == 0b11110100
    assert nondigit_mask(text, 0) & 0xFFF == 0b110100000000


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_words_are_the_same_compiled_and_plain(data) -> None:
    alphabet = data.draw(st.sampled_from(ALPHABETS))
    text = array(bytes(data.draw(st.lists(st.sampled_from(alphabet), min_size=64, max_size=64))))
    index = data.draw(st.integers(8, 32))
    count = data.draw(st.integers(1, 8))
    fraction = data.draw(st.integers(0, min(count, 6)))
    byte = data.draw(st.sampled_from([34, 46, 48]))
    assert all_at(text, index, count, fraction, byte) == plain_all_at(text, index, count, fraction, byte)


@pytest.mark.parametrize("value", [0, 7, 10, 99_999_999, 12_345_678, 80_000_001])
def test_digits_reads_eight_of_them(value) -> None:
    text = array(b"........" + b"%08d" % value + b"." * 40)
    assert all_at(text, 16, 8, 0, 34)[5] == value
