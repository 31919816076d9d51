"""The report of a run as text: what an operator reads at 80 columns, and an outsider can check.

`hfx stat` shows parts of it: what only they need that have a topology is imported where it is used.
"""

from __future__ import annotations

from typing import Any

__all__ = ["counts", "render", "trades"]

_WIDTH = 79
_SUMMED = ("levels_applied", "decisions", "orders_sent", "market_messages")  # a book, risk, wire, the sequencer
_COLUMNS = ("count", "p50", "p90", "p99", "p999", "p9999", "max")
_HEADINGS = ("count", "p50", "p90", "p99", "p99.9", "p99.99", "max")


def render(result: dict[str, Any]) -> str:
    """Return the report, lines of at most 79 columns, ending with a newline."""
    lines = [_title(result)]
    lines += _section("flow", _flow(result))
    if trades(result):
        lines += _section("book", _book(result))
    if result["decisions"] or result.get("risk"):  # a graph without risk decides nothing
        lines += _section("trading", _trading(result))
    if result.get("frame_errors"):
        lines += _section("bad input", _frame_errors(result))
    lines += _section("faults", _incidents(result))
    lines += _section("counters", counts(result))
    lines += _latency(result)
    lines += _section("journal", _journal(result)) if result.get("journal") else []
    lines += _section("replay", _replay(result)) if result.get("replay") else []
    if result.get("seconds") is None:  # it cannot say any more how long it ran
        lines += _section("when it died", _at_death(result))
    lines += _section("placement", _placement(result))
    lines += _section("shards", _shards(result))
    lines += _hashes(result)
    if result.get("error"):
        word = {"interrupted": "INTERRUPTED", "parked": "PARKED"}.get(str(result.get("status")), "FAILED")
        lines += ["", *_wrap(f"{word}: {result['error']['text']}")]
    return "\n".join(lines) + "\n"


def _title(result: dict[str, Any]) -> str:
    mode = f"{result['mode']}, " if result.get("mode") else ""
    mode += "checked, " if result.get("checked") else ""
    mode += "paper orders" if trades(result) else ""
    about = mode.removesuffix(", ")
    return f"HydraFlow-X  {result['name']}  {result.get('status', '?')}" + (f"  ({about})" if about else "")


def trades(result: dict[str, Any]) -> bool:
    """Whether anything in a result is about frames and messages; in a graph of own records alone, nothing is."""
    return not result.get("records") or bool(result["frames"] or result["messages"] or result.get("sequencer") or result["book"])


def _flow(result: dict[str, Any]) -> list[tuple[str, str]]:
    from hydraflow.topology.values import duration_text

    rows = [("frames", f"{result['frames']:,}"), ("messages", f"{result['messages']:,}")] if trades(result) else []
    rows += [(ring, f"{count:,} records") for ring, count in result.get("records", {}).items()]
    if result.get("seconds") and not trades(result):
        rows.append(("time", f"{result['seconds']:.3f} s, {result['records_per_second']:,.0f} records/s from the sources"))
    elif result.get("seconds"):
        count, what = (result["frames"], "frames") if result["frames"] else (result["messages"], "messages")
        rows.append(("time", f"{result['seconds']:.3f} s, {count / result['seconds']:,.0f} {what}/s"))
    for name, record in result.get("counters", {}).items():
        unit = _STAMP_UNITS.get(record.get("stamp_unit_ns", 0))
        if unit:
            rows.append(("receive stamps", f"of {name}: {unit}, as their size says; converted to nanoseconds"))
    rows += [(f"timer of {t['stage']}", f"every {duration_text(t['every_ns'])}, {t['fired']:,} times"
              + (f", {t['missed']:,} periods missed" if t["missed"] else "")) for t in result.get("timers", ()) if t["every_ns"]]
    for change in result.get("parameter_changes", ()):
        said = ", ".join(f"{name} = {value}" for name, value in change["parameters"].items())
        rows.append(("parameters", f"{said} from message {change['sequence']:,} on"))
    if result.get("memory_bytes"):
        locked = "" if result.get("memory_locked", True) else ", not locked: raise `ulimit -l`, or it may be paged out"
        rows.append(("memory", f"{result['memory_bytes'] / 2**20:,.0f} MiB resident{locked}"))
    return rows


def _book(result: dict[str, Any]) -> list[tuple[str, str]]:
    checks, book = result["book_checks"], result["book"]
    total = checks["passed"] + checks["failed"]
    rows = [
        ("levels applied", f"{result['level_changes']:,}"),
        ("sequence gaps", f"{result['sequence_gaps']:,}{_first(book, 'sequence_gap', result['sequence_gaps'])}"),
        ("BBO checks", f"{checks['passed']:,} of {total:,} passed{_first(book, 'check_failed', checks['failed'])}"),
    ]
    rows += [(word, f"{book[field]:,}{_first(book, first, book[field])}") for field, first, word in _FAULTS if book.get(field)]
    return rows


