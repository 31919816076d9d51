"""What becomes of a handler's error: it ends the handler, or its record is passed by.

    on_error="halt"    the handler stops; producers, and the end of `with`, raise its HandlerError (default)
    on_error="skip"    logged and counted, and the next record comes
    an ExceptionHandler  decides itself: returning means skip, raising means halt

Source: LMAX ExceptionHandler, FatalExceptionHandler, IgnoreExceptionHandler. A handler that stopped is never silent here.
"""

from __future__ import annotations

import logging
from typing import Any

from disruptor.errors import GraphError, HandlerError

__all__ = ["ExceptionHandler", "FatalExceptionHandler", "IgnoreExceptionHandler", "as_exception_handler"]

_log = logging.getLogger("disruptor")


class ExceptionHandler:
    """Decides about errors of handlers. A method that returns lets the handler go on; one that raises ends it.

    It is called on the handler's thread.
    """

    def on_event_error(self, error: HandlerError, sequence: int, event: Any) -> None:
        """An error at a record, in the start of its batch or in `on_timeout` (event is None then)."""
        raise error

    def on_start_error(self, error: HandlerError) -> None:
        """An error in `on_start`."""
        raise error

    def on_shutdown_error(self, error: HandlerError) -> None:
        """An error in `on_shutdown`."""
        raise error


class FatalExceptionHandler(ExceptionHandler):
    """Every error ends the handler."""


class IgnoreExceptionHandler(ExceptionHandler):
    """Every error is logged (logger "disruptor") and counted in `count`; the record is passed by."""

    def __init__(self) -> None:
        self.count = 0

    def on_event_error(self, error: HandlerError, sequence: int, event: Any) -> None:
        self.count += 1
        _log.warning("%s; the record is passed by", error)

    def on_start_error(self, error: HandlerError) -> None:
        _log.warning("%s", error)

    def on_shutdown_error(self, error: HandlerError) -> None:
        _log.warning("%s", error)


def as_exception_handler(thing: Any) -> ExceptionHandler:
    """Return the exception handler for "halt", "skip" or an object with the three methods. Raises: GraphError for others."""
    if thing == "halt":
        return FatalExceptionHandler()
    if thing == "skip":
        return IgnoreExceptionHandler()
    if all(callable(getattr(thing, name, None)) for name in ("on_event_error", "on_start_error", "on_shutdown_error")):
        return thing
    raise GraphError(f"on_error must be 'halt', 'skip' or an ExceptionHandler, got {thing!r}")
