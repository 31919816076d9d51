"""What a file does not say clearly, because of a mistake that has been told: one mistake, one message.

A stage whose `use` cannot be read has no known name and no known rings; when another stage waits for a name that nothing
has, that may well be it. So checks that would conclude something from what is missing ask here first. A value is in doubt
when it is unknown (`nodes.forget`: it has been reported), when its key stands there twice, or when it is absent and
something strange, unknown or there twice may stand for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from hydraflow.topology.nodes import is_unknown
from hydraflow.topology.spec import HandlerSpec, Located, SourceSpec, Topology, keys_of_spec

__all__ = ["Doubts", "doubtful", "doubts_of", "lacks_handlers", "strange", "unread_list"]


@attrs.frozen(kw_only=True)
class Doubts:
    """names : a stage's name is not known; uncertain : the names that such stages seem to have. order : what some stage comes after is not (nor, then, who waits for whom). inputs, outputs : a ring that some
    stage reads, or writes, is not. placed : what some thread runs is not.
    """

    names: bool = False
    uncertain: frozenset[str] = frozenset()
    order: bool = False
    inputs: bool = False
    outputs: bool = False
    placed: bool = False


def doubts_of(topology: Topology, resolvable: Callable[[str, str], bool]) -> Doubts:
    """Return what is in doubt. resolvable : (kind, use) → whether something is known, or may be there, by that name."""
    names = order = inputs = False
    uncertain: set[str] = set()
    outputs = not topology.sources  # what they would fill is not known; that there is none has been reported
    everything: list[SourceSpec | HandlerSpec] = [*topology.sources, *topology.stages]
    for spec in everything:
        kind = "source" if isinstance(spec, SourceSpec) else "handler"
        use = doubtful(spec, "use") or not resolvable(kind, spec.use)
        merged = spec.node is not None and len(spec.node.repeated) > 1  # two stages may have become one
        if merged or doubtful(spec, "name") or (use and not _has(spec, "name")):
            names = True
            uncertain.add(spec.name)
        outputs |= doubtful(spec, "into") or (use and not _has(spec, "into"))
        if isinstance(spec, HandlerSpec):
            order |= doubtful(spec, "after")
            inputs |= any(doubtful(spec, key) or (use and not _has(spec, key)) for key in ("on", "from"))
            order |= doubtful(spec, "on")
    if lacks_handlers(topology):
        names = inputs = outputs = True
    for ring in topology.rings.values():
        merged = doubtful(ring, "sequence")
        inputs |= merged or doubtful(ring, "feedback")
        outputs |= merged  # then the sequencer may write it
    order |= names
    placed = any(doubtful(thread, "stages") for thread in topology.placement.threads) or doubtful(topology.placement, "threads")
    return Doubts(names=names, uncertain=frozenset(uncertain), order=order, inputs=inputs, outputs=outputs, placed=placed)


def lacks_handlers(topology: Topology) -> bool:
    """Whether there is no handler, and no sink that could do without one because a source fills its ring."""
    return not topology.handlers and not any(sink.on == source.into for sink in topology.sinks for source in topology.sources)


def unread_list(topology: Topology) -> bool:
    """Whether a section of the topology holds a list that it cannot hold: that may be the section which is missing."""
    return topology.node is not None and any(is_unknown(value) and value.kind == "list" for _, value in topology.node.entries.values())


def doubtful(spec: Located, key: str) -> bool:
    """Whether what `spec` says under `key`, or that it says nothing, is in doubt."""
    node = spec.node
    if node is None:
        return False
    if key in node.repeated:
        return True
    if key not in node.entries:  # a list, a mapping, or a word where parameters stand may have been meant for it
        return bool(strange(spec) or node.repeated) or any(
            is_unknown(value) and (value.kind != "scalar" or other == "with") for other, (_, value) in node.entries.items())
    value = node.entries[key][1]
    return is_unknown(value) or any(map(is_unknown, value.items))


def strange(spec: Located) -> list[str]:
    """Return the keys of `spec` that nothing of its kind has."""
    if spec.node is None:
        return []
    kind: Any = type(spec)
    known = keys_of_spec(kind)
    return [key for key in spec.node.entries if key not in known]


def _has(spec: Located, key: str) -> bool:
    return spec.node is None or key in spec.node.entries


