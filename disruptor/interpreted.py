"""A generated loop run by the Python interpreter: the same text, with the handlers and all that they call un-jitted.

For looking at a handler with a debugger while the others run compiled. What it does to memory is what the compiled loop does,
a thousand times slower. Stamps still come from the time-stamp counter, for other threads compare them with theirs; a division
by zero raises as it does compiled, where numpy would go on with 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from disruptor.codegen import Loop, LoopSource, load_loop
from disruptor.dividing import as_compiled
from disruptor.measuring import now
from disruptor.twin import plain_twin

__all__ = ["interpreted"]


def interpreted(source: LoopSource, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Loop:
    """Return the loop. wrap : called with each un-jitted handler; what it returns is called in its place."""
    run = plain_twin(load_loop(source, None).run)
    names = run.__globals__
    names["timestamp"] = now
    for local in source.functions:
        if local.startswith("on_"):
            names[local] = wrap(names[local])
    return Loop(source, as_compiled(run), True)
