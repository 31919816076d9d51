"""The sequencer and the replayer driven by hand: rings, cursors and a venue without threads, in any order of turns.

A turn is what a thread would do in one: a source publishes some messages, the sequencer takes one step, the venue handles
some messages of the main ring. `run` takes turns at random until everything is through; whatever it draws, the main ring
must hold what `merged`, slow and obvious, says.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from disruptor.compiled import entry
from disruptor.handler import params_record
from disruptor.layout import record_dtype
from disruptor.memory import anonymous
from disruptor.ring import PORT, Inlet, Port, Ring
from hydraflow.codes import Kind
from hydraflow.records import FEEDBACK, LEVEL, LEVELS_MAX, MESSAGE, REPORT
from hydraflow.runtime import replayer, sequencer
from hydraflow.runtime.engine_messages import MAIL_WORDS

__all__ = ["Answer", "Market", "Replaying", "Sequencing", "answers_of", "merged", "no_answers", "step_of"]

SOURCES, TIMERS = 2, 3  # always, so that one compiled step serves every test
_ASKED, _DONE = 448, 464
_VENUE, _MAIN, _FEEDBACK, _FIRST = 0, 16, 32, 48  # words; then four per source: finished, produced, consumed, decoded
_UNITS = 1 << 17
_steps: dict[Any, Any] = {}


class Market(NamedTuple):
    """A message of a source. levels : (price, quantity) pairs."""

    receive_ns: int
    number: int
    levels: tuple[tuple[int, int], ...] = ()
    kind: int = int(Kind.DEPTH)


class Answer(NamedTuple):
    """What the venue says to a message. due_ns : when; kind : REPORT or TIMER; token : order id."""

    due_ns: int
    kind: int
    token: int


class Seen(NamedTuple):
    """A message of the main ring as the venue saw it."""

    receive_ns: int
    kind: int
    source: int
    number: int
    token: int
    cause: int
    levels: tuple[tuple[int, int], ...]


Venue = Callable[[int, Seen], list[Answer]]


def no_answers(sequence: int, message: Seen) -> list[Answer]:
    """A venue that has nothing to say."""
    return []


def answers_of(latency_ns: int, seed: int) -> Venue:
    """Return a venue that answers some messages, answers included, at its latency or later; chains of answers end."""

    def answer(sequence: int, message: Seen) -> list[Answer]:
        draw = random.Random(hash((seed, message.number, message.kind, message.receive_ns)))
        depth = message.token % 8 if message.kind >= Kind.REPORT else 0
        if depth >= 3:
            return []
        return [
            Answer(message.receive_ns + latency_ns + draw.choice([0, 0, 0, 1, 5]),
                   int(draw.choice([Kind.REPORT, Kind.TIMER])), 8 * draw.randrange(1, 99) + depth + 1)
            for _ in range(draw.choice([0, 0, 1, 1, 2]))
        ]

    return answer


def merged(
    sources: list[list[Market]], venue: Venue, settle_ns: int = 10**9, timers: dict[int, int] | None = None
) -> tuple[list[Seen], int]:
    """Return the one order of everything, and how much feedback came too late to count. timers : stage → period in ns.

    By time, feedback before timers before sources, sources by rank; a stamp that runs backwards counts as its source's latest.
    Timers are due at the multiples of their period after the first message, and end with the sources.
    """
    queues = [list(source) for source in sources]
    latest, pending, out, emitted, last_market = [0] * len(sources), [], [], 0, 0
    fired = dict.fromkeys(timers or {}, 0)
    due: list[tuple[int, int]] = []  # (when, stage), the first stage first
    while any(queues) or pending:
        heads = [(max(queue[0].receive_ns, latest[i]), i) for i, queue in enumerate(queues) if queue]
        if due and heads and due[0][0] <= min(heads)[0] and (not pending or due[0][0] < pending[0][0]):
            when, stage = heapq.heappop(due)
            heapq.heappush(due, (when + timers[stage], stage))
            fired[stage] += 1
            seen = Seen(when, int(Kind.STAGE_TIMER), 0, fired[stage], stage, -1, ())
        elif pending and (not heads or pending[0][0] <= min(heads)[0]):
            if not heads and pending[0][0] > last_market + settle_ns:
                break
            due_ns, number, cause, answer = heapq.heappop(pending)
            levels = (answer.token, number) if answer.kind == Kind.REPORT else ()
            seen = Seen(due_ns, answer.kind, 7, number, answer.token, cause, (levels,) if levels else ())
        else:
            stamp, i = min(heads)
            message = queues[i].pop(0)
            latest[i] = last_market = stamp
            seen = Seen(stamp, message.kind, i, message.number, 0, 0, message.levels)
        if not out:
            due = sorted(((seen.receive_ns // every + 1) * every, stage) for stage, every in (timers or {}).items())
        for answer in venue(len(out), seen):
            heapq.heappush(pending, (answer.due_ns, emitted, len(out), answer))
            emitted += 1
        out.append(seen)
    return out, len(pending)


def step_of(function: Any) -> Any:
    """Return a driver's step as Python can call it."""
    if function not in _steps:
        _steps[function] = entry(function)
    return _steps[function]


