"""`hfx stat`: what an engine shows of itself, live or after its death. Reads the CnC file, asks nobody."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hydraflow.cli.quantities import duration
from hydraflow.errors import DataError, InputNotFound, UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from disruptor.counters import CounterReader

__all__ = ["choose", "stat"]

SCHEMA = "hfx.stat/1"
_FLAGS = ("kill_switch", "stop", "halt")
_STARTS = "start an engine with `hfx run FILE`"


@click.command()
@click.argument("engine", required=False, metavar="[NAME|PATH]")
@click.option("--json", "as_json", is_flag=True, help=f"Print one JSON object (schema {SCHEMA}); with --watch one a line.")
@click.option("--all", "everything", is_flag=True, help="Show every counter, zeros in short, and every latency.")
@click.option("--watch", type=click.FloatRange(min=0.1), metavar="SECONDS", help="Print again until the engine has ended.")
def stat(engine: str | None, as_json: bool, everything: bool, watch: float | None) -> None:
    """Print what an engine does or, dead, last did: one screen; with --all every counter and latency.

    Without NAME or PATH: the one engine that runs, else the one that has left its file.
    """
    path = choose(engine)
    while True:
        reader = _open(path)
        shown = {"schema": SCHEMA, **reader.snapshot()}
        if as_json:
            click.echo(json.dumps(shown))
        else:
            clear = watch is not None and sys.stdout is not None and sys.stdout.isatty()
            _print(shown, reader.descriptor, everything=everything, clear=clear)
        reader.close()
        if watch is None or not shown["alive"]:
            return
        if sys.stdout is not None:
            sys.stdout.flush()
        time.sleep(watch)


def choose(engine: str | None) -> Path:
    """Return the CnC file of the engine called so, or at that path; None: of the only one, the only one that runs.

    Raises: UsageError, InputNotFound.
    """
    from disruptor.counters import counter_path
    from disruptor.errors import CounterFileError, MemoryMapError
    from disruptor.memory import runtime_folder

    if engine is not None:
        if os.sep in engine or os.path.exists(engine):
            return Path(engine)
        try:
            return counter_path(engine, create_folder=False)
        except (CounterFileError, MemoryMapError) as error:
            raise UsageError(str(error)) from error
    try:
        folder = runtime_folder(create=False)
    except MemoryMapError as error:
        raise InputNotFound(str(error)) from error
    files = sorted(folder.glob("*.cnc"))
    if len(files) > 1:
        files = [path for path in files if _open(path).alive] or files
    if not files:
        raise InputNotFound(f"no engine runs, and none has left a file in {folder}", remedy=_STARTS)
    if len(files) > 1:
        raise UsageError("several engines", remedy="name one of: " + ", ".join(path.stem for path in files))
    return files[0]


def _open(path: Path) -> CounterReader:
    from disruptor.counters import CounterReader
    from disruptor.errors import CounterFileError

    try:
        return CounterReader(path)
    except FileNotFoundError as error:
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.cnc"))) or "none"
        raise InputNotFound(f"{path}: no such file", remedy=f"engines here: {known}; {_STARTS}") from error
    except OSError as error:
        raise InputNotFound(f"{path}: {error.strerror}") from error
    except CounterFileError as error:
        raise DataError(str(error)) from error


def _print(shown: dict[str, Any], descriptor: dict[str, Any], *, everything: bool, clear: bool) -> None:
    from rich.console import Console

    class Terminal(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # main's to answer; rich would end the process with status 1

    console = Terminal(highlight=False)
    if clear:
        console.clear()
    for part in _parts(shown, descriptor, everything):
        console.print(part)


def _parts(shown: dict[str, Any], descriptor: dict[str, Any], everything: bool) -> Iterator[RenderableType]:
    from rich.text import Text

    yield _headline(shown)
    if shown["phase"]["text"]:
        yield Text(shown["phase"]["text"])
    raised = [name for name in _FLAGS if shown["control"].get(name)]
    if raised and (everything or shown["exit_code"] is None):
        alarming = shown["exit_code"] is None  # an engine that ends halts its loops
        yield Text("set from outside or by the engine: " + ", ".join(raised), style="bold red" if alarming else "dim")
    flow = _flow(shown)
    yield from (Text(line) for line in flow)
    if shown["handlers"]:
        yield _handlers(shown, brief=not everything)
    latencies = _latencies(shown, everything)
    if latencies:
        table = _table("latency", ">count", ">p50", ">p90", ">p99", ">p99.9", ">p99.99", ">max")
        for name, s in latencies.items():
            quantiles = [duration(s[key]) for key in ("p50", "p90", "p99", "p999", "p9999", "max")]
            table.add_row(name, _count(s["count"]), *quantiles)
        yield table
    rows = list(_counter_rows(shown, descriptor)) if everything or not flow else []
    if rows:
        table = _table("counter", ">value", "unit")
        for row in rows:
            table.add_row(*row)
        yield table
    if everything:
        yield from (Text(line, style="dim") for line in _zero_lines(shown, descriptor))
    elif flow:
        yield from _counts(shown)
    if shown["errors"]:
        table = _table("error", ">times", "handler", ">sequence", "text")
        for row in shown["errors"]:
            table.add_row(str(row["code"]), _count(row["count"]), row["handler"] or "", _count(row["sequence"]), row["text"])
        yield table
    if flow and not everything:
        yield Text("every counter and latency: --all, --json", style="dim")


def _flow(shown: dict[str, Any]) -> list[str]:
    """Say in two lines what went through a trading engine; nothing for one that counts no frames and no messages."""
    from hydraflow.runtime.result import from_snapshot

    result = from_snapshot(shown)
    if not result["frames"] and not result["messages"]:
        return [", ".join(f"{ring} {count:,} records" for ring, count in result["records"].items() if count)] if result["records"] else []
    checks = result["book_checks"]
    wrong = [
        f"{count:,} {what}"
        for what, count in (
            ("sequence gaps", result["sequence_gaps"]), ("BBO checks failed", checks["failed"]),
            *((f"frames {kind.replace('_', ' ')}", count) for kind, count in result["frame_errors"].items()),
        ) if count
    ]
    done = [f"{result[what]:,} {what}" for what in ("frames", "messages", "orders", "fills", "rejects") if result[what]]
    total = checks["passed"] + checks["failed"]
    checked = [f"{checks['passed']:,} of {total:,} BBO checks passed"] if total else []
    return [", ".join(part) for part in (done, [*checked, *wrong]) if part]


def _handlers(shown: dict[str, Any], *, brief: bool) -> RenderableType:
    """Return the handler table. brief : with what their messages took, and the engine's end-to-end latencies below."""
    names = ("p50", "p99", "max") if brief else ()
    table = _table("handler", "thread", ">sequence", ">behind", ">in hand", *(f">{name}" for name in names))
    latency = shown["latency_ns"]

    def quantiles(name: str) -> list[str]:
        known = latency.get(name) or {"count": 0}
        return [duration(known[key]) if known["count"] else "" for key in names]

    for row in shown["handlers"]:
        table.add_row(row["name"], row["thread"], _count(row["cursor"]), _count(row["lag"]), _count(row["running"]),
                      *quantiles(row["name"]))
    if brief:
        for name in _end_to_end(shown):
            table.add_row(name, "", "", "", "", *quantiles(name))
    return table


