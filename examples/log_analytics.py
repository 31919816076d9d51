"""Log analytics: lines of bytes are parsed and counted per route by compiled handlers, without the GIL.

    python -m examples.log_analytics              200,000 made-up lines
    python -m examples.log_analytics access.log   a file of lines `METHOD PATH STATUS BYTES MICROSECONDS`

    lines ──▶ parse ──▶ count        two compiled handlers; `count` keeps its routes in an open-addressing table

Lines are published as a matrix of bytes, many at once. What is no such line is counted as malformed, a route beyond the
first 1,024 as uncounted; nothing is dropped silently.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np

from disruptor import Disruptor, compiled, handler
from disruptor.table import table_fields, table_find, table_insert

LINE_BYTES = 112  # longer lines are malformed
NAME_BYTES = 40
ROUTES = 1024
BUCKETS = 32  # latencies by powers of two
SPACE, QUESTION, SLASH, ZERO, NINE = 32, 63, 47, 48, 57

LINE = [
    ("length", "i8"),  # bytes of `text` in use; more than LINE_BYTES: cut off
    ("text", "u1", (LINE_BYTES,)),
    ("route", "i8"),  # written by parse: a hash of the path without its query, −1 for a malformed line
    ("path_begin", "i8"),
    ("path_size", "i8"),
    ("status", "i8"),
    ("size", "i8"),  # bytes sent
    ("micros", "i8"),
]
ROUTE = [
    ("requests", "i8"), ("errors", "i8"), ("bytes", "i8"), ("slowest", "i8"), ("latencies", "i8", (BUCKETS,)),
    ("name_size", "i8"), ("name", "u1", (NAME_BYTES,)),
]


@compiled
def find_byte(text, begin, end, wanted):
    """Return the first place in begin..end that holds `wanted`, or `end`."""
    while begin < end and text[begin] != wanted:
        begin += 1
    return begin


@compiled
def parse_number(text, begin, end):
    """Return the number that text[begin:end] spells, −1 for anything but 1..15 digits."""
    if begin >= end or end - begin > 15:
        return -1
    value = 0
    for i in range(begin, end):
        digit = int(text[i])
        if digit < ZERO or digit > NINE:
            return -1
        value = 10 * value + digit - ZERO
    return value


@handler
def parse(event):
    """Find the five parts of the line."""
    event.route = -1
    end = event.length
    if end > LINE_BYTES:
        return
    text = event.text
    path = find_byte(text, 0, end, SPACE) + 1
    status = find_byte(text, path, end, SPACE) + 1
    size = find_byte(text, status, end, SPACE) + 1
    micros = find_byte(text, size, end, SPACE) + 1
    if path < 2 or path >= end or text[path] != SLASH:
        return
    event.status = parse_number(text, status, size - 1)
    event.size = parse_number(text, size, micros - 1)
    event.micros = parse_number(text, micros, end)
    if event.status < 0 or event.size < 0 or event.micros < 0:
        return
    event.path_begin = path
    event.path_size = find_byte(text, path, status - 1, QUESTION) - path
    key = 0xCBF29CE48422  # FNV-1a, the lower 47 bits
    for i in range(path, path + event.path_size):
        key = ((key ^ int(text[i])) * 0x100000001B3) & 0x7FFFFFFFFFFF
    event.route = key


@handler(
    state=[("index", table_fields(ROUTES)), ("used", "i8"), ("routes", ROUTE, (ROUTES,))],
    counters=[("lines", "i8"), ("malformed", "i8"), ("uncounted", "i8")],
)
def count(event, state, counters):
    """Add the line to its route."""
    counters.lines += 1
    if event.route < 0:
        counters.malformed += 1
        return
    place = table_find(state.index, event.route)
    if place < 0:
        if state.used >= ROUTES:
            counters.uncounted += 1
            return
        place = state.used
        state.used += 1
        table_insert(state.index, event.route, place)
        fresh = state.routes[place]
        fresh.name_size = min(event.path_size, NAME_BYTES)
        for i in range(fresh.name_size):
            fresh.name[i] = event.text[event.path_begin + i]
    route = state.routes[place]
    route.requests += 1
    route.errors += event.status >= 500
    route.bytes += event.size
    route.slowest = max(route.slowest, event.micros)
    bucket = 0
    while bucket < BUCKETS - 1 and event.micros >= 1 << bucket:
        bucket += 1
    route.latencies[bucket] += 1


@attrs.frozen
class Route:
    """What is known of a route. p50_micros, p99_micros : upper ends of buckets, at most twice the truth."""

    name: str
    requests: int
    errors: int
    bytes: int
    p50_micros: int
    p99_micros: int
    slowest_micros: int


def made_up_lines(number: int, seed: int = 7) -> list[bytes]:
    """Return access lines of a shop: a few routes, log-normal latencies, /checkout often in trouble, some lines broken."""
    rng = np.random.default_rng(seed)
    paths = [b"/", b"/search?q=ring", b"/item/17", b"/basket", b"/checkout", b"/health"]
    path = rng.choice(len(paths), number, p=[0.3, 0.25, 0.2, 0.12, 0.08, 0.05])
    micros = (rng.lognormal(7, 0.8, number) * np.array([1, 4, 1.5, 2, 9, 0.05])[path]).astype(int)
    failed = rng.random(number) < np.array([0.001, 0.004, 0.001, 0.002, 0.03, 0])[path]
    broken = rng.random(number) < 0.0005
    size = rng.integers(200, 40_000, number)
    return [
        b"GET %s %d" % (paths[p], s) if bad else b"GET %s %d %d %d" % (paths[p], 503 if f else 200, s, m)
        for p, f, bad, s, m in zip(path, failed, broken, size, micros, strict=True)
    ]


def in_parts(lines: list[bytes], most: int = 50_000) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (text uint8[n, LINE_BYTES], length int64[n]) for the lines, n at most `most`."""
    for start in range(0, len(lines), most):
        part = lines[start : start + most]
        text = np.array(part, f"S{LINE_BYTES}").view(np.uint8).reshape(len(part), LINE_BYTES)
        yield text, np.array([len(line) for line in part])


