"""`hfx run FILE`: run a topology until its sources end, show progress, print the report."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from hydraflow.cli.diagnostics import diagnosing, wanted_form
from hydraflow.errors import ConfigurationError, HydraFlowError, InputNotFound, UsageError
from hydraflow.notes import note

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["debugging", "execute", "run", "shipped", "show", "streams", "watch"]

_A_DAY = 86_400.0


@click.command()
@click.argument("file", type=click.Path(readable=False))
@click.option("--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Run with this value, as sources.simulator.with.frames=1000; may be repeated.")
@click.option("--name", help="Name of the engine (default: the file's).")
@click.option("--placement", help="auto, fused, or THREAD[@CPU][:WAIT]=STAGE,STAGE;…")
@click.option("--record", metavar="STREAM=FILE,…", help="Write book=F,orders=F,fills=F as JSON lines, or as rows when F ends with .npy; a ring of own records as RING=F.npy.")
@click.option("--results", type=click.Path(readable=False), metavar="FOLDER", help="Leave everything there: report, journal, records; see hydraflow.open_run.")
@click.option("--hash-every", type=click.IntRange(min=1), metavar="N", help="State hashes after every N messages.")
@click.option("--journal", type=click.Path(readable=False), help="Folder under which the journal's folder is made.")
@click.option("--no-journal", is_flag=True, help="Run without a journal.")
@click.option("--checked", is_flag=True, help="Compile with checks of bounds and overflow: slower, and what is wrong is named.")
@click.option("--debug", metavar="HANDLER[@SEQUENCE]", help="Run this handler un-jitted under pdb, from its first event or that one.")
@click.option("--stall", type=click.FloatRange(min=0, min_open=True), default=5.0, show_default=True, help="Seconds until a stuck handler is reported.")
@click.option("--hiccups", type=click.FloatRange(min=0, max=60), default=0.2, show_default=True, help="Seconds of the hiccup baseline; 0 for none.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (schema hfx.run/1).")
@click.option("--quiet", is_flag=True, help="No progress.")
@diagnosing
def run(file: str, as_json: bool, quiet: bool, **choices: Any) -> int:
    """Run the topology FILE: progress while it runs, a report at the end. Ctrl-C drains, twice halts."""
    from hydraflow.runtime.options import Options

    if choices["no_journal"] and choices["journal"] is not None:
        raise UsageError("--journal and --no-journal contradict each other", remedy="leave one of them out")
    options = Options(
        topology=shipped(file), name=choices["name"], placement=choices["placement"], record=streams(choices["record"]),
        hash_every=choices["hash_every"] or 0, journal=choices["journal"], no_journal=choices["no_journal"],
        checked=choices["checked"], overrides=list(choices["overrides"]),
        **{"stall_seconds": choices["stall"], "hiccup_seconds": choices["hiccups"], **debugging(choices["debug"])},
    )
    try:
        if choices["results"] is not None:
            return _execute_into(choices["results"], options, as_json=as_json, quiet=quiet or bool(options.debug))
        return execute(options, as_json=as_json, quiet=quiet or bool(options.debug))
    except HydraFlowError as error:
        if wanted_form() != "text" and error.exit_code == ConfigurationError.exit_code:
            _examine_again(options)
        raise


def _examine_again(options: Any) -> None:
    """Raise, as data, what the engine's process said in words about the topology."""
    from hydraflow.placement import parse_placement, read_machine
    from hydraflow.topology import load

    placement = parse_placement(options.placement) if options.placement else None
    machine = read_machine()
    load(options.topology, cpus=machine.cpus, cores=machine.check, placement=placement, overrides=options.overrides, tests=False)


def debugging(wanted: str | None) -> dict[str, Any]:
    """Return the options of a debugged run: nobody is stuck, and a drain has time, while somebody looks. Raises: UsageError."""
    from hydraflow.runtime.options import debugged

    if wanted is None:
        return {}
    debugged(wanted)
    try:
        terminal = os.ttyname(0) if os.isatty(1) else ""
    except OSError:
        terminal = ""
    if not terminal:
        raise UsageError("the debugger needs a terminal, and standard input or output is none", where="--debug",
                         remedy="run it in a terminal, without pipes")
    return {"debug": wanted, "terminal": terminal, "stall_seconds": _A_DAY, "drain_seconds": _A_DAY, "hiccup_seconds": 0.0}


