"""Checks of a completed topology that need no import: names, order, rings, cycles, instruments, placement.

Each function looks at one thing and adds what it finds; none depends on another having passed. What needs the handlers
themselves (parameters, max_out) is in `components`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from itertools import pairwise

import attrs

from hydraflow.topology.check_lots import ADVISED, check_lots
from hydraflow.topology.check_placement import check_placement
from hydraflow.topology.check_rings import check_rings
from hydraflow.topology.check_scheduling import Cores
from hydraflow.topology.check_shards import check_shards
from hydraflow.topology.closure import closure
from hydraflow.topology.diagnose import Findings, Related, did_you_mean
from hydraflow.topology.doubts import Doubts, doubtful, lacks_handlers
from hydraflow.topology.graph import Node, before, cycles, nodes, writers
from hydraflow.topology.nodes import Node as TreeNode
from hydraflow.topology.spec import AUTO, SEQUENCER, InstrumentSpec, Topology

__all__ = ["ENGINE_NAME", "STAGES_MAX", "check"]

STAGES_MAX = 256
SYMBOL_BYTES_MAX = 24
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,62}")
ENGINE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")  # disruptor.counters_format.NAME, without its imports
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def check(topology: Topology, findings: Findings, cpus: Collection[int] | None = None, *, graph: bool = True,
          doubts: Doubts | None = None, cores: Cores | None = None) -> None:
    """Add everything that is wrong to `findings`.

    cpus : those that threads may be pinned to, None: not known. graph : all of the graph is there to be checked.
    doubts : what mistakes reported so far leave open. cores : which are isolated, and where memory is; None: nothing isolated and one
    node, where cpus are known.
    """
    doubts = doubts or Doubts()
    if cores is None and cpus is not None:
        cores = Cores()  # nothing isolated, one node
    if _is_named_nothing(topology.node):
        findings.error("HF109", "'' cannot be the name of an engine", topology.where("name"), label="remove it, or write one",
                       notes=("without it an engine is called as its file",))
    elif not ENGINE_NAME.fullmatch(topology.name):
        findings.error("HF109", f"'{topology.name[:70]}' cannot be the name of an engine", topology.where("name"),
                       notes=("it names files: letters, digits, '_', '-' and '.', a letter or digit first, at most 60",))
    _check_instruments(topology, findings)
    check_lots(topology, findings)
    if not graph:
        return
    if not topology.sources:
        findings.error("HF107", "the topology has no source, so nothing ever happens", topology.where_key("sources"),
                       notes=("add a source: simulator, capture or websocket",))
    elif lacks_handlers(topology):
        findings.error("HF118", "the topology has no handler, so nothing is ever done", topology.where_key("handlers"),
                       notes=("add a handler: - {use: deserialize.binance}",))
    stages = nodes(topology)
    if len(stages) > STAGES_MAX or len(topology.rings) > STAGES_MAX:
        findings.error("HF005", f"{len(stages):,} stages and {len(topology.rings):,} rings; at most {STAGES_MAX} of each")
        return
    _check_names(topology, stages, findings, doubts)
    if findings.has("HF101", "HF109"):
        doubtful_names = {s.name for s in stages if not _NAME.fullmatch(s.name)}
        doubts = attrs.evolve(doubts, names=True, uncertain=doubts.uncertain | doubtful_names)
    _check_after(topology, stages, findings, doubts)
    check_rings(topology, stages, findings, doubts)
    check_shards(topology, findings)
    check_placement(topology, stages, findings, cpus, doubts, cores)


def _check_names(topology: Topology, stages: list[Node], findings: Findings, doubts: Doubts) -> None:
    first: dict[str, Node] = {}
    for stage in stages:
        if stage.kind == "sequencer" or not stage.name:
            continue
        span = stage.spec.where("name") or stage.spec.where()
        if doubts.names and stage.spec.node and "name" not in stage.spec.node.entries:
            continue  # it comes from a `use` that may be wrong
        if _is_named_nothing(stage.spec.node):
            findings.error("HF109", "'' cannot be the name of a stage", span, label="remove it, or write one",
                           notes=("without it a stage is called as what it uses",))
        elif not _NAME.fullmatch(stage.name):
            findings.error("HF109", f"'{stage.name[:70]}' cannot be the name of a stage", span,
                           notes=("a name begins with a letter and holds letters, digits, '_', '-' and '.', at most 63",))
        elif stage.name == AUTO:
            findings.error("HF109", f"'{AUTO}' is the word of `after` for a derived order, not a stage", span, label="choose another")
        elif stage.name == SEQUENCER:
            findings.error("HF109", f"'{SEQUENCER}' is the name of the engine's own stage", span, label="choose another")
        elif stage.name in first and stage.spec.use and first[stage.name].spec.use:
            other = first[stage.name].spec
            at = other.where("name") or other.where()
            related = (Related(at, "first here"),) if at else ()
            findings.error("HF101", f"two stages are called '{stage.name}'", span, label="again", related=related)
        first.setdefault(stage.name, stage)
    for name, ring in topology.rings.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", name):
            span = topology.node.entries["rings"][1].where_key(name) if topology.node and "rings" in topology.node.entries \
                else ring.where()
            findings.error("HF109", f"'{name[:70]}' cannot be the name of a ring", span,
                           notes=("handlers use it as a Python name: letters, digits and '_'",))


def _is_named_nothing(node: TreeNode | None) -> bool:
    """Whether a name is written and empty."""
    written = node.entries.get("name") if node is not None and node.kind == "map" else None
    return written is not None and written[1].kind == "scalar" and written[1].value == ""


def _check_after(topology: Topology, stages: list[Node], findings: Findings, doubts: Doubts) -> None:
    by_name = {s.name: s for s in reversed(stages)}
    known = {s.name for s in topology.stages}
    shared = {name for name, count in Counter(s.name for s in stages).items() if count > 1}
    for spec in topology.stages:
        for position, name in enumerate(spec.after if spec.use else ()):
            span = spec.where("after", position)
            if name in shared:
                continue  # which of them is meant cannot be known
            if name == spec.name:
                findings.error("HF103", f"handler '{spec.name}' waits for itself", span, label="remove it")
            elif name in by_name and by_name[name].kind != "handler":
                kind = by_name[name].kind
                findings.error("HF105", f"handler '{spec.name}' waits for '{name}', which is "
                               f"{'the' if kind == 'sequencer' else 'a'} {kind}, not a stage on a ring", span,
                               label=f"remove it: everything on '{spec.on}' comes after its producer")
            elif name not in known:
                if doubts.names and not did_you_mean(name, known - doubts.uncertain):
                    continue  # it may be that of a stage whose name could not be read
                close = did_you_mean(name, known - {spec.name})
                at = by_name[close].spec.where("name") if close else None
                line = f" ({f'{at.path}:' if at.path else 'line '}{at.line})" if at and at.line else ""
                findings.error("HF104", f"handler '{spec.name}' waits for '{name}', which no handler defines", span,
                               label=f"did you mean '{close}'{line}?" if close else "",
                               notes=(f"known: {_listed(n.name for n in topology.stages if n.on == spec.on and n != spec)}",))
            elif by_name[name].on != spec.on and {spec.on, by_name[name].on} <= set(topology.rings):
                other = by_name[name]
                at = other.spec.where("on")
                related = (Related(at, f"'{name}' is on '{other.on}'"),) if at else ()
                findings.error("HF105", f"handler '{spec.name}' on ring '{spec.on}' waits for '{name}' on ring "
                               f"'{other.on}'; `after` orders stages of one ring", span, related=related)
    after: dict[str, list[str]] = {}
    for spec in topology.stages:  # of several with one name the first, as in by_name
        after.setdefault(spec.name, [a for a in spec.after if a != spec.name and a in known])
    for path in cycles(after):
        names = path[::-1]
        links: list[Related] = []
        for earlier, later in pairwise(names[1:]):
            spec = by_name[later].spec
            at = spec.where("after", spec.after.index(earlier))
            if at:
                links.append(Related(at, f"{later} waits for {earlier}"))
        last = by_name[names[1]].spec
        findings.error("HF102", f"cycle: {' → '.join(names)}", last.where("after", last.after.index(names[0])),
                       label=f"{names[1]} waits for {names[0]}", related=tuple(links),
                       notes=("remove one of these; a handler that answers to a later one does it through a feedback ring",))
    if not doubts.order and not findings.has("HF102", "HF103", "HF104", "HF105"):
        _check_inlets(topology, stages, findings)


def _check_inlets(topology: Topology, stages: list[Node], findings: Findings) -> None:
    handlers = [s for s in stages if s.kind == "handler"]
    reach, ordered = closure(before(handlers)), closure({s.name: s.after for s in handlers})
    filling = writers(handlers)
    for spec in topology.stages:
        for position, ring in enumerate(spec.inlets if not spec.auto else ()):  # there it is derived
            for writer in filling.get(ring, ()):
                if writer.name == spec.name or writer.on != spec.on or ordered.before(writer.name, spec.name):
                    continue
                if reach.before(spec.name, writer.name):
                    continue  # a cycle, reported as one
                findings.error("HF115", f"handler '{spec.name}' takes from '{ring}', which '{writer.name}' fills, but does "
                               "not wait for it", spec.where("from", position) or spec.where(),
                               label=f"add after: {writer.name}")


def _check_instruments(topology: Topology, findings: Findings) -> None:
    first: dict[str, InstrumentSpec] = {}
    for instrument in topology.instruments:
        span = instrument.where("symbol")
        if not instrument.symbol:
            continue
        if len(instrument.symbol.encode()) > SYMBOL_BYTES_MAX or not instrument.symbol.isascii():
            findings.error("HF502", f"symbol '{instrument.symbol[:40]}' is not ASCII of at most {SYMBOL_BYTES_MAX} "
                           "characters", span)
        elif instrument.venue == "exchange" and instrument.symbol != instrument.symbol.upper():
            findings.error("HF502", f"symbol '{instrument.symbol}' is not in upper case, as venues write it in frames", span,
                           label=f"write {instrument.symbol.upper()}")
        if instrument.symbol in first:
            at = first[instrument.symbol].where("symbol")
            findings.error("HF501", f"instrument '{instrument.symbol}' is declared twice", span, label="again",
                           related=(Related(at, "first here"),) if at else ())
        first.setdefault(instrument.symbol, instrument)
        for key in ("tick", "lot"):
            text = getattr(instrument, key)
            if text is not None and (float(text) <= 0 or len(text.partition(".")[2]) > 15 or len(text) > 20):
                findings.error("HF502", f"instrument '{instrument.symbol}': {key} {text[:30]} must be positive, with at most "
                               "15 decimals", instrument.where(key), label=f"write {key}: {ADVISED}" if text.startswith("0.0") else "")
    exchange = {s for s, i in first.items() if i.venue == "exchange"}
    named = not findings.has("HF502") and not any(doubtful(i, "symbol") or not i.symbol for i in topology.instruments)
    for instrument in topology.instruments:
        if not doubtful(instrument, "venue"):
            _check_pool(instrument, exchange, findings, named)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names))) or "none"


def _check_pool(instrument: InstrumentSpec, exchange: set[str], findings: Findings, named: bool) -> None:
    """named : every instrument's symbol could be read."""
    owner = f"instrument '{instrument.symbol}'"
    if instrument.venue != "pool":
        if instrument.underlying is not None:
            findings.error("HF503", f"{owner}: only a pool has an underlying", instrument.where_key("underlying"),
                           label="add venue: pool, or remove it")
        return
    listed = f"known: {', '.join(sorted(exchange)) or 'none'}"
    if instrument.underlying is None and doubtful(instrument, "underlying"):
        pass  # it has been reported
    elif instrument.underlying is None:
        findings.error("HF503", f"{owner}: a pool needs the exchange instrument that it trades against", instrument.where(),
                       label="add underlying: …", notes=(listed,))
    elif instrument.underlying not in exchange:
        close = did_you_mean(instrument.underlying, exchange)
        if named or close:
            findings.error("HF503", f"{owner}: no exchange instrument is called '{instrument.underlying}'",
                           instrument.where("underlying"), label=f"did you mean '{close}'?" if close else "", notes=(listed,))
    for key in ("tick", "lot"):
        if getattr(instrument, key) is not None:
            findings.error("HF504", f"{owner}: a pool has the {key} of its underlying", instrument.where_key(key),
                           label="remove it")
    if instrument.address is not None and not _ADDRESS.fullmatch(instrument.address):
        findings.error("HF502", f"{owner}: address must be 0x and 40 hex digits, got {len(instrument.address)} characters",
                       instrument.where("address"))
