"""Functions that are called with constants: for any number, for some only, and ordinary ones of somebody else."""

from disruptor.compiled import compiled, for_any_number


@compiled
@for_any_number
def smallest(cells, words):
    result = cells[words[0]]
    for word in words:
        result = min(result, cells[word])
    return result


@compiled
@for_any_number
def raised(cells, words, by):
    return smallest(cells, words) + by


@compiled
@for_any_number
def picked(pair, index):
    return pair[index]


@compiled
def stored(record, value):
    record["small"] = value


def calls_with_numbers(cells):
    return raised(cells, (1, 2, 3), 5) + raised(cells, (2, 3, 4), 6) + raised(cells, (3,), 7) + raised(cells, (4,), 8) + raised(cells, (5,), cells[0])


def picks(cells):
    return picked((1.5, cells), 0) + picked((cells, 2.5), 1) + picked((0.25, cells), 0)


def stores_too_much(record):
    stored(record, 7)
    stored(record, 300)
