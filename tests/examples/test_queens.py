"""examples.queens: the known numbers, for any number of workers, deques of any size, and however the board is divided."""

import itertools

import pytest

from disruptor.compiled import JIT_ENABLED
from examples.queens import main, solutions

KNOWN = (1, 0, 0, 2, 10, 4, 40, 92, 352, 724, 2680, 14200)  # OEIS A000170


def by_permutations(size):
    return sum(
        len({row + column for row, column in enumerate(p)}) == len({row - column for row, column in enumerate(p)}) == size
        for p in itertools.permutations(range(size))
    )


@pytest.mark.parametrize("workers", [1, 3])
def test_the_known_numbers_come_out(workers):
    for size, known in enumerate(KNOWN if JIT_ENABLED else KNOWN[:6], 1):
        found, boards, _ = solutions(size, workers)
        assert found == known
        assert len(boards) == workers
        if size <= 7:
            assert known == by_permutations(size)


@pytest.mark.parametrize(("spread", "slots"), [(0, 2), (1, 2), (3, 2), (8, 2), (8, 1024)])
def test_it_does_not_matter_how_the_board_is_divided(spread, slots):
    size = 8 if JIT_ENABLED else 5
    found, boards, _ = solutions(size, 2, spread=spread, slots=slots)
    assert found == KNOWN[size - 1]
    assert (boards.sum() == 1) == (spread == 0)


def test_it_prints_what_it_found(capsys):
    assert main(["6", "2"]) == 0
    assert capsys.readouterr().out.startswith("6 queens: 4 ways, ")
    assert main(["21"]) == 2
    assert capsys.readouterr().err == "a board has 1 to 20 rows, got 21\n"
