"""Which stages race, by the definition and nothing cleverer: every pair, every path. The oracle of hydraflow.topology.races."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

__all__ = ["early_reads", "paths_to", "races"]

Sets = Mapping[str, frozenset[str]]
After = Mapping[str, tuple[str, ...]]


def paths_to(after: After, later: str) -> set[str]:
    """Every stage from which a chain of `after` leads to `later`: try all chains."""
    found: set[str] = set()
    chains = [[later]]
    while chains:
        chain = chains.pop()
        for earlier in after[chain[-1]]:
            if earlier not in chain:
                if earlier not in found:
                    chains.append([*chain, earlier])
                found.add(earlier)
    return found


def races(after: After, reads: Sets, writes: Sets) -> set[frozenset[str]]:
    """The pairs of stages of which one writes what the other touches, and neither surely comes first."""
    found = set()
    for one, other in combinations(after, 2):
        common = writes[one] & (reads[other] | writes[other]) | writes[other] & (reads[one] | writes[one])
        if common and one not in paths_to(after, other) and other not in paths_to(after, one):
            found.add(frozenset((one, other)))
    return found


def early_reads(after: After, reads: Sets, writes: Sets) -> set[tuple[str, str]]:
    """(stage, field) of every read that surely comes before every write of the field, where somebody else writes it."""
    found = set()
    for stage in after:
        for field in reads[stage] - writes[stage]:
            writers = [w for w in after if field in writes[w]]
            if writers and all(stage in paths_to(after, w) for w in writers):
                found.add((stage, field))
    return found
