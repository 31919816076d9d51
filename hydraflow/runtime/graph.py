"""From a checked topology to memory and stages: rings, states, parameters, cursors, and who waits for whom.

Nothing runs here. `build_graph` collects names of cells, counters and latencies; the engine creates the CnC file for
them and `Graph.attach` binds the counters that live in it.
"""

from __future__ import annotations

import functools
from typing import Any

import attrs
import numpy as np

from disruptor.handler import Handler, params_record
from disruptor.layout import record_dtype
from disruptor.memory import Mapping, anonymous
from disruptor.ring import PORT, Ring
from disruptor.shard import Shard
from disruptor.stage import DriverStage, HandlerStage, InletEnd, Output, RingEnd
from hydraflow.codes import BookStatus
from hydraflow.ingress.generator import begin
from hydraflow.records import FEEDBACK, FRAME_BYTES_MAX, LEVELS_MAX, ORDER, ORDERS_PER_MESSAGE
from hydraflow.runtime import replayer, sequencer
from hydraflow.runtime.cells import CellNames
from hydraflow.runtime.engine_messages import MAIL_WORDS
from hydraflow.runtime.guards import guard_of
from hydraflow.runtime.hooks import hooks_of, stage_names
from hydraflow.topology.check_sources import SOURCE_SLOTS, source_argument
from hydraflow.topology.graph import ancestors, gates, nodes, waits_for
from hydraflow.topology.layouts import layout_of, unit_of
from hydraflow.topology.shards import is_sharded, shard_names, stage_of
from hydraflow.topology.spec import SEQUENCER, HandlerSpec, RingSpec, SourceSpec, Topology, is_own

__all__ = ["Graph", "Member", "build_graph"]

_STAGING = np.dtype([("payload_position", "i8"), ("payload_count", "i8")])
STAGING_BYTES = 16 << 20
TOUCHED_BYTES = 64 << 20  # of one state: some 25 books
SEQUENCER_HANDLER = Handler(
    name=SEQUENCER, function=sequencer.step, arguments=(), params=sequencer.SequencerParams, counters=sequencer.COUNTERS
)
REPLAYER_HANDLER = Handler(name=SEQUENCER, function=replayer.step, arguments=(), counters=replayer.COUNTERS)


@attrs.define(kw_only=True)
class Member:
    """One stage with the memory it owns. counters is bound by `Graph.attach`."""

    name: str
    declared: Handler
    stage: HandlerStage | DriverStage
    params: Any = None
    params_array: np.ndarray | None = None
    state: np.ndarray | None = None
    feed: Any = None


