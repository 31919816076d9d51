"""Errors of the library.

    DisruptorError
    ├── LayoutError        a record or state declaration that cannot be laid out
    ├── MemoryMapError     the kernel refused memory; says which limit and what to do
    ├── CapacityError      a size is out of range (a ValueError as well)
    ├── InsufficientCapacity  a ring has no room now; says how many slots are missing and who holds them
    ├── WaitTimeout        nothing came, or no room was made, in the time allowed
    ├── Alerted            a wait was ended by an alert
    ├── ForkError          something that a fork does not copy is used in the child
    ├── Rewind             raised by a handler: give me this batch again
    ├── GraphError         handlers that cannot be connected as asked
    ├── CompileError       a handler that numba cannot compile, reduced to its cause
    ├── HandlerError       a handler failed while running; holds handler and sequence
    ├── CounterFileError   a CnC file that is foreign, truncated or of another version
    ├── DamagedMessage     what lies in a byte ring or a broadcast cannot be a message; holds where, its size, the limit
    ├── SharedRingError    a ring of several processes that cannot be made or attached to
    │   └── OwnerGone      the process that made the ring has died, or has closed it
    └── LogError           a log file that is foreign, truncated or broken

Each exception carries its numbers as attributes and renders them in its message.
"""

__all__ = [
    "Alerted",
    "CapacityError",
    "CompileError",
    "CounterFileError",
    "DamagedMessage",
    "DisruptorError",
    "ForkError",
    "GraphError",
    "HandlerError",
    "InsufficientCapacity",
    "LayoutError",
    "LogError",
    "MemoryMapError",
    "OwnerGone",
    "Rewind",
    "SharedRingError",
    "WaitTimeout",
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


class CapacityError(DisruptorError, ValueError):
    """A size lies outside its limits."""


class InsufficientCapacity(DisruptorError):
    """A ring has no room for what was to be claimed. missing : slots that consumers must free first."""

    def __init__(self, ring: str, wanted: int, missing: int, why: str = "") -> None:
        slots = "slot is" if missing == 1 else "slots are"
        super().__init__(f"ring '{ring}' is full: {missing:,} of {wanted:,} {slots} missing{f'; {why}' if why else ''}")
        self.ring = ring
        self.wanted = wanted
        self.missing = missing


class WaitTimeout(DisruptorError, TimeoutError):
    """What was waited for did not come in time. seconds : how long it was waited for; why : who held it up."""

    def __init__(self, what: str, seconds: float, why: str = "") -> None:
        super().__init__(f"{what} within {seconds:g} s{f'; {why}' if why else ''}")
        self.seconds = seconds
        self.why = why


class Alerted(DisruptorError):
    """A wait was ended because its barrier was alerted."""


class ForkError(DisruptorError):
    """A ring, sequence or graph is used in a forked child: its threads and private memory belong to the parent."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"this {what} belongs to the process before the fork: its threads were not copied; make a new one after the fork"
        )


class Rewind(DisruptorError):
    """Raised by a rewindable handler: the batch shall be delivered again from its first record (see disruptor.rewind)."""


class GraphError(DisruptorError):
    """Handlers that cannot be connected or placed as asked."""


class CompileError(DisruptorError):
    """A handler that cannot be compiled. `handler` is its name.

    path, line, source : the statement at fault, "" and 0 when it is not known; remedy : what to write instead, or "".
    """

    def __init__(
        self, handler: str, message: str, *, path: str = "", line: int = 0, source: str = "", remedy: str = ""
    ) -> None:
        where = f"\n  at {path}:{line}" + (f":  {source}" if source else "") if path else ""
        instead = f"\n  instead: {remedy}" if remedy else ""
        super().__init__(f"handler '{handler}' cannot be compiled: {message}{where}{instead}")
        self.handler = handler
        self.path, self.line, self.source, self.remedy = path, line, source, remedy


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


class DamagedMessage(DisruptorError):
    """What lies in a byte ring or a broadcast cannot be a message: something has written over it.

    position : its byte, counted from the beginning of time; size : what its header says, header included; limit : the largest that can be
    there; type_id : what its header says.
    """

    def __init__(self, what: str, position: int, size: int, limit: int, type_id: int) -> None:
        super().__init__(
            f"{what}: the record at position {position:,} says type {type_id:,} and {size:,} bytes, of {limit:,} that can be there;"
            " something has written over its header: make a new one, and see who else maps its memory"
        )
        self.position, self.size, self.limit, self.type_id = position, size, limit, type_id


class SharedRingError(DisruptorError):
    """A ring of several processes that cannot be made or attached to. ring : its name; remedy : what to do."""

    def __init__(self, ring: str, message: str, remedy: str = "") -> None:
        super().__init__(f"ring '{ring}': {message}{f'; {remedy}' if remedy else ''}")
        self.ring = ring
        self.remedy = remedy


class OwnerGone(SharedRingError):
    """The process that made a shared ring is no more, or has closed it. pid : of it; orderly : it has closed the ring."""

    def __init__(self, ring: str, pid: int, orderly: bool) -> None:
        super().__init__(
            ring, f"its owner, process {pid}, has {'closed it' if orderly else 'died'}", "attach again when the next owner has made it"
        )
        self.pid = pid
        self.orderly = orderly


class LogError(DisruptorError):
    """A log that is foreign, truncated or broken, or cannot be made. `errno`: the kernel's reason, 0 for none."""

    def __init__(self, message: str, errno: int = 0) -> None:
        super().__init__(message)
        self.errno = errno