def analyse(lines: list[bytes], slots: int = 4096) -> tuple[list[Route], dict[str, int], float]:
    """Return the routes, the busiest first, the counters, and the seconds from the first line to the last one counted."""
    graph = Disruptor(LINE, slots, name="lines").then(parse).then(count)
    parts = list(in_parts(lines))
    with graph:
        start = time.perf_counter()
        for text, length in parts:
            graph.publish(text=text, length=length)
        graph.drain()
        seconds = time.perf_counter() - start
    state, counters = graph.state(count), graph.counters(count)
    routes = [_route(record) for record in state.routes[: state.used]]
    known = {name: int(counters[name]) for name in ("lines", "malformed", "uncounted")}
    return sorted(routes, key=lambda r: (-r.requests, r.name)), known, seconds


def _route(record: np.record) -> Route:
    cumulated = np.cumsum(record.latencies)

    def percentile(share: float) -> int:
        return 1 << int(np.searchsorted(cumulated, share * cumulated[-1]))

    name = bytes(record.name[: record.name_size]).decode("utf-8", "replace")
    return Route(name, int(record.requests), int(record.errors), int(record.bytes), percentile(0.5), percentile(0.99),
                 int(record.slowest))


def main(arguments: list[str]) -> int:
    """Print a report. Returns an exit code."""
    lines = Path(arguments[0]).read_bytes().splitlines() if arguments else made_up_lines(200_000)
    analyse(lines[:100])  # compiles what is not in the cache, so that it is not timed
    routes, known, seconds = analyse(lines)
    print(f"{'route':<24}{'requests':>10}{'errors':>9}{'MB':>9}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}")
    for r in routes[:20]:
        print(f"{r.name:<24}{r.requests:>10,}{r.errors / r.requests:>9.2%}{r.bytes / 1e6:>9.1f}"
              f"{r.p50_micros / 1e3:>9.1f}{r.p99_micros / 1e3:>9.1f}{r.slowest_micros / 1e3:>9.1f}")
    print(f"\n{known['lines']:,} lines in {seconds:.3f} s ({known['lines'] / seconds / 1e6:.1f} M lines/s);"
          f" {known['malformed']:,} malformed, {known['uncounted']:,} uncounted")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
