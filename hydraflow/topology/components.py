"""Resolves what stages use and binds their parameters; checks what only the handler itself can say.

Importing the handlers imports numba, so this module is loaded only when a file is checked or run. Nothing is compiled.
"""

from __future__ import annotations

from typing import Any

import attrs

from disruptor.note_calls import NoteFault, note_faults
from hydraflow.registry import Component, ComponentError, Registry
from hydraflow.topology.check_faults import check_faults
from hydraflow.topology.check_live import OFFERED, check_live
from hydraflow.topology.check_own import check_own
from hydraflow.topology.check_rings import place_of_ring
from hydraflow.topology.check_shards import check_keys
from hydraflow.topology.check_sources import SOURCE_SLOTS, check_sources
from hydraflow.topology.check_waits import check_waits
from hydraflow.topology.convert import PARAMETER_CODES, aliases, convert
from hydraflow.topology.diagnose import Findings, Related, did_you_mean
from hydraflow.topology.doubts import Doubts, doubtful
from hydraflow.topology.nodes import Node
from hydraflow.topology.shards import stage_of
from hydraflow.topology.spec import HandlerSpec, SourceSpec, Topology, is_own, key_of, trades

__all__ = ["Bound", "OFFERED", "bind", "bind_all", "output_argument"]

_ENGINES_OWN = {"staging"}  # outputs that the engine connects itself: the journal's byte stream to its writer


@attrs.frozen(kw_only=True)
class Bound:
    """A stage's component and its parameters. params : attrs instance, None when the component has none."""

    spec: SourceSpec | HandlerSpec
    component: Component
    params: Any = None

    @property
    def handler(self) -> Any:
        """The disruptor Handler (of a source: hydraflow Source)."""
        return self.component.handler


def bind_all(topology: Topology, registry: Registry, findings: Findings, doubts: Doubts | None = None) -> dict[str, Bound]:
    """Return, by stage name, every source, handler and sink that could be resolved; the rest is in `findings`.

    doubts : what mistakes reported so far leave open.
    """
    folder = topology.path.rpartition("/")[0] or "."
    bound: dict[str, Bound] = {}
    faults: dict[Any, list[NoteFault]] = {}
    everything: list[SourceSpec | HandlerSpec] = [*topology.sources, *topology.stages]
    for spec in everything:
        if not spec.use:
            continue
        one = bind(spec, registry, folder, findings)
        if one is not None:
            bound.setdefault(spec.name, one)
            if isinstance(spec, HandlerSpec):
                _check_handler(one, topology, findings)
                _check_notes(one, faults, findings)
                check_live(one, topology, findings)
    check_sources(topology, bound, findings)
    check_own(topology, bound, findings)
    _check_traded(topology, bound, findings)
    _check_drivers(topology, findings)
    _check_feedback(topology, bound, findings)
    _check_python(topology, bound, findings)
    check_faults(topology, bound, findings)
    check_keys(topology, bound, findings)
    check_waits(topology, bound, findings)
    return bound


def _check_notes(one: Bound, known: dict[Any, list[NoteFault]], findings: Findings) -> None:
    """Report notes that nobody could read. known : those of handlers that were looked at; many stages may share one."""
    key = (id(one.handler.function), tuple(one.handler.notes.items()))
    if key not in known:
        known[key] = note_faults(one.handler)
    for fault in known[key]:
        findings.error("HF140", f"handler '{one.spec.name}': {fault.what}", one.spec.where("use"),
                       label=f"{fault.path.rpartition('/')[2]}:{fault.line}", notes=(fault.remedy,))


def bind(spec: SourceSpec | HandlerSpec, registry: Registry, folder: str, findings: Findings) -> Bound | None:
    """Resolve one stage and read its parameters; None when that fails."""
    kind = "source" if isinstance(spec, SourceSpec) else "handler"
    try:
        component = registry.resolve(kind, spec.use, folder)
    except ComponentError as error:
        close = did_you_mean(spec.use.rpartition(":")[2] if error.code == "HF303" else spec.use, error.close)
        findings.error(error.code, f"{kind} '{spec.name}': {error}", spec.where("use"),
                       label=f"did you mean '{close}'?" if close else "", notes=error.notes)
        return None
    written = spec.node.entries.get("with") if spec.node else None
    node = written[1] if written and repr(written[1].plain()) == repr(spec.parameters) else Node.of(spec.parameters)
    at = spec.where_key("with") if written else spec.where()
    owner = f"{kind} '{spec.name}'"
    if isinstance(spec, SourceSpec) and spec.when_full is not None:
        node = _with_policy(spec, component, node, findings)
    if component.params is None:
        for key, (span, _) in node.entries.items():
            findings.error("HF304", f"{owner} takes no parameters, got '{key}'", span or at)
        return Bound(spec=spec, component=component)
    if doubtful(spec, "with") or _foreign(spec, component, node, owner, findings):
        return Bound(spec=spec, component=component)
    params = convert(component.params, node, findings, codes=PARAMETER_CODES, owner=owner, at=at)
    return Bound(spec=spec, component=component, params=params)


