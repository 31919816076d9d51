"""Errors of the library.

    DisruptorError
    ├── LayoutError        a record or state declaration that cannot be laid out
    ├── MemoryMapError     the kernel refused memory; says which limit and what to do
    ├── CapacityError      a ring is full, or a size is out of range
    ├── GraphError         handlers that cannot be connected as asked
    ├── CompileError       a handler that numba cannot compile, reduced to its cause
    ├── HandlerError       a handler failed while running; holds handler and sequence
    ├── CounterFileError   a CnC file that is foreign, truncated or of another version
    └── LogError           a log file that is foreign, truncated or broken

Each exception carries its numbers as attributes and renders them in its message.
"""

__all__ = [
    "CapacityError",
    "CompileError",
    "CounterFileError",
    "DisruptorError",
    "GraphError",
    "HandlerError",
    "LayoutError",
    "LogError",
    "MemoryMapError",
]


class DisruptorError(Exception):
    """Base of every error that this library raises on purpose."""


class LayoutError(DisruptorError):
    """A record, state or cell declaration that cannot be laid out."""


class MemoryMapError(DisruptorError):
    """The kernel refused a mapping. `errno` holds its reason, `remedy` what to do."""

    def __init__(self, message: str, errno: int = 0, remedy: str = "") -> None:
        super().__init__(f"{message}; {remedy}" if remedy else message)
        self.errno = errno
        self.remedy = remedy


class CapacityError(DisruptorError):
    """A ring has no room, or a size lies outside its limits."""


class GraphError(DisruptorError):
    """Handlers that cannot be connected or placed as asked."""


class CompileError(DisruptorError):
    """A handler that cannot be compiled. `handler` is its name, `cause` numba's own error."""

    def __init__(self, handler: str, message: str) -> None:
        super().__init__(f"handler '{handler}' cannot be compiled: {message}")
        self.handler = handler


class HandlerError(DisruptorError):
    """A handler failed while running.

    handler : its name; sequence : the message it had in hand; cause : what it raised.
    """

    def __init__(self, handler: str, sequence: int, cause: BaseException | str) -> None:
        reason = f"{type(cause).__name__}: {cause}" if isinstance(cause, BaseException) else cause
        super().__init__(f"handler '{handler}' failed at sequence {sequence:,}: {reason}")
        self.handler = handler
        self.sequence = sequence
        self.cause = cause


class CounterFileError(DisruptorError):
    """A CnC file that is foreign, truncated or of another layout version."""


class LogError(DisruptorError):
    """A log that is foreign, truncated or broken, or cannot be made. `errno`: the kernel's reason, 0 for none."""

    def __init__(self, message: str, errno: int = 0) -> None:
        super().__init__(message)
        self.errno = errno
