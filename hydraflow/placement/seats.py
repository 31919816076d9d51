"""Which cpu each of some threads is pinned to, when they talk to each other: a pure function of the machine.

One cpu per physical core as long as there are cores; a hyper-thread of a core that is taken only after that. All within
one last-level cache where one is large enough, else within one NUMA node: a hand-over between two L3 caches of one chip
costs several times one within, and between two sockets more. Among those, isolated cores before tickless before others,
and core 0, where interrupts land, last.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from hydraflow.placement.cpus import Machine
from hydraflow.placement.pseudo_files import cpu_words

__all__ = ["Seats", "choose"]


@attrs.frozen
class Seats:
    """cpus : one per thread, in order; shared : some are hyper-threads of one core; why : in words, "" when there is no choice."""

    cpus: tuple[int, ...]
    shared: bool
    why: str


def choose(machine: Machine, count: int) -> Seats:
    """Return seats for `count` threads, at most as many as there are usable cpus."""
    cores = machine.cores
    if count > len(cores):
        ordered = [c for _, core in _near(machine, cores) for c in core]
        firsts = {core[0] for core in cores}
        chosen = sorted(ordered, key=lambda c: c not in firsts)[:count]
        return Seats(tuple(chosen), True, f"{len(cores)} physical cores for {count} threads: some share one as hyper-threads")
    for what, group in _levels(machine, cores):
        if len(group) >= count:
            chosen = [core[0] for core in _preferred(machine, group, count)[:count]]
            return Seats(tuple(chosen), False, _reason(machine, what, chosen, len(cores)))
    raise AssertionError("the whole machine is a level")


def _levels(machine: Machine, cores: list[tuple[int, ...]]) -> Iterator[tuple[str, list[tuple[int, ...]]]]:
    """Yield groups of cores that are near each other, the nearest level first; within a level the best for us first."""
    for what, place in (("last-level cache", machine.cache_of), ("NUMA node", machine.node_of)):
        groups: dict[int, list[tuple[int, ...]]] = {}
        for core in cores:
            groups.setdefault(place(core[0]), []).append(core)
        yield from ((what, g) for g in sorted(groups.values(), key=lambda g: _worth(machine, g)))
    yield "", cores


def _worth(machine: Machine, group: list[tuple[int, ...]]) -> tuple[int, int, bool, int]:
    """Sort key: isolated and tickless cores are worth most; then a group that interrupts do not land on; then the lower."""
    isolated = sum(core[0] in machine.isolated for core in group)
    tickless = sum(core[0] in machine.tickless for core in group)
    return -isolated, -tickless, any(core[0] == 0 for core in group), group[0][0]


def _preferred(machine: Machine, group: list[tuple[int, ...]], count: int) -> list[tuple[int, ...]]:
    """Order cores: those of one cache together; in it the isolated ones first. Core 0 only when the others do not suffice."""
    ordered = [core for _, core in _near(machine, group)]
    quiet = [core for core in ordered if core[0] != 0 or 0 in machine.isolated]
    return quiet if len(quiet) >= count else sorted(ordered, key=lambda core: (core[0] not in machine.isolated, core[0] not in machine.tickless))


def _near(machine: Machine, group: list[tuple[int, ...]]) -> list[tuple[tuple, tuple[int, ...]]]:
    """Return (sort key, core), sorted: caches by worth, in a cache isolated, then tickless, then by number."""
    caches: dict[int, list[tuple[int, ...]]] = {}
    for core in group:
        caches.setdefault(machine.cache_of(core[0]), []).append(core)
    worth = {cache: (machine.node_of(members[0][0]), *_worth(machine, members)) for cache, members in caches.items()}
    best_node = min(worth.values(), key=lambda w: w[1:])[0]
    keyed = []
    for cache, members in caches.items():
        for core in members:
            first = core[0]
            near = (worth[cache][0] != best_node, *worth[cache])
            keyed.append(((near, first not in machine.isolated, first not in machine.tickless, first), core))
    return sorted(keyed)


def _reason(machine: Machine, what: str, chosen: list[int], cores: int) -> str:
    if len(chosen) == cores:
        return ""  # all there are
    isolated = [c for c in chosen if c in machine.isolated]
    words = []
    if len(isolated) == len(chosen):
        words.append("isolated")
    elif isolated:
        words.append(f"{cpu_words(tuple(isolated))} isolated")
    if all(c in machine.tickless for c in chosen):
        words.append("tickless")
    if len(chosen) > 1:
        caches = {machine.cache_of(c) for c in machine.cpus}
        nodes = {machine.node_of(c) for c in machine.cpus}
        if what == "last-level cache" and len(caches) > 1:
            words.append("one last-level cache")
        elif what and len(caches) > 1:
            words.append(f"no last-level cache has {len(chosen)} cores")
        if what and len(nodes) > 1:
            words.append(f"NUMA node {machine.node_of(chosen[0])}")
        elif not what and len(nodes) > 1:
            words.append(f"no NUMA node has {len(chosen)} cores")
    if 0 not in chosen and 0 in machine.cpus:
        words.append("not core 0, where interrupts land")
    noun = "cpu" if len(chosen) == 1 else "cpus"
    return f"{noun} {', '.join(map(str, chosen))}: {'; '.join(words)}" if words else ""