@attrs.define(kw_only=True)
class Graph:
    """Everything that a topology needs in memory."""

    topology: Topology
    instruments: np.ndarray
    virtual: bool
    cells: CellNames = attrs.field(factory=CellNames)
    rings: dict[str, RingEnd] = attrs.field(factory=dict)
    members: dict[str, Member] = attrs.field(factory=dict)
    latencies: list[str] = attrs.field(factory=list)
    lanes: dict[str, np.ndarray] = attrs.field(factory=dict)
    main: str = ""
    mailbox: np.ndarray = attrs.field(factory=lambda: np.zeros(MAIL_WORDS, np.int64))  # see engine_messages
    memory: list[Mapping] = attrs.field(factory=list)  # what handlers own; rings have their own
    notes: list[str] = attrs.field(factory=list)  # what the kernel refused about memory

    def books_not_live(self) -> list[int]:
        """Return the symbols whose book is not LIVE now, as the first stage that keeps books has them; [] without one.

        Of a sharded stage each shard has some of the books. Reads state that a loop is writing: each status is one word, and
        what has changed is seen the next time.
        """
        states = {name: m.state for name, m in self.members.items() if m.state is not None and "books" in (m.state.dtype.names or ())}
        first = stage_of(next(iter(states), ""))
        statuses = [state[0]["books"]["status"] for name, state in states.items() if stage_of(name) == first]
        if not statuses:
            return []
        return [int(i) for i in np.flatnonzero((np.stack(statuses) != int(BookStatus.LIVE)).all(axis=0))]

    def touch(self) -> None:
        """Touch every page again: a fork (loops are compiled in one) leaves all of them to be faulted in anew."""
        for mapping in [*self.memory, *(m for end in self.rings.values() for m in end.ring.mappings)]:
            mapping.prefault()

    def latency_row(self, name: str) -> int:
        """Return the row of the histogram table for `name`, adding it when it is new."""
        if name not in self.latencies:
            self.latencies.append(name)
        return self.latencies.index(name)

    def counters(self) -> dict[str, np.dtype]:
        """Return the counter records that the CnC file must hold, by stage."""
        found = {name: member.declared.counters_dtype() for name, member in self.members.items()}
        return {name: dtype for name, dtype in found.items() if dtype is not None}

    def attach(self, counters: dict[str, np.ndarray]) -> None:
        """Bind each stage's counter record (length-1 arrays in the CnC file)."""
        for name, array in counters.items():
            member = self.members[name]
            dtype = member.declared.counters_dtype()  # one type for compiled code, whatever the file's description made
            member.stage.bindings = {**member.stage.bindings, "counters": array.view(dtype)}

    def order(self) -> list[str]:
        """Return stage names so that whoever is waited for comes first, and the journal before all that may fail."""
        ranks = {name: 0 for name in self.members}
        handlers = {n: m.stage for n, m in self.members.items() if isinstance(m.stage, HandlerStage)}
        cursors = {stage.cursor: name for name, stage in handlers.items()}
        producers = {self.rings[r].cursor: r for r in self.rings}
        makers = {o.end.cursor: n for n, m in self.members.items() for o in m.stage.outputs if not o.never_waits}
        for _ in range(len(ranks)):
            for name, stage in handlers.items():
                above = [cursors[w] for w in stage.waits if w in cursors]
                above += [makers[w] for w in stage.waits if w in producers and w in makers]
                ranks[name] = max([ranks[name], *(ranks[a] + 1 for a in above if a != name)])
            if SEQUENCER in ranks:
                decoders = [n for n, m in self.members.items() for o in m.stage.outputs
                            if o.end.ring.name in getattr(self.topology.sequenced, "sequence", ())]
                ranks[SEQUENCER] = max([0, *(ranks[d] + 1 for d in decoders)])
        position = {name: i for i, name in enumerate(self.members)}
        streams = {n for n, m in self.members.items() if any(not o.max_out for o in m.stage.outputs)}
        return sorted(ranks, key=lambda n: (ranks[n], n not in streams, position[n]))


def build_graph(
    topology: Topology,
    components: dict[str, Handler],
    parameters: dict[str, Any],
    instruments: np.ndarray,
    *,
    replay: tuple[np.ndarray, np.ndarray, int] | None = None,
    context: dict[str, Any] | None = None,
) -> Graph:
    """Lay out a topology.

    components, parameters : the declared handler and the attrs params instance of each stage, by name. replay : the
    journaled messages, their levels and how many to replay; sources and decoders are then left out.
    """
    feeding = [s for s in topology.sources if not is_own(topology.rings[s.into].record)]
    virtual = all(getattr(components[s.name], "virtual", False) for s in feeding)
    graph = Graph(topology=topology, instruments=instruments, virtual=virtual)
    graph.cells.words("control.halt", "control.stop")
    builder = _Builder(graph, components, parameters, context or {})
    sequenced = topology.sequenced
    graph.main = sequenced.name if sequenced else ""
    upstream = _upstream(topology) if replay is not None else set()
    for name, ring in topology.rings.items():
        if name not in upstream:
            builder.ring(ring)
    for source in topology.sources:
        if replay is None:
            builder.source(source)
    for spec in topology.stages:
        if spec.on not in upstream:
            for shard in range(len(shard_names(spec))):
                builder.handler(spec, shard)
    for spec in topology.stages:
        if spec.on not in upstream:
            builder.connect(spec)
    if sequenced is not None:
        builder.replayer(sequenced, *replay) if replay is not None else builder.sequencer(sequenced)
    for end in graph.rings.values():
        if not end.consumers:  # nobody reads it: what is published is free again
            end.consumers.append(end.cursor)
    return graph