def _execute_into(folder: str, options: Any, *, as_json: bool, quiet: bool) -> int:
    """Run the engine and leave its results in a folder."""
    from pathlib import Path

    from hydraflow.results.folder import give_up, keep, prepare

    options = prepare(Path(folder), options)
    try:
        code = execute(options, as_json=as_json, quiet=quiet, keep=lambda result: keep(Path(folder), result))
    except HydraFlowError:
        give_up(Path(folder))
        raise
    note(f"hfx: results in {folder}; in Python: hydraflow.open_run({str(folder)!r})")
    return code


def execute(options: Any, *, as_json: bool, quiet: bool, keep: Callable[[dict[str, Any]], None] | None = None) -> int:
    """Run the engine with these options, print its result, return the exit code. keep : gets the result first.

    Raises: HydraFlowError.
    """
    outcome = watch(options, quiet=quiet)
    if keep is not None:
        keep(outcome.result)
    show(outcome.result, as_json=as_json)
    error = outcome.result.get("error")
    if error and (as_json or not sys.stdout.isatty()):  # on a terminal the report ends with it
        note(f"hfx: {outcome.result['status']}: {' '.join(error['text'].split())}")
    return outcome.code


def watch(options: Any, *, quiet: bool) -> Any:
    """Run the engine, with progress; return its Outcome. Raises: HydraFlowError when it did not come to run."""
    from hydraflow.runtime.supervisor import supervise

    if quiet:
        outcome = supervise(options)
    else:
        from hydraflow.cli.progress import Progress

        progress = Progress()
        try:
            outcome = supervise(options, progress)
        finally:
            progress.close()
    if "failure" in outcome.result:
        error = HydraFlowError(outcome.result["failure"])
        error.exit_code = outcome.code
        raise error
    return outcome


def show(result: dict[str, Any], *, as_json: bool) -> None:
    """Print a result on stdout; when its reader has gone (`hfx run … | head -1`) nothing is said about it."""
    if as_json:
        import orjson

        text = orjson.dumps(result, option=orjson.OPT_INDENT_2).decode() + "\n"
    else:
        from hydraflow.runtime.report import render

        text = render(result)
    try:
        print(text, end="", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def streams(text: str | None) -> dict[str, str]:
    """Return {stream: path} from "book=F,orders=F". Raises: UsageError."""
    if not text:
        return {}
    found = {}
    for part in text.split(","):
        name, equals, path = part.partition("=")
        if not equals or not path:
            raise UsageError(f"cannot read '{part}'", where="--record", remedy="write book=FILE,orders=FILE,fills=FILE")
        found[name.strip()] = path
    return found


def shipped(file: str) -> str:
    """Return the path of a topology; a bare name such as `demo` that is no file here means the one that is shipped.

    Raises: InputNotFound for a bare name that is neither.
    """
    from pathlib import Path

    path = Path(file)
    if path.exists():
        return file
    for folder in _shipped_folders():
        for candidate in (folder / path.name, folder / f"{path.name}.yaml"):
            if candidate.is_file() and (path.parent == Path(".") or str(path.parent) == "config"):
                return str(candidate)
    if path.parent != Path(".") or path.suffix:
        return file
    import difflib

    known = sorted({p.stem for folder in _shipped_folders() for p in folder.glob("*.yaml")})
    near = difflib.get_close_matches(file, known, 1)
    raise InputNotFound(f"no topology is called '{file}'",
                        remedy=f"did you mean '{near[0]}'?" if near else f"give a YAML file, or one of {', '.join(known)}")


def _shipped_folders() -> tuple[Path, ...]:
    """Return where topologies are: in a wheel, in a checkout."""
    from pathlib import Path

    return Path(__file__).parents[1] / "config", Path(__file__).parents[2] / "config"
