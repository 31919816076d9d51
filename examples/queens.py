"""N queens by work stealing: how many ways there are to put n queens on a board so that none attacks another.

    python -m examples.queens [N] [WORKERS]      N = 12, a worker per usable core

A task is a board with some rows filled, in three bit masks. As long as few rows are filled it begins a task for each square that
is free in the next row; further down the rest of the board is searched on the spot. How much is left below a square nobody
knows beforehand: some are dead at once, some have thousands of ways. So the boards are not dealt out: who has nothing to do
steals the oldest board of another worker, which has the fewest rows filled.

Source: M. Richards, "Backtracking algorithms in MCPL using bit patterns and recursion", 1997.
"""

from __future__ import annotations

import sys
import time

import attrs
import numpy as np

from disruptor import StealingPool, compiled, handler, task_push, task_room

BOARD = [
    ("rows", "i8"),  # rows filled
    ("columns", "i8"),  # bit k: a queen stands in column k
    ("left", "i8"),  # bit k: square k of the next row is attacked from its upper right
    ("right", "i8"),  # the same from its upper left
]
LARGEST = 20  # solutions of larger boards take days
_DEPTH = 32


@attrs.frozen
class Puzzle:
    """size : rows and columns. spread : rows that become tasks of their own."""

    size: int = 12
    spread: int = 4


@compiled
def ways(size, rows, columns, left, right, stack):
    """Return in how many ways the other rows can be filled. stack : int64[4 × size] of scratch."""
    full = (1 << size) - 1
    depth, found = 0, 0
    if rows == size:
        return 1
    free = full & ~(columns | left | right)
    while True:
        if free != 0:
            square = free & -free
            free ^= square
            if rows + depth + 1 == size:
                found += 1
            else:
                stack[4 * depth], stack[4 * depth + 1], stack[4 * depth + 2], stack[4 * depth + 3] = free, columns, left, right
                depth += 1
                columns, left, right = columns | square, ((left | square) << 1) & full, (right | square) >> 1
                free = full & ~(columns | left | right)
        elif depth == 0:
            return found
        else:
            depth -= 1
            free, columns, left, right = stack[4 * depth], stack[4 * depth + 1], stack[4 * depth + 2], stack[4 * depth + 3]


@handler(params=Puzzle, state=[("found", "i8"), ("boards", "i8"), ("stack", "i8", (4 * _DEPTH,))])
def place(event, state, spawn, params):
    """Count what is below a board, or make a task of each board with one row more."""
    size, rows = params["size"], event["rows"]
    columns, left, right = event["columns"], event["left"], event["right"]
    state["boards"] += 1
    if rows < params["spread"] and rows < size:
        full = (1 << size) - 1
        free = full & ~(columns | left | right)
        while free != 0:
            square = free & -free
            free ^= square
            below, from_right, from_left = columns | square, ((left | square) << 1) & full, (right | square) >> 1
            at = task_room(spawn)
            if at < 0:  # the deque is full: nobody else needs more to do
                state["found"] += ways(size, rows + 1, below, from_right, from_left, state["stack"])
            else:
                board = spawn.tasks[at]
                board["rows"], board["columns"] = rows + 1, below
                board["left"], board["right"] = from_right, from_left
                task_push(spawn)
    else:
        state["found"] += ways(size, rows, columns, left, right, state["stack"])


def solutions(size: int, workers: int | None = None, *, spread: int = 4, slots: int = 256) -> tuple[int, np.ndarray, int]:
    """Return how many solutions there are, how many boards each worker had, and how many were stolen."""
    with StealingPool(BOARD, place, params=Puzzle(size, spread), workers=workers, slots=slots) as pool:
        pool.run([(0, 0, 0, 0)])
        return int(pool.states["found"].sum()), pool.states["boards"], pool.stolen


def main(arguments: list[str]) -> int:
    """Count and print."""
    size = int(arguments[0]) if arguments else 12
    workers = int(arguments[1]) if len(arguments) > 1 else None
    if not 1 <= size <= LARGEST:
        print(f"a board has 1 to {LARGEST} rows, got {size}", file=sys.stderr)
        return 2
    began = time.perf_counter()
    found, boards, stolen = solutions(size, workers)
    print(f"{size} queens: {found:,} ways, {time.perf_counter() - began:.2f} s with compilation")
    print(f"boards by worker: {', '.join(f'{n:,}' for n in boards)}; {stolen:,} stolen")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
