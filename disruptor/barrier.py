"""What a consumer waits at: publication, the consumers before it, and an alert that ends the wait.

Source: LMAX ProcessingSequenceBarrier. Here a barrier waits for slow consumers in the way of its wait strategy, not by
spinning, and every strategy sees an alert at once.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Many

import numpy as np

from disruptor.claims import IDLE, PROGRESS
from disruptor.errors import Alerted, WaitTimeout
from disruptor.lookout import Lookout
from disruptor.sequence import CELLS, FixedSequenceGroup, Sequence, take_cells
from disruptor.sequencer import Sequencer
from disruptor.wait import Wait
from disruptor.waiting import wake_all

__all__ = ["SequenceBarrier"]


class SequenceBarrier:
    """A place to wait until records may be read; made by `new_barrier` of a ring or sequencer.

    dependencies : sequences that must have passed a record first. wait : how to wait.
    Order: what `wait_for` returned was published, and left by the dependencies, before it returned.
    """

    def __init__(self, sequencer: Sequencer, dependencies: Many[Sequence], wait: Wait) -> None:
        self.sequencer, self.wait = sequencer, wait
        self.dependencies = tuple(dependencies)
        self.upstream = np.array([s.word for s in dependencies], np.int64)
        self._cell = take_cells(1)
        self._lookout = Lookout(sequencer.base, sequencer.marks, self.upstream, wait, self._cell.word)
        sequencer.parks(wait)

    @property
    def alert_word(self) -> int:
        """Index of the word that is 1 while the barrier is alerted."""
        return self._cell.word

    @property
    def cursor(self) -> int:
        """The lowest of the dependencies; without any, what is published."""
        if self.dependencies:
            return FixedSequenceGroup(self.dependencies).get()
        return self.sequencer.cursor

    def wait_for(self, sequence: int, timeout: float | None = None) -> int:
        """Wait until `sequence` may be read; return the highest sequence that may (>= `sequence`).

        timeout : seconds; by default that of the wait strategy, else as long as it takes.
        Raises: Alerted, before waiting and while it waits; WaitTimeout; ForkError.
        """
        patience = self.wait.timeout_ns or -1
        if timeout is not None:
            patience = max(0, int(timeout * 1e9))
        available = self.await_(sequence, patience)
        if available >= sequence:
            return available
        self.check_alert()
        raise WaitTimeout(
            f"ring '{self.sequencer.name}': sequence {sequence:,} was not to be read", patience / 1e9,
            f"the highest is {available:,}",
        )

    def await_(self, sequence: int, patience_ns: int, interrupted: Callable[[], None] | None = None) -> int:
        """The same, but an alert or timeout while waiting returns what is there, less than `sequence`."""
        self.sequencer.check_fork()
        self.check_alert()
        return self._lookout.until(sequence, patience_ns, interrupted)

    @property
    def alerted(self) -> bool:
        """Whether waits at this barrier end at once."""
        return bool(CELLS[self._cell.word])

    def alert(self) -> None:
        """End every wait at this barrier, now and until `clear_alert`."""
        CELLS[self._cell.word] = 1
        for cell in (IDLE, PROGRESS):
            wake_all(CELLS, self.sequencer.base + cell)

    def clear_alert(self) -> None:
        """Let waits wait again."""
        CELLS[self._cell.word] = 0

    def check_alert(self) -> None:
        """Raises: Alerted while the barrier is alerted."""
        if self.alerted:
            raise Alerted(f"ring '{self.sequencer.name}': the barrier was alerted")
