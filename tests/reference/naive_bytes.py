"""A byte ring as a list of records: slow and obvious."""

from __future__ import annotations

OPEN, SHOWN, PADDED = range(3)


class NaiveBytes:
    """What a byte ring of `capacity` bytes does, without memory."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.records: list[list] = []  # [state, type_id, data, number]
        self.claims = 0

    @staticmethod
    def taken(length: int) -> int:
        return -(-(8 + length) // 8) * 8

    def size(self) -> int:
        return sum(self.taken(len(record[2])) for record in self.records)

    def claim(self, data: bytes, type_id: int, state: int = OPEN) -> int | None:
        if self.size() + self.taken(len(data)) + 8 > self.capacity:
            return None
        self.claims += 1
        self.records.append([state, type_id, data, self.claims])
        return self.claims

    def close(self, number: int, state: int) -> None:
        next(record for record in self.records if record[3] == number)[0] = state

    def read(self, limit: int | None) -> list[tuple[int, bytes]]:
        found: list[tuple[int, bytes]] = []
        while self.records and self.records[0][0] != OPEN and (limit is None or len(found) < limit):
            state, type_id, data, _ = self.records.pop(0)
            if state == SHOWN:
                found.append((type_id, data))
        return found

    def unblock(self) -> bool:
        if self.records and self.records[0][0] == OPEN:
            self.records[0][0] = PADDED
            return True
        return False