class _Driven:
    """The main ring, the feedback ring, and the venue between them."""

    def __init__(self, venue: Venue, slots: int, seed: int) -> None:
        self.venue = venue
        self.random = random.Random(seed)
        self.cells = anonymous(4096).array(np.int64)
        self.cells[[_VENUE, _MAIN, _FEEDBACK]] = -1
        self.main = Ring("main", MESSAGE, slots, payload=(LEVEL, _UNITS), stamps=True)
        self.feedback = Ring("feedback", FEEDBACK, 4096)
        self.inlet_cell = self.feedback.new_inlet_cell()
        self.seen: list[Seen] = []
        self.stamps: list[int] = []
        self.finished = False

    def room(self) -> tuple[int, int]:
        """Return the slots and payload units that may be claimed."""
        port, passed = self.main.port[0], int(self.cells[_VENUE])
        oldest = passed + 1
        used = int(port["payload_next"])
        if oldest < port["next"]:
            used -= int(self.main.records[oldest & self.main.mask]["payload_position"])
        else:
            used = 0
        return passed + 1 + self.main.slots - int(port["next"]), _UNITS - used

    def step(self, now: int = 0) -> int:
        """Take one step of the driver; publish what it claimed. Returns what it returned."""
        before = int(self.main.port[0]["next"])
        self.inlet_cell[0]["gate"] = self.cells[_FEEDBACK]
        room, payload_room = self.room()
        done = int(self._step(room, payload_room, now))
        self.cells[_MAIN] = int(self.main.port[0]["next"]) - 1
        assert int(self.main.port[0]["next"]) - before == max(done, 0) <= room
        self.finished |= done < 0
        return done

    def handle(self, count: int = 1 << 30) -> int:
        """Let the venue handle up to `count` messages; return how many it did."""
        done = 0
        while done < count and self.cells[_VENUE] < self.cells[_MAIN]:
            sequence = int(self.cells[_VENUE]) + 1
            message = self._read(sequence)
            for answer in self.venue(sequence, message):
                self._emit(sequence, answer)
            self.seen.append(message)
            self.stamps.append(int(self.main.stamps[sequence & self.main.mask]))
            self.cells[_FEEDBACK] = int(self.feedback.port[0]["next"]) - 1
            self.cells[_VENUE] = sequence
            done += 1
        return done

    def _read(self, sequence: int) -> Seen:
        record = self.main.records[sequence & self.main.mask]
        position, count = int(record["payload_position"]), int(record["payload_count"])
        assert position % 4 == 0
        start = position & (_UNITS - 1)
        levels = tuple((int(p), int(q)) for p, q in self.main.payload[start : start + count].tolist())
        kind = int(record["kind"])
        if kind == Kind.REPORT:
            report = self.main.payload[start : start + count].view(REPORT)[0]
            levels = ((int(report["order_id"]), int(report["quantity_lots"])),)
        answer = kind >= Kind.REPORT
        return Seen(int(record["receive_ns"]), kind, int(record["source"]), int(record["number"]),
                    int(record["first_update"]) if answer else 0, int(record["previous_update"]) if answer else 0, levels)

    def _emit(self, sequence: int, answer: Answer) -> None:
        port = self.feedback.port[0]
        number = int(port["next"])
        record = self.feedback.records[number & self.feedback.mask]
        record["due_ns"], record["cause"], record["number"], record["token"] = answer.due_ns, sequence, number, answer.token
        record["kind"], record["source"], record["symbol"] = answer.kind, 7, 3
        record["report"]["order_id"], record["report"]["quantity_lots"] = answer.token, number
        record["report"]["cause"] = sequence
        port["next"] += 1

    def _main_port(self) -> Port:
        return Port(self.main.records, self.main.payload, self.main.port[0])

    def _feedback_inlet(self) -> Inlet:
        return Inlet(self.feedback.records, self.feedback.payload, self.inlet_cell[0])

    def _step(self, room: int, payload_room: int, now: int) -> int:
        raise NotImplementedError


