"""Loading a topology: text → nodes, with what they include and what options set → attrs objects → defaults → checks; every
mistake in one error.

    topology = load("config/demo.yaml")
    topology.bound["book"].handler, topology.bound["book"].params      # resolved by `components`

`examine` is the core: bytes, options and an environment in, a topology and its findings out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import attrs

from hydraflow.errors import ConfigurationError, InputNotFound, UsageError
from hydraflow.registry import Registry, default_name
from hydraflow.topology.check import check
from hydraflow.topology.check_scheduling import Cores
from hydraflow.topology.convert import SPEC_CODES, Bytes, convert
from hydraflow.topology.diagnose import Diagnostic, Findings, did_you_mean, places, render, summary
from hydraflow.topology.doubts import doubts_of
from hydraflow.topology.includes import included
from hydraflow.topology.lookup import Lookup
from hydraflow.topology.nodes import BYTES_MAX, Node, forget, is_unknown, read, report_problems
from hydraflow.topology.overrides import override
from hydraflow.topology.sections import mend
from hydraflow.topology.spec import (
    AUTO,
    WELL_KNOWN_RINGS,
    HandlerSpec,
    PlacementSpec,
    RingSpec,
    SourceSpec,
    Topology,
    is_own,
    key_of,
)

__all__ = ["TopologyError", "examine", "load", "read_file"]

VERSION = 1
ENGINE_NAME_MAX = 60
_NEEDED = ("sources", "handlers")  # without them nothing runs
SECTIONS = {key_of(field) for field in attrs.fields(Topology) if not field.metadata.get("internal")}


class TopologyError(ConfigurationError):
    """A topology file that cannot be used. diagnostics : all that is wrong with it; texts : path → contents of its files."""

    def __init__(self, path: str, texts: Mapping[str, str], diagnostics: list[Diagnostic]) -> None:
        super().__init__(summary(diagnostics, places(diagnostics, path)) + "".join(f"\n\n{render(d, texts)}" for d in diagnostics))
        self.path = path
        self.texts = texts
        self.diagnostics = diagnostics
        if all(d.path.startswith("--") for d in diagnostics):  # options, not files
            self.exit_code = UsageError.exit_code


def load(
    path: str | os.PathLike,
    *,
    environment: Mapping[str, str] | None = None,
    registry: Registry | None = None,
    components: bool = True,
    cpus: Collection[int] | None = None,
    cores: Cores | None = None,
    placement: PlacementSpec | None = None,
    overrides: Sequence[str] = (),
    tests: bool = True,
) -> Topology:
    """Read, complete and check a topology file.

    environment : for ${...}, default os.environ. components : import what `use:` names and bind parameters to it.
    cpus : those that threads may be pinned to, cores : which of them are isolated, and where memory is; None to skip what needs it.
    placement : instead of the file's own.
    overrides : PATH=VALUE, as for --set.
    tests : look at what `tests:` say, too; a run and a replay do without the files and components that tests name.
    Raises: TopologyError with every diagnostic; InputNotFound. Warnings are kept in `topology.warnings`.
    """
    data = read_file(path)
    topology, findings = examine(
        data, str(path), os.environ if environment is None else environment, registry=registry, components=components,
        cpus=cpus, cores=cores, placement=placement, overrides=overrides, tests=tests,
    )
    if topology is None or findings.failed:
        raise TopologyError(str(path), findings.texts, findings.diagnostics)
    return attrs.evolve(topology, warnings=tuple(findings.diagnostics))


def read_file(path: str | os.PathLike) -> bytes:
    """Return the contents of a topology file, at most one byte more than one may have. Raises: InputNotFound."""
    try:
        with open(path, "rb") as stream:
            return stream.read(BYTES_MAX + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputNotFound(f"cannot read the topology: {reason}", where=str(path),
                            remedy="give the path of a YAML file") from error


def examine(
    data: bytes | str,
    path: str,
    environment: Mapping[str, str],
    *,
    registry: Registry | None = None,
    components: bool = True,
    cpus: Collection[int] | None = None,
    cores: Cores | None = None,
    placement: PlacementSpec | None = None,
    overrides: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
    tests: bool = True,
) -> tuple[Topology | None, Findings]:
    """Return the topology (None when its text cannot be read) and everything that was found; arguments as for `load`.

    files : absolute path → text, in place of what lies there now: a replay takes from the journal what the topology included.
    """
    registry = registry or Registry()
    findings = Findings(path)
    lookup = Lookup(environment, files or {})
    root = read(data, findings, lookup, deferred=True)
    if root is None or not _is_topology(root, findings):
        if root is not None:
            report_problems(root, findings)
        return None, findings
    root, whole = included(root, findings, lookup)
    _check_secrets(root, findings)
    override(root, overrides, findings, lookup)
    report_problems(root, findings)
    _check_secrets(root, findings)
    mend(root, SECTIONS, findings, lambda kind, use: registry.entry(kind, use) is not None)
    topology = convert(Topology, root, findings, codes=SPEC_CODES, owner="the topology")
    if topology is None:
        return None, findings
    topology = attrs.evolve(complete(topology, registry), path=path, text=findings.text, lookup=lookup,
                            overrides=tuple(overrides))
    topology = attrs.evolve(topology, name=topology.name or _name_of(path))
    if placement is not None:
        topology = attrs.evolve(topology, placement=placement)
    doubts = doubts_of(topology, registry.knows)
    check(topology, findings, cpus, graph=whole and _is_whole(topology), doubts=doubts, cores=cores)
    if components and _can_import(findings):
        from hydraflow.topology.components import bind_all
        from hydraflow.topology.layouts import bind_records
        from hydraflow.topology.proof import prove

        topology = bind_records(topology, registry, findings)
        topology = attrs.evolve(topology, bound=bind_all(topology, registry, findings, doubts))
        topology = prove(topology, findings, ordered=not doubts.order)
        if tests and topology.tests:
            from hydraflow.topology.check_tests import check_tests

            check_tests(topology, topology.bound, registry, findings,
                        named=not doubts.names and not findings.has("HF101", "HF104", "HF109"))
    return topology, findings


def _can_import(findings: Findings) -> bool:
    """Whether what every handler needs can be imported: numba refuses to work with another llvmlite or numpy than its own."""
    try:
        import numba  # noqa: F401
    except ImportError as error:
        findings.error("HF313", f"handlers cannot be looked at: {' '.join(str(error).split())[:300]}",
                       notes=("numba, llvmlite and numpy fit together in certain versions only",
                              "python -m pip install --upgrade --force-reinstall numba"))
        return False
    return True


def _name_of(path: str) -> str:
    """Return the engine name that a file without `name:` gives: its own, as far as an engine can be called so."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", Path(path).stem).strip("._-")[:ENGINE_NAME_MAX] or "topology"


