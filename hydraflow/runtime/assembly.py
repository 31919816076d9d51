"""Everything that a run needs, built before anything moves: topology, graph, placement, CnC file, journal.

`Assembly` also answers what the others ask about it: which stage has a number, what kind of message a sequence is, where
a thread says what it has in hand.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from disruptor.clock import Calibration, calibrate
from disruptor.counters import CounterFile, HandlerEntry, counter_path
from disruptor.errors import CounterFileError, MemoryMapError
from disruptor.layout import CELL_WORDS
from disruptor.log.writer import LogWords
from disruptor.note_file import NoteFile, NoteLane
from disruptor.stage import NOT_PARKED, DriverStage, HandlerStage, RingEnd
from hydraflow.codes import Kind
from hydraflow.errors import InputOutputError, Locked, OutputError, UsageError
from hydraflow.journal.changes import changed_parameters, pairs_of
from hydraflow.placement.apart import set_apart
from hydraflow.placement.assign import Placement, assign, parse_placement, stages_of
from hydraflow.placement.cpus import read_machine
from hydraflow.runtime.graph import build_graph
from hydraflow.runtime.home import bind, near
from hydraflow.runtime.hooks import renumbered, stage_table
from hydraflow.runtime.instruments import instrument_table
from hydraflow.runtime.journaling import DISK_FULL, Journaling, journal_header
from hydraflow.runtime.options import Options, debugged
from hydraflow.runtime.recording import Recording, refuse_one_file_for_two
from hydraflow.runtime.ring_recording import RingRecording
from hydraflow.topology.load import TopologyError, examine, load
from hydraflow.topology.shards import stage_of
from hydraflow.topology.spec import SEQUENCER, STREAMS, HandlerSpec, PlacementSpec, Topology, is_own

__all__ = ["RECORDER", "Assembly"]

RECORDER = "recorder"


class Assembly:
    """The parts of one run. What it opens is closed by `stack`.

    halt, stop, rescue, wait_cell : words of control cells. recorders : stages that follow all others of a ring and write it down, by name. recorded : {stream or ring: path}.
    Raises: HydraFlowError for what the user can mend.
    """

    def __init__(self, options: Options, stack: contextlib.ExitStack) -> None:
        self.options = options
        self.complete = False
        self.replayed: np.ndarray | None = None  # the messages of the journal that is replayed
        self.machine = read_machine()
        self.journal_reader = self._open_journal()
        self.topology = self._load()
        if options.no_journal:
            self.topology = _without_journal(self.topology)
        self.name = options.name or self.topology.name
        self._path = _file_path(self.name)
        self.clock = calibrate()
        with near(self.machine, assign(stages_of(self.topology), self.machine, self._wanted()).node):
            self._build_graph()
        self.recorders: dict[str, HandlerStage] = {}
        self.recordings: list[Recording | RingRecording] = []
        self.recorded = self._recorded()
        self._open_recordings(stack)
        self.placement = self._place()
        self.memory_refused = bind(self.graph, self.placement)
        self._create_file(stack)
        self.notes = self._create_notes(stack)
        self.journaling = self._open_log(stack)
        for member in self.graph.members.values():
            if member.feed is not None:
                stack.callback(member.feed.stop)
        self.complete = True

    # -- what others ask

    def handlers(self) -> dict[str, HandlerStage]:
        """Return every stage that reads a ring, by name."""
        return {n: m.stage for n, m in self.graph.members.items() if isinstance(m.stage, HandlerStage)}

    def drivers(self) -> dict[str, DriverStage]:
        """Return every stage that is driven by the loop itself: sources and the sequencer."""
        return {n: m.stage for n, m in self.graph.members.items() if isinstance(m.stage, DriverStage)}

    def running_word(self, thread: str) -> int:
        """Return the word that holds the number of the stage at work on a thread; the next cell holds its sequence."""
        return self.graph.cells.word(f"thread.{thread}.running")

    def progress_word(self, thread: str) -> int:
        """Return the word that holds the ticks of the last turn in which a thread did something."""
        return self.graph.cells.word(f"thread.{thread}.progress")

    def stage_numbered(self, number: int) -> str:
        """Return the name of stage `number`, "?" when there is none."""
        found = next((n for n, m in self.graph.members.items() if m.stage.number == number), "?")
        return next((n for n, stage in self.recorders.items() if stage.number == number), found)

    def in_hand(self, thread: str) -> tuple[str, int]:
        """Return which stage a thread was last in, and the sequence that it had."""
        word = self.running_word(thread)
        return self.stage_numbered(int(self.cells[word])), int(self.cells[word + CELL_WORDS])

    def message_kind(self, stage: str, sequence: int) -> str:
        """Return what record `sequence` of a stage's ring is, in a word: "DEPTH", "frame"; of one of its own, of which ring it is."""
        member = self.graph.members.get(stage)
        ring = member.stage.source.ring if member and isinstance(member.stage, HandlerStage) else None
        declared = self.topology.rings.get(ring.name) if ring is not None else None
        if declared is not None and is_own(declared.record):
            return f"of '{declared.name}'"
        if ring is None or "kind" not in (ring.dtype.names or ()) or ring.name != self.graph.main or sequence < 0:
            return "frame" if ring is not None and ring.name != self.graph.main else "message"
        kind = int(ring.records[sequence & ring.mask]["kind"])
        return Kind(kind).name if kind in set(Kind) else "message"

    def journal_stage(self) -> HandlerStage | None:
        """Return the stage that stages messages for the journal."""
        return next((s for s in self.handlers().values() if any(not o.max_out for o in s.outputs)), None)

    def set_clock(self, clock: Calibration) -> None:
        """Give the files of the engine the rate of the time-stamp counter as known by now."""
        for file in (self.file, self.notes):
            if file is not None:
                file.set_clock(clock)

    def journaled_changes(self) -> list[dict[str, Any]]:
        """Return the changes of parameters in the journal that is replayed: sequence, and {"stage.parameter": value}."""
        if self.replayed is None:
            return []
        stages = stage_table(self.topology)
        return [{"sequence": int(n), "parameters": changed_parameters(pairs_of(self.replayed[n], self._units), stages)}
                for n in np.flatnonzero(self.replayed["kind"] == Kind.PARAMETERS)]

    # -- building

    def _open_journal(self) -> Any:
        if not self.options.replay:
            return None
        from hydraflow.journal.reader import JournalReader

        return JournalReader(self.options.replay)

    def _load(self) -> Topology:
        """Load the topology file; in a replay without one, what the journal says, as if it lay where it lay then."""
        options = self.options
        placement = parse_placement(options.placement) if options.placement else None
        environment = {**os.environ, **options.environment}
        if options.topology or self.journal_reader is None:
            return load(options.topology, cpus=self.machine.cpus, cores=self.machine.check, placement=placement, environment=environment,
                        overrides=options.overrides, tests=False)
        header = self.journal_reader.header
        path = header.get("path") or "topology.yaml"
        topology, findings = examine(
            header["topology"], path, environment, cpus=self.machine.cpus, cores=self.machine.check, placement=placement,
            overrides=header.get("set", ()), files=header.get("files", {}), tests=False,
        )
        if topology is None or findings.failed:
            raise TopologyError(path, findings.texts, findings.diagnostics)
        return topology

    def _build_graph(self) -> None:
        bound = self.topology.bound
        replay = None
        if self.journal_reader is not None:
            self.instruments = self.journal_reader.instruments
            replay = _loaded(self.journal_reader, self.options.until, self.topology)
            self.replayed, self._units = replay[0][: replay[2]], replay[1]
        else:
            self.instruments = instrument_table(self.topology, bound)
        self.graph = build_graph(
            self.topology,
            {name: one.handler for name, one in bound.items()},
            {name: self._parameters(name, one.params) for name, one in bound.items()},
            self.instruments,
            replay=replay,
            context={"ticks_per_second": 1e9 / self.clock.ns_per_tick},
        )
        sequencer = self.graph.members.get(SEQUENCER)
        if sequencer is not None and sequencer.params_array is not None:
            record = sequencer.params_array[0]
            record["base_ticks"], record["base_ns"] = self.clock.base_ticks, self.clock.base_realtime_ns
            record["ns_per_tick"] = self.clock.ns_per_tick
        for member in self.graph.members.values():
            if hasattr(member.feed, "watch"):
                member.feed.watch(self.graph.books_not_live)

    def _parameters(self, name: str, params: Any) -> Any:
        changes = self.options.parameters.get(name)
        return attrs.evolve(params, **changes) if changes and params is not None else params

    def _recorded(self) -> dict[str, str]:
        """Return what is written where: what --record names, and for --results everything that there is. Raises: UsageError."""
        own = [name for name, ring in self.topology.rings.items() if is_own(ring.record) and name in self.graph.rings]
        record = dict(self.options.record)
        if self.options.results is not None:
            folder = Path(self.options.results)
            there = ([*STREAMS] if self.graph.main else []) + own
            record = {name: str(folder / f"{name}.npy") for name in there} | record
        known = [*(STREAMS if self.graph.main else ()), *own]
        for name in record:
            if name in known:
                continue
            if not known:
                raise UsageError("nothing to record: no ring is sequenced", where="--record", remedy="run without it")
            what = f"streams: {', '.join(STREAMS)}" if self.graph.main else "no ring is sequenced, so there are no streams"
            raise UsageError(f"cannot record '{name}'", where="--record", remedy=what + (f"; rings: {', '.join(own)}" if own else ""))
        refuse_one_file_for_two({name: Path(path) for name, path in record.items()})
        return record

    def _open_recordings(self, stack: contextlib.ExitStack) -> None:
        streams = {name: path for name, path in self.recorded.items() if self.graph.main and name in STREAMS}
        if streams:
            recording = Recording(streams, self.instruments)
            main = self.graph.rings[self.graph.main]
            recording.bind(main.ring.records, main.ring.payload, self.graph.lanes[self.graph.main])
            self._add_recorder(RECORDER, main, recording, stack)
        for name, path in self.recorded.items():
            if name not in streams:
                end = self.graph.rings[name]
                self._add_recorder(f"{RECORDER}.{name}", end, RingRecording(name, path, end.ring.dtype), stack)

    def _add_recorder(self, name: str, end: RingEnd, recording: Recording | RingRecording, stack: contextlib.ExitStack) -> None:
        """Let a recording follow every stage of a ring; of one without stages, its producer."""
        stack.callback(_give_up, recording)
        self.recordings.append(recording)
        leaves = tuple(s.cursor for s in self.handlers().values() if s.source is end) or (end.cursor,)
        cursor = self.graph.cells.word(f"stage.{name}")
        end.consumers.append(cursor)
        self.recorders[name] = HandlerStage(name=name, number=len(self.graph.members) + len(self.recorders), function=recording.on_batch,
                                            arguments=("batch", "first_sequence"), source=end, waits=leaves, cursor=cursor)

    def _place(self) -> Placement:
        stages = [s for s in stages_of(self.topology) if s.name in self.graph.members]
        spec = self._wanted()
        if spec.threads and (self.options.replay or self.options.no_journal):
            known = {*self.graph.members, *map(stage_of, self.graph.members)}
            threads = tuple(attrs.evolve(t, stages=tuple(s for s in t.stages if s in known)) for t in spec.threads)
            spec = attrs.evolve(spec, threads=tuple(t for t in threads if t.stages))
        placement = assign(stages, self.machine, spec)
        return set_apart(placement, self._debugged()) if self.options.debug else placement

    def _debugged(self) -> str:
        """Return the stage that --debug names. Raises: UsageError when it is none that handles records."""
        name = debugged(self.options.debug)[0]
        if name not in self.handlers():
            what = "a source or the sequencer, which handle no records" if name in self.graph.members else "no handler"
            raise UsageError(f"'{name}' is {what}", where="--debug", remedy=f"handlers: {', '.join(self.handlers())}")
        return name

    def _wanted(self) -> PlacementSpec:
        return parse_placement(self.options.placement) if self.options.placement else self.topology.placement

    def _create_file(self, stack: contextlib.ExitStack) -> None:
        graph, word = self.graph, self.graph.cells.word
        for thread in (*(t.name for t in self.placement.threads), *self.recorders):
            graph.cells.words(f"thread.{thread}.running", f"thread.{thread}.sequence")
            word(f"thread.{thread}.progress")
        self.halt, self.stop, self.rescue = word("control.halt"), word("control.stop"), word("control.rescue")
        word("control.kill_switch")
        self.wait_cell = word("control.wait")
        self.log_words = {name: word(f"journal.{name}") for name in ("durable", "written", "error", "halt")}
        groups = graph.counters()
        try:
            self.file = CounterFile.create(
                self._path, name=self.name, cells=graph.cells.names, counters=groups,
                histograms=graph.latencies or ["none"], handlers=self._handler_table(),
            )
        except CounterFileError as error:
            raise Locked(str(error)) from error
        except MemoryMapError as error:
            raise (InputOutputError if error.errno in DISK_FULL else OutputError)(str(error)) from error
        stack.callback(self._close_file)
        self.cells = self.file.cells
        self._prepare_cells()
        graph.attach({name: self.file.counter(name) for name in groups})
        for name in self.handlers():  # sources count lines from 1: their 0 already says that there was none
            for field in (groups[name].names or ()) if name in groups else ():
                if field.startswith("first_"):
                    self.file.counter(name)[0][field] = -1
        self.file.set_clock(self.clock)

    def _create_notes(self, stack: contextlib.ExitStack) -> NoteFile | None:
        """Make the note file, beside the CnC file; None when no handler declares notes."""
        members = self.graph.members
        codes = {name: m.declared.notes for name, m in members.items() if getattr(m.declared, "notes", None)}
        lanes = [NoteLane(t.name, {members[n].stage.number: n for n in t.stages}) for t in self.placement.threads
                 if any(n in codes for n in t.stages)]
        path = self._path.with_suffix(".notes")
        if not lanes:
            path.unlink(missing_ok=True)  # an earlier engine's, of the same name
            return None
        try:
            notes = NoteFile.create(path, name=self.name, codes=codes, lanes=lanes, clock=self.clock)
        except MemoryMapError as error:
            raise (InputOutputError if error.errno in DISK_FULL else OutputError)(str(error)) from error
        stack.callback(self._close_notes, notes)
        return notes

    def _close_notes(self, notes: NoteFile) -> None:
        """Leave the file for readers, but for that of an engine that could not even be built. Threads may still write into it."""
        if not self.complete:
            notes.path.unlink(missing_ok=True)

    def note_lane(self, thread: str) -> contextlib.AbstractContextManager[None]:
        """Let the calling thread, that of `thread`, write notes while this lasts."""
        placed = next((t for t in self.placement.threads if t.name == thread), None)
        if self.notes is None or placed is None:
            return contextlib.nullcontext()
        word = self.running_word(thread)
        return self.notes.lane(thread, self.cells, number=word, sequence=word + CELL_WORDS, python=placed.kind != "compiled")

    def _close_file(self) -> None:
        """Close the CnC file; it stays for readers, but for that of an engine that could not even be built."""
        self.file.close(unlink=not self.complete)

    def _prepare_cells(self) -> None:
        for ring in self.graph.rings.values():
            self.cells[ring.cursor] = -1 if ring.ring.dtype.names != ("payload_position", "payload_count") else 0
        for member in self.graph.members.values():
            if isinstance(member.stage, HandlerStage):
                self.cells[member.stage.cursor] = -1
                if member.stage.guard is not None:
                    self.cells[member.stage.guard.parked] = NOT_PARKED
            for inlet in member.stage.inlets:
                self.cells[inlet.cursor] = -1
        for thread in self.placement.threads:
            self.cells[self.running_word(thread.name)] = -1
        for name, stage in self.recorders.items():
            self.cells[stage.cursor] = self.cells[self.running_word(name)] = -1

    def _handler_table(self) -> list[HandlerEntry]:
        rows = []
        by_word = {i * CELL_WORDS: name for i, name in enumerate(self.graph.cells.names)}
        for name, member in self.graph.members.items():
            thread = self.placement.thread_of(name).name
            cursor = source = ring = ""
            if isinstance(member.stage, HandlerStage):
                cursor, ring = by_word[member.stage.cursor], member.stage.source.ring.name
                source = by_word[member.stage.waits[0]]
            rows.append(HandlerEntry(name=name, thread=thread, ring=ring, cursor=cursor, source=source,
                                     running=f"thread.{thread}.running", number=member.stage.number))
        return rows

    def _open_log(self, stack: contextlib.ExitStack) -> Journaling | None:
        stage = self.journal_stage()
        if stage is None:
            return None
        end = next(o for o in stage.outputs if not o.max_out).end
        words = LogWords(staged=end.cursor, consumed=end.consumers[0], **self.log_words)
        header = b"{}" if self.options.replay else journal_header(
            self.topology, self.graph, self.name, checked=self.options.checked)
        journaling = Journaling.open(
            self.name, header, self.cells, words, end.ring, parent=self.options.journal, scratch=bool(self.options.replay),
            on_error=next(s.on_error for s in self.topology.stages if s.name == stage.name) or "halt",
        )
        stack.callback(journaling.close)
        return journaling