class _Builder:
    def __init__(self, graph: Graph, components: dict[str, Handler], parameters: dict[str, Any], context: dict) -> None:
        self.graph = graph
        self.components = components
        self.parameters = parameters
        self.context = {"instruments": graph.instruments, **context}
        stages = nodes(graph.topology)
        self._waits, self._gates = waits_for(stages), gates(stages)
        self._numbers = {name: number for number, name in enumerate(stage_names(graph.topology))}

    def ring(self, spec: RingSpec) -> None:
        dtype, unit = layout_of(spec), unit_of(spec)
        payload = (unit, spec.payload) if unit is not None and spec.payload else None
        ring = Ring(spec.name, dtype, spec.slots, payload=payload, stamps=spec.record != "feedback", prefault=True, lock=True)
        self._add_ring(ring)
        if spec.sequence:
            size = spec.slots * ORDERS_PER_MESSAGE * ORDER.itemsize
            lane = self._memory(size).array(ORDER)[: spec.slots * ORDERS_PER_MESSAGE]
            self.graph.lanes[spec.name] = lane.reshape(spec.slots, ORDERS_PER_MESSAGE)

    def source(self, spec: SourceSpec) -> None:
        member = self._member(spec.name, self.components[spec.name])
        ring = self.graph.topology.rings[spec.into]
        if member["declared"].ready is not None:
            member["declared"].ready(member["params"], self.graph.rings[spec.into].ring.dtype)
        feed = None
        opener = getattr(member["declared"], "open", None)
        if opener is not None:
            feed = opener(member["params"], name=spec.name, **self.context)
            member["bindings"].update(feed.arrays)
        word = self.graph.cells.word
        end = self.graph.rings[spec.into]
        stage = DriverStage(
            name=spec.name, number=member["number"], function=self._step(member["declared"], member["params"]),
            arguments=member["declared"].arguments, finished=word(f"stage.{spec.name}.finished"),
            stop=word("control.stop"), first=word(f"stage.{spec.name}.first"), bindings=member["bindings"],
            outputs=[self._filled(ring, end, member["declared"])],
            service=self.graph.latency_row(spec.name),
        )
        self._keep(spec.name, member, stage, feed)

    def _step(self, declared: Any, params: Any) -> Any:
        """Return the step of a compiled source; of a generator what begins it."""
        return declared.function if declared.jit else functools.partial(begin, declared, params)

    def _filled(self, ring: RingSpec, end: RingEnd, declared: Handler) -> Output:
        if not is_own(ring.record):
            return Output(argument="frames", end=end, max_out=64, max_payload=FRAME_BYTES_MAX)
        name = source_argument(declared.arguments, ring.name)
        units = declared.max_payload.get(name, 0)
        return Output(argument=name, end=end, max_out=declared.max_out.get(name, SOURCE_SLOTS), max_payload=units)

    def handler(self, spec: HandlerSpec, number: int) -> None:
        """Add a stage, or shard `number` of one that is sharded."""
        names = shard_names(spec)
        name = names[number]
        shard = Shard(field=spec.by or "", index=number, count=len(names)) if is_sharded(spec) else None
        member = self._member(name, self.components[spec.name])
        cursor = self.graph.cells.word(f"stage.{name}")
        end = self.graph.rings[spec.on]
        if spec.name in self._gates[spec.on]:
            end.consumers.append(cursor)
        if spec.on in self.graph.lanes:
            member["bindings"]["orders"] = self.graph.lanes[spec.on]
        stage = HandlerStage(
            name=name, number=member["number"], function=member["declared"].function,
            arguments=member["declared"].arguments, source=end, waits=(), cursor=cursor, bindings=member["bindings"],
            service=self.graph.latency_row(name), age=self.graph.latency_row(f"{name}.age"), shard=shard,
            guard=guard_of(spec, member["declared"], self.graph.topology, self.graph.cells),
        )
        if spec.on == self.graph.main:
            stage.hooks = hooks_of(member["declared"], self._numbers[spec.name], spec.every_ns, member["record"])
        self._keep(name, member, stage)

    def connect(self, spec: HandlerSpec) -> None:
        """Wire a handler whose peers all exist: what it waits for (of a sharded one, all shards), publishes to and drains."""
        graph = self.graph
        peers = {s.name: s for s in graph.topology.stages}
        upstream = [graph.members[shard].stage for name in self._waits[spec.name] for shard in shard_names(peers[name])]
        before = ancestors({name: list(s.after) for name, s in peers.items()}, spec.name)
        guards = [m.stage.guard for name, m in graph.members.items() if name in before and isinstance(m.stage, HandlerStage)]
        for name in shard_names(spec):
            stage = graph.members[name].stage
            assert isinstance(stage, HandlerStage)
            stage.parkable = tuple(g.parked for g in guards if g is not None and g.parks)
            stage.waits = tuple(s.cursor for s in upstream) or (graph.rings[spec.on].cursor,)  # type: ignore[union-attr]
        if not is_sharded(spec):  # shards neither publish nor drain: `check` lets no such topology through
            self._ends_of(spec)

    def _ends_of(self, spec: HandlerSpec) -> None:
        graph = self.graph
        member = graph.members[spec.name]
        stage = member.stage
        assert isinstance(stage, HandlerStage)
        declared = member.declared
        roles = list(dict.fromkeys([*declared.max_out, *declared.max_payload]))
        if "staging" in roles and "staging" not in spec.into:
            self._staging(spec.name)
            stage.outputs.append(self._output("staging", f"{spec.name}.staging", declared))
        for index, ring in enumerate(spec.into):
            argument = ring if ring in declared.arguments else roles[min(index, len(roles) - 1)] if roles else ring
            output = self._output(argument, ring, declared)
            if graph.topology.rings[ring].record == "egress":
                output.latency = graph.latency_row(f"frame_to_{spec.name}")
            output.never_waits = graph.topology.rings[ring].record == "feedback"
            stage.outputs.append(output)
        for ring in spec.inlets:
            end = graph.rings[ring]
            cursor = graph.cells.word(f"inlet.{spec.name}.{ring}")
            end.consumers.append(cursor)
            argument = ring if ring in declared.arguments else graph.topology.rings[ring].record
            stage.inlets.append(InletEnd(argument=argument, end=end, cell=end.ring.new_inlet_cell(), cursor=cursor))

    def sequencer(self, spec: RingSpec) -> None:
        """The single producer of the main ring."""
        graph, word = self.graph, self.graph.cells.word
        heads = anonymous(PORT.itemsize * len(spec.sequence)).array(PORT, len(spec.sequence))
        inlets = [self._inlet(SEQUENCER, ring, heads[i : i + 1]) for i, ring in enumerate(spec.sequence)]
        rings = [inlet.end.ring for inlet in inlets]
        feedback, pending = self._feedback(spec)
        venues = [m for m in graph.members.values() if any(o.never_waits for o in m.stage.outputs)]
        latency = min((self._least_latency(m) for m in venues), default=0)
        timers = self._timers(spec)
        params = sequencer.SequencerParams(virtual=int(graph.virtual), latency_ns=latency)
        member = self._member(SEQUENCER, SEQUENCER_HANDLER, params=params)
        member["bindings"] |= {
            "state": self._driver_state(sequencer.sequencer_state(max(len(inlets), 1), pending, len(timers)),
                                        lambda state: sequencer.prepare(state, timers)),
            "mailbox": graph.mailbox, "asked": word("control.change.asked"), "done": word("control.change.done"),
            "heads": heads,
            "records": tuple(r.records for r in rings),
            "payloads": tuple(r.payload for r in rings),
            "source_stamps": tuple(r.stamps for r in rings),
            "promises": tuple(self._promise(ring) for ring in spec.sequence),
            "ends": np.array([self._ends(ring) for ring in spec.sequence], np.int64),
            **self._cycle(spec, feedback, venues),
        }
        self._driver(spec, member, sequencer.step, [*inlets, feedback], word(f"stage.{SEQUENCER}.finished"))

    def _timers(self, ring: RingSpec) -> dict[int, int]:
        """Return number → period of the stages on a ring that have a timer, in the order of the file."""
        declared = self.components
        return {self._numbers[s.name]: s.every_ns for s in self.graph.topology.stages
                if s.every_ns and s.on == ring.name and declared[s.name].on_timer is not None}

    def replayer(self, spec: RingSpec, messages: np.ndarray, units: np.ndarray, until: int) -> None:
        """The driver that publishes a journal instead."""
        feedback, pending = self._feedback(spec)
        venues = [m for m in self.graph.members.values() if any(o.never_waits for o in m.stage.outputs)]
        member = self._member(SEQUENCER, REPLAYER_HANDLER)
        slots = 1 << max(pending - 1, 1).bit_length()
        member["bindings"] |= {
            "state": self._driver_state(replayer.replayer_state(slots), lambda s: replayer.prepare(s, until)),
            "messages": messages, "units": units, **self._cycle(spec, feedback, venues),
        }
        self._driver(spec, member, replayer.step, [feedback], self.graph.cells.word(f"stage.{SEQUENCER}.finished"))

    def _driver(self, spec: RingSpec, member: dict, step: Any, inlets: list[InletEnd], finished: int) -> None:
        import inspect

        output = Output(argument="main", end=self.graph.rings[spec.name], max_out=64, max_payload=LEVELS_MAX + 8)
        stage = DriverStage(
            name=SEQUENCER, number=member["number"], function=step, arguments=tuple(inspect.signature(step).parameters),
            finished=finished, first=self.graph.cells.word(f"stage.{SEQUENCER}.first"), bindings=member["bindings"],
            outputs=[output], inlets=inlets, service=self.graph.latency_row(SEQUENCER),
        )
        self._keep(SEQUENCER, member, stage)

    def _cycle(self, spec: RingSpec, feedback: InletEnd, venues: list[Member]) -> dict[str, Any]:
        words = tuple(m.stage.cursor for m in venues)  # type: ignore[union-attr]
        return {
            "feedback": feedback,
            "feedback_cursor": feedback.end.cursor,
            "venues": words or (self.graph.rings[spec.name].cursor,),
        }

    def _least_latency(self, member: Member) -> int:
        return int(getattr(member.params, "latency_ns", 0))

    def _feedback(self, spec: RingSpec) -> tuple[InletEnd, int]:
        name = spec.feedback[0] if spec.feedback else "feedback.none"
        if name not in self.graph.rings:
            self._add_ring(Ring(name, FEEDBACK, 2))
        return self._inlet(SEQUENCER, name), self.graph.rings[name].ring.slots

    def _ends(self, ring: str) -> tuple[int, int, int, int]:
        """Words that tell whether a decoded ring will ever get more: its source's flag, produced, consumed, own cursor."""
        graph = self.graph
        own = graph.rings[ring].cursor
        for member in graph.members.values():
            for output in member.stage.outputs:
                if output.end.ring.name != ring:
                    continue
                if isinstance(member.stage, DriverStage):
                    return member.stage.finished, own, own, own
                frames = member.stage.source
                for source in graph.members.values():
                    if isinstance(source.stage, DriverStage) and any(o.end is frames for o in source.stage.outputs):
                        return source.stage.finished, frames.cursor, member.stage.cursor, own
        raise AssertionError(f"ring '{ring}' has no producer; the check lets no such topology through")

    def _promise(self, ring: str) -> np.ndarray:
        """Return where the source of a decoded ring promises that nothing earlier will come; of one that does not, zero."""
        decoders = [m.stage for m in self.graph.members.values() if any(o.end.ring.name == ring for o in m.stage.outputs)]
        for member in self.graph.members.values():
            fills = [o.end for o in member.stage.outputs] if isinstance(member.stage, DriverStage) else []
            if any(isinstance(d, HandlerStage) and d.source in fills for d in decoders) and hasattr(member.feed, "promise"):
                return member.feed.promise
        return np.zeros(1, np.int64)

    def _inlet(self, stage: str, ring: str, cell: np.ndarray | None = None) -> InletEnd:
        end = self.graph.rings[ring]
        cursor = self.graph.cells.word(f"inlet.{stage}.{ring}")
        end.consumers.append(cursor)
        fresh = end.ring.new_inlet_cell()
        if cell is not None:
            cell[:] = fresh
        return InletEnd(argument=f"_{ring}", end=end, cell=fresh if cell is None else cell, cursor=cursor)

    def _output(self, argument: str, ring: str, declared: Handler) -> Output:
        most = declared.max_out.get(argument, 1)
        units = declared.max_payload.get(argument, 0)
        return Output(argument=argument, end=self.graph.rings[ring], max_out=most, max_payload=units)

    def _staging(self, stage: str) -> None:
        name = f"{stage}.staging"
        ring = Ring(name, _STAGING, 1, payload=(np.uint8, STAGING_BYTES), prefault=True, lock=True)
        self._add_ring(ring)
        self.graph.rings[name].consumers.append(self.graph.cells.word(f"stage.{stage}.written"))

    def _add_ring(self, ring: Ring) -> None:
        self.graph.rings[ring.name] = RingEnd(ring=ring, cursor=self.graph.cells.word(f"ring.{ring.name}"))
        self.graph.notes += ring.notes

    def _memory(self, size: int) -> Mapping:
        """Return memory for what handlers own: touched and, where that is allowed, locked.

        A state beyond TOUCHED_BYTES is one of many symbols, of which each uses a part of its tables: its pages come, and
        are locked, when they are first written.
        """
        mapping = anonymous(size, prefault=True, lock=True, sparse=size > TOUCHED_BYTES)
        self.graph.notes += mapping.notes
        self.graph.memory.append(mapping)
        return mapping

    def _member(self, name: str, declared: Handler, params: Any = None) -> dict[str, Any]:
        number = len(self.graph.members)
        params = params if params is not None else self.parameters.get(stage_of(name))
        record = params_record(params) if params is not None else None
        dtype = declared.state_dtype(params, **self.context) if name != SEQUENCER else None
        state = None if dtype is None else self._memory(dtype.itemsize).array(dtype, 1)
        if state is not None and declared.prepare is not None:
            declared.prepare(state[0], params, **{**self.context, "source_index": self._source_index(name)})
        bindings: dict[str, Any] = {"instruments": self.graph.instruments}
        if record is not None:
            bindings["params"] = record
        if state is not None:
            bindings["state"] = state
        return {"number": number, "declared": declared, "params": params, "record": record, "state": state, "bindings": bindings}

    def _driver_state(self, fields: list, prepare: Any) -> np.ndarray:
        dtype = record_dtype(fields, name=f"state of '{SEQUENCER}'", fill=True)
        state = self._memory(dtype.itemsize).array(dtype, 1)
        prepare(state[0])
        return state

    def _source_index(self, name: str) -> int:
        names = [s.name for s in self.graph.topology.sources]
        return names.index(name) if name in names else 0

    def _keep(self, name: str, member: dict[str, Any], stage: Any, feed: Any = None) -> None:
        self.graph.members[name] = Member(
            name=name, declared=member["declared"], stage=stage, params=member["params"], params_array=member["record"],
            state=member["state"], feed=feed,
        )


def _upstream(topology: Topology) -> set[str]:
    """Return the rings that a replay does not need: frames and decoded rings."""
    decoded = set(topology.sequenced.sequence) if topology.sequenced else set()
    return decoded | {s.into for s in topology.sources} | {h.on for h in topology.stages if set(h.into) & decoded}
