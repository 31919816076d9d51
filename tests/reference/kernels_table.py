"""Compiled scripts over a table and a pool, for the tests: a list of operations in, a list of results out."""

from __future__ import annotations

from disruptor.compiled import compiled
from disruptor.pool import pool_give, pool_take
from disruptor.table import table_delete, table_find, table_insert, table_next, table_value

INSERT, FIND, DELETE = 0, 1, 2
TAKE, GIVE = 0, 1


@compiled(inline=False)
def run_table(table, operations, results):
    """Apply operations[i] = (code, key, value) to the table; results[i] is what the call returned."""
    for i in range(operations.shape[0]):
        code, key, value = operations[i, 0], operations[i, 1], operations[i, 2]
        if code == INSERT:
            results[i] = table_insert(table, key, value)
        elif code == FIND:
            results[i] = table_find(table, key)
        else:
            results[i] = table_delete(table, key)


@compiled(inline=False)
def list_table(table, pairs):
    """Write (key, value) of every entry into pairs[n, 2]; return n."""
    count = 0
    place = table_next(table, 0)
    for _ in range(pairs.shape[0]):
        if place < 0:
            break
        pairs[count, 0] = table["entries"][place]["key"]
        pairs[count, 1] = table_value(table, place)
        count += 1
        place = table_next(table, place + 1)
    return count


@compiled(inline=False)
def run_pool(pool, operations, results):
    """Apply operations[i] = (code, slot) to the pool; results[i] is what the call returned."""
    for i in range(operations.shape[0]):
        if operations[i, 0] == TAKE:
            results[i] = pool_take(pool)
        else:
            results[i] = pool_give(pool, operations[i, 1])