class Sequencing(_Driven):
    """The sequencer between two sources and a venue."""

    def __init__(self, sources: list[list[Market]], venue: Venue = no_answers, *, latency_ns: int = 0, slots: int = 64,
                 seed: int = 0, pending: int = 4096, timers: dict[int, int] | None = None, **params: Any) -> None:
        super().__init__(venue, slots, seed)
        self.mailbox = np.zeros(MAIL_WORDS, np.int64)
        self.promises = [np.zeros(1, np.int64) for _ in range(SOURCES)]
        self.queues = [list(source) for source in sources] + [[] for _ in range(SOURCES - len(sources))]
        self._gates: list[int] | None = None
        self.frames: list[list[Market]] = [[] for _ in range(SOURCES)]
        self.rings = [Ring(f"decoded{i}", MESSAGE, 16, payload=(LEVEL, 1 << 12), stamps=True) for i in range(SOURCES)]
        self.heads = anonymous(PORT.itemsize * SOURCES).array(PORT, SOURCES)
        for i, ring in enumerate(self.rings):
            self.heads[i : i + 1] = ring.new_inlet_cell()
        self.ends = np.array([[_FIRST + 64 * i + 16 * k for k in range(4)] for i in range(SOURCES)], np.int64)
        self.cells[self.ends[:, 1:].reshape(-1)] = -1
        dtype = record_dtype(sequencer.sequencer_state(SOURCES, pending, TIMERS), fill=True)
        self.state = anonymous(dtype.itemsize).array(dtype, 1)
        sequencer.prepare(self.state[0], timers)
        self.counters = np.zeros(1, record_dtype(sequencer.COUNTERS))
        self.params = params_record(sequencer.SequencerParams(latency_ns=latency_ns, **params))

    def feed(self, source: int, count: int = 1 << 30) -> int:
        """Let a source publish up to `count` messages and its decoder decode them; return how many it did."""
        self.offer(source, min(count, self._decodable(source)))
        return self.decode(source)

    def offer(self, source: int, count: int) -> None:
        """Let a source publish up to `count` frames, which nobody has decoded yet."""
        queue, (finished, produced, _, _) = self.queues[source], self.ends[source]
        taken = queue[:count]
        del queue[:count]
        self.frames[source] += taken
        self.cells[produced] += len(taken)
        self.cells[finished] = int(not queue)

    def decode(self, source: int, count: int = 1 << 30) -> int:
        """Let a decoder publish up to `count` messages, as its ring has room; return how many it did."""
        ring, frames = self.rings[source], self.frames[source]
        _, _, consumed, decoded = self.ends[source]
        done = min(count, len(frames), self._decodable(source))
        for message in frames[:done]:
            port = ring.port[0]
            number = int(port["next"])
            record = ring.records[number & ring.mask]
            record["receive_ns"], record["number"], record["kind"] = message.receive_ns, message.number, message.kind
            record["source"], record["symbol"], record["payload_count"] = source, 3, len(message.levels)
            record["previous_update"] = record["first_update"] = record["last_update"] = 0
            record["payload_position"] = position = int(port["payload_next"])
            for k, level in enumerate(message.levels):
                ring.payload[(position + k) & (ring.payload_capacity - 1)] = level
            ring.stamps[number & ring.mask] = 1_000_000 * source + message.number
            port["payload_next"] += len(message.levels)
            port["next"] += 1
        del frames[:done]
        self.cells[decoded] = int(ring.port[0]["next"]) - 1
        self.cells[consumed] += done
        return done

    def look(self) -> None:
        """Read the decoded rings' cursors, as the loop does before a step; more may come between that and the step."""
        self._gates = [int(self.cells[self.ends[i, 3]]) for i in range(SOURCES)]

    def _decodable(self, source: int) -> int:
        ring = self.rings[source]
        return ring.slots - int(ring.port[0]["next"]) + int(self.heads[source]["next"])

    def run(self, most: int = 100_000) -> list[Seen]:
        """Take turns at random until the sequencer has finished and the venue has handled everything."""
        for _ in range(most):
            if self.random.random() < 0.2:
                self.look()
            turn = self.random.randrange(2 * SOURCES + 2)
            if turn < SOURCES:
                self.offer(turn, self.random.choice([1, 1, 3, 1 << 30]))
            elif turn < 2 * SOURCES:
                self.decode(turn - SOURCES, self.random.choice([1, 1, 3, 1 << 30]))
            elif turn == 2 * SOURCES and not self.finished:
                self.step()
            else:
                self.handle(self.random.choice([1, 2, 1 << 30]))
            if self.finished and self.cells[_VENUE] == self.cells[_MAIN]:
                return self.seen
        raise AssertionError(f"not finished after {most} turns: {len(self.seen)} messages seen")

    def journal(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all messages of a finished run as a journal has them: records, and units that they count into."""
        messages, units = np.zeros(len(self.seen), MESSAGE), []
        for record, seen in zip(messages, self.seen, strict=True):
            record["receive_ns"], record["kind"], record["source"], record["number"] = seen[:4]
            record["first_update"], record["previous_update"], record["symbol"] = seen.token, seen.cause, 3
            levels = seen.levels
            if seen.kind == Kind.REPORT:
                report = np.zeros(1, REPORT)
                report["order_id"], report["quantity_lots"], report["cause"] = *seen.levels[0], seen.cause
                levels = report.view(LEVEL).tolist()
            record["payload_position"], record["payload_count"] = len(units), len(levels)
            units += [tuple(level) for level in levels]
        return messages, np.array(units or [(0, 0)], LEVEL)

    def _step(self, room: int, payload_room: int, now: int) -> int:
        if self._gates is None:
            self.look()
        for i, gate in enumerate(self._gates or ()):
            self.heads[i]["gate"] = gate
        self._gates = None
        return step_of(sequencer.step)(
            self.state[0], self.params[0], self.counters[0], self.cells, self._main_port(), room, payload_room,
            self.main.stamps, self.heads, tuple(r.records for r in self.rings), tuple(r.payload for r in self.rings),
            tuple(r.stamps for r in self.rings), tuple(self.promises), self.ends, self._feedback_inlet(), _FEEDBACK, (_VENUE,), self.mailbox, _ASKED, _DONE,
            now,
        )


class Replaying(_Driven):
    """The replayer between a journal and a venue."""

    def __init__(self, messages: np.ndarray, units: np.ndarray, venue: Venue = no_answers, *, until: int | None = None,
                 slots: int = 64, seed: int = 0) -> None:
        super().__init__(venue, slots, seed)
        self.journaled = (messages, units)
        dtype = record_dtype(replayer.replayer_state(4096), fill=True)
        self.state = anonymous(dtype.itemsize).array(dtype, 1)
        replayer.prepare(self.state[0], len(messages) if until is None else until)
        self.counters = np.zeros(1, record_dtype(replayer.COUNTERS))

    def run(self, most: int = 100_000) -> list[Seen]:
        """Take turns at random until the journal is through."""
        for _ in range(most):
            if self.random.random() < 0.5 and not self.finished:
                self.step()
            else:
                self.handle(self.random.choice([1, 2, 1 << 30]))
            if self.finished and self.cells[_VENUE] == self.cells[_MAIN]:
                return self.seen
        raise AssertionError(f"not finished after {most} turns: {len(self.seen)} messages seen")

    def _step(self, room: int, payload_room: int, now: int) -> int:
        return step_of(replayer.step)(
            self.state[0], self.counters[0], self.cells, self._main_port(), room, payload_room, self.main.stamps,
            *self.journaled, self._feedback_inlet(), _FEEDBACK, (_VENUE,), now,
        )


assert _UNITS > LEVELS_MAX