def complete(topology: Topology, registry: Registry) -> Topology:
    """Return the topology with names, rings and their sizes filled in."""
    first = _first_ring(topology)
    sources = tuple(_complete_source(s, first or "frames") for s in topology.sources)
    handlers = tuple(_complete_handler(h, registry, topology.after, first or "main") for h in topology.handlers)
    sinks = tuple(_complete_handler(h, registry, topology.after, first or "main") for h in topology.sinks)
    rings = {name: _complete_ring(ring) for name, ring in topology.rings.items()}
    stages = (*handlers, *sinks)
    mentioned = [s.into for s in sources] + [r for h in stages for r in (h.on, *h.inlets, *h.into)]
    _add_known(mentioned, rings)
    if "main" in rings and not any(ring.sequence or ring.feedback for ring in rings.values()):
        written = {ring for h in stages for ring in h.into}
        rings["main"] = attrs.evolve(
            rings["main"], sequence=("decoded",), feedback=("feedback",) if "feedback" in written else ()
        )
    _add_known([r for ring in rings.values() for r in (*ring.sequence, *ring.feedback)], rings)
    return attrs.evolve(topology, sources=sources, handlers=handlers, sinks=sinks, rings=rings)


def payload_unit_size(record: str) -> int:
    """Return the bytes of one unit of a record's payload ring."""
    return 16 if record == "message" else 1


