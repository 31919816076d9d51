"""The owner's thread that lets other processes in and clears up behind those that are gone.

It sleeps on the ring's bell, looks at once when somebody rings, and ten times a second at who is still alive: a process that
was killed is found within 0.2 s, its consumers hold nobody back any more, and what it had claimed in its lane and not
published is given up. A process that is stopped lives, and is waited for; its label says so, within a second or so: who is dead
is one look at all (see deaths), what the living do one look at each, and only at one of them each time, for others may want the GIL.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import attrs

from disruptor.claims import CLAIMED, CURSOR, FAILED
from disruptor.errors import CapacityError
from disruptor.processor import failed
from disruptor.scheduling import Scheduling
from disruptor.sequence import CELLS, Sequence
from disruptor.shared.deaths import Deaths
from disruptor.shared.identity import condition, pid_of
from disruptor.shared.places import Place, State, await_change, ring_bell
from disruptor.threads import PinnedThread

__all__ = ["TICK_NS", "Client", "Keeper"]

TICK_NS = 100_000_000
_KEPT = 1000
_PROMPT = Scheduling(nice=-10)  # it works for microseconds, and others wait for it; refused without privileges


@attrs.frozen
class Client:
    """A process at a shared ring, or one that has died. role : "consumer", "producer" or, of a place without either, "guest".

    label : what it calls itself. condition : "running", "stopped", "dead". sequence : how far it is, behind : how many records
    lie between that and what is published (a producer: how many the owner has not read). beat_age : seconds since it was last
    seen at work. failed : a handler of it has died.
    """

    role: str
    label: str
    pid: int
    condition: str
    sequence: int
    behind: int
    beat_age: float
    failed: bool

    def __str__(self) -> str:
        failed = ", whose handler has died" if self.failed else ""
        state = "" if self.condition == "running" else f", {self.condition}"
        return f"{self.role} '{self.label}' of process {self.pid}{state}{failed}"


class Keeper:
    """Keeps the places of one ring. departed : those that died, the last thousand."""

    def __init__(self, ring: Any) -> None:
        self._ring, self._cells = ring, ring.file.cells
        self._stop = False
        self.departed: deque[Client] = deque(maxlen=_KEPT)
        self._deaths, self._turn = Deaths(), 0
        self._thread = PinnedThread(self._run, name="dis-keeper", halt=self.stop, scheduling=_PROMPT)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End it and wait until it has ended."""
        self._stop = True
        ring_bell(self._cells.bell)
        self._thread.join()

    def clients(self) -> list[Client]:
        """Return who is there now."""
        seats = [self._client(place) for place in self._cells.seats if place.process.get()]
        return seats + [self._client(place, lane=True) for place in self._cells.lanes if place.process.get()]

    def _run(self) -> None:
        try:
            self._keep()
        except BaseException as error:  # nobody would be let in, and the dead would be waited for: whoever publishes must know
            self._ring.sequencer.consumer_died(failed("keeper", self._ring.sequencer.published(), error))
            raise
        finally:
            self._deaths.close()

    def _keep(self) -> None:
        due = 0
        bell = Sequence.at(self._cells.bell, self._cells)
        while not self._stop:
            seen = bell.get()
            self._serve()
            now = time.monotonic_ns()
            if now >= due:
                self._look_round(now)
                due = now + TICK_NS
            await_change(self._cells.bell, seen, min(TICK_NS, max(1, due - now)))

    def _serve(self) -> None:
        """Do what was asked for since the last look."""
        done = False
        sequencer = self._ring.sequencer
        for place in self._cells.seats:
            state = place.state.get()
            if state in (State.JOINING, State.JOINING_AS_IS):
                self._join(place, state)
            elif state in (State.LEAVING, State.ABANDONED):
                sequencer.remove_gating_sequence(place.position)
                sequencer.labels.pop(place.position.word, None)
                place.state.set(State.TAKEN)
                if state == State.ABANDONED:
                    place.vacate()
            else:
                continue
            done = True
        for place in self._cells.lanes:
            if place.state.get() == State.ABANDONED:
                self._clear_lane(place)
                done = True
        if done:
            ring_bell(self._cells.answers)

    def _join(self, place: Place, state: int) -> None:
        sequencer = self._ring.sequencer
        add = sequencer.add_gating_sequences if state == State.JOINING else sequencer.add_gating_sequences_as_they_are
        try:
            add(place.position)
        except CapacityError:
            place.state.set(State.REFUSED)
            return
        sequencer.labels[place.position.word] = str(self._client(place))
        place.state.set(State.GATING)

    def _look_round(self, now: int) -> None:
        """Say that the owner is alive; see who is not; renew what is said of one of those that are."""
        self._cells.beat.set(now)
        taken = [
            (place, lane, process)
            for lane, places in ((False, self._cells.seats), (True, self._cells.lanes))
            for place in places
            if (process := place.process.get())
        ]
        processes = sorted({process for _, _, process in taken})
        dead = self._deaths.among(processes)
        for place, lane, process in taken:
            if process in dead and place.process.get() == process:
                self._bury(place, lane)
        living = [process for process in processes if process not in dead]
        if living:
            self._turn = (self._turn + 1) % len(living)
            self._describe(living[self._turn], taken)

    def _describe(self, process: int, taken: list[tuple[Place, bool, int]]) -> None:
        """Renew what messages say of a process."""
        labels, now = self._ring.sequencer.labels, condition(process)
        for place, lane, owner in taken:
            if owner == process and place.position.word in labels and now != "dead":
                labels[place.position.word] = str(self._client(place, now, lane))

    def _bury(self, place: Place, lane: bool) -> None:
        self.departed.append(self._client(place, "dead", lane))  # first: who sees the effect sees the reason
        if lane:
            self._clear_lane(place)
        else:
            self._ring.sequencer.remove_gating_sequence(place.position)
            self._ring.sequencer.labels.pop(place.position.word, None)
            place.vacate()
        ring_bell(self._cells.answers)

    def _clear_lane(self, place: Place) -> None:
        """Give up what its producer had claimed and not published; what is published stays to be read."""
        base = self._cells.lane_blocks[place.number].word
        CELLS[base + CLAIMED] = CELLS[base + CURSOR]
        CELLS[base + FAILED] = 0
        place.vacate()

    def _client(self, place: Place, state: str | None = None, lane: bool = False) -> Client:
        process, position = place.process.get(), place.position.get()
        if lane:
            published = int(CELLS[self._cells.lane_blocks[place.number].word + CURSOR])
        else:
            published = self._ring.sequencer.published()
        gating = place.state.get() in (State.GATING, State.JOINING, State.JOINING_AS_IS)
        return Client(
            "producer" if lane else "consumer" if gating else "guest", place.label, pid_of(process), state or condition(process),
            published if lane else position, max(0, published - position), max(0.0, (time.monotonic_ns() - place.beat.get()) / 1e9),
            bool(place.flags.get()),
        )