_STAMP_UNITS = {10**3: "microseconds", 10**6: "milliseconds", 10**9: "seconds"}
_FAULTS = (
    ("crossed", "crossed", "crossed books"),
    ("lost", "lost", "lost frames"),
    ("deletes_unknown", "delete_unknown", "unknown deletes"),
    ("truncated", "truncated", "dropped levels"),
    ("stale_transitions", "stale", "books gone stale"),
    ("resyncs", "", "resynchronised"),
)


def _first(book: dict[str, Any], what: str, count: int) -> str:
    """Say at which line, counted from 1, something of which there are `count` came first."""
    line = book.get(f"first_{what}", -1)
    return f", first at line {line:,}" if count and line > 0 else ""


def _trading(result: dict[str, Any]) -> list[tuple[str, str]]:
    inverse = result.get("inverse_contracts", [])
    rows = [
        ("decisions", f"{result['decisions']:,}: {result['orders']:,} accepted, {result['rejects']:,} rejected"),
        *((f"  {reason}", f"{count:,}") for reason, count in result["rejects_by_reason"].items()),
        ("fills", f"{result['fills']:,}"),
        ("PnL (marked, fees in)", f"{result['pnl']:,.4f} {'price × contracts, NOT money' if inverse else 'quote currency'}"),
    ]
    if inverse:
        rows.append(("", f"{', '.join(inverse)}: inverse contracts, which are not modelled: notional, limits, fees and PnL are "
                     "price × contracts"))
    wire = result.get("wire") or {}
    if wire:
        rows.append(("on the wire", f"{wire.get('orders_sent', 0):,} orders, {wire.get('cancels_sent', 0):,} cancels, "
                     f"{wire.get('bytes', 0):,} bytes"))
    return rows


def _incidents(result: dict[str, Any]) -> list[tuple[str, str]]:
    rows, noun = [], "message" if trades(result) else "record"
    for one in result.get("incidents", []):
        said = f": {', '.join(one['texts'])}" if one["texts"] else ""
        if one["parked_at"] is None:
            first = f", the first at {one['first']:,}" if one["skipped"] > 1 else f", {one['first']:,}"
            rows.append((one["handler"], f"passed by {one['skipped']:,} {noun}{'s' * (one['skipped'] > 1)}{first}{said}"))
        else:
            rows.append((one["handler"], f"parked from {noun} {one['parked_at']:,} on{said}"))
    return rows


def _frame_errors(result: dict[str, Any]) -> list[tuple[str, str]]:
    firsts = result.get("first_frame_errors", {})
    return [(kind.replace("_", " "), f"{count:,}" + (f", first at line {firsts[kind]:,}" if kind in firsts else ""))
            for kind, count in result["frame_errors"].items()]


def counts(result: dict[str, Any]) -> list[tuple[str, str]]:
    """What each stage counts itself, zeros and firsts left out; sums of the sections above are not said again."""
    rows = []
    for stage, record in result.get("counters", {}).items():
        if any(field in record for field in _SUMMED):
            continue
        counts = [f"{k}\u00a0{v:,}" for k, v in record.items() if isinstance(v, int | float) and v and not k.startswith("first_") and k != "stamp_unit_ns"]
        if counts:
            rows.append((stage, ", ".join(counts)))
    return rows


def _latency(result: dict[str, Any]) -> list[str]:
    saturated = result.get("mode") != "paced"
    rows = {name: row for name, row in result["latency_ns"].items() if row["count"] and not (saturated and name.endswith(".age"))}
    if not rows:
        return []
    order = sorted(rows, key=lambda n: (not n.startswith("frame_to_"), n.endswith(".age")))
    noun, since = ("message", "received") if trades(result) else ("record", "published")
    note = "ring residence: saturated" if saturated else "paced"
    lines = ["", f"latency, ns ({note})"]
    ages = f"time since {since}: see --json" if saturated else f"NAME.age: since {since}"
    lines.append(f"  NAME: service per {noun}, mean of its burst; {ages}")
    lines.append(f"  {'':<18}" + "".join(f"{h:>9}" if h == "count" else f"{h:>8}" for h in _HEADINGS))
    for name in order:
        cells = "".join(_number(rows[name][c], 9 if c == "count" else 8) for c in _COLUMNS)
        lines += [f"  {name:<18}{cells}"] if len(name) <= 18 else [f"  {name}", f"  {'':<18}{cells}"]
    hiccup = result.get("hiccup_ns") or {}
    if hiccup.get("count"):
        lines.append(f"  {'(machine hiccups)':<18}" + "".join(_number(hiccup[c], 9 if c == "count" else 8) for c in _COLUMNS))
    return lines


