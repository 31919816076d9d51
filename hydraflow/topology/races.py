"""The proof that a topology has no race: two stages that touch one thing, one of them writing, are ordered by `after`.

Every read of a field comes after a write of it, when any stage writes it at all. What is shared across rings (a module's
globals, the table of instruments) is never ordered, so nobody may write it while others look.

A missing `after` is named where it belongs; of several only those are named that no other one makes unnecessary.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import attrs

from hydraflow.topology.diagnose import Findings, Related, Span
from hydraflow.topology.graph import ancestors
from hydraflow.topology.happens_before import Order, bits
from hydraflow.topology.spec import HandlerSpec
from hydraflow.topology.touched import Key, Touched, word

__all__ = ["Race", "check_races", "races_of", "shown", "suggestion"]


_SHIPPED = tuple(os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), name, "")
                 for name in ("disruptor", "handlers", "hydraflow"))


@attrs.frozen
class Race:
    """Stage `other` reads or writes (the verb) `key`, which `writer` writes, and nothing orders the two."""

    writer: Touched
    other: Touched
    verb: str
    key: Key

    @property
    def ordered_by_after(self) -> bool:
        """Whether an `after` could order them: they see the same records."""
        return self.writer.spec.on == self.other.spec.on

    @property
    def is_feared(self) -> bool:
        """Whether one of the two is only taken to touch it, for its source was not understood."""
        return self.key not in self.writer.certain or self.key not in self.other.certain


def races_of(stages: list[Touched], order: Order) -> list[Race]:
    """Return one race for each pair of stages that has any, the later stage as `other`."""
    writing, touching = _by_key(stages)
    pairs: dict[tuple[int, int], list[Key]] = {}
    for key, writers in writing.items():
        for i in bits(writers):
            for j in bits(touching[key] & order.unordered(i)):
                pairs.setdefault((min(i, j), max(i, j)), []).append(key)
    return [_race(stages[i], stages[j], keys) for (i, j), keys in sorted(pairs.items())]


def check_races(stages: list[Touched], order: Order, findings: Findings) -> None:
    """Report what is not ordered, and what is read before it is written."""
    found = races_of(stages, order)
    beside = [race for race in found if not race.ordered_by_after or ":" in race.key[1]]
    for race in beside:
        _report_shared(race, findings)
    others = [race for race in found if race not in beside]
    needed = _needed(others, {s.name: list(s.spec.after) for s in stages})
    for race in needed:
        _report(race, [r.writer.name for r in needed if r.other is race.other], findings)
    _check_early(stages, order, findings)


def suggestion(spec: HandlerSpec, missing: Iterable[str]) -> tuple[Span | None, str]:
    """Return where and how `after` of a stage has to be written so that it names `missing` as well."""
    wanted = list(dict.fromkeys([*spec.after, *missing]))
    written = spec.node is not None and "after" in spec.node.entries and spec.node.entries["after"][1].kind != "map"
    text = f"after: {wanted[0]}" if len(wanted) == 1 else f"after: [{', '.join(wanted)}]"
    if written and spec.after:
        return spec.where("after"), f"write {text}"
    return spec.where("name") or spec.where(), f"add {text}"


def _by_key(stages: list[Touched]) -> tuple[dict[Key, int], dict[Key, int]]:
    writing: dict[Key, int] = {}
    touching: dict[Key, int] = {}
    for i, stage in enumerate(stages):
        for key in stage.writes:
            writing[key] = writing.get(key, 0) | 1 << i
        for key in stage.both:
            touching[key] = touching.get(key, 0) | 1 << i
    return writing, touching


def _race(first: Touched, second: Touched, keys: list[Key]) -> Race:
    """Return the race of two stages. The writer comes first; where either may, the earlier one in the file."""
    keys = sorted(keys, key=lambda k: (k not in first.certain or k not in second.certain, k[1].endswith("*"), k))
    for writer, other in ((first, second), (second, first)):
        for verb, touched in (("reads", other.reads - other.writes), ("writes", other.writes)):
            for key in keys:
                if key in writer.writes and key in touched:
                    return Race(writer, other, verb, key)
    raise AssertionError("a race without a key")


def _needed(races: list[Race], after: dict[str, list[str]]) -> list[Race]:
    """Return the races whose `after`s order all of them, without a circle: what is certain first, none that others imply."""
    edges = {name: list(earlier) for name, earlier in after.items()}
    kept: list[Race] = []
    for race in sorted(races, key=lambda r: r.is_feared):
        writer, other = race.writer.name, race.other.name
        if other not in ancestors(edges, writer) and writer not in ancestors(edges, other):
            edges[other].append(writer)
            kept.append(race)
    for race in list(kept):
        rest = {name: list(earlier) for name, earlier in edges.items()}
        rest[race.other.name].remove(race.writer.name)
        if race.writer.name in ancestors(rest, race.other.name):
            edges, kept = rest, [r for r in kept if r is not race]
    return kept


def _report(race: Race, missing: list[str], findings: Findings) -> None:
    writer, other = race.writer, race.other
    at, label = suggestion(other.spec, missing)
    place = writer.spec.where("name") or writer.spec.where()
    findings.error(
        "HF112", f"handler '{other.name}' {race.verb} {word(race.key)}, which '{writer.name}' writes, and nothing orders the two",
        at, label=label, related=(Related(place, f"writes {word(race.key)}"),) if place else (),
        notes=tuple(_seen(race)),
    )


def _report_shared(race: Race, findings: Findings) -> None:
    writer, other = race.writer, race.other
    place = writer.spec.where("name") or writer.spec.where()
    same = race.ordered_by_after
    at, label = suggestion(other.spec, [writer.name]) if same else (other.spec.where("name") or other.spec.where(), "")
    why = "nothing orders the two" if same else f"they see the records of different rings, '{writer.spec.on}' and '{other.spec.on}'"
    findings.error(
        "HF335", f"handler '{other.name}' {race.verb} {word(race.key)}, which '{writer.name}' writes, and {why}", at, label=label,
        related=(Related(place, f"writes {word(race.key)}"),) if place else (),
        notes=(*_seen(race), "keep it in the state of one of them; others see it as a field of a record"),
    )


def _seen(race: Race) -> Iterable[str]:
    """Say where the handlers' sources do it; of shipped ones the line helps nobody."""
    for stage, verb in ((race.writer, "writes"), (race.other, race.verb)):
        place = stage.place(verb, race.key)
        if place is not None and not place.path.startswith(_SHIPPED):
            feared = race.key not in stage.certain
            what = "is taken to touch everything" if feared else f"{verb} it"
            yield f"'{stage.name}' {what} in {shown(place.path)}:{place.line}: {place.code}"


