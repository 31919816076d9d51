"""Compiled callers of the small functions that sources use, one per function under test."""

from __future__ import annotations

from disruptor.compiled import entry
from disruptor.literal import put_text
from disruptor.random import random_below, random_word
from disruptor.search import find_byte
from hydraflow.ingress.pacing import plan

__all__ = ["below", "find", "next_plan", "two_texts", "word"]


@entry
def word(key, counter):
    return random_word(key, counter)


@entry
def below(key, counter, limit):
    return random_below(key, counter, limit)


@entry
def find(array, start, stop, byte):
    return find_byte(array, start, stop, byte)


@entry
def two_texts(buffer, at):
    at = put_text(buffer, at, '{"price":"')
    return put_text(buffer, at, "ü}")


@entry
def next_plan(pace, number, receive_ns, now):
    return plan(pace, number, receive_ns, now)