def _end_to_end(shown: dict[str, Any]) -> list[str]:
    """Return the latencies that are no handler's own."""
    own = {row["name"] for row in shown["handlers"]}
    return [n for n, s in shown["latency_ns"].items() if s["count"] and n.removesuffix(".age") not in own]


def _latencies(shown: dict[str, Any], everything: bool) -> dict[str, Any]:
    """Return the latencies that get a table of their own: all of them, or those that no handler table shows."""
    known = {name: s for name, s in shown["latency_ns"].items() if s["count"]}
    return known if everything or not shown["handlers"] else {}


def _headline(shown: dict[str, Any]) -> RenderableType:
    from rich.text import Text

    now = time.time_ns()
    ended = shown["exit_code"]
    if ended is not None:
        state, style = f"ended, exit code {ended}", "green" if ended == 0 else "red"
    elif shown["alive"]:
        state, style = "alive", "green"
    else:
        state, style = "dead: it ended without saying so", "bold red"
    text = Text(f"{shown['name']} ", style="bold").append(state, style=style)
    age = duration(now - shown["started_ns"])
    text.append(f" · pid {shown['pid']} · started {age} ago", style="not bold")
    if ended is None:
        text.append(f" · heartbeat {duration(now - shown['heartbeat_ns'])} ago", style="not bold")
    return text


def _counts(shown: dict[str, Any]) -> Iterator[RenderableType]:
    """Yield what each stage counts itself, a user's own too, as the report of a run says it."""
    from hydraflow.runtime.report import counts
    from hydraflow.runtime.result import from_snapshot

    table = _table("counters", "")
    for stage, text in counts(from_snapshot(shown)):
        table.add_row(stage, text.replace("\u00a0", " "))
    if table.row_count:
        yield table


def _zero_lines(shown: dict[str, Any], descriptor: dict[str, Any]) -> Iterator[str]:
    """Yield a line per stage with the counters that are 0, or never happened."""
    for group in descriptor["counters"]:
        values = shown["counters"][group["name"]]
        zero = [field["label"] for field in group["fields"] if not field["name"].startswith(("first_", "pad"))
                and all(value == 0 for _, value in _elements(values[field["name"]]))]
        if zero:
            yield f"{group['name']}, 0 so far: {', '.join(zero)}"


def _counter_rows(shown: dict[str, Any], descriptor: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (name, value, unit) of counters that are not 0 or "never", one row per element of an array."""
    for group in descriptor["counters"]:
        values = shown["counters"][group["name"]]
        for field in group["fields"]:
            name = f"{group['name']}: {field['label']}"
            never = -1 if field["name"].startswith("first_") else 0
            for suffix, value in _elements(values[field["name"]]):
                if value not in (0, never):
                    yield name + suffix, f"{value:,}", field["unit"]


def _elements(value: Any, suffix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _elements(inner, f"{suffix}[{i}]")
    else:
        yield suffix, value


def _table(*columns: str) -> Any:
    """Return an empty rich table; a column named `>x` is right-aligned."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.lstrip(">"), justify="right" if right else "left", overflow="fold", no_wrap=right)
    return table


def _count(value: int | None) -> str:
    return "" if value is None or value < 0 else f"{value:,}"
