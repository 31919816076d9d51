"""Helpers that no loop inlines: once inlined in a process, a compiled helper cannot be called from Python any more."""

from disruptor.compiled import compiled


@compiled
def twice(value):
    return value + value


@compiled(inline=False)
def square(value):
    return value * value
