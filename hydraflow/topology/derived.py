"""`after: auto`: the order that follows from what the stages read and write.

For each thing that is written, with the stages in the order of the file:

    one writer       whoever reads it comes after the writer, wherever the two stand
    several writers  they must be ordered by something else, by `after` or by another field: which one is first decides what
                     the result is, and nobody but the author knows it. A reader comes after the writers above it and before
                     those below it; one that stands above all of them comes after all of them
    an inlet         who drains a ring comes after the stage that fills it

Only stages that say `auto` get edges; one that another edge implies is left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import attrs

from hydraflow.topology.diagnose import Findings, Related
from hydraflow.topology.graph import ancestors, cycles
from hydraflow.topology.happens_before import Order
from hydraflow.topology.races import Race, races_of, suggestion
from hydraflow.topology.spec import Topology
from hydraflow.topology.touched import Key, Touched, word

__all__ = ["derive"]


def derive(topology: Topology, stages: list[Touched], findings: Findings) -> tuple[Topology, list[Touched]]:
    """Return the topology, and what its stages touch, with the derived edges in `after` and their reasons in `derived`.

    A circle and writers that nothing orders are reported (HF341, HF338); stages on a circle get no edges.
    """
    if not any(spec.auto for spec in topology.stages):
        return topology, stages
    given = {spec.name: list(spec.after) for spec in topology.stages}
    wanted = _inlets(topology)
    for later, earlier, key in _edges(stages):
        if later.spec.auto and later.name not in ancestors(given, earlier.name):
            wanted.setdefault((earlier.name, later.name), f"{_verb(later, key)} {word(key).strip(chr(39))}")
    wanted = _without_circles(topology, stages, given, wanted, findings)
    kept = _reduced(given, wanted)
    after = {name: [*earlier, *(w for w, r in kept if r == name)] for name, earlier in given.items()}
    specs = {
        spec.name: attrs.evolve(spec, after=tuple(dict.fromkeys(after[spec.name])),
                                derived={w: reason for (w, r), reason in kept.items() if r == spec.name})
        for spec in topology.stages if spec.auto
    }
    topology = attrs.evolve(
        topology,
        handlers=tuple(specs.get(s.name, s) for s in topology.handlers), sinks=tuple(specs.get(s.name, s) for s in topology.sinks),
        bound={name: attrs.evolve(one, spec=specs.get(name, one.spec)) for name, one in topology.bound.items()},
    )
    stages = [attrs.evolve(s, spec=specs.get(s.name, s.spec)) for s in stages]
    _check_writers(stages, findings)
    return topology, stages


def _edges(stages: list[Touched]) -> Iterable[tuple[Touched, Touched, Key]]:
    """Yield (later, earlier, key) of every edge that a key asks for; two writers of one key get none."""
    writers: dict[Key, list[int]] = {}
    for i, stage in enumerate(stages):
        for key in stage.writes:
            writers.setdefault(key, []).append(i)
    for i, stage in enumerate(stages):
        for key in sorted(stage.reads - stage.writes):
            writing = [w for w in writers.get(key, ()) if stages[w].spec.on == stage.spec.on]
            above = [w for w in writing if w < i]
            for w in above or writing:
                yield stage, stages[w], key
            if above:
                for w in writing:
                    if w > i:
                        yield stages[w], stage, key


def _inlets(topology: Topology) -> dict[tuple[str, str], str]:
    found = {}
    for spec in topology.stages:
        for ring in spec.inlets if spec.auto else ():
            for other in topology.stages:
                if ring in other.into and other.on == spec.on and other.name != spec.name:
                    found[other.name, spec.name] = f"takes from ring {ring}"
    return found


def _verb(later: Touched, key: Key) -> str:
    return "reads" if key in later.reads and key not in later.writes else "writes"


def _without_circles(topology: Topology, stages: list[Touched], given: dict[str, list[str]], wanted: dict[tuple[str, str], str],
                     findings: Findings) -> dict[tuple[str, str], str]:
    """Report each circle that the derived edges close, and leave its edges out."""
    edges = {name: [*earlier, *(w for w, r in wanted if r == name)] for name, earlier in given.items()}
    specs = {spec.name: spec for spec in topology.stages}
    for path in cycles(edges):
        names = path[::-1]  # from who comes first to who waits for it
        links = [(a, b) for a, b in itertools.pairwise(names) if (a, b) in wanted]
        said = [f"'{b}' {wanted[a, b]}, which '{a}' {'fills' if wanted[a, b].startswith('takes') else 'writes' if wanted[a, b].startswith('reads') else 'reads before'}"
                for a, b in links]
        first = specs[names[0]]
        others = (specs[n] for n in dict.fromkeys(names[1:-1]))
        related = tuple(Related(at, "in the circle") for at in (s.where("name") or s.where() for s in others) if at is not None)
        findings.error("HF341", f"after: auto finds no order: {' → '.join(names)}", first.where("name") or first.where(),
                       label="each waits for what another one writes", related=related,
                       notes=(*said, "split one of these handlers, or keep what comes too late in a state until the next record"))
        circle = {n for n in edges if n in ancestors(edges, n) and names[0] in ancestors(edges, n) and n in ancestors(edges, names[0])}
        wanted = {(w, r): reason for (w, r), reason in wanted.items() if not (w in circle and r in circle)}
    return wanted


def _reduced(given: dict[str, list[str]], wanted: dict[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """Leave out derived edges that the others, or those of the file, imply."""
    edges = {name: [*earlier, *(w for w, r in wanted if r == name)] for name, earlier in given.items()}
    passed = {name: ancestors(edges, name) for name in edges}
    return {
        (w, r): reason for (w, r), reason in wanted.items()
        if w not in given[r] and not any(w in passed[other] for other in edges[r] if other != w)
    }


def _check_writers(stages: list[Touched], findings: Findings) -> None:
    """Report stages that write the same, have no order, and asked for one to be derived."""
    if findings.has("HF341"):
        return
    for race in races_of(stages, Order.of({s.name: s.spec.after for s in stages})):
        if race.other.spec.auto and race.ordered_by_after and race.key in race.other.writes & race.writer.writes:
            _report(race, findings)


def _report(race: Race, findings: Findings) -> None:
    writer, other = race.writer, race.other
    place = writer.spec.where("name") or writer.spec.where()
    _, label = suggestion(attrs.evolve(other.spec, after=("auto",)), [writer.name])
    at = other.spec.where("after") if other.spec.node and "after" in other.spec.node.entries else other.spec.where("name")
    findings.error("HF338", f"handlers '{writer.name}' and '{other.name}' both write {word(race.key)}: after: auto cannot know which "
                   "one is first", at or other.spec.where(), label=label,
                   related=(Related(place, f"writes {word(race.key)}, too"),) if place else ())