def _is_topology(root: Node, findings: Findings) -> bool:
    if root.kind != "map":
        empty = root.kind == "scalar" and root.value is None
        what = "the file is empty" if empty else "a topology is a mapping of version, sources, handlers, …"
        findings.error("HF008" if empty else "HF006", what, None if empty else root.span,
                       notes=("the least that runs: version: 1, a source and a handler",))
        return False
    span, node = root.entries.get("version", (None, None))
    if node is None and root.repeated:
        return True  # the key that is given twice stands for it
    if node is None:
        close = did_you_mean("version", root.entries)
        findings.error("HF004", "the topology has no version", root.where_key(close) if close else root.span,
                       label=f"did you mean version: {VERSION}?" if close else f"add version: {VERSION} above this line")
        return False
    if is_unknown(node):
        return False
    if node.value != VERSION or isinstance(node.value, bool):
        newer = isinstance(node.value, int) and node.value > VERSION
        hint = "it was written for a newer hydraflow-x: update it" if newer else f"write version: {VERSION}"
        findings.error("HF004", f"version {node.text or node.kind} of the topology format is not known", node.span or span,
                       label=f"this program reads version {VERSION}", notes=(hint,))
        return False
    return True


def _check_secrets(root: Node, findings: Findings) -> None:
    """Names of engines, stages and files are shown everywhere, so a secret may only be a parameter."""
    parameters = [stage.entries["with"][1] for section in ("sources", "handlers", "sinks") if section in root.entries
                  for stage in root.entries[section][1].items if "with" in stage.entries]
    if not any(node.secret for node in root.everything()):
        return
    allowed = {id(node) for part in parameters for node in part.everything()}
    for node in root.everything():
        if node.secret and id(node) not in allowed and not is_unknown(node):
            findings.error("HF017", "a secret can only be a parameter of a stage, below its with:", node.span)
            forget(node)


def _is_whole(topology: Topology) -> bool:
    """Whether every section of the graph could be read; with one missing, its checks would blame the innocent."""
    root = topology.node
    assert root is not None
    sections = {"sources": len(topology.sources), "handlers": len(topology.handlers), "sinks": len(topology.sinks),
                "rings": None, "placement": None}
    strange = [key for key in root.entries if key not in SECTIONS]
    absent = [key for key in sections if key not in root.entries]
    if any(key in _NEEDED or did_you_mean(key, strange) for key in absent) and strange:
        return False  # a strange key may stand for what is absent
    if absent and (root.repeated or any(root.entries[key][1].kind != "scalar" for key in strange)):
        return False
    for key, count in sections.items():
        node = root.entries[key][1] if key in root.entries else None
        if node is not None and is_unknown(node) and key != "placement":
            return False
        if node is None or is_unknown(node) or (node.kind == "scalar" and (node.value is None or key == "placement")):
            continue
        if node.kind != ("map" if count is None else "list") or (count is not None and count != len(node.items)):
            return False
    return True


def _first_ring(topology: Topology) -> str:
    """Return, where all declared rings hold records of their own, the one that no handler publishes into; "" for any other case."""
    if not all(is_own(ring.record) for ring in topology.rings.values()):
        return ""
    written = {ring for stage in topology.stages for ring in stage.into}
    free = [name for name in topology.rings if name not in written]
    return free[0] if len(free) == 1 else ""


def _complete_source(source: SourceSpec, ring: str) -> SourceSpec:
    """ring : the one that it fills when nothing else is said."""
    return attrs.evolve(source, name=source.name or default_name(source.use), into=source.into or ring)


def _complete_handler(handler: HandlerSpec, registry: Registry, after: str | None, ring: str) -> HandlerSpec:
    """ring : the one that it gets when neither the file nor its entry says it."""
    entry = registry.entry("handler", handler.use) if handler.use else None
    says = handler.node is not None and "after" in handler.node.entries
    return attrs.evolve(
        handler,
        after=tuple(a for a in handler.after if a != AUTO),
        auto=AUTO in handler.after or (after == AUTO and not says),
        name=handler.name or default_name(handler.use),
        on=handler.on or (entry.on if entry else ring),
        inlets=handler.inlets or (entry.inlets if entry else ()),
        into=handler.into or (entry.into if entry else ()),
    )


def _complete_ring(ring: RingSpec) -> RingSpec:
    known = WELL_KNOWN_RINGS.get(ring.name)
    if known is not None:
        ring = attrs.evolve(ring, record=ring.record or known.record)
        if ring.record == known.record:
            ring = attrs.evolve(ring, slots=ring.slots or known.slots, payload=ring.payload or known.payload)
    if isinstance(ring.payload, Bytes):
        ring = attrs.evolve(ring, payload=int(ring.payload) // payload_unit_size(ring.record))
    return ring


def _add_known(mentioned: list[str], rings: dict[str, RingSpec]) -> None:
    for name in mentioned:
        if name not in rings and name in WELL_KNOWN_RINGS:
            rings[name] = WELL_KNOWN_RINGS[name]
