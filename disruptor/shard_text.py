"""What a generated loop says of a stage that owns a share of its ring's records."""

from __future__ import annotations

from disruptor.loop_writer import LoopWriter
from disruptor.shard import owner_function
from disruptor.stage import HandlerStage

__all__ = ["Share"]


class Share:
    """Writes what differs for a stage that owns a part of its ring's records only; for any other nothing does.

    last : name of the last record at hand that is its own.
    """

    def __init__(self, out: LoopWriter, stage: HandlerStage, local: str) -> None:
        self.local = local
        self.last = "available" if stage.shard is None else "last"
        self._out, self._stage = out, stage

    def begin(self) -> None:
        """Find the last own record at hand, so that the handler sees its end of the batch."""
        if self._stage.shard is not None:
            self._out.line(4, "last = available")
            self._out.line(4, f"while last >= {self.local} and {self._owner('last')} != {self._stage.shard.index}:")
            self._out.line(5, "last -= 1")
            self._out.line(4, "owned = 0")

    def enter(self) -> int:
        """Open the block for a record that is its own; return the depth of the lines for one record."""
        if self._stage.shard is None:
            return 5
        self._out.line(5, f"if {self._owner(self.local)} == {self._stage.shard.index}:")
        return 6

    def leave(self) -> None:
        """Count a call."""
        if self._stage.shard is not None:
            self._out.line(6, "owned += 1")

    def record(self, row: int) -> None:
        """Count the calls, not the records that passed by."""
        if self._stage.shard is None:
            count = f"{self.local} - first"
            self._out.line(5, f"record_many(histograms[{row}], (now - then) // ({count}), {count})")
        else:
            self._out.line(5, "if owned > 0:")
            self._out.line(6, f"record_many(histograms[{row}], (now - then) // owned, owned)")

    def _owner(self, sequence: str) -> str:
        ring, shard = self._stage.source.ring, self._stage.shard
        assert shard is not None
        function = owner_function(ring.dtype, shard)
        name = self._out.named(function.__name__, function)
        return f"{name}({self._out.ring(ring)}[{sequence} & {ring.mask}]['{shard.field}'], {shard.count})"
