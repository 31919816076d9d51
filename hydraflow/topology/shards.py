"""Shards: one stage as several instances, each the owner of the records whose field has its remainder.

    {name: risk, use: ./mine.py:risk, replicas: 4, by: symbol}      # shard 3 owns symbols 3, 7, 11, …

Shard k of n handles the records with `by` modulo n equal to k, and passes the others by. The remainder is that of whole
numbers (−1 modulo 4 is 3), the same on every machine, so records of one key meet one state, in the order of the ring. What
comes after the stage waits for all of its shards.
"""

from __future__ import annotations

from collections.abc import Iterable

from hydraflow.topology.spec import HandlerSpec, SourceSpec

__all__ = ["SEPARATOR", "instances", "is_sharded", "shard_names", "stage_of"]

SEPARATOR = "/"  # stands in no stage's own name


def shard_names(spec: SourceSpec | HandlerSpec) -> tuple[str, ...]:
    """Return the names of a stage's instances, "risk/0", "risk/1", …; its own name alone when it is not sharded."""
    count = (spec.replicas or 1) if isinstance(spec, HandlerSpec) else 1
    return tuple(f"{spec.name}{SEPARATOR}{k}" for k in range(count)) if count > 1 else (spec.name,)


def is_sharded(spec: object) -> bool:
    """Return whether a stage has more than one instance."""
    return isinstance(spec, HandlerSpec) and (spec.replicas or 1) > 1


def stage_of(name: str) -> str:
    """Return the stage that an instance belongs to: "risk" of "risk/0", and of "risk"."""
    return name.partition(SEPARATOR)[0]


def instances(name: str, known: Iterable[str]) -> list[str]:
    """Return those of `known` that a name stands for: itself, or all shards of the stage that it names."""
    return [k for k in known if name in (k, stage_of(k))]
