"""A writer and readers of a read-copy-update table, as compiled threads run them; and a handler with a table in its state."""

from __future__ import annotations

from disruptor.atomics import load_acquire, store_release
from disruptor.compiled import entry
from disruptor.handler import handler
from disruptor.rcu import MAPS, ROOT_SEQUENCE, rcu_edit, rcu_pin, rcu_publish, rcu_slot, rcu_slots, rcu_unpin, rcu_words

ROW = [("value", "i8"), ("twice", "i8")]
EVENT = [("row", "i8"), ("value", "i8")]
ROWS, READERS = 16, 2


@entry
def write_editions(cells, rows, count, halt, editions):
    """Publish editions 1, 2, …: in edition n all rows of n's parity, and row 0, hold n. Ends by setting halt[0]."""
    for n in range(1, editions + 1):
        for row in range(count):
            if row == 0 or row % 2 == n % 2:
                slot = rcu_edit(cells, 0, rows, row)
                rows[slot]["value"] = n
                rows[slot]["twice"] = 2 * n
        rcu_publish(cells, 0, n)
    store_release(halt, 0, 1)


@entry
def read_editions(cells, rows, count, halt, reader, pinned):
    """Read editions until halt[0] and once more; pinned : whether they are held. Returns (editions read, rows that were wrong)."""
    read = wrong = last = 0
    while True:
        over = load_acquire(halt, 0)
        root = rcu_pin(cells, 0, reader)
        if not pinned:
            rcu_unpin(cells, 0, reader)
        n = cells[cells[ROOT_SEQUENCE] + root]
        if n > 1:
            read += 1
            if n < last:
                wrong += 1
            last = n
            for row in range(count):
                slot = cells[cells[MAPS] + root * count + row]
                expected = n if row == 0 or row % 2 == n % 2 else n - 1
                if rows[slot]["value"] != expected or rows[slot]["twice"] != 2 * expected:
                    wrong += 1
        rcu_unpin(cells, 0, reader)
        if over != 0:
            return read, wrong


@handler(state=[("view", "i8", (rcu_words(ROWS, READERS),)), ("rows", ROW, (rcu_slots(ROWS, READERS),))])
def keeps(event, sequence, end_of_batch, state):
    """Add to a row; publish at the end of each batch."""
    view, rows, row = state["view"], state["rows"], event["row"]
    before = rows[rcu_slot(view, 0, row)]["value"]
    slot = rcu_edit(view, 0, rows, row)
    rows[slot]["value"] = before + event["value"]
    rows[slot]["twice"] = 2 * rows[slot]["value"]
    if end_of_batch:
        rcu_publish(view, 0, sequence)
