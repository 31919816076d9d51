"""Arrays of the explorer's machine: each access to an element is one of the machine's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tools.verify.machine import Machine

__all__ = ["Broken", "Cells"]


class Broken(Exception):
    """A rule that does not hold, in words."""


class Cells:
    """An int64 array of the machine.

    data : its plain accesses must be ordered by others, or are races. mirrored : it lies there twice, back to back.
    """

    __slots__ = ("count", "data", "end", "machine", "start")

    def __init__(self, machine: Machine, start: int, count: int, data: bool = False, mirrored: bool = False) -> None:
        self.machine, self.start, self.count, self.data = machine, start, count, data
        self.end = 2 * count if mirrored else count

    @property
    def shape(self) -> tuple[int]:
        return (self.end,)

    @property
    def size(self) -> int:
        return self.count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: Any) -> Any:
        if type(index) is slice:
            return [self[i] for i in range(*index.indices(self.count))]
        place = self.place(index)
        if self.data:
            self.machine.reads_data(place)
        return self.machine.load(place, False)

    def __setitem__(self, index: Any, value: Any) -> None:
        if type(index) is slice:
            places = range(*index.indices(self.count))
            if self.machine.task is None:
                self.machine.words[self.start + places.start : self.start + places.stop : places.step] = [value] * len(places)
                return
            for i in places:
                self[i] = value
            return
        place = self.place(index)
        if self.data:
            self.machine.writes_data(place)
        self.machine.store(place, int(value), False)

    def place(self, index: Any) -> int:
        if not 0 <= index < self.end:
            raise Broken(f"word {index} of an array of {self.count} is touched")
        return self.start + int(index) % self.count
