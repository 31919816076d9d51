"""Faults that an order of events can show, and the program that shows each: what the explorer must find.

Most stand in tools/mutant_table.py, where a test notices each besides. The others stand here: only the explorer is asked for them.
"""

from __future__ import annotations

from tools.mutant_table import MUTANTS, Mutant

__all__ = ["FAULTS", "fault"]


def _faults(file: str, program: str, *changes: tuple[str, str, str]) -> list[tuple[Mutant, str]]:
    """Return (fault, program that shows it) of changes (name, old, new) in one file. The explorer is what must notice each."""
    return [(Mutant(name, file, old, new, ()), program) for name, old, new in changes]


_PRODUCER, _LOOP, _RCU, _DEQUE = "disruptor/producer_text.py", "disruptor/processor_text.py", "disruptor/rcu.py", "disruptor/deque.py"

_HERE = [
    # loops of compiled producers
    *_faults(
        _PRODUCER, "a generated producer",
        ("a generated producer publishes by a plain store",
         'out.line(5, "store_release(cells, cursor, offset + slot)")', 'out.line(5, "cells[cursor] = offset + slot")'),
        ("a generated producer claims one slot too many",
         'out.line(3, f"free = gate + {ring.slots} + 1 - following")', 'out.line(3, f"free = gate + {ring.slots} + 2 - following")'),
        ("a generated producer never looks at its consumers again",
         'out.line(3, "gate = lowest_gate(cells, gating)")', 'out.line(3, "pass")'),
        ("a generated producer wakes nobody", 'out.line(5, "wake(cells, idle_cell)")', 'out.line(5, "pass")'),
    ),
    *_faults(
        _PRODUCER, "a generated producer with nothing for a while",
        ("a generated producer skips what it did not fill",
         'out.line(4, "store_release(cells, claimed, following - 1)")', 'out.line(4, "following = limit")'),
    ),
    *_faults(
        _PRODUCER, "a generated producer, batches",
        ("a generated batch is published by a plain store",
         'out.line(5, "store_release(cells, cursor, offset + slot - 1)")', 'out.line(5, "cells[cursor] = offset + slot - 1")'),
    ),
    *_faults(
        _PRODUCER, "an observer of a generated producer",
        ("a generated claim without a fence", 'out.line(4, "fence()")', 'out.line(4, "pass")'),
        ("a generated producer says nothing of what it takes back",
         'out.line(4, "touched_upto(cells, base, limit - 1)")', 'out.line(4, "pass")'),
    ),
    *_faults(
        _PRODUCER, "two generated producers, batches",
        ("a generated producer keeps what it did not fill",
         'out.line(4, f"take_back(cells, base, {marks}, following, high)")', 'out.line(4, "pass")'),
        ("the first of a generated batch is forgotten",
         'f"publish_many(cells, base, {marks}, low, following - 1)"', 'f"publish_many(cells, base, {marks}, low + 1, following - 1)"'),
    ),
    *_faults(
        "disruptor/claims.py", "two generated producers, batches",
        ("taken back without comparing",
         "    if not compare_exchange(cells, base + CLAIMED, high, low - 1):\n        give_up(cells, base, marks, low, high)",
         "    store_release(cells, base + CLAIMED, low - 1)"),
        ("what others have claimed behind is not given up",
         "    if not compare_exchange(cells, base + CLAIMED, high, low - 1):\n        give_up(cells, base, marks, low, high)",
         "    compare_exchange(cells, base + CLAIMED, high, low - 1)"),
    ),
    *_faults(
        "disruptor/claims.py", "claims of what fits",
        ("more is taken than was claimed", "            return high, count\n", "            return high, wanted\n"),
    ),
    # batches that are asked for again
    *_faults(
        _LOOP, "a generated loop asks for its batch again",
        ("a batch that is asked for again is freed up to the record that failed",
         '    out.line(depth + 1, "again = 1")\n',
         '    out.line(depth + 1, "again = 1")\n    out.line(depth + 1, f"store_release(cells, sequence_{local}, in_hand[0] - 1)")\n'),
    ),
    *_faults(
        _LOOP, "a generated loop into another ring takes its batch back",
        ("a batch that is asked for again keeps its outputs",
         "f\"{port}.cell['next'] = {port}.cell['published'] + 1\"", '"pass"'),
    ),
    *_faults(
        "disruptor/processor.py", "a handler asks for its batch again",
        ("a Python handler's batch begins again at the record that failed",
         "is RewindAction.REWIND:\n                        continue",
         "is RewindAction.REWIND:\n                        following = at\n                        continue"),
    ),
    # where a wait sleeps
    *_faults(
        _LOOP, "generated loops by phase, a chain",
        ("a loop behind another sleeps where publishers wake", '"phase, cell = 1, progress_cell"', '"phase, cell = 1, idle_cell"'),
    ),
    *_faults(
        _LOOP, "a generated loop into another ring, by phase",
        ("a loop without room sleeps where its own ring wakes", 'f"phase, cell = 2, {base} + {PROGRESS}"', '"phase, cell = 2, progress_cell"'),
    ),
    *_faults(
        "disruptor/lookout.py", "by phase, a chain",
        ("a handler behind another sleeps where publishers wake",
         "                phase, cell = 1, base + PROGRESS", "                phase, cell = 1, base + IDLE"),
        ("a producer sleeps where publishers wake", "idle_count, cells, base + PROGRESS, own,", "idle_count, cells, base + IDLE, own,"),
    ),
    # who gates
    *_faults(
        "disruptor/membership.py", "a consumer comes behind another",
        ("those before leave the gates before the newcomer is in them",
         "            self._place(fresh, nodes[0].upstream)\n            s.add_gating_sequences_as_they_are(*fresh)\n",
         "            for before in nodes[0].upstream:\n                self.ring.remove_gating_sequence(before.sequence)\n"
         "            self._place(fresh, nodes[0].upstream)\n            s.add_gating_sequences_as_they_are(*fresh)\n"),
    ),
    *_faults(
        "disruptor/membership.py", "the last of a chain goes",
        ("the last leaves before those before it gate",
         "        self._gate_leaves(node.upstream)\n",
         "        self.ring.remove_gating_sequence(node.sequence)\n        self._gate_leaves(node.upstream)\n"),
    ),
    # editions
    *_faults(
        _RCU, "editions",
        ("a pin without a fence", "        store_release(cells, pin, root + 1)\n        fence()\n", "        store_release(cells, pin, root + 1)\n"),
        ("a reader does not look again behind its pin", "        if seen == root:", "        if True:"),
        ("an edition is published by a plain store",
         "    store_release(cells, place + CURRENT, root)", "    cells[place + CURRENT] = root"),
        ("the current edition is read by a plain load",
         "        seen = load_acquire(cells, place + CURRENT)", "        seen = cells[place + CURRENT]"),
        ("a pin is let go by a plain store",
         "    store_release(cells, place + READER_CELLS + reader * CELL_WORDS + PIN, 0)",
         "    cells[place + READER_CELLS + reader * CELL_WORDS + PIN] = 0"),
        ("pins are looked at without a fence", "    fence()\n    current, count =", "    current, count ="),
        ("pins are read by plain loads before a map is made anew",
         "load_acquire(cells, place + READER_CELLS + reader * CELL_WORDS + PIN) == root + 1",
         "cells[place + READER_CELLS + reader * CELL_WORDS + PIN] == root + 1"),
        ("nobody is asked who holds a slot", "        if pin != 0:\n            cells[held", "        if False:\n            cells[held"),
    ),
    # tasks that others take
    *_faults(
        _DEQUE, "a deque and two thieves",
        ("a thief takes without comparing",
         "    return TAKEN if compare_exchange(cells, place + TOP, top, top + 1) else LOST",
         "    store_release(cells, place + TOP, top + 1)\n    return TAKEN"),
    ),
    *_faults(
        _DEQUE, "a deque and a thief",
        ("a thief looks without a fence", "    fence()\n    if top >= load", "    if top >= load"),
        ("a task is pushed by a plain store",
         "    store_release(cells, place + BOTTOM, cells[place + BOTTOM] + count)",
         "    cells[place + BOTTOM] = cells[place + BOTTOM] + count"),
        ("a deque has room for one task too many",
         "    if bottom - load_acquire(cells, place + TOP) > mask:", "    if bottom - load_acquire(cells, place + TOP) > mask + 1:"),
    ),
    *_faults(
        "disruptor/stealing.py", "workers that steal",
        ("a task can be stolen before it is counted",
         "    store_release(spawn.cells, spawn.place + BEGUN, spawn.cells[spawn.place + BEGUN] + 1)\n    deque_push(spawn.cells, spawn.place)\n",
         "    deque_push(spawn.cells, spawn.place)\n    store_release(spawn.cells, spawn.place + BEGUN, spawn.cells[spawn.place + BEGUN] + 1)\n"),
        ("a task is finished by a plain store",
         "    store_release(cells, place + DONE, cells[place + DONE] + 1)", "    cells[place + DONE] = cells[place + DONE] + 1"),
        ("those begun are added up before the finished",
         "    done = 0\n    for worker in range(workers):\n"
         "        done += load_acquire(cells, FIRST + worker * WORKER_WORDS + DONE)\n    begun = cells[COUNT]\n"
         "    for worker in range(workers):\n        begun += load_acquire(cells, FIRST + worker * WORKER_WORDS + BEGUN)\n",
         "    begun = cells[COUNT]\n    for worker in range(workers):\n"
         "        begun += load_acquire(cells, FIRST + worker * WORKER_WORDS + BEGUN)\n    done = 0\n"
         "    for worker in range(workers):\n        done += load_acquire(cells, FIRST + worker * WORKER_WORDS + DONE)\n"),
    ),
]

