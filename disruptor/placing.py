"""Which compiled handlers share a thread, and which core it is pinned to.

    Disruptor(fields, placement=[thread("decode", cpu=2), thread("book", "risk", cpu=3, wait="busy-spin")])

Handlers on one thread are fused into one loop. What no thread names is placed automatically: a thread for each handler
where the machine has a core for each, else all on one. Python handlers always have threads of their own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import attrs

from disruptor.errors import GraphError
from disruptor.node import Node
from disruptor.wait import Wait, as_wait

__all__ = ["Thread", "place", "thread"]


@attrs.frozen
class Thread:
    """Handlers that share a thread, by name. cpu : the core it is pinned to, None for any. wait : None for theirs."""

    handlers: tuple[str, ...]
    cpu: int | None = None
    wait: Any = None


def thread(*handlers: Any, cpu: int | None = None, wait: Any = None) -> Thread:
    """Put these handlers (their names, or they themselves) on one thread."""
    return Thread(tuple(str(getattr(h, "name", getattr(h, "__name__", h))) for h in handlers), cpu, wait)


@attrs.frozen
class Placed:
    """A thread of the graph: its nodes, all compiled and fused, or one alone."""

    nodes: tuple[Node, ...]
    cpu: int | None
    wait: Wait


def place(nodes: Sequence[Node], placement: Sequence[Thread] | str, default: Wait) -> list[Placed]:
    """Return the threads for the nodes. Raises: GraphError for names that are unknown, placed twice or cannot be fused."""
    if isinstance(placement, str):
        if placement != "auto":
            raise GraphError(f"placement must be 'auto' or a list of thread(…), got '{placement}'")
        placement = ()
    by_name: dict[str, list[Node]] = {}
    for node in nodes:
        by_name.setdefault(node.name, []).append(node)
    placed, taken = [], set()
    for one in placement:
        members = []
        for name in one.handlers:
            if name not in by_name:
                raise GraphError(f"placement names the handler '{name}', which is not in the graph; known: {', '.join(by_name)}")
            members.extend(by_name[name])
        for node in members:
            if id(node) in taken:
                raise GraphError(f"placement puts handler '{node.name}' on two threads")
            taken.add(id(node))
        if len(members) > 1 and any(not m.compiled for m in members):
            raise GraphError(f"handlers {', '.join(one.handlers)} cannot share a thread: only compiled ones can be fused")
        if one.cpu is not None and one.cpu not in os.sched_getaffinity(0):
            allowed = ",".join(map(str, sorted(os.sched_getaffinity(0))))
            raise GraphError(f"placement pins {', '.join(one.handlers)} to core {one.cpu}; this process may use {allowed}")
        members.sort(key=nodes.index)
        placed.append(Placed(tuple(members), one.cpu, _wait_of(members, one.wait, default)))
    rest = [n for n in nodes if id(n) not in taken]
    compiled = [n for n in rest if n.compiled]
    single = [Placed((n,), None, _wait_of([n], None, default)) for n in rest if not n.compiled and n.processor is not None]
    cores = len(os.sched_getaffinity(0))
    apart = len(compiled) + len(single) + len(placed) < cores or any(n.pool is not None for n in compiled)
    bundles = [[n] for n in compiled] if apart else [compiled] if compiled else []
    return [*placed, *(Placed(tuple(b), None, _wait_of(b, None, default)) for b in bundles), *single]


def _wait_of(nodes: Sequence[Node], wanted: Any, default: Wait) -> Wait:
    if wanted is not None:
        return as_wait(wanted)
    own = [n.declared.wait for n in nodes if n.declared is not None and n.declared.wait is not None]
    return as_wait(own[0]) if own else default
