"""Kernels for tests/disruptor/test_bits.py."""

from disruptor.bits import bit, bits_through, highest_bit, lowest_bit, next_bit
from disruptor.compiled import entry


@entry(cache=False)
def all_of(word, index):
    """Return what every function of disruptor.bits says."""
    return bit(index), bits_through(index), lowest_bit(word), highest_bit(word)


@entry(cache=False)
def next_of(words, start):
    """Return next_bit(words, start)."""
    return next_bit(words, start)


@entry(cache=False)
def walk(words, found):
    """Write the places of every bit into `found`; return their count."""
    count = 0
    place = next_bit(words, 0)
    while place >= 0:
        found[count] = place
        count += 1
        place = next_bit(words, place + 1)
    return count