def _foreign(spec: SourceSpec | HandlerSpec, component: Component, node: Node, owner: str, findings: Findings) -> bool:
    """Report parameters that are all those of something else: then `use:` is what is wrong, not each of them."""
    assert component.params is not None
    known = {alias for field in attrs.fields(attrs.resolve_types(component.params)) for alias in aliases(field)}
    if node.kind != "map" or len(node.entries) < 2 or not known.isdisjoint(node.entries) \
            or any(did_you_mean(key, known) for key in node.entries):
        return False
    first = next(iter(node.entries))
    use = spec.where("use")
    findings.error("HF304", f"{owner} has none of these parameters: {', '.join(node.entries)}", node.entries[first][0],
                   label="the first of them", related=(Related(use, "are they those of another?"),) if use else (),
                   notes=(f"known: {', '.join(key_of(f) for f in attrs.fields(component.params))}",))
    return True


def _with_policy(spec: SourceSpec, component: Component, node: Node, findings: Findings) -> Node:
    """Hand `when_full` to a source that has a choice; recorded and simulated sources always wait."""
    assert spec.when_full is not None
    if component.params is not None and "when_full" in {f.name for f in attrs.fields(component.params)}:
        return attrs.evolve(node, entries={"when_full": (spec.where_key("when_full"), Node.of(spec.when_full)), **node.entries})
    if spec.when_full != "wait":
        findings.error("HF304", f"source '{spec.name}' always waits when its ring is full", spec.where("when_full"),
                       label="remove it, or write wait")
    return node


def output_argument(handler: Any, ring: str) -> str | None:
    """Return the name by which the handler calls its port into `ring`: its own name, or that of its only output."""
    if ring in handler.max_out:
        return ring
    return next(iter(handler.max_out)) if len(handler.max_out) == 1 else None


def _check_handler(one: Bound, topology: Topology, findings: Findings) -> None:
    spec, handler = one.spec, one.handler
    assert isinstance(spec, HandlerSpec)
    connected = set()
    for position, name in enumerate(spec.into):
        if name not in topology.rings:
            return  # reported; it may mean any of this handler's outputs
        span = spec.where("into", position)
        argument = output_argument(handler, name)
        if argument is None:
            has = f"it publishes into {', '.join(handler.max_out)}" if handler.max_out else "it declares no max_out"
            findings.error("HF309", f"handler '{spec.name}' cannot publish into '{name}': {has}", span,
                           notes=(f"declare it: @handler(max_out={{\"{name}\": 1}})",))
            continue
        connected.add(argument)
        _check_room(one, argument, name, topology, findings)
    for argument in handler.max_out if not doubtful(spec, "into") else ():
        unfed = findings.has("HF108") and argument in topology.rings and not any(argument in s.into for s in topology.stages)
        if argument not in connected and argument not in _ENGINES_OWN and not unfed:  # that nothing writes it has been reported
            findings.error("HF311", f"handler '{spec.name}' publishes into '{argument}', but the topology does not say where",
                           spec.where("use"), label=f"add into: {argument}")
    unknown = [a for a in handler.arguments if a not in OFFERED and a not in handler.max_out]
    if not one.component.ours and len(unknown) > len(spec.inlets):
        asked = ", ".join(f"'{a}'" for a in unknown)
        close = did_you_mean(unknown[0], OFFERED) if len(unknown) == 1 else None
        findings.error("HF310", f"handler '{spec.name}' asks for {asked}, which the topology does not offer",
                       spec.where("use"), label=f"did you mean '{close}'?" if close else "",
                       notes=(f"offered: {', '.join(sorted(OFFERED - {'batch', 'first_sequence'}))}",
                                                 "a ring that it drains itself is named by from:",
                                                 "a parameter is a field of an attrs class: def on_event(event, params: Limits)"))


def _check_room(one: Bound, argument: str, name: str, topology: Topology, findings: Findings) -> None:
    ring, spec, handler = topology.rings.get(name), one.spec, one.handler
    if ring is None or findings.has("HF110") or any(size & (size - 1) for size in (ring.slots, ring.payload)):
        return  # the size itself has been reported; or that the ring, perhaps this one, is not the handler's to fill
    for word, most, room in (
        ("records", handler.max_out[argument], ring.slots),
        ("units of payload", handler.max_payload.get(argument, 0), ring.payload),
    ):
        if room and most > room:
            findings.error("HF206", f"handler '{spec.name}' may publish {most:,} {word} for one message, but ring '{name}' "
                           f"holds {room:,}: it would wait for ever",
                           ring.where("slots" if word == "records" else "payload") or spec.where("into"))


