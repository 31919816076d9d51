"""The compiled forms of disruptor.stores."""

from __future__ import annotations

from disruptor import stores
from disruptor.compiled import entry

__all__ = ["copy_bytes", "store_half", "store_word"]


@entry
def store_word(array, position, value):
    stores.store_word(array, position, value)


@entry
def store_half(array, position, value):
    stores.store_half(array, position, value)


@entry
def copy_bytes(target, target_position, source, source_position, count):
    stores.copy_bytes(target, target_position, source, source_position, count)
