"""Keccak-256 in Python integers, to derive function selectors. Source: FIPS 202 with Ethereum's padding byte 0x01."""

from __future__ import annotations

_MASK = (1 << 64) - 1


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> (64 - bits)) & _MASK if bits else word


def _permute(lanes: list[list[int]]) -> None:
    register = 1
    for _ in range(24):
        columns = [lanes[x][0] ^ lanes[x][1] ^ lanes[x][2] ^ lanes[x][3] ^ lanes[x][4] for x in range(5)]
        for x in range(5):
            parity = columns[x - 1] ^ _rotated(columns[(x + 1) % 5], 1)
            for y in range(5):
                lanes[x][y] ^= parity
        x, y, current = 1, 0, lanes[1][0]
        for t in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            current, lanes[x][y] = lanes[x][y], _rotated(current, (t + 1) * (t + 2) // 2 % 64)
        for y in range(5):
            row = [lanes[x][y] for x in range(5)]
            for x in range(5):
                lanes[x][y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5] & _MASK)
        for j in range(7):
            register = (register << 1 ^ (register >> 7) * 0x171) & 0x1FF
            if register & 2:
                lanes[0][0] ^= 1 << ((1 << j) - 1)


def keccak_256(data: bytes) -> bytes:
    """Return the hash of at most 135 bytes (one block)."""
    block = bytearray(136)
    block[: len(data)] = data
    block[len(data)] ^= 1
    block[135] ^= 0x80
    words = [int.from_bytes(block[i : i + 8], "little") for i in range(0, 136, 8)] + [0] * 8
    lanes = [[words[x + 5 * y] for y in range(5)] for x in range(5)]
    _permute(lanes)
    return b"".join(lanes[x][0].to_bytes(8, "little") for x in range(4))
