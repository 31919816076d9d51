"""Changes of parameters while the engine runs: what is asked for is read as at the start (type, unit, range, the class's own
validators), all of it before any of it counts.

Only parameters that their class marks with metadata {"live": True} may change, of stages on the sequenced ring: there a
change has its place in the order. Whatever is wrong becomes a diagnostic with the option, or the place in the file, and
nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from hydraflow.topology.check_live import live_fields
from hydraflow.topology.convert import PARAMETER_CODES, aliases, convert
from hydraflow.topology.diagnose import Findings, Span, did_you_mean
from hydraflow.topology.load import TopologyError
from hydraflow.topology.lookup import Lookup
from hydraflow.topology.nodes import Node, read
from hydraflow.topology.spec import HandlerSpec, SourceSpec, Topology

__all__ = ["Wanted", "from_options", "from_values", "literal", "refuse_restarts"]

_WIDEST = 100  # characters of an option that are shown
_FORM = "write STAGE.PARAMETER=VALUE, such as risk.max_position=5"


@attrs.frozen
class Wanted:
    """A change of one stage. params : all of its parameters afterwards; values : (name, before, after) of those that differ."""

    stage: str
    params: Any
    values: tuple[tuple[str, Any, Any], ...]


def from_options(options: Iterable[str], topology: Topology, current: Mapping[str, Any]) -> list[Wanted]:
    """Return what `--set STAGE.PARAMETER=VALUE` options ask for; of one parameter named twice the last counts.

    current : stage → attrs instance of the parameters that it has now. Raises: TopologyError with every diagnostic.
    """
    findings = Findings("--set")
    asked: dict[str, dict[str, tuple[Span, Node]]] = {}
    for option in options:
        shown = option if len(option) <= _WIDEST else option[: _WIDEST - 1] + "…"
        span = Span.option(f"--set {shown}")
        path, equals, text = option.partition("=")
        stage, parameter = _split(path.strip(), current)
        if not equals or not parameter:
            if equals and not parameter and path.strip():
                _no_stage(path.strip(), span, current, findings)
            else:
                findings.error("HF136", f"cannot read '{shown}'", span, label=_FORM)
            continue
        node = _value(text, span, findings)
        if node is not None:
            asked.setdefault(stage, {})[parameter] = (span, node)
    return _read(asked, topology, current, findings)


def from_values(values: Mapping[str, Mapping[str, Any]], topology: Topology, current: Mapping[str, Any]) -> list[Wanted]:
    """Return what stage → parameter → value asks for, as a file that has been read gives them. Raises: TopologyError."""
    findings = Findings("--set")
    asked: dict[str, dict[str, tuple[Span, Node]]] = {}
    for stage, parameters in values.items():
        if stage not in current:
            _no_stage(stage, Span.option(f"--set {stage}"), current, findings)
            continue
        for name, value in parameters.items():
            span = Span.option(f"--set {stage}.{name}={value}"[:_WIDEST])
            asked.setdefault(stage, {})[name] = (span, attrs.evolve(Node.of(value), span=span))
    return _read(asked, topology, current, findings)


def refuse_restarts(after: Topology, changed: Mapping[str, Iterable[str]]) -> None:
    """Refuse what a file changes and a running engine cannot take. changed : stage → parameters. Raises: TopologyError."""
    findings = Findings(after.path, after.text)
    everything: list[SourceSpec | HandlerSpec] = [*after.sources, *after.stages]
    specs = {spec.name: spec for spec in everything}
    for stage, names in changed.items():
        for name in names:
            span = specs[stage].where("with", name) or specs[stage].where()
            _not_live(stage, name, after, span, findings)
    if findings.failed:
        raise TopologyError(after.path, findings.texts, findings.diagnostics)


def literal(value: Any) -> Any:
    """Return a parameter as JSON can hold it."""
    return value if isinstance(value, (bool, int, float, str)) or value is None else str(value)


def _split(path: str, current: Mapping[str, Any]) -> tuple[str, str]:
    """Return (stage, parameter); the parameter is "" when no stage is named. `handlers.risk.with.kill` names risk.kill too."""
    section, _, rest = path.partition(".")
    if section in ("handlers", "sinks", "sources") and section not in current and ".with." in rest:
        path = rest.replace(".with.", ".", 1)
    steps = path.split(".")
    for used in range(len(steps) - 1, 0, -1):  # names may hold dots
        if ".".join(steps[:used]) in current:
            return ".".join(steps[:used]), ".".join(steps[used:])
    return "", ""


def _no_stage(path: str, span: Span, current: Mapping[str, Any], findings: Findings) -> None:
    stage = path.rpartition(".")[0] or path
    if stage in current:
        findings.error("HF136", f"'{path}' names no parameter of stage '{stage}'", span, label=_FORM)
        return
    close = did_you_mean(stage, current)
    known = ", ".join(name for name in current)
    findings.error("HF135", f"the engine has no stage '{stage}'", span,
                   label=f"did you mean '{close}'?" if close else "", notes=(f"known: {known}",))


def _value(text: str, span: Span, findings: Findings) -> Node | None:
    own = Findings()  # places within the value mean nothing to who wrote an option
    node = read(text, own, Lookup({}, {}))
    for found in own.diagnostics:
        findings.error(found.code, found.message, span, label=found.label, notes=found.notes)
    if node is None or own.failed:
        return None
    for part in node.everything():
        part.span = span
    return node


def _read(
    asked: Mapping[str, Mapping[str, tuple[Span, Node]]], topology: Topology, current: Mapping[str, Any], findings: Findings
) -> list[Wanted]:
    wanted = []
    for stage, entries in asked.items():
        params = current[stage]
        if params is None:
            for name, (span, _) in entries.items():
                findings.error("HF304", f"stage '{stage}' takes no parameters, got '{name}'", span)
            continue
        cls = type(params)
        spelling = {alias: field.name for field in attrs.fields(attrs.resolve_types(cls)) for alias in aliases(field)}
        for name, (span, _) in entries.items():
            if name in spelling:
                _not_live(stage, spelling[name], topology, span, findings)
        needed = {f.name for f in attrs.fields(cls) if f.init and f.default is attrs.NOTHING}
        given = {spelling.get(name) for name in entries}
        node = Node("map", None, entries={**{n: (None, Node.of(getattr(params, n))) for n in needed - given}, **entries})
        made = convert(cls, node, findings, codes=PARAMETER_CODES, owner=f"handler '{stage}'")
        if made is None or findings.failed:
            continue
        values = {name: getattr(made, name) for name in (spelling[n] for n in entries)}
        try:
            after = attrs.evolve(params, **values)
        except Exception as error:  # the class's own validators: whatever they raise is about the values
            span = next(iter(entries.values()))[0]
            findings.error("HF308", f"handler '{stage}': {next(iter(str(error).splitlines()), '') or type(error).__name__}", span)
            continue
        differ = tuple((n, getattr(params, n), v) for n, v in values.items() if getattr(params, n) != v)
        wanted.append(Wanted(stage, after, differ))
    if findings.failed:
        raise TopologyError("--set", findings.texts, findings.diagnostics)
    return wanted


def _not_live(stage: str, name: str, topology: Topology, span: Span | None, findings: Findings) -> None:
    """Report a parameter that cannot change while the engine runs; nothing for one that can."""
    everything: list[SourceSpec | HandlerSpec] = [*topology.sources, *topology.stages]
    spec = next(s for s in everything if s.name == stage)
    live = live_fields(topology.bound[stage].component.params)
    sequenced = topology.sequenced
    if isinstance(spec, HandlerSpec) and sequenced is not None and spec.on == sequenced.name:
        if name in live:
            return
        why, notes = f"parameter '{name}' of stage '{stage}' is not live", [f"live: {', '.join(live) or 'none'}"]
    else:
        noun = "source" if not isinstance(spec, HandlerSpec) else f"stage on ring '{spec.on}'"
        why, notes = f"parameter '{name}' of stage '{stage}', a {noun}, has no place in the order", []
    findings.error("HF134", f"{why}: it cannot change while the engine runs", span,
                   notes=(*notes, "change it in the file, stop the engine and run it again"))
