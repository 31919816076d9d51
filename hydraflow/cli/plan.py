"""`hfx plan FILE`: what a run would do and why; with `--against OLD`, what becomes of everything that OLD, a file or a running
engine, runs, and the command that does it."""

from __future__ import annotations

from typing import Any

import click

from hydraflow.cli.diagnostics import diagnosing

__all__ = ["plan"]

SCHEMA = "hfx.plan/1"
_SIGNS = {"keep": "=", "live": "!", "restart": "~", "add": "+", "remove": "-"}


@click.command()
@click.argument("file", type=click.Path(readable=False))
@click.option("--against", metavar="OLD", default=None, type=click.Path(readable=False), help="Compare with this topology file, or running engine.")
@click.option("--set", "overrides", multiple=True, metavar="PATH=VALUE", help="As for run; may be repeated.")
@click.option("--placement", "placement_text", metavar="TEXT", default=None,
              help="Plan with this placement instead of the file's: auto, fused, or 'ingest=simulator,deserialize;core=…'.")
@click.option("--json", "as_json", is_flag=True, help=f"Print a JSON object (schema {SCHEMA}).")
@diagnosing
def plan(file: str, against: str | None, overrides: tuple[str, ...], placement_text: str | None, as_json: bool) -> None:
    """Print threads, cores, who waits for whom and the rings' memory, with the reason for each decision. Runs nothing."""
    import attrs

    from hydraflow.cli.run import shipped
    from hydraflow.placement import parse_placement, read_machine
    from hydraflow.placement.grants import granted
    from hydraflow.placement.plan import compare, make_plan
    from hydraflow.topology.load import load

    machine = read_machine()
    placement = parse_placement(placement_text) if placement_text is not None else None
    file = shipped(file)
    topology = load(file, cpus=machine.cpus, cores=machine.check, placement=placement, overrides=overrides)
    planned = make_plan(topology, machine)
    engine = _engine(against) if against is not None else None
    changes = None
    if against is not None:
        changes = compare(engine.topology if engine else load(shipped(against), cpus=machine.cpus, cores=machine.check), topology)
    commands = _commands(file, topology.name, engine, changes) if engine and changes else []
    if changes is not None:
        changes = [attrs.evolve(c, values=_without_secrets(c.values)) for c in changes]
    if as_json:
        import json

        report: dict[str, Any] = {"schema": SCHEMA, "path": file, **planned.as_dict(), "granted": granted(planned.placement)}
        if changes is not None:
            report |= {"against": against, "changes": [attrs.asdict(c) for c in changes], "commands": commands}
        click.echo(json.dumps(report, indent=2, ensure_ascii=False, default=str))
        return
    click.echo("\n\n".join(_sections(topology.name, planned, granted(planned.placement))) if changes is None else _compared(changes))
    for command in commands:
        click.echo(f"  $ {command}")


def _engine(against: str) -> Any:
    """Return what a running engine of this name runs; None for a file."""
    import os

    from hydraflow.cli.run import shipped
    from hydraflow.control.connection import alive_engines
    from hydraflow.control.running import running
    from hydraflow.errors import InputNotFound, Unavailable

    if os.path.exists(against) or os.sep in against:
        return None
    if against in alive_engines():
        return running(against)
    try:
        shipped(against)
    except InputNotFound as error:
        raise Unavailable(f"'{against}' is neither a topology nor an engine that runs", where="--against",
                          remedy=f"running: {', '.join(alive_engines()) or 'none'}") from error
    return None


def _commands(file: str, name: str, engine: Any, changes: Any) -> list[str]:
    """Return what makes a running engine run the file. name : of the file's topology."""
    import shlex

    kinds = {change.kind for change in changes} - {"keep"}
    if not kinds:
        return []
    path, named = shlex.quote(file), "" if name == engine.name else f" --name {shlex.quote(engine.name)}"
    if kinds == {"live"}:
        return [f"hfx apply {path}{named}"]
    return [f"kill -TERM {engine.pid}", f"hfx run {path}{named}"]


def _without_secrets(values: Any) -> tuple[Any, ...]:
    """Return (key, before, after) with `***` for what came from a secret, a number too."""
    from hydraflow.scrubber import HIDDEN, SECRETS

    return tuple((key, *(HIDDEN if SECRETS.holds(value) else value for value in pair)) for key, *pair in values)


