"""The topology file as attrs classes: the only declaration of its keys, types, defaults, ranges and meanings.

Parsing and validation (`convert`), the explanations and later the JSON Schema derive from these classes. Metadata of a
field: description, key (as written in the file, when it differs from the attribute), kind (how a scalar is read when the
type does not say it), minimum, maximum, choices, value (what it takes, in words, when the type does not say it), code (of the diagnostic for a wrong value), internal
(not a key of the file).

Every object keeps the node it came from, so that `where("after", 0)` gives line and column; objects made in Python have
no node and no place.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import attrs

from hydraflow.topology.diagnose import Span
from hydraflow.topology.nodes import Node

__all__ = [
    "CaseSpec", "ExpectSpec", "HandlerSpec", "InputSpec", "InstrumentSpec", "Located", "PlacementSpec", "RECORDS", "RingSpec",
    "RowSpec", "AUTO", "SEQUENCER", "STREAMS", "SourceSpec", "ThreadSpec", "Topology", "WAITS", "WELL_KNOWN_RINGS", "installed_records",
    "is_own", "key_of", "keys_of_spec", "short_name", "trades",
]

AUTO = "auto"  # in `after`: the order that follows from what the stages read and write
SEQUENCER = "sequencer"  # the implicit stage that produces the ring with `sequence:`
STREAMS = ("book", "orders", "fills")  # what a run can record
WAITS = ("busy-spin", "yielding", "blocking")
REAL_TIME = ("fifo", "rr")
SCHEDULERS = ("other", "batch", "idle", *REAL_TIME)
RECORDS = {"frame": "bytes", "message": "levels", "egress": "bytes", "feedback": None}  # record → unit of its payload

_ONE = "there is one of it: only handlers that read a ring can be sharded"
_NOT_SHARDED = {"replicas": ("HF414", _ONE), "by": ("HF414", _ONE)}  # keys that people write where they cannot stand, and why

_COMPARED = "number or comparison"
_COMPARED_OR_BY_KIND = "number, comparison or mapping"


def _about(description: str, **options: Any) -> dict[str, Any]:
    return {"description": description, **options}


def _key(description: str, *, default: Any = attrs.NOTHING, **options: Any) -> Any:
    return attrs.field(default=default, metadata=_about(description, **options))


def key_of(field: attrs.Attribute) -> str:
    """Return the key by which a field is written in the file."""
    return field.metadata.get("key", field.name)


@functools.cache
def keys_of_spec(cls: Any) -> frozenset[str]:
    """Return the keys that the file may have for a class of this module."""
    return frozenset(key_of(field) for field in attrs.fields(cls) if not field.metadata.get("internal"))


def is_own(record: str) -> bool:
    """Whether a ring's `record:` names one that the topology brings, not one of the engine's."""
    return bool(record) and record not in RECORDS


def short_name(record: str) -> str:
    """Return a ring's `record:` as pictures and tables show it: READING of ./climate.py:READING."""
    return record.rpartition(":")[2]


def names_own(record: Any) -> bool:
    """Whether a text may name a record of one's own: a place in a module or file, or a short name that a package offers."""
    if not isinstance(record, str):
        return False
    return ":" in record or record in installed_records()


def installed_records() -> list[str]:
    """Return the short names of records that installed packages offer."""
    import importlib.metadata

    return sorted({point.name for point in importlib.metadata.entry_points(group="hydraflow.records")})


@attrs.frozen(kw_only=True)
class Located:
    """Anything that knows its place in the file."""

    NOUN: ClassVar[str] = "value"
    node: Node | None = attrs.field(default=None, eq=False, repr=False, metadata={"internal": True})

    def where(self, *path: str | int) -> Span | None:
        """Return the span of what stands at `path` (keys as written in the file, list indexes)."""
        return self.node.where(*path) if self.node else None

    def where_key(self, key: str) -> Span | None:
        """Return the span of a key as written in the file."""
        return self.node.where_key(key) if self.node else None


@attrs.frozen(kw_only=True)
class InstrumentSpec(Located):
    """Something that is traded. Its index in the list is the `symbol` of records."""

    NOUN: ClassVar[str] = "instrument"
    symbol: str = _key("the venue's own symbol, upper case, up to 24 characters")
    venue: str = _key("where it trades", default="exchange", choices=("exchange", "pool"))
    tick: str | None = _key("smallest price step, exact decimal text; absent: from the decimals seen", default=None,
                            kind="decimal")
    lot: str | None = _key("smallest quantity step, likewise", default=None, kind="decimal")
    maker_fee_ppm: int = _key("fee of a resting order, millionths of notional; negative is a rebate", default=0,
                              minimum=-100_000, maximum=1_000_000)
    taker_fee_ppm: int = _key("fee of a taking order; of a pool: its swap fee", default=0, minimum=-100_000,
                              maximum=1_000_000)
    underlying: str | None = _key("pool: the exchange instrument whose tick and lot it shares", default=None)
    address: str | None = _key("pool: contract address, 0x and 40 hex digits", default=None, kind="text")
    base_decimals: int = _key("pool: decimals of the base token", default=18, minimum=0, maximum=36)
    quote_decimals: int = _key("pool: decimals of the quote token", default=6, minimum=0, maximum=36)
    base_is_token0: bool = _key("pool: reserve0 is the base token", default=True)


