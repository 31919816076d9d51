"""The programs that the explorer runs: small graphs over the real ring code, each with what must hold.

A program is a function of the library on the shim and a machine; it builds everything anew and returns tasks and a check.
What each one checks while it runs: a slot is never read while it is written, nor written by two (`Slots`, by the order of
accesses, whatever the schedule); every consumer gets each published record once, in order, and whole; capacity is never
negative. At the end: everything is consumed. The explorer itself knows when nobody goes on: a lost wake-up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tools.verify.machine import Machine
from tools.verify.programs.changes import (
    comes,
    comes_behind,
    comes_between,
    dies,
    given_up,
    goes,
    goes_from_the_end,
    two_come,
)
from tools.verify.programs.graphs import alerted, behind_two, claimed_upto, graph, polled, released_early
from tools.verify.programs.handlers import handled
from tools.verify.programs.loops import (
    forwarded,
    loop_behind_two,
    loops,
    loops_and_gaps,
    output,
    rewound,
    worker_loops,
    workers,
)
from tools.verify.programs.messages import broadcast, byte_messages, bytes_unblocked
from tools.verify.programs.observers import gives_back_observed, observed, seqlock
from tools.verify.programs.parts import deque, editions, stealing
from tools.verify.programs.producers import observed_producer, produced
from tools.verify.programs.rules import blocking, by_phase, phased, sleeping, yielding
from tools.verify.schedule import Program

__all__ = ["PROGRAMS", "Kind"]


class Kind(NamedTuple):
    """make(library, machine) → the program."""

    make: Callable[[Any, Machine], Program]


PROGRAMS: dict[str, Kind] = {
    "one producer": Kind(graph(2, 1, 3)),
    "one producer, batches": Kind(graph(2, 1, 2, batch=2)),
    "one producer, a chain": Kind(graph(2, 1, 3, chain=True, consumers=2)),
    "one producer, two beside each other": Kind(graph(2, 1, 3, consumers=2)),
    "two producers": Kind(graph(2, 2, 2)),
    "two producers, one slot": Kind(graph(1, 2, 1)),
    "two producers, three laps": Kind(graph(2, 2, 3, consumers=2)),
    "two producers, batches": Kind(graph(2, 2, 1, batch=2)),
    "two producers, a chain": Kind(graph(2, 2, 2, chain=True, consumers=2)),
    "three producers": Kind(graph(2, 3, 1)),
    "nobody gates": Kind(graph(1, 2, 2, consumers=0)),
    "nobody gates, two slots": Kind(graph(2, 2, 2, consumers=0)),
    "blocking": Kind(graph(1, 1, 2, wait=blocking)),
    "blocking, a chain": Kind(graph(1, 1, 2, chain=True, consumers=2, wait=blocking)),
    "blocking, two producers": Kind(graph(1, 2, 1, wait=blocking)),
    "blocking, two consumers": Kind(graph(1, 1, 2, consumers=2, wait=blocking)),
    "phased backoff": Kind(graph(1, 1, 2, wait=phased)),
    "yielding": Kind(graph(1, 1, 2, wait=yielding)),
    "sleeping": Kind(graph(1, 1, 2, wait=sleeping)),
    "a claim is given up": Kind(given_up),
    "a producer dies": Kind(dies),
    "a consumer comes": Kind(comes(1, False)),
    "a consumer comes, many producers": Kind(comes(1, False, multi=True)),
    "a consumer comes beside another": Kind(comes(1, True)),
    "a consumer comes, two producers": Kind(comes(2, False)),
    "a consumer comes beside another, two producers": Kind(comes(2, True)),
    "two consumers come": Kind(two_come),
    "a consumer goes": Kind(goes),
    "an alert": Kind(alerted),
    "an observer": Kind(observed(False)),
    "an observer, many producers": Kind(observed(True)),
    "an observer and a claim given back": Kind(gives_back_observed),
    "a pool of two workers": Kind(workers),
    "a handler's output": Kind(output()),
    "a generated loop": Kind(loops(1, 1, 2, 1)),
    "generated loops, a chain": Kind(loops(2, 1, 3, 2)),
    "a generated loop, two producers": Kind(loops(2, 2, 2, 1)),
    "two generated workers": Kind(worker_loops),
    "behind two": Kind(behind_two),
    "a record is released early": Kind(released_early),
    "messages": Kind(byte_messages(1, 3)),
    "messages, two producers": Kind(byte_messages(2, 2)),
    "a message is never committed": Kind(bytes_unblocked),
    "a broadcast": Kind(broadcast),
    "a seqlock": Kind(seqlock),
    "claims of what fits": Kind(claimed_upto(False)),
    "claims of what fits, two producers": Kind(claimed_upto(True)),
    "a generated loop behind two": Kind(loop_behind_two),
    "a generated loop and a claim given up": Kind(loops_and_gaps),
    "by phase, a chain": Kind(graph(1, 1, 2, chain=True, consumers=2, wait=by_phase)),
    "a poller": Kind(polled),
    "a handler": Kind(handled()),
    "a handler of single records, many producers": Kind(handled(limit=1, multi=True)),
    "a handler asks for its batch again": Kind(handled(rewinds=True)),
    "a consumer comes while two publish": Kind(comes_between),
    "a consumer comes behind another": Kind(comes_behind),
    "the last of a chain goes": Kind(goes_from_the_end),
    "generated loops by phase, a chain": Kind(loops(1, 1, 2, 2, wait=by_phase)),
    "a generated loop asks for its batch again": Kind(rewound(False)),
    "a generated loop asks for its batch again, many producers": Kind(rewound(True)),
    "a generated loop into another ring": Kind(forwarded(1)),
    "a generated loop into another ring, by phase": Kind(forwarded(1, wait=by_phase)),
    "a generated loop into another ring takes its batch back": Kind(forwarded(2, rewinds=True)),
    "a generated producer": Kind(produced(2, 1, 3)),
    "a generated producer, batches": Kind(produced(2, 1, 4, batch=2)),
    "a generated producer with nothing for a while": Kind(produced(2, 1, 3, pauses=True)),
    "two generated producers": Kind(produced(2, 2, 2)),
    "two generated producers that claim ahead": Kind(produced(16, 2, 2)),
    "two generated producers, batches": Kind(produced(4, 2, 3, batch=2)),
    "an observer of a generated producer": Kind(observed_producer),
    "editions": Kind(editions(1, 5)),
    "editions, two readers": Kind(editions(2, 8)),
    "a deque and a thief": Kind(deque(1, 2, 3)),
    "a deque and two thieves": Kind(deque(2, 2, 2)),
    "workers that steal": Kind(stealing),
}
