"""What other processes do in the tests of shared rings: `python -m tests.reference.shared_guests ROLE NAME FOLDER …`.

Each prints a line of JSON when it is attached, and one with what it found when it ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import numpy as np

from disruptor import Disruptor, DisruptorError, claim, handler, into, shared

__all__ = ["FIELDS", "adding"]

FIELDS = [("number", "i8"), ("twice", "i8"), ("whose", "i8")]


@handler(state=[("count", "i8"), ("sum", "i8"), ("wrong", "i8")])
def adding(event, state):
    """Count, add up and compare."""
    state["count"] += 1
    state["sum"] += event["number"]
    if event["twice"] != 2 * event["number"]:
        state["wrong"] += 1


@handler(max_out={"out": 1})
def doubling(event, out):
    """Publish twice the number into a lane."""
    made = claim(out)
    made["number"] = 2 * event["number"]
    made["twice"] = 4 * event["number"]
    made["whose"] = event["number"]


def say(**what: Any) -> None:
    """Print a line for the test."""
    print(json.dumps(what), flush=True)


def follow(name: str, folder: str) -> None:
    """Read record by record."""
    ring = shared.attach(name, FIELDS, folder=folder)
    follower = ring.follow()
    say(attached=True)
    numbers = [int(event["number"]) for event in follower]
    say(numbers=numbers)


def batches(name: str, folder: str) -> None:
    """Read arrays."""
    with shared.attach(name, folder=folder) as ring:
        follower = ring.batches(most=100)
        say(attached=True)
        say(numbers=[int(n) for batch in follower for n in batch["number"]])


def compiled(name: str, folder: str) -> None:
    """Run a compiled handler on a thread."""
    with shared.attach(name, FIELDS, folder=folder) as ring, Disruptor(ring).then(adding) as graph:
        say(attached=True)
        ring.join()
        graph.drain()
        state = graph.state(adding)
        say(count=int(state["count"]), sum=int(state["sum"]), wrong=int(state["wrong"]))


def chain(name: str, folder: str) -> None:
    """Run a graph of two Python handlers after one another."""
    first: list[int] = []
    second: list[bool] = []

    @handler(jit=False)
    def one(batch, first_sequence):
        first.extend(int(n) for n in batch["number"])

    @handler(jit=False)
    def two(event, sequence, end_of_batch):
        second.append(len(first) > sequence)

    with shared.attach(name, FIELDS, folder=folder) as ring, Disruptor(ring).then(one).then(two) as graph:
        say(attached=True)
        ring.join()
        graph.drain()
    say(numbers=first, behind=all(second), second=len(second))


def poller(name: str, folder: str) -> None:
    """Take what is there, until the owner ends."""
    numbers: list[int] = []
    with shared.attach(name, folder=folder) as ring, ring.new_poller() as taking:
        say(attached=True)
        try:
            while True:
                numbers += [int(n) for n in taking.take_batch(timeout=60)["number"]]
        except shared.OwnerGone as gone:
            say(numbers=numbers, orderly=gone.orderly)


def streaming(name: str, folder: str) -> None:
    """Read by `async for`."""
    from disruptor import aio

    async def read(ring: Any) -> list[int]:
        stream = aio.events(ring)
        say(attached=True)
        return [int(event["number"]) async for event in stream]

    with shared.attach(name, folder=folder) as ring:
        try:
            say(numbers=asyncio.run(read(ring)))
        except shared.OwnerGone as gone:
            say(error=str(gone))


def observer(name: str, folder: str) -> None:
    """Observe: copies, and what was missed."""
    with shared.attach(name, folder=folder) as ring:
        follower = ring.batches(observer=True)
        say(attached=True)
        seen, wrong = 0, 0
        for batch in follower:
            seen += len(batch)
            wrong += int((batch["twice"] != 2 * batch["number"]).sum())
        say(seen=seen, lost=follower.lost, wrong=wrong)


def producer(name: str, folder: str, whose: str, count: str) -> None:
    """Publish into a lane."""
    with shared.attach(name, FIELDS, producer=True, folder=folder, label=f"producer {whose}") as lane:
        say(attached=True)
        sys.stdin.readline()
        numbers = np.arange(int(count))
        for part in np.array_split(numbers, 7):
            lane.publish(number=part, twice=2 * part, whose=int(whose))
        say(published=int(count))
        sys.stdin.readline()


def claiming(name: str, folder: str) -> None:
    """Publish one record, claim three more, and wait to be killed."""
    lane = shared.attach(name, FIELDS, producer=True, folder=folder)
    lane.publish(number=1, twice=2, whose=9)
    lane.next(3)
    say(claimed=3)
    sys.stdin.readline()


def between(name: str, folder: str) -> None:
    """A compiled handler from the ring into a lane."""
    with shared.attach(name, FIELDS, folder=folder) as ring, shared.attach(name, producer=True, folder=folder) as lane:
        with Disruptor(ring).then(into(doubling, out=lane)) as graph:
            say(attached=True)
            ring.join()
            graph.drain()
    say(done=True)


def waiting(name: str, folder: str, mode: str) -> None:
    """Wait for ever, in one way or another, until the owner dies; say by which error."""
    try:
        if mode == "lane":
            lane = shared.attach(name, FIELDS, producer=True, folder=folder)
            say(attached=True)
            while True:
                lane.publish(number=1, twice=2, whose=3)
        ring = shared.attach(name, FIELDS, folder=folder)
        if mode == "handler":
            with Disruptor(ring).then(adding):
                say(attached=True)
                ring.join()
        follower = ring.follow()
        say(attached=True)
        numbers = []
        try:
            for event in follower:
                numbers.append(int(event["number"]))
        finally:
            say(numbers=numbers)
    except DisruptorError as error:
        say(error=type(error).__name__, text=str(error))


def dying(name: str, folder: str) -> None:
    """A handler that fails."""

    @handler(jit=False)
    def failing(event, sequence, end_of_batch):
        raise ValueError("no")

    try:
        with shared.attach(name, folder=folder, label="fragile") as ring, Disruptor(ring).then(failing):
            say(attached=True)
            sys.stdin.readline()
            ring.join()
    except DisruptorError as error:
        say(error=type(error).__name__, text=str(error))


def owning(name: str, folder: str, count: str) -> None:
    """Make the ring, publish when told to, and wait to be killed."""
    ring = shared.create(name, FIELDS, slots=64, lanes=2, lane_slots=64, folder=folder)
    say(attached=True)
    sys.stdin.readline()
    numbers = np.arange(int(count))
    ring.publish(number=numbers, twice=2 * numbers, whose=0)
    say(published=int(count))
    sys.stdin.readline()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