def _check_traded(topology: Topology, bound: dict[str, Bound], findings: Findings) -> None:
    """Symbols, ticks and lots come from the file, from a source that knows them, or from the decimals in a capture."""
    sources = [bound.get(s.name) for s in topology.sources]
    if not trades(topology) or any(doubtful(ring, "record") for ring in topology.rings.values()):
        return
    generators = all(one is not None and not one.handler.jit for one in sources)
    if findings.failed and (generators or any(is_own(ring.record) for ring in topology.rings.values())):
        return  # what is wrong may be why some ring seems to hold messages
    if not sources or None in sources or any(s.use == "capture" for s in topology.sources) or findings.has("HF012", "HF013"):
        return
    root = topology.node
    if not topology.instruments and not (root and "instruments" in root.entries) and not doubtful(topology, "instruments"):
        if not any(one and getattr(one.handler, "instruments", None) for one in sources):
            findings.error("HF505", "nothing says what is traded", topology.where_key("sources"),
                           label="add instruments: [{symbol: …, tick: …, lot: …}]",
                           notes=("only a capture is looked through for symbols, ticks and lots",))
    for instrument in topology.instruments:
        given = instrument.node.entries if instrument.node else {}
        if "venue" in given and given["venue"][1].text != "exchange":
            continue
        absent = []
        for key in ("tick", "lot"):
            if getattr(instrument, key) is None and {key, "underlying"}.isdisjoint(given) and not doubtful(instrument, key):
                absent.append(key)
        if absent and not findings.has("HF501"):
            findings.error("HF505", f"instrument '{instrument.symbol}' has no {' and no '.join(absent)}, and no capture to take it from",
                           instrument.where("symbol"), label=f"add {', '.join(f'{key}: …' for key in absent)}")


def _check_drivers(topology: Topology, findings: Findings) -> None:
    """Sources and the sequencer publish only when a whole turn, with the largest payload there is, has room."""
    from hydraflow.records import FRAME_BYTES_MAX, LEVELS_MAX

    wanted = [(f"source '{s.name}'", ring, FRAME_BYTES_MAX) for s in topology.sources
              if (ring := topology.rings.get(s.into)) is not None and not is_own(ring.record)]
    merged = topology.sequenced
    if merged:
        wanted.append(("the sequencer", merged, 2 * LEVELS_MAX))
    for owner, ring, units in wanted:
        if ring is None or not ring.slots or not ring.payload or ring.slots & (ring.slots - 1):
            continue
        if ring.slots < SOURCE_SLOTS:
            findings.error("HF206", f"ring '{ring.name}' has {ring.slots:,} slots; {owner} needs {SOURCE_SLOTS}",
                           ring.where("slots") or place_of_ring(topology, ring.name), label=f"write slots: {SOURCE_SLOTS} or more")
        if ring.payload < units and not ring.payload & (ring.payload - 1):
            least = f"{units >> 20}MiB" if ring.record == "frame" else str(units)
            findings.error("HF206", f"ring '{ring.name}' has room for {ring.payload:,} units of payload; the largest message "
                           f"of {owner} needs {units:,}", ring.where("payload") or place_of_ring(topology, ring.name), label=f"write payload: {least} or more")


def _check_feedback(topology: Topology, bound: dict[str, Bound], findings: Findings) -> None:
    merged = topology.sequenced
    if merged is None:
        return
    for ring_name in merged.feedback:
        ring = topology.rings.get(ring_name)
        for one in bound.values():
            if ring is None or not isinstance(one.spec, HandlerSpec) or ring_name not in one.spec.into:
                continue
            argument = output_argument(one.handler, ring_name)
            needed = merged.slots * one.handler.max_out.get(argument, 0) if argument else 0
            if ring.slots < needed:
                size = 1 << (needed - 1).bit_length()
                findings.error("HF205", f"ring '{ring_name}' has {ring.slots:,} slots, but {merged.slots:,} messages of "
                               f"'{merged.name}' × {one.handler.max_out[argument]} answers of '{one.spec.name}' need "
                               f"{needed:,}", ring.where("slots") or one.spec.where("into") or one.spec.where(),
                               label=f"write slots: {size}", notes=("nothing ever waits on a feedback ring",))


def _check_python(topology: Topology, bound: dict[str, Bound], findings: Findings) -> None:
    """A Python handler needs the GIL, so it shares no thread with compiled stages."""
    if topology.placement.option:
        findings = findings.at(topology.placement.option)
    for thread in topology.placement.threads:
        python = [n for n in thread.stages if stage_of(n) in bound and not bound[stage_of(n)].handler.jit]
        if python and len(thread.stages) > 1:
            findings.error("HF407", f"thread '{thread.name}' runs the Python {bound[stage_of(python[0])].spec.NOUN} '{python[0]}' beside "
                           "other stages",
                           thread.where("stages", thread.stages.index(python[0])), label="give it a thread of its own")
