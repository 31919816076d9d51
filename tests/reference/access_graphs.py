"""Random handlers, as source, that touch given fields in all the ways there are; and random graphs of them."""

from __future__ import annotations

import random
from collections.abc import Iterable

import attrs

__all__ = ["FIELDS", "PRELUDE", "Graph", "Stage", "random_graph", "source_of"]

FIELDS = ("bid_price_ticks", "bid_quantity_lots", "ask_price_ticks", "ask_quantity_lots", "order_count", "accepted_count", "signal")
PRELUDE = '"""Generated."""\n\nfrom tests.reference.access_helpers import named, same\n\n\n'


@attrs.frozen
class Stage:
    """A generated handler. reads, writes : fields, known because the source was made from them; after : names of stages."""

    name: str
    reads: frozenset[str]
    writes: frozenset[str]
    after: tuple[str, ...] = ()


@attrs.frozen
class Graph:
    stages: tuple[Stage, ...]


def random_graph(random_: random.Random, prefix: str) -> Graph:
    """Return a graph of 2 to 8 stages with fields and edges; an edge goes to any stage, in the order of the file or against it."""
    count = random_.randint(2, 8)
    order = list(range(count))
    random_.shuffle(order)
    density = random_.choice((0.15, 0.4, 0.8))
    touched = random_.choice((1, 2, 3))
    stages = []
    for place in range(count):
        reads = frozenset(random_.sample(FIELDS, random_.randint(0, touched)))
        writes = frozenset(random_.sample(FIELDS, random_.choice((0, 1, 1, touched))))
        earlier = [f"{prefix}_{other}" for other in range(count) if order[other] < order[place] and random_.random() < density]
        random_.shuffle(earlier)
        stages.append(Stage(f"{prefix}_{place}", reads, writes, tuple(earlier)))
    return Graph(tuple(stages))


def source_of(stage: Stage, random_: random.Random) -> str:
    """Return the source of a handler that touches just these fields, each in a way of its own, some in branches."""
    lines: list[str] = []
    for number, field in enumerate(sorted(stage.reads)):
        lines += _read(field, f"v{number}", random_)
    for field in sorted(stage.writes):
        lines += _write(field, random_)
    random_.shuffle(lines)
    body = "\n".join(f"    {line}" for block in lines for line in block.split("\n")) or "    pass"
    return f"def {stage.name}(event, sequence):\n    total = 0.0\n{body}\n"


def _read(field: str, name: str, random_: random.Random) -> Iterable[str]:
    ways = [
        f'{name} = event["{field}"]\ntotal += {name}',
        f"total += event.{field}",
        f'record = event\n{name} = record["{field}"]',
        f'(other, {name}) = (event, sequence)\ntotal += other["{field}"] * {name}',
        f'total += named(event, "{field}")',
        f'for field in ("{field}",):\n    total += event[field]',
        f'total += getattr(event, "{field}")',
        f'if sequence & 1:\n    total += same(event)["{field}"]',
        f'one = event if sequence & 1 else same(event)\ntotal += one["{field}"]',
        f'{name} = event["{field}"] if sequence & 1 else 0.0\ntotal += {name}',
        f'if event["{field}"] > 3:\n    total += 1.0',
        f'def inner(record):\n    return record["{field}"]\ntotal += inner(event)',
        f'while total < event["{field}"]:\n    total += 1.0 + event["{field}"]',
    ]
    return [random_.choice(ways)]


def _write(field: str, random_: random.Random) -> Iterable[str]:
    ways = [
        f'event["{field}"] = 1',
        f"event.{field} = sequence & 7",
        f'record = event\nrecord["{field}"] = 2',
        f'for field in ("{field}", "{field}"):\n    event[field] = 3',
        f'setattr(event, "{field}", 4)',
        f'if sequence & 1:\n    event["{field}"] = 5\nelse:\n    same(event)["{field}"] = 6',
    ]
    if "_price_" in field or "_quantity_" in field:
        side, _, rest = field.partition("_")
        ways.append(f'event["{side}" + "_{rest}"] = 7')
    return [random_.choice(ways)]