FAULTS = {
    "cursor published by a plain store": "one producer",
    "cursor read by a plain load": "one producer",
    "marks published by plain stores": "two producers, one slot",
    "marks read by plain loads": "an observer, many producers",
    "one producer claims one slot too many": "one producer",
    "many producers claim one slot too many": "two producers, one slot",
    "one producer's cached gate is never refreshed": "one producer",
    "many producers' cached gate is never refreshed": "two producers, one slot",
    "gate stored over a newer one": "nobody gates",
    "claim stored without comparing": "two producers, one slot",
    "mark of the wrong lap": "two producers, one slot",
    "first mark of a batch forgotten": "two producers, batches",
    "given up is marked as published": "a claim is given up",
    "readers stop at what was given up": "a producer dies",
    "scan of marks ends one too far": "two producers",
    "published looked up without looking at the gate again": "a consumer comes, many producers",
    "wake before publish, one producer": "blocking",
    "observed claim of many without a fence": "an observer, many producers",
    "early release wakes nobody": "a record is released early",
    "observed claim without a fence": "an observer",
    "output claims more than its ring has free": "a handler's output",
    "output's gate is never refreshed": "a handler's output",
    "gate refreshed to the fastest consumer": "one producer, two beside each other",
    "the newest consumer is not waited for": "one producer",
    "newcomer does not fence before it looks": "a consumer comes",
    "producer does not look for the first consumer again": "a consumer comes, two producers",
    "a removed gate stays": "a consumer goes",
    "late consumer is placed once": "a consumer comes",
    "claim given back without a word to observers": "an observer and a claim given back",
    "barrier forgets its dependencies": "one producer, a chain",
    "alert not looked at while waiting": "an alert",
    "the fastest dependency counts": "behind two",
    "a Python handler's records are freed by a plain store": "one producer",
    "a Python handler wakes before it frees": "blocking",
    "no fence between announcement and look": "blocking",
    "no fence between publish and look for sleepers": "blocking",
    "ticket taken after the announcement": "blocking",
    "a wake does not change the futex word": "blocking",
    "idle Python worker stands where its last record was": "a pool of two workers",
    "a Python worker that moves on wakes nobody": "a pool of two workers",
    "loop frees records by a plain store": "a generated loop",
    "loop wakes before it frees": "a generated loop",
    "loop reads the handler before it by a plain load": "generated loops, a chain",
    "worker takes without comparing": "two generated workers",
    "idle worker stands where its last record was": "two generated workers",
    "a worker that moves on wakes nobody": "two generated workers",
    "observer looks at the claims without a fence": "an observer",
    "message shown by a plain store": "messages",
    "head moved by a plain store": "messages",
    "what was read is not cleared for many producers": "messages, two producers",
    "an open claim is read": "messages, two producers",
    "broadcast written without a fence": "a broadcast",
    "broadcast announced after it was written": "a broadcast",
    "lapped receiver does not look again": "a broadcast",
    "receiver notices being lapped a capacity too late": "a broadcast",
    "seqlock even while it is written": "a seqlock",
    "seqlock read without a second look": "a seqlock",
    "seqlock's words stored plainly": "a seqlock",
    "producer does not look at the table again": "a consumer comes while two publish",
    "gate counted before it is stored": "a consumer comes while two publish",
    "loop does not look at halt": "a generated loop",
    "loop follows the fastest handler before it": "a generated loop behind two",
    "rest of a batch skipped behind what was given up": "a generated loop and a claim given up",
    "loop takes one record more than its output holds": "a generated loop into another ring",
    "compiled rewind does not go back": "a generated loop asks for its batch again",
    "records released before they are handled": "a handler",
    "a consumer behind another is placed once": "a consumer comes behind another",
    "nobody gates once the last handler is removed": "the last of a chain goes",
    "poller releases what its handler never had": "a poller",
    "owner of a deque takes without a fence": "a deque and a thief",
    "last task of a deque taken without asking the thieves": "a deque and a thief",
    "a held map of rows is made anew": "editions",
    "a slot is free one edition too early": "editions",
    "the edition that made a slot does not hold it": "editions",
    **{mutant.name: program for mutant, program in _HERE},
}

_KNOWN = {mutant.name: mutant for mutant in (*MUTANTS, *(mutant for mutant, _ in _HERE))}


def fault(name: str) -> Mutant:
    """Return the fault of that name. Raises: ValueError."""
    if name not in _KNOWN:
        raise ValueError(f"no fault '{name}'; tools/verify/faults.py and tools/mutant_table.py have them")
    return _KNOWN[name]