@attrs.frozen(kw_only=True)
class SourceSpec(Located):
    """Where records come from: frames, or records of one's own."""

    NOUN: ClassVar[str] = "source"
    MISPLACED: ClassVar[dict[str, tuple[str, str]]] = _NOT_SHARDED
    use: str = _key("short name, package.module:name or ./file.py:name")
    name: str = _key("unique among all stages; default: from `use`", default="")
    into: str = _key("the ring it fills", default="")
    when_full: str | None = _key("what to do when its ring is full; absent: the source's own default", default=None,
                                 choices=("wait", "drop_and_resync", "conflate"))
    wait: str | None = _key("what its thread does when there is nothing to do; absent: decided with the placement", default=None,
                            choices=WAITS)
    parameters: dict[str, Any] = attrs.field(factory=dict, metadata=_about("its parameters", key="with"))


@attrs.frozen(kw_only=True)
class RingSpec(Located):
    """A ring of records. Rings with well-known names need no declaration."""

    NOUN: ClassVar[str] = "ring"
    MISPLACED: ClassVar[dict[str, tuple[str, str]]] = _NOT_SHARDED
    name: str = attrs.field(default="", metadata={"internal": True})
    record: str = _key("what a slot holds; a record of your own is ./file.py:NAME, package.module:NAME or a short name that a package "
                       "offers", default="", choices=tuple(RECORDS), also=names_own)
    slots: int = _key("records, a power of two", default=0, minimum=1, maximum=1 << 26)
    payload: int = _key("units of its payload ring (bytes; levels for messages), or a size such as 32MiB", default=0,
                        kind="capacity", minimum=0, maximum=1 << 34)
    sequence: tuple[str, ...] = _key("rings that the sequencer merges into this one", default=())
    feedback: tuple[str, ...] = _key("feedback rings that the sequencer merges into this one", default=())
    layout: Any = attrs.field(default=None, eq=False, repr=False, metadata={"internal": True})  # dtype of a record of its own, once bound


@attrs.frozen(kw_only=True)
class HandlerSpec(Located):
    """A stage that gets every record of a ring. Sinks are handlers that act on the world (or on its paper twin)."""

    NOUN: ClassVar[str] = "handler"
    use: str = _key("short name, package.module:name or ./file.py:name")
    name: str = _key("unique among all stages; default: from `use`", default="")
    on: str = _key("the ring whose records it gets", default="")
    after: tuple[str, ...] = _key("stages on the same ring that must have seen a record before it; auto: those that follow from the "
                                  "fields that the stages read and write", default=())
    inlets: tuple[str, ...] = _key("rings it drains itself, up to the record in hand", key="from", default=())
    into: tuple[str, ...] = _key("rings it publishes into", default=())
    every_ns: int | None = _key("period of its timer, 1us to 24h: at each multiple of it, its `on_timer` is called", key="every",
                                default=None, minimum=1_000, maximum=86_400_000_000_000, code="HF130")
    parameters: dict[str, Any] = attrs.field(factory=dict, metadata=_about("its parameters", key="with"))
    on_error: str | None = _key("what a fault of this stage does: halt ends the run (the default), skip passes the message by, park "
                                "has the stage handle nothing more; continue: of the journal, a write that fails ends only the journal",
                                default=None, choices=("halt", "skip", "park", "continue"))
    wait: str | None = _key("what its thread does when there is nothing to do; absent: decided with the placement", default=None,
                            choices=WAITS)
    replicas: int | None = _key("instances, each with a state of its own for the records that it owns; needs `by`", default=None,
                                minimum=1, maximum=64)
    by: str | None = _key("whole-number field of the record whose value modulo `replicas` says which instance owns it", default=None)
    auto: bool = attrs.field(default=False, metadata={"internal": True})  # `after` says auto, or the file does for all
    derived: Mapping[str, str] = attrs.field(factory=dict, eq=False, metadata={"internal": True})  # of `after`: stage → why

    def where(self, *path: str | int) -> Span | None:
        """Return the span of what stands at `path`; the indexes of `after` do not count the word auto."""
        if len(path) == 2 and path[0] == "after" and isinstance(path[1], int) and self.node and "after" in self.node.entries:
            written = self.node.entries["after"][1]
            named = [i for i, item in enumerate(written.items) if item.text != AUTO]
            if written.kind == "list" and path[1] < len(named):
                path = ("after", named[path[1]])
        return super().where(*path)


