"""What the stages of a topology touch, by names that mean the same for all of them; found in their handlers' source.

    ("main", "book_status")       a field of the record of a ring
    ("main", "orders.reason")     of what lies beside it: the lane of orders, the payload
    ("", "instruments.tick")      of what the stages of all rings share: the table of instruments, a module's globals
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs
import numpy as np

from disruptor.access import EVERY, Access, Place, accesses
from hydraflow.records import INPUT_BYTES, INSTRUMENT, LEVEL, MESSAGE, ORDER
from hydraflow.topology.layouts import layout_of
from hydraflow.topology.spec import HandlerSpec, RingSpec, Topology, is_own

__all__ = ["INPUT", "Key", "Touched", "access_of", "layouts_of", "touched_by", "word"]

Key = tuple[str, str]

INPUT = frozenset(n for n in MESSAGE.names or () if MESSAGE.fields[n][1] < INPUT_BYTES)  # type: ignore[index]  # nobody's to write
_FOR_ALL = ("instruments",)
_INSTRUMENTS = np.dtype((INSTRUMENT, (1,)))
_LANES = np.dtype((ORDER, (1, 1)))
_UNITS = {"message": np.dtype((LEVEL, (1,)))}
_BYTES = np.dtype((np.uint8, (1,)))


@attrs.frozen(kw_only=True)
class Touched:
    """What one stage touches. reads, writes : keys; certain : those that were seen, not only feared. access : as found.

    filled : whoever fills its ring may have written any field, for the record is one of the topology's own.
    """

    name: str
    spec: HandlerSpec
    reads: frozenset[Key]
    writes: frozenset[Key]
    certain: frozenset[Key]
    access: Access
    filled: bool = False

    @property
    def both(self) -> frozenset[Key]:
        return self.reads | self.writes

    def place(self, verb: str, key: Key) -> Place | None:
        """Return where in the source it touches `key`, or where it was lost from sight."""
        found = self.access.place(verb, key[1])
        lane = key[1].partition(".")[0]
        return found or self.access.places.get((verb, f"{lane}.{EVERY}"))


def layouts_of(ring: RingSpec | None) -> dict[str, np.dtype]:
    """Return argument → dtype of what a handler on a ring gets."""
    record, layout = ring.record if ring else "", layout_of(ring)
    found = {"payload": _UNITS.get(record, _BYTES), "orders": _LANES, "instruments": _INSTRUMENTS}
    return found | ({"event": layout} if layout is not None else {})


def access_of(spec: HandlerSpec, handler: Any, topology: Topology) -> Access:
    """Return what a stage's handler touches of the records that its ring has. Nothing is kept on disk."""
    return accesses(handler, layouts_of(topology.rings.get(spec.on)))


def touched_by(topology: Topology, bound: Mapping[str, Any],
               find: Callable[[Any, Mapping[str, np.dtype]], Access] = accesses) -> list[Touched]:
    """Return what every stage touches, in the order of the file; of two with one name the first.

    What could not be bound touches nothing. find : see disruptor.access.accesses.
    """
    found: list[tuple[HandlerSpec, Access]] = []
    for spec in {s.name: s for s in reversed(topology.stages)}.values():
        one, ring = bound.get(spec.name), topology.rings.get(spec.on)
        if one is not None and one.spec is spec:
            found.insert(0, (spec, find(one.handler, layouts_of(ring))))
        else:
            found.insert(0, (spec, Access()))
    universe = {key for spec, access in found for key in _keys(spec, topology, access.reads | access.writes, access.beside_reads | access.beside_writes)}
    for spec, _ in found:
        ring = topology.rings.get(spec.on)
        layout = layout_of(ring)
        universe |= {(spec.on, name) for name in (layout.names if layout is not None else None) or ()}
    return [_touched(spec, topology, access, universe) for spec, access in found]


def word(key: Key) -> str:
    """Return a key as messages call it."""
    name = key[1]
    if name == EVERY:
        return "every field"
    if name.endswith(f".{EVERY}"):
        return f"'{name[:-2]}'"
    if ":" in name:
        module, _, last = name.partition(":")
        kind, _, address = last.partition("@")
        return f"the object of class '{kind}'" if address else f"the global '{last}' of {module.rpartition('.')[2]}"
    return f"'{name}'"


def _touched(spec: HandlerSpec, topology: Topology, access: Access, universe: set[Key]) -> Touched:
    reads = frozenset(_keys(spec, topology, access.reads, access.beside_reads))
    writes = frozenset(_keys(spec, topology, access.writes, access.beside_writes))
    certain = frozenset(k for k in reads | writes if not k[1].endswith(EVERY))
    ring = topology.rings.get(spec.on)
    fixed = {(spec.on, name) for name in INPUT} if ring is not None and ring.record == "message" else set()  # HF343
    return Touched(name=spec.name, spec=spec, reads=_spread(reads, universe), writes=_spread(writes, universe) - fixed,
                   certain=certain, access=access, filled=ring is not None and is_own(ring.record))


def _keys(spec: HandlerSpec, topology: Topology, fields: Iterable[str], beside: Iterable[str]) -> Iterable[Key]:
    yield from ((spec.on, field) for field in fields)
    drained = {*spec.inlets, *(topology.rings[r].record for r in spec.inlets if r in topology.rings)}
    for name in beside:
        argument = name.partition(".")[0]
        if argument not in drained:
            yield ("" if argument in _FOR_ALL or ":" in name else spec.on), name


def _spread(keys: frozenset[Key], universe: set[Key]) -> frozenset[Key]:
    """Put every known name in the place of "every field"."""
    wide = [key for key in keys if key[1].endswith(EVERY)]
    if not wide:
        return keys
    found = set(keys)
    for ring, name in wide:
        if name == EVERY:
            found |= {k for k in universe if k[0] == ring and "." not in k[1] and ":" not in k[1]}
        elif "." in name:
            found |= {k for k in universe if k[0] == ring and k[1].startswith(name[:-1])}
    return frozenset(found)
