"""The litmus tests: which outcomes no trial may have, and for those that show that the harness can see any, which some must.

An outcome is (a, b, c, d, x, y): two values read by thread 0, two by thread 1, and two words when both had ended.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from tools.verify import litmus_actors as actors

__all__ = ["LITMUS", "Litmus"]


@attrs.frozen
class Litmus:
    """A test. forbidden(a, b, c, d, x, y) : must not be seen; expected : must be (of a test without order). final : the words
    x and y of a trial.
    """

    name: str
    actor: Callable
    forbidden: Callable[..., bool] | None
    expected: Callable[..., bool] | None = None
    final: tuple[int, int] = (actors.X, actors.Y)


_FUTEX = (actors.X, actors.FUTEX)

LITMUS = (
    Litmus("store buffering, fenced", actors.store_buffer_fenced, lambda a, b, c, d, x, y: a == c == 0),
    Litmus("message passing", actors.message, lambda a, b, c, d, x, y: c == 1 and d == 0),
    Litmus("record, then cursor", actors.record, lambda a, b, c, d, x, y: c == 1 and d == 0),
    Litmus("record and mark in one line", actors.mark, lambda a, b, c, d, x, y: c == 1 and d == 0),
    Litmus("load buffering", actors.load_buffer, lambda a, b, c, d, x, y: a == c == 1),
    Litmus("CoRR", actors.read_read, lambda a, b, c, d, x, y: c > d),
    Litmus("CoWW", actors.write_write, lambda a, b, c, d, x, y: x not in (2, 3)),
    Litmus("CoRW", actors.read_write, lambda a, b, c, d, x, y: a == 1 or (a == 2 and x == 2)),
    Litmus("CoWR", actors.write_read, lambda a, b, c, d, x, y: a == 0 or (a == 2 and x == 1)),
    Litmus("2+2W, fenced", actors.two_writes, lambda a, b, c, d, x, y: (x, y) == (1, 1)),
    Litmus("R, fenced", actors.write_then_read, lambda a, b, c, d, x, y: y == 2 and c == 0),
    Litmus("S", actors.overtaken_write, lambda a, b, c, d, x, y: c == 1 and x == 2),
    Litmus("compare-exchange excludes", actors.exclusion, lambda a, b, c, d, x, y: a + c != 1 or x != (1 if a else 2)),
    Litmus("fetch-add gives each number once", actors.tickets, lambda a, b, c, d, x, y: {a, c} != {0, 1} or x != 2),
    Litmus("one-sided fences", actors.announced, lambda a, b, c, d, x, y: c == 1 and d == 0),
    Litmus("seqlock", actors.seqlock, lambda a, b, c, d, x, y: c == 3),
    Litmus("park and wake, blocking", actors.parking, lambda a, b, c, d, x, y: c == 0 and y == 0, final=_FUTEX),
    Litmus("park and wake, phased", actors.parking_phased, lambda a, b, c, d, x, y: c == 0 and y == 0, final=_FUTEX),
    Litmus("store buffering, no fence", actors.store_buffer, None, lambda a, b, c, d, x, y: a == c == 0),
    Litmus("park and wake, no fence", actors.parking_unfenced, None, lambda a, b, c, d, x, y: c == 0 and y == 0, final=_FUTEX),
    Litmus("message passing, plain", actors.message_plain, None),
)
