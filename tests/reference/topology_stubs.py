"""Handlers and sources that do nothing: what topologies in tests use, so that checking them compiles and imports little."""

from __future__ import annotations

import enum

import attrs

from disruptor.handler import handler
from disruptor.notes import note
from hydraflow.ingress.base import source
from hydraflow.registry import Entry, Registry

HERE = "tests.reference.topology_stubs"


class Mode(enum.IntEnum):
    QUIET = 0
    LOUD_ENOUGH = 1


def _positive_pair(instance, attribute, value):
    if instance.low > instance.high:
        raise ValueError(f"low ({instance.low}) must not exceed high ({instance.high})")


@attrs.frozen(kw_only=True)
class BookParams:
    window_ticks: int = attrs.field(
        default=65_536, metadata={"description": "dense prices per side", "unit": "ticks", "minimum": 64, "maximum": 1 << 20}
    )
    stale_after_ns: int = attrs.field(default=1_000_000_000, metadata={"description": "silence until stale", "unit": "ns"})
    cache_bytes: int = attrs.field(default=4096, metadata={"minimum": 0})
    share: float = attrs.field(default=0.5, metadata={"range": (0.0, 1.0)})
    strict: bool = False
    mode: Mode = Mode.QUIET
    low: int = 0
    high: int = attrs.field(default=10, validator=_positive_pair)


@attrs.frozen(kw_only=True)
class SimulatorParams:
    seed: int = attrs.field(default=7, metadata={"description": "key of the random numbers"})
    frames: int = attrs.field(default=1000, metadata={"description": "how many frames", "minimum": 0})


@attrs.frozen(kw_only=True)
class CaptureParams:
    path: str = attrs.field(metadata={"description": "a file of lines '<receive ns> <json>'"})
    speed: float = 0.0


@source(params=SimulatorParams, virtual=True, instruments=lambda params: [])
def simulator(params, frames, room, payload_room, now, stamps):
    return -1


@source(params=CaptureParams, virtual=True, open=lambda params, **context: None)
def capture(params, frames, room, payload_room, now, stamps):
    return -1


@attrs.frozen(kw_only=True)
class LiveParams:
    when_full: str = "drop_and_resync"


@source(params=LiveParams)
def live(params, frames, room, payload_room, now, stamps):
    return 0


@handler(max_out={"decoded": 1}, max_payload={"decoded": 65_536})
def deserialize(event, payload, decoded):
    pass


@handler(max_out={"staging": 0}, max_payload={"staging": 1 << 20}, reads=("receive_ns",), writes=())
def journal(event, sequence, payload, staging):
    pass


@handler(params=BookParams, reads=("kind",), writes=("bid_price_ticks", "book_status"))
def book(event, payload, params):
    pass


@handler(reads=("book_status",), writes=("order_count",))
def strategy(event, orders):
    pass


@handler(counters=[("accepted", "i8"), ("refused", "i8")])
def risk(event, orders):
    pass


@handler(max_out={"egress": 4}, max_payload={"egress": 4096})
def wire(event, orders, egress):
    pass


@handler(max_out={"feedback": 8})
def paper(event, sequence, egress, feedback):
    pass


@handler(jit=False)
def notebook(batch, first_sequence):
    pass


@handler(jit=False, writes=("signal",), reads=())
def marks(batch, first_sequence):
    pass


@handler(writes=("signal",), reads=())
def adds(event):
    pass


@handler(writes=("fair_price",), reads=(), on_error_choices=("halt", "park"))
def keeps(event):
    pass


@handler(notes={"WIDE": "{a} above {b}"})
def says(event):
    note("WIDE", event["signal"])
    note("THIN")


def plain(event, sequence):
    """An undeclared function."""


def needy(event, wishes):
    """Asks for something that no topology offers."""


NOT_A_HANDLER = 3


def registry() -> Registry:
    """Return a registry whose short names are ours, and whose components are the stubs."""
    return Registry(
        handlers={
            "deserialize.binance": Entry(f"{HERE}:deserialize", on="frames", into=("decoded",)),
            "journal": Entry(f"{HERE}:journal"),
            "book": Entry(f"{HERE}:book"),
            "strategy.market_maker": Entry(f"{HERE}:strategy"),
            "risk": Entry(f"{HERE}:risk"),
            "wire": Entry(f"{HERE}:wire", into=("egress",)),
            "paper": Entry(f"{HERE}:paper", inlets=("egress",), into=("feedback",)),
        },
        sources={"simulator": Entry(f"{HERE}:simulator", into=("frames",)), "capture": Entry(f"{HERE}:capture", into=("frames",))},
        entry_points=False,
    )