def _number(value: float, width: int) -> str:
    for limit, scale, suffix in ((1e5, 1, ""), (1e8, 1e3, "k"), (1e11, 1e6, "M"), (1e14, 1e9, "G")):
        if value < limit:
            return f"{value / scale:,.0f}{suffix}".rjust(width)
    return f"{value:.1e}".rjust(width)


def _journal(result: dict[str, Any]) -> list[tuple[str, str]]:
    journal = result["journal"]
    state = "verified" if journal["verified"] else f"NOT verified ({journal['end']}: {journal['error']})"
    if journal["end"] == "open":
        state = "intact, without end record (hfx replay takes it)"
    rows = [("messages", f"{journal['messages']:,} in {journal['bytes']:,} bytes, {state}")]
    if "slowest_write_ms" in journal:
        rows.append(("slowest write", f"{journal['slowest_write_ms']:,.1f} ms"))
    return [*rows, ("path", journal["path"])]


def _replay(result: dict[str, Any]) -> list[tuple[str, str]]:
    replay = result["replay"]
    rows = [("journal", replay["path"]), ("feedback compared", f"{replay['compared']:,}, {replay['differences']:,} differ")]
    if replay["end"] != "clean":
        rows.append(("journal ends", f"{replay['end']}, after {replay['messages']:,} messages"))
    if replay["changed_handlers"]:
        rows.append(("changed since", ", ".join(replay["changed_handlers"])))
    return rows


def _at_death(result: dict[str, Any]) -> list[tuple[str, str]]:
    """Where each handler stood: the last sequence it had done with, how much waited for it, what it was at."""
    rows = []
    for row in result["handlers"]:
        if row["cursor"] is None or row["cursor"] < 0:
            done = "" if row["cursor"] is None else "nothing done"
        else:
            done = f"done to {row['cursor']:,}"
        waiting = f"{row['lag']:,} waiting" if row["lag"] else ""
        at_work = row["running"] is not None and row["cursor"] is not None and row["running"] > row["cursor"]
        parts = [done, waiting, f"in hand {row['running']:,}" if at_work else ""]
        if any(parts):
            rows.append((row["name"], ", ".join(part for part in parts if part)))
    return rows


def _placement(result: dict[str, Any]) -> list[tuple[str, str]]:
    rows = []
    for thread in result.get("placement", []):
        where = "unpinned" if thread["cpu"] is None else f"cpu {thread['cpu']}"
        asked = [*([thread["scheduling"]] if thread.get("scheduling") else []),
                 *([f"memory of node {thread['node']}"] if thread.get("node") is not None else [])]
        head = ", ".join([where, thread["wait"], *asked])
        rows.append((thread["thread"], f"{head}: {', '.join(thread['stages'])}".rstrip(": ")))
        rows += [("", note) for note in thread.get("refused", ())]
    return rows


def _shards(result: dict[str, Any]) -> list[tuple[str, str]]:
    """How many records each shard of a stage owned: whether the work is divided, or one has it all."""
    from hydraflow.topology.shards import SEPARATOR

    owned: dict[str, list[int]] = {}
    for name, row in result["latency_ns"].items():
        stage, separator, number = name.partition(SEPARATOR)
        if separator and number.isdecimal():
            owned.setdefault(stage, []).append(row["count"])
    rows = []
    for stage, counts in owned.items():
        total = max(sum(counts), 1)
        most = max(range(len(counts)), key=counts.__getitem__)
        text = f"{len(counts)}, records of each: " + ", ".join(f"{count:,}" for count in counts)
        if counts[most] * len(counts) >= 2 * total:
            text += f"; shard {most} owns {100 * counts[most] // total} %"
        rows.append((stage, text))
    return rows


def _hashes(result: dict[str, Any]) -> list[str]:
    if not result.get("state_hash"):
        return []
    lines = ["", "state hash"]
    lines += [f"  {name:<20} {value}" for name, value in result["state_hashes"].items()]
    digits = result["state_hash"]
    return [*lines, f"  {'all':<20} {digits[:32]}", f"  {'':<20} {digits[32:]}"]


def _section(title: str, rows: list[tuple[str, str]]) -> list[str]:
    if not rows:
        return []
    lines = ["", title]
    for name, value in rows:
        if len(name) > 22:
            lines.append(f"  {name}")
            name = ""
        first, *rest = _wrap(value, _WIDTH - 25)
        lines.append(f"  {name:<22} {first}")
        lines += [f"{'':<25}{more}" for more in rest]
    return lines


def _wrap(text: str, width: int = _WIDTH) -> list[str]:
    import textwrap

    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return [line.replace("\u00a0", " ") for line in lines] or [""]