def _file_path(name: str) -> Path:
    try:
        return counter_path(name)
    except CounterFileError as error:
        raise UsageError(str(error), remedy="give the run a name with --name") from error
    except MemoryMapError as error:
        raise OutputError(str(error)) from error


def _without_journal(topology: Topology) -> Topology:
    """Leave the journal out; who comes after it comes after what it came after."""
    gone = {h.name: h.after for h in topology.handlers if h.use == "journal"}
    bound = {name: one for name, one in topology.bound.items() if name not in gone}

    def kept(stages: tuple[HandlerSpec, ...]) -> tuple[HandlerSpec, ...]:
        return tuple(
            attrs.evolve(h, after=tuple(dict.fromkeys(b for a in h.after for b in gone.get(a, (a,)))))
            for h in stages if h.name not in gone
        )

    return attrs.evolve(topology, handlers=kept(topology.handlers), sinks=kept(topology.sinks), bound=bound)


def _loaded(reader: Any, until: int | None, topology: Topology) -> tuple[np.ndarray, np.ndarray, int]:
    loaded = reader.load(until)
    renumbered(loaded.messages, loaded.units, reader.header.get("stages", ()), topology)
    messages = loaded.messages if len(loaded.messages) else np.zeros(1, loaded.messages.dtype)
    units = loaded.units if len(loaded.units) else np.zeros(1, loaded.units.dtype)
    return messages, units, len(loaded.messages)


def _give_up(recording: Recording | RingRecording) -> None:
    with contextlib.suppress(OSError):
        recording.close(keep=False)
