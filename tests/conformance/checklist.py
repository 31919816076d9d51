"""The checklist of behaviours that a disruptor has, from the test-suites of LMAX and of its best ports.

`CHECKLIST` says what each id asks for; the names of the tests that show it carry the id (`test_k014_...`, `test_n001a_...`,
`test_quirk_f_...`). `NOT_APPLICABLE` says why there is none. test_checklist.py holds names and table together, and
`make docs` writes docs/conformance.md from them.

Source: LMAX Disruptor 4 and 3.4 (K, A, D: src/test and src/jcstress), disruptor-rs, Disruptor-net, Agrona (N).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

__all__ = ["CHECKLIST", "NOT_APPLICABLE", "collected", "ids_of", "page"]

CHECKLIST = {
    "K1": "a sequence's add_and_get and increment_and_get return the new value, get_and_add the old one",
    "K2": "a fixed group of sequences is its lowest member",
    "K3": "an empty group is the highest int64",
    "K4": "a group takes a member",
    "K5": "removing an absent member does no harm",
    "K6": "a group is the lower of two",
    "K7": "a group knows its size",
    "K8": "a removed member no longer counts",
    "K9": "remove deletes every occurrence",
    "K10": "set sets every member",
    "K11": "a member added while running is set to the cursor",
    "K12": "the first claim is sequence 0",
    "K13": "a claim of four ends at 3",
    "K14": "available capacity before and after a publish",
    "K15": "a full ring has no capacity",
    "K16": "a producer is held when full and let go by exactly one step of the consumer",
    "K17": "try_next on a full ring is InsufficientCapacity",
    "K18": "remaining capacity falls with each claim",
    "K19": "nothing is available before it is published; of a batch, all and no more",
    "K20": "waiters are signalled once per publish and once per batch",
    "K21": "a barrier returns what is published without a hole",
    "K22": "try_next succeeds once per slot, then fails",
    "K23": "a ring may start in the middle",
    "K24": "next(0) is refused",
    "K25": "next(−1) is refused",
    "K26": "try_next(0) is refused",
    "K27": "try_next(−1) is refused",
    "K28": "a sequence is available once published",
    "K29": "a sequence is unavailable once lapped",
    "A30": "a second thread on a ring with one producer is an error",
    "K31": "asking for capacity moves no cursor",
    "K32": "published out of order, only what is published is available",
    "K33": "wait_for returns more than asked for when the dependencies are ahead",
    "K34": "wait_for waits for slow dependencies",
    "K35": "an alert ends a wait",
    "K36": "wait_for returns what dependencies have passed",
    "K37": "an alert stays until it is cleared",
    "K38": "claim, fill, publish, from cursor −1",
    "K39": "a waiting reader in another thread gets the record",
    "K40": "a ring is filled to its last slot",
    "K41": "a ring that nobody gates keeps the newest",
    "K42": "try_publish is False when full",
    "K43": "try_next raises when full",
    "K44": "a producer cannot overtake its consumer, and goes on when that does",
    "A45": "publish with no argument of the translator",
    "A46": "publish with one argument",
    "A47": "publish with two and three arguments",
    "A48": "publish with any number of arguments",
    "K49": "a batch is published whole",
    "K50": "a batch of one",
    "K51": "a part of the columns (starts_at, batch_size)",
    "K52": "a batch larger than the ring is refused and leaves it untouched",
    "K53": "a batch of none is refused and leaves the ring untouched",
    "K54": "a negative size likewise",
    "K55": "a negative start likewise",
    "K56": "a batch beyond the columns' end likewise",
    "K57": "columns of different length likewise",
    "K58": "gating sequences are added and removed; the lowest counts",
    "A59": "a ring claims and publishes through its sequencer",
    "K60": "publish twice; try_publish succeeds once per slot",
    "A61": "a translator gets record, sequence and arguments",
    "K62": "a processor without an exception handler is refused",
    "K63": "start, records, shutdown come in this order",
    "K64": "an exception goes to the exception handler",
    "K65": "batch sizes when a handler publishes while it handles: 3, 2, 1",
    "K66": "a processor always halts: before, at and after its start",
    "K67": "no batch begins with nothing in it",
    "K68": "a batch limit splits what is there",
    "K69": "batch size and queue depth are told",
    "K70": "rewind at the first record of one, of ten",
    "K71": "rewind in the middle",
    "K72": "rewind at the last record",
    "K73": "rewind several times",
    "K74": "two records that each rewind three times",
    "K75": "another exception goes to the exception handler",
    "K76": "only the batch at hand is rewound, also with a batch limit",
    "K77": "the strategy is asked once per rewind, attempts are counted anew for each batch",
    "K78": "rewind after a pause",
    "K79": "giving up passes the record by",
    "K80": "a rewind without a strategy is an error",
    "K81": "on_start and on_shutdown come once",
    "K82": "a handler may release records before its batch ends",
    "K83": "handlers in parallel see every record in batches of their own making",
    "K84": "several publishers and handlers: every record is whole and agrees with its sequence",
    "K85": "shutdown returns although a handler has died",
    "K86": "one function calls several handlers in order",
    "K87": "the fatal exception handler wraps and raises, the ignoring one logs and goes on",
    "K88": "a poller is idle, gating, processing",
    "K89": "a full ring is polled whole; progress after an exception; False stops; a limit is kept",
    "K90": "every wait strategy waits for a value that comes later",
    "K91": "a timeout is raised, and not earlier",
    "K92": "phased backoff with each fallback and delay",
    "K93": "started says whether the graph runs",
    "K94": "what is published before the start is handled",
    "K95": "a batch is handled whole",
    "K96": "rewindable handlers in a graph",
    "K97": "handlers added after publishing start at the cursor",
    "K98": "a barrier for a handler",
    "K99": "each handler gets its thread",
    "K100": "handlers of the first stage do not wait for each other",
    "K101": "then waits for every handler before it",
    "K102": "factories get the ring and the sequences before them",
    "K103": "after(h1, h2)",
    "K104": "after(h1).and_(group)",
    "K105": "after(unknown) is an error",
    "K106": "handlers are told apart by identity, not equality",
    "A107": "an exception handler for handlers to come",
    "K108": "a default exception handler, set before and after adding",
    "K109": "a producer blocks at a full ring and goes on when it is emptied",
    "K110": "an exception handler for one handler",
    "K111": "adding with then() after the start is an error",
    "K112": "starting twice is an error",
    "K113": "a processor of one's own as the first consumer",
    "K114": "as a dependency of a handler",
    "K115": "behind a handler",
    "K116": "several of them",
    "K117": "shutdown(timeout) raises when time is over",
    "K118": "capacity inside a handler is size − 1, after it size",
    "D119": "handlers of a super type of the record",
    "K120": "sequences and barriers are found by handler",
    "K121": "powers of two, the lowest of nothing",
    "A122": "never two without one; what was written before publishing is seen after",
    "A123": "a pool gives each record to exactly one worker",
    "A124": "a pool's worker handles nothing before it is published",
    "N1a": "a refused claim says how many slots are missing",
    "N1b": "publishing nothing does nothing",
    "N1c": "the end of the last producer drains everything, then ends the consumers",
    "N1d": "a poller reads partly: take(n), a limit, leaving the loop",
    "N1e": "a branch beside three stages is joined after them",
    "N1f": "back-pressure comes through a branch that only a poller reads",
    "N1g": "pollers and processors stand behind each other in one graph",
    "N1h": "consumers come and go while records are published",
    "N2a": "a second owner of a shared ring is refused, in this process and in another",
    "N2b": "a shared ring of a wrong version or record size is refused",
    "N2c": "memory is not given back while somebody uses it",
    "N2d": "files of a shared ring go with the last who uses it",
    "N2e": "publishers in other processes, one and several",
    "N2f": "sequences lie on cache lines of their own",
    "N2g": "start returns when every handler has started, halt when every handler has ended",
    "N2h": "a batch limit and a full ring go together",
    "N3a": "an exception in on_timeout",
    "N3b": "several exceptions one after the other, also at start and shutdown",
    "N4a": "an aborted claim is seen by no reader",
    "N4b": "unblock recovers a ring whose producer died between claim and publish",
    "N4c": "a receiver that is lapped knows it",
    "N4d": "a heartbeat says when the consumer was last alive",
    "N5a": "in no interleaving is a slot read while written, and the end can always be reached (model checker)",
    "N5b": "the same when a producer dies between claim and publish",
    "N5c": "the same when a consumer comes or goes",
    "quirk a": "a claim takes only what fits: capacity is never negative, and who gives up leaves nothing claimed",
    "quirk a2": "a late consumer misses nothing that is published after it came",
    "quirk b": "a handler that died is told to producers",
    "quirk c": "a batch's sequence is visible after the batch; after an error a new batch begins behind the record",
    "quirk f": "a failed claim publishes nothing",
    "quirk h": "an exception in on_batch_start is an error of the first record, which is not skipped silently",
    "quirk k": "halt before run is for that run only",
    "quirk r": "a rewound batch may have grown",
    "quirk waits": "every strategy sees an alert in every phase, and none spins behind a slow consumer or a shutdown",
}

_OTHER_PROCESSES = "not yet: rings that other processes publish into come with shared memory of the engine's clients"
NOT_APPLICABLE = {
    "D119": "because Python has no generics: a handler takes any record whose fields it names",
    "N2a": _OTHER_PROCESSES,
    "N2b": _OTHER_PROCESSES + "; byte rings refuse foreign memory already (tests/disruptor/test_byte_ring_processes.py)",
    "N2d": _OTHER_PROCESSES,
    "N2e": _OTHER_PROCESSES,
}

_TOKEN = re.compile(r"[kand]\d+[a-z]?")


def ids_of(test: str) -> list[str]:
    """Return the ids that a test's name carries: test_k013_k014_..., test_n001a_..., test_quirk_a2_..."""
    tokens = test.partition("[")[0].removeprefix("test_").split("_")
    if tokens[0] == "quirk":
        return [f"quirk {tokens[1]}"]
    found = []
    for token in tokens:
        if not _TOKEN.fullmatch(token):
            break
        digits = re.sub(r"\D", "", token)
        found.append(token[0].upper() + str(int(digits)) + token[1 + len(digits) :])
    return found


