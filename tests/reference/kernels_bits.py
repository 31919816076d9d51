"""Kernels for tests/disruptor/test_bits.py."""

from disruptor.bits import bit, bits_through, highest_bit, lowest_bit
from disruptor.compiled import entry


@entry(cache=False)
def all_of(word, index):
    """Return what every function of disruptor.bits says."""
    return bit(index), bits_through(index), lowest_bit(word), highest_bit(word)