@attrs.frozen(kw_only=True)
class ThreadSpec(Located):
    """One thread of an explicit placement."""

    NOUN: ClassVar[str] = "thread"
    name: str = _key("name of the thread")
    cpu: int | None = _key("core it is pinned to; absent: not pinned", default=None, minimum=0, maximum=4095)
    wait: str | None = _key("what it does when there is nothing to do", default=None, choices=WAITS)
    scheduler: str | None = _key("the kernel's scheduling class; fifo and rr are real time; absent: other", default=None,
                                 choices=SCHEDULERS)
    priority: int | None = _key("of fifo and rr: who goes first, 99 before 1", default=None, minimum=1, maximum=99)
    nice: int | None = _key("of the other classes: its share of a core, -20 the largest", default=None, minimum=-20, maximum=19)
    memory_node: int | None = _key("NUMA node of the memory that its stages own and fill; absent: where its threads are", key="node", default=None,
                            minimum=0, maximum=1023)
    stages: tuple[str, ...] = _key("stages that share this thread, in any order", default=())


@attrs.frozen(kw_only=True)
class PlacementSpec(Located):
    """Which stages share a thread. `auto` decides by the machine; `fused` puts all compiled stages on one thread."""

    NOUN: ClassVar[str] = "placement"
    SHORTHAND: ClassVar[str] = "mode"
    mode: str = _key("auto, fused or explicit", default="auto", choices=("auto", "fused", "explicit"))
    threads: tuple[ThreadSpec, ...] = _key("the threads of an explicit placement", default=())
    option: str = attrs.field(default="", metadata={"internal": True})  # the option that it came from, not the file


@attrs.frozen(kw_only=True)
class InputSpec(Located):
    """What a test feeds the topology instead of its source: exactly one of lines, file, simulator and records."""

    NOUN: ClassVar[str] = "input"
    SHORTHAND: ClassVar[str] = "lines"
    lines: tuple[str, ...] = _key("frames as lines `<receive ns> <json>`; one block of text, or a list", default=(),
                                   value="text or list")
    file: str | None = _key("a capture, plain, gzip or zstd, or for a ring of own records a .npy file, relative to the folder of the "
                            "topology file", default=None)
    simulator: dict[str, Any] | None = attrs.field(default=None,
                                                   metadata=_about("parameters of the simulator, whose frames are the input"))
    records: Any = attrs.field(default=None, metadata=_about("records of the ring that the source fills: {field: value}, what is left out "
                                                             "is zero, or lists with every field in order", value="list"))
    source: str | None = _key("the source that it stands for, where there are several; the others bring nothing", default=None)


@attrs.frozen(kw_only=True)
class RowSpec(Located):
    """A row that a run records (`--record`), and values that it must hold."""

    NOUN: ClassVar[str] = "row"
    stream: str = _key("which record", key="of", choices=STREAMS)
    row: Any = attrs.field(default="last", metadata=_about("its number, from 1; negative: from the end; or last", value="number or last"))
    values: dict[str, Any] = attrs.field(
                                         metadata=_about("{field: value} as in the record; numbers are compared as numbers", key="has"))


@attrs.frozen(kw_only=True)
class ExpectSpec(Located):
    """What a test expects. A number is `5`, or a comparison as text: `>= 5`, `> 0`, `< 9`, `!= 0`, `3..7`."""

    NOUN: ClassVar[str] = "expectation"
    frames: Any = attrs.field(default=None, metadata=_about("frames decoded", value=_COMPARED))
    messages: Any = attrs.field(default=None, metadata=_about("messages of the main ring", value=_COMPARED))
    decisions: Any = attrs.field(default=None, metadata=_about("decisions of the strategy", value=_COMPARED))
    orders: Any = attrs.field(default=None, metadata=_about("decisions that risk accepted", value=_COMPARED))
    fills: Any = attrs.field(default=None, metadata=_about("executions", value=_COMPARED))
    rejects: Any = attrs.field(default=None,
                               metadata=_about("decisions that risk refused: all of them, or {reason: number}", value=_COMPARED_OR_BY_KIND))
    frame_errors: Any = attrs.field(default=None,
                                    metadata=_about("frames that were not used: all of them, or {kind: number}", value=_COMPARED_OR_BY_KIND))
    sequence_gaps: Any = attrs.field(default=None, metadata=_about("breaks in the chain of update ids", value=_COMPARED))
    book_checks: dict[str, Any] = attrs.field(factory=dict,
                                              metadata=_about("best prices compared with the venue's own: {passed: number, failed: number}"))
    counters: dict[str, Any] = attrs.field(factory=dict,
                                           metadata=_about("{stage: {counter: number}}, as `hfx stat --all` shows them"))
    rows: tuple[RowSpec, ...] = _key("rows that the run records", default=())
    rings: dict[str, Any] = attrs.field(factory=dict, metadata=_about(
        "{ring: [{field: value}, …]} of rings of own records: as many records, in this order, with these fields; or {ring: number} of records"))
    state_hash: str | None = _key("of all handlers, as `hfx run` prints it; its first 8 digits or more", default=None,
                                  kind="text")
    budgets: dict[str, Any] = attrs.field(factory=dict,
                                          metadata=_about("{latency: {p99: 50us}}; shown, and judged with `hfx test --budgets` only"))