def collected() -> list[str]:
    """Return the names of all conformance tests as `file::name`, in order, each once, as pytest collects them."""
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "tests/conformance"],
        cwd=Path(__file__).parents[2], env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True,
        check=True, timeout=120,
    ).stdout.splitlines()
    names = [line.removeprefix("tests/conformance/").partition("[")[0] for line in listed if "::" in line]
    return list(dict.fromkeys(names))


def page(tests: Iterable[str]) -> str:
    """Return docs/conformance.md for the collected tests, each as `file::name`, parameters left out."""
    by_id: dict[str, list[str]] = {}
    for test in tests:
        for known in ids_of(test.partition("::")[2]):
            by_id.setdefault(known, []).append(test)
    lines = [
        "# Conformance", "",
        "What a disruptor does, and the test that shows it here. K, A and D are the behaviours of LMAX Disruptor's own suite",
        "(re-expressed, adapted, dropped), N those of other ports, quirks what LMAX does and we decided about.",
        "`make conformance` runs them: compiled, as plain Python and with bounds checked. Written by `make docs`.", "",
        "| id | what | shown by |", "|---|---|---|",
    ]
    for known, what in CHECKLIST.items():
        shown = "<br>".join(f"`{t}`" for t in by_id.get(known, ())) or f"not applicable, {NOT_APPLICABLE.get(known, '?')}"
        lines.append(f"| {known} | {what} | {shown} |")
    return "\n".join(lines) + "\n"
