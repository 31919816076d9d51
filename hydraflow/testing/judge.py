"""Does a result meet an expectation? Pure: data in, differences out, each with what was expected, what came, and where
in the YAML the expectation stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from hydraflow.codes import FrameError
from hydraflow.topology.check_tests import COUNTED
from hydraflow.topology.comparison import comparison, number
from hydraflow.topology.diagnose import Span
from hydraflow.topology.shards import instances
from hydraflow.topology.spec import ExpectSpec, RowSpec
from hydraflow.topology.values import duration_ns

__all__ = ["Budget", "Difference", "budgets", "differences"]

_NOT_USED = {e.name.lower() for e in FrameError}


@attrs.frozen
class Difference:
    """An expectation that was not met. what : "fills", "book row 3 bid_price"; expected, actual : as text."""

    what: str
    expected: str
    actual: str
    span: Span | None = None

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, got {self.actual}"


@attrs.frozen
class Budget:
    """A limit of a latency and what it was; actual_ns : None when nothing was measured."""

    latency: str
    percentile: str
    limit_ns: int
    actual_ns: float | None
    span: Span | None = None

    @property
    def held(self) -> bool:
        return self.actual_ns is not None and self.actual_ns <= self.limit_ns


def differences(
    expect: ExpectSpec, result: Mapping[str, Any], rows: Mapping[str, Sequence[Mapping[str, Any]]], rings: Mapping[str, Any] | None = None,
) -> list[Difference]:
    """Return every expectation that was not met. rows : by stream, what was recorded; rings : by ring, an array of its records."""
    found = [_compare(what, wanted, actual, expect.where(*path)) for what, wanted, actual, path in _numbers(expect, result)]
    found += [d for row in expect.rows for d in _row(row, rows.get(row.stream, ()))]
    for name, wanted in expect.rings.items():
        found += _ring(name, wanted, (rings or {}).get(name, ()), expect)
    if expect.state_hash is not None:
        actual = str(result.get("state_hash"))
        if not actual.startswith(expect.state_hash):
            found.append(Difference("state_hash", expect.state_hash, actual, expect.where("state_hash")))
    return [d for d in found if d is not None]


def budgets(expect: ExpectSpec, result: Mapping[str, Any]) -> list[Budget]:
    """Return every budget with what was measured."""
    out = []
    for name, limits in expect.budgets.items():
        measured = result.get("latency_ns", {}).get(name, {})
        for percentile, limit in limits.items():
            actual = measured.get(percentile) if measured.get("count") else None
            out.append(Budget(name, percentile, duration_ns(str(limit)), actual, expect.where("budgets", name, percentile)))
    return out


def _numbers(expect: ExpectSpec, result: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any, tuple[str, ...]]]:
    """Yield (what, wanted, actual, path in the expectation) of every number that is expected."""
    for name in COUNTED:
        if getattr(expect, name) is not None:
            yield name, getattr(expect, name), result[name], (name,)
    errors = result["frame_errors"]
    totals = {"rejects": (result["rejects"], result["rejects_by_reason"]),
              "frame_errors": (sum(n for kind, n in errors.items() if kind in _NOT_USED), errors)}
    for name, (total, by_kind) in totals.items():
        wanted = getattr(expect, name)
        if isinstance(wanted, dict):
            for key, value in wanted.items():
                yield f"{name} {key}", value, by_kind.get(key.lower(), 0), (name, key)
        elif wanted is not None:
            yield name, wanted, total, (name,)
    for key, value in expect.book_checks.items():
        yield f"book_checks {key}", value, result["book_checks"][key], ("book_checks", key)
    for stage, wanted in expect.counters.items():
        for name, value in wanted.items():
            yield f"counter {stage}.{name}", value, _counter(result["counters"], stage, name), ("counters", stage, name)


def _counter(counters: Mapping[str, Any], stage: str, name: str) -> Any:
    """Return a counter of a stage; of a sharded one, the sum over its shards. None when nothing counts it."""
    found = [counters[instance][name] for instance in instances(stage, counters) if name in counters[instance]]
    if len(found) < 2:
        return found[0] if found else None
    return [sum(values) for values in zip(*found, strict=True)] if isinstance(found[0], list) else sum(found)


def _compare(what: str, wanted: Any, actual: Any, span: Span | None) -> Difference | None:
    condition, value = comparison(wanted), number(actual)
    if condition is not None and value is not None:
        return None if condition.holds(value) else Difference(what, condition.text, f"{value:,f}", span)
    if wanted == actual and isinstance(wanted, bool) == isinstance(actual, bool):
        return None
    return Difference(what, _shown(wanted), _shown(actual), span)


def _row(spec: RowSpec, rows: Sequence[Mapping[str, Any]]) -> Iterator[Difference | None]:
    place = len(rows) - 1 if spec.row == "last" else spec.row - 1 if spec.row > 0 else len(rows) + spec.row
    what = f"{spec.stream} row {spec.row}"
    if not 0 <= place < len(rows):
        yield Difference(what, "one", f"{len(rows):,} rows" if len(rows) != 1 else "1 row", spec.where())
        return
    for field, wanted in spec.values.items():
        yield _compare(f"{what} {field}", wanted, rows[place].get(field), spec.where("has", field))


def _ring(name: str, wanted: Any, records: Any, expect: ExpectSpec) -> Iterator[Difference | None]:
    """Compare the records of a ring with those that are expected, or with how many they should be."""
    if not isinstance(wanted, list):
        yield _compare(f"records of '{name}'", wanted, len(records), expect.where("rings", name))
        return
    if len(wanted) != len(records):
        yield Difference(f"records of '{name}'", f"{len(wanted):,}", f"{len(records):,}", expect.where("rings", name))
    for index, fields in enumerate(wanted[: len(records)]):
        for field, value in fields.items():
            yield _compare(f"'{name}' record {index + 1} {field}", value, plain(records[index][field]), expect.where("rings", name, index, field))


def plain(value: Any) -> Any:
    """Return a field of a record as a file writes it: a number, true or false, text, a list."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, np.ndarray):
        return [plain(one) for one in value]
    if isinstance(value, np.void):
        return {field: plain(value[field]) for field in value.dtype.names or ()}
    return float(str(value)) if isinstance(value, np.float32) else plain(value.item()) if isinstance(value, np.generic) else value


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