@attrs.frozen(kw_only=True)
class CaseSpec(Located):
    """A test of the topology: what comes in, what must come out."""

    NOUN: ClassVar[str] = "test"
    name: str = _key("unique among the tests of the file")
    input: InputSpec | None = attrs.field(metadata=_about("text is short for its lines", value="text or mapping"))
    handlers: dict[str, Any] = attrs.field(factory=dict,
                                           metadata=_about("{stage: use}: other components in the place of the topology's"))
    parameters: dict[str, Any] = attrs.field(factory=dict,
                                             metadata=_about("{stage: {parameter: value}}, in the place of the topology's"))
    expect: ExpectSpec = attrs.field(factory=ExpectSpec, metadata=_about("what must come out; absent: the run ends well", value="mapping"))


@attrs.frozen(kw_only=True)
class Topology(Located):
    """A whole file, complete: defaults filled in, every name and ring resolved."""

    NOUN: ClassVar[str] = "topology"
    version: int = _key("version of the file format", choices=(1,))
    name: str = _key("name of the engine", default="")
    include: tuple[str, ...] = _key("files that this one builds on, relative to it; what it says itself wins", default=())
    instruments: tuple[InstrumentSpec, ...] = _key("what is traded", default=())
    sources: tuple[SourceSpec, ...] = _key("where frames, or records of your own, come from", default=())
    rings: dict[str, RingSpec] = attrs.field(factory=dict, metadata=_about("every ring under its name"))
    after: str | None = _key("auto: every stage that does not say after: itself has after: auto", default=None, choices=(AUTO,))
    handlers: tuple[HandlerSpec, ...] = _key("the stages between sources and sinks", default=())
    sinks: tuple[HandlerSpec, ...] = _key("where orders go", default=())
    placement: PlacementSpec = attrs.field(factory=PlacementSpec, metadata=_about("which stages share a thread"))
    tests: tuple[CaseSpec, ...] = _key("what `hfx test` runs", default=())
    path: str = attrs.field(default="", metadata={"internal": True})
    text: str = attrs.field(default="", repr=False, metadata={"internal": True})
    lookup: Any = attrs.field(default=None, eq=False, repr=False, metadata={"internal": True})  # what it took from outside
    overrides: tuple[str, ...] = attrs.field(default=(), eq=False, repr=False, metadata={"internal": True})
    bound: dict[str, Any] = attrs.field(factory=dict, eq=False, repr=False, metadata={"internal": True})
    warnings: tuple[Any, ...] = attrs.field(default=(), eq=False, repr=False, metadata={"internal": True})

    @property
    def stages(self) -> tuple[HandlerSpec, ...]:
        """Handlers and sinks, in the order of the file."""
        return (*self.handlers, *self.sinks)

    @property
    def sequenced(self) -> RingSpec | None:
        """The ring that the sequencer produces, or None."""
        return next((ring for ring in self.rings.values() if ring.sequence), None)


def trades(topology: Topology) -> bool:
    """Whether anything in a topology is about what is traded; in one whose rings all hold records of its own, nothing is."""
    return not topology.rings or any(not is_own(ring.record) for ring in topology.rings.values())


WELL_KNOWN_RINGS = {
    "frames": RingSpec(name="frames", record="frame", slots=8192, payload=32 << 20),
    "decoded": RingSpec(name="decoded", record="message", slots=4096, payload=262_144),
    "main": RingSpec(name="main", record="message", slots=4096, payload=262_144),
    "egress": RingSpec(name="egress", record="egress", slots=4096, payload=1 << 20),
    "feedback": RingSpec(name="feedback", record="feedback", slots=262_144),
}