def shown(path: str) -> str:
    """Return a path as short as it can be said from here."""
    near = os.path.relpath(path)
    return near if not near.startswith(os.pardir) else path


def _check_early(stages: list[Touched], order: Order, findings: Findings) -> None:
    """Report reads that come before every write."""
    writing, _ = _by_key(stages)
    for i, stage in enumerate(stages):
        early: dict[int, list[Key]] = {}
        for key in sorted(stage.reads & stage.certain) if not stage.filled else ():
            writers = writing.get(key, 0)
            certain = all(key in stages[j].certain for j in bits(writers))
            if writers and certain and not writers >> i & 1 and not writers & ~order.behind[i]:
                early.setdefault((writers & -writers).bit_length() - 1, []).append(key)
        for j, keys in early.items():
            writer = stages[j]
            place = writer.spec.where("name") or writer.spec.where()
            seen = stage.place("reads", keys[0])
            notes = [] if seen is None or seen.path.startswith(_SHIPPED) else \
                [f"'{stage.name}' reads it in {shown(seen.path)}:{seen.line}: {seen.code}"]
            findings.warning(
                "HF331", f"handler '{stage.name}' reads {word(keys[0])} before '{writer.name}' writes it: it never sees the value",
                stage.spec.where("name") or stage.spec.where(), label=f"'{writer.name}' comes later",
                related=(Related(place, f"writes {word(keys[0])}"),) if place else (), notes=tuple(notes),
            )
