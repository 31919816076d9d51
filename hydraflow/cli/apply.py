"""`hfx apply`: change parameters of a running engine, as an event in its order. Exit codes: 69 no such engine, 2 or 78 refused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from hydraflow.errors import HydraFlowError, InputNotFound, UsageError

if TYPE_CHECKING:
    from hydraflow.placement.plan import Change

__all__ = ["apply"]

SCHEMA = "hfx.apply/1"


@click.command()
@click.argument("file", type=click.Path(readable=False), required=False)
@click.option("--name", metavar="ENGINE", help="The engine; default: that of FILE, or the only one that runs.")
@click.option("--set", "options", multiple=True, metavar="STAGE.PARAMETER=VALUE", help="Change this parameter, as risk.max_position=5; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help=f"Print a JSON object (schema {SCHEMA}).")
def apply(file: str | None, name: str | None, options: tuple[str, ...], as_json: bool) -> None:
    """Change live parameters of a running engine: all of them, or none.

    What FILE says otherwise than the engine runs, or what --set says. The change is a message in the order of the engine: in force
    from one sequence on, journaled, and made again by a replay. `hfx explain HANDLER` says which parameters are live.
    """
    from hydraflow.control import ask

    if file is None and not options:
        raise UsageError("give a FILE or --set, one of them", remedy="hfx apply --set STAGE.PARAMETER=VALUE, or hfx apply FILE")
    if file is not None and options:
        raise _of_both(file, options)
    if file is not None:
        name, values = _of_file(file, name)
        answer = ask(name, "apply", values=values) if values else {"ok": True, "engine": name, "sequence": None, "changed": {}}
    else:
        answer = ask(name or _only_one(), "apply", set=list(options))
    if not answer["ok"]:
        error = HydraFlowError(answer["error"])
        error.exit_code = int(answer["code"])
        raise error
    if as_json:
        import json

        click.echo(json.dumps({"schema": SCHEMA, **{k: v for k, v in answer.items() if k not in ("schema", "ok")}}, ensure_ascii=False))
        return
    click.echo(_said(answer))


def _said(answer: dict[str, Any]) -> str:
    if answer["sequence"] is None:
        return f"{answer['engine']}: nothing changes"
    lines = [f"{answer['engine']}: in force from sequence {answer['sequence']:,}"]
    lines += [f"  {name}: {_word(before)} → {_word(after)}" for name, (before, after) in answer["changed"].items()]
    if not answer["reached"]:
        lines.append("  its place in the order is taken, but the handlers have not come to it yet")
    return "\n".join(lines)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:,}" if isinstance(value, (int, float)) else str(value)


def _of_file(file: str, name: str | None) -> tuple[str, dict[str, dict[str, Any]]]:
    """Return the engine and what must change in it so that it runs what a file says: stage → parameter → value."""
    from hydraflow.control import literal
    from hydraflow.control.changes import refuse_restarts
    from hydraflow.control.running import running
    from hydraflow.placement.plan import compare
    from hydraflow.topology.load import load

    topology = load(_file_of(file), tests=False)
    name = name or topology.name
    changes = [c for c in compare(running(name).topology, topology) if c.kind != "keep"]
    stages = {s.name for s in topology.sources} | {s.name for s in topology.stages}
    refuse_restarts(topology, {c.name: [k.removeprefix("with.") for k, *_ in c.values if k.startswith("with.")]
                               for c in changes if c.kind == "restart" and c.name in stages})
    others = [c for c in changes if c.kind != "live"]
    if others:
        raise UsageError(f"{_listed(others)}: that needs a restart, so nothing is changed", where=file,
                         remedy=f"hfx plan {file} --against {name} shows all of it")
    return name, {c.name: {k.removeprefix("with."): literal(after) for k, _, after in c.values} for c in changes}


def _of_both(file: str, options: tuple[str, ...]) -> UsageError:
    """Return the error of a FILE beside --set: what is no file is most likely an engine."""
    import shlex

    from hydraflow.control.connection import alive_engines

    if os.path.exists(file):
        return UsageError("give a FILE or --set, one of them", where=file,
                          remedy="what --set says can be written into the file; without FILE, --set changes what runs")
    names = alive_engines()
    said = shlex.join(word for option in options for word in ("--set", option))
    meant = file if file in names else names[0] if len(names) == 1 else ""
    others = f"one of those that run: {', '.join(names)}" if names else "none runs; start one with `hfx run FILE`"
    return UsageError(f"'{file}' stands where a FILE does, and beside --set there is none: --name says which engine",
                      remedy=f"hfx apply --name {meant} {said}" if meant else others)


def _file_of(file: str) -> str:
    """Return the path of a topology. Raises: UsageError for the name of an engine, InputNotFound for what is nothing at all."""
    from hydraflow.cli.run import shipped
    from hydraflow.control.connection import alive_engines

    try:
        return shipped(file)
    except InputNotFound:
        if file not in alive_engines():
            raise
        raise UsageError(f"'{file}' is an engine, and no FILE", remedy=f"hfx apply --name {file} --set STAGE.PARAMETER=VALUE") from None


def _listed(changes: list[Change]) -> str:
    words = {"add": "is new", "remove": "is gone", "restart": "differs"}
    said = [f"{c.what if c.what == c.name else f'{c.what} {c.name!r}'} {words[c.kind]}" for c in changes[:4]]
    return ", ".join(said) + (f" and {len(changes) - 4} more" if len(changes) > 4 else "")


def _only_one() -> str:
    """Return the only engine that runs. Raises: Unavailable for none, UsageError for several."""
    from hydraflow.control.connection import alive_engines
    from hydraflow.errors import Unavailable

    names = alive_engines()
    if not names:
        raise Unavailable("no engine runs", remedy="start one with `hfx run FILE`")
    if len(names) > 1:
        raise UsageError("several engines run", remedy=f"name one of them with --name: {', '.join(names)}")
    return names[0]