def _sections(name: str, planned: Any, grants: Any) -> list[str]:
    from hydraflow.topology.values import duration_text

    threads = [f"threads of {name}"]
    wide = max(len(t.name) for t in planned.threads)
    known = set(planned.placement.reasons)
    for t in planned.threads:
        why = "" if t.reason in known else f": {t.reason}"  # what is the same for all of them is said once, below
        threads += _wrapped(f"{t.name:<{wide}}  {'unpinned' if t.cpu is None else f'cpu {t.cpu}'}, {t.wait}{why}", 2, wide + 4)
        for asked, refused in grants.get(t.name, ()):
            threads += _wrapped(f"{asked}: {refused or 'granted'}", wide + 4)
        threads += _wrapped(", ".join(t.stages), wide + 4)
    order = ["order: what each stage waits for"]
    wide = max(len(s.name) for s in planned.stages)
    for s in planned.stages:
        feeds = [r.name for r in planned.rings if s.name in r.gates and r.name != s.on]
        what = ", ".join(f"{w} (derived: {s.derived[w]})" if w in s.derived else w for w in s.waits) or (f"ring {s.on}" if s.on else "")
        more = f"rings {', '.join(feeds)}" if len(feeds) > 1 else f"ring {feeds[0]}" if feeds else ""
        timer = f"its timer, every {duration_text(s.every_ns)}" if s.every_ns else ""
        order += _wrapped(f"{s.name:<{wide}}  {'; '.join(filter(None, (what, more, timer))) or 'nothing: it begins here'}", 2, wide + 4)
    shards = ["shards: who owns a record"]
    for s in planned.stages:
        if s.shards:
            shards.append(f"  {s.name}: number ({s.by} modulo {len(s.shards)})")
            for t in planned.threads:
                names = [shard.name for shard in s.shards if shard.thread == t.name]
                shards += _wrapped(f"on {t.name}: {', '.join(names)}", 4, 6) if names else []
    rings = ["rings"]
    wide = max(len(r.name) for r in planned.rings)
    for r in planned.rings:
        rings.append(f"  {r.name:<{wide}}  {r.slots:>9,} {_noun(r.record):<16} {_mib(r.bytes):>9}")
        rings += _wrapped(f"filled by {', '.join(r.writers) or 'nobody'}, freed by {', '.join(r.gates) or 'nobody'}", wide + 4)
    rings.append(f"  in all {_mib(sum(r.bytes for r in planned.rings))}; the state of handlers comes on top")
    reasons = ["why", *(line for reason in planned.placement.reasons for line in _wrapped(reason, 2, 4))]
    return ["\n".join(part) for part in (threads, order, shards, rings, reasons) if len(part) > 1]


def _noun(record: str) -> str:
    """Return what a ring holds, in words; of a record of its own the name, without the file."""
    from hydraflow.topology.spec import short_name

    return f"{short_name(record)} records"


def _compared(changes: Any) -> str:
    lines = []
    for change in changes:
        if change.kind == "keep":
            continue
        head = change.what if change.what == change.name else f"{change.what} {change.name}"
        lines.append(f"{_SIGNS[change.kind]} {head}")
        lines += [f"    {key}: {_word(before)} → {_word(after)}" for key, before, after in change.values]
    kept = sum(change.kind == "keep" for change in changes)
    words = {"live": "change live", "restart": "restart", "add": "add", "remove": "remove"}
    counts = {word: sum(change.kind == kind for change in changes) for kind, word in words.items()}
    said = ", ".join(f"{count} to {word}" for word, count in counts.items() if count) or "nothing changes"
    return "\n".join([*lines, *([""] if lines else []), f"{said}; {kept} kept"])


def _word(value: Any) -> str:
    if value is None or value == "" or value == []:
        return "nothing"
    if isinstance(value, list):
        return ", ".join(map(_word, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _wrapped(text: str, indent: int, further: int | None = None) -> list[str]:
    """Return text in lines of at most 80 columns. indent : of the first; further : of those that follow, as the first's."""
    import re
    import textwrap

    columns = re.sub(r" {2,}", lambda spaces: "\u00a0" * len(spaces[0]), text)  # textwrap would make one space of them
    behind = " " * (indent if further is None else further)
    lines = textwrap.wrap(columns, 80, initial_indent=" " * indent, subsequent_indent=behind, break_on_hyphens=False)
    return [line.replace("\u00a0", " ") for line in lines]


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MiB" if size >= 1 << 20 else f"{size / 1024:,.1f} KiB"
