"""pdb on one handler of a running graph: it stops at the handler's first event, or at the one that was asked for.

The engine has no terminal of its own (its streams belong to the parent), so the debugger opens the terminal that the
command was started on. All of pdb's commands work; `event` is one more. Between stops the handler runs at the interpreter's
speed; with a breakpoint set, at the tracer's.
"""

from __future__ import annotations

import pdb
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["HandlerDebugger", "Left"]

_NEXT = -1


class Left(BaseException):
    """The debugger was left with `quit`. No Exception: no policy for faults passes it by."""


class HandlerDebugger(pdb.Pdb):
    """at : the sequence to stop at, None for the first event. terminal : path of a terminal; streams instead, for tests."""

    def __init__(self, handler: str, at: int | None, terminal: str) -> None:
        source, target = open(terminal), open(terminal, "w")
        super().__init__(stdin=source, stdout=target, nosigint=True)
        self.prompt = f"({handler}) "
        self._handler, self._at = handler, _NEXT if at is None else at

    def wrap(self, function: Callable[..., Any], in_hand: Callable[..., tuple[int, int]]) -> Callable[..., Any]:
        """Return a function that calls `function`, in the debugger where it must stop. in_hand(*args) → (first, last) sequence."""

        def call(*args: Any) -> Any:
            first, last = in_hand(*args)
            stops = self._at == _NEXT or first <= self._at <= last
            if not stops and not self.breaks:
                return function(*args)
            return self._traced(function, args, stops, f"{first:,}" if first == last else f"{first:,} to {last:,}")

        return call

    def do_event(self, argument: str) -> bool | None:
        """event [SEQUENCE]

        Go on, and stop again at the next event, or at the one with this sequence.
        """
        try:
            self._at = int(argument.replace(",", "").replace("_", "")) if argument.strip() else _NEXT
        except ValueError:
            self.error(f"event takes the sequence of an event, got '{argument}'")
            return None
        self.set_continue()
        return True

    def _traced(self, function: Callable[..., Any], args: tuple[Any, ...], stops: bool, sequence: str) -> Any:
        self.reset()
        if stops:
            self._at = _NEXT - 1
            self.message(f"handler '{self._handler}', event {sequence}; `event [SEQUENCE]` stops again, `continue` runs on")
        else:  # run on, but see breakpoints
            self.botframe = sys._getframe()
            self.set_continue()
        sys.settrace(self.trace_dispatch)
        try:
            return function(*args)
        except pdb.bdb.BdbQuit:  # type: ignore[attr-defined]
            raise Left(f"left with `quit` at event {sequence}") from None
        finally:
            sys.settrace(None)
