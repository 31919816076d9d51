"""The command `hfx` (second name `hydraflow`): one module per verb, imported when the verb is used.

stdout is data, stderr is notes. `--help` imports neither numpy nor numba. Errors of hydraflow.errors end with their exit
code and one message; a traceback is shown for defects only, with HYDRAFLOW_TRACEBACK=1 for all.
"""

from __future__ import annotations

import importlib
import os
import sys

import click

from hydraflow import __version__
from hydraflow.notes import note

__all__ = ["hfx", "main"]

_VERBS = {
    "apply": ("hydraflow.cli.apply:apply", "Change live parameters of a running engine, in the order of its messages."),
    "check": ("hydraflow.cli.check:check", "Check a topology file: every mistake with line, column and remedy."),
    "clean": ("hydraflow.cli.clean:clean", "Remove what dead engines, old compilations and old runs have left."),
    "config": ("hydraflow.cli.config:config", "Say which settings hold here and where each comes from."),
    "doctor": ("hydraflow.cli.doctor:doctor", "Look at this machine: cores, limits, memory, caches; each finding with its fix."),
    "explain": ("hydraflow.cli.explain:explain", "Say what a diagnostic, a handler, a key of the file or a record is."),
    "init": ("hydraflow.cli.init:init", "Make a working project: topology, a handler of your own, tests."),
    "graph": ("hydraflow.cli.graph:graph", "Draw a topology: in the terminal, or as Mermaid, Graphviz, SVG, JSON."),
    "journal": ("hydraflow.cli.journal:journal", "Verify or dump a journal."),
    "notes": ("hydraflow.cli.notes:notes", "Print what handlers have written down, running or dead."),
    "plan": ("hydraflow.cli.plan:plan", "Say what a run would do and why: threads, order, rings; or what a changed file changes."),
    "plugins": ("hydraflow.cli.plugins:plugins", "List every handler and source that `use:` knows, and where it is from."),
    "record": ("hydraflow.cli.record:record", "Write a capture from a live source."),
    "render": ("hydraflow.cli.render:render", "Print a topology with includes, options and variables resolved."),
    "replay": ("hydraflow.cli.replay:replay", "Rebuild every handler's state from a journal and print the same hashes."),
    "run": ("hydraflow.cli.run:run", "Run a topology: progress while it runs, a report at the end."),
    "schema": ("hydraflow.cli.schema:schema", "Print the JSON Schema of the topology file, for editors."),
    "simulate": ("hydraflow.cli.simulate:simulate", "Write a capture of simulated order flow."),
    "stat": ("hydraflow.cli.stat:stat", "Print the counters and latencies of an engine, running or dead."),
    "test": ("hydraflow.cli.test:test", "Run the tests that topologies declare: inputs, expectations, coverage."),
}


# What these verbs write or compile lies in the current directory, or is looked up from it.
_HERE = frozenset({"init", "record", "replay", "run", "simulate", "test"})


class _LazyGroup(click.Group):
    """Knows every verb's name and sentence without importing it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _VERBS:
            return None
        module, _, attribute = _VERBS[name][0].partition(":")
        return getattr(importlib.import_module(module), attribute)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(name, _VERBS[name][1]) for name in self.list_commands(ctx)])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in _HERE and not _is_somewhere():
            raise _nowhere()
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], _VERBS, 1)
            hint = f" Did you mean '{near[0]}'?" if near else f" Verbs: {', '.join(sorted(_VERBS))}."
            raise click.UsageError(f"hfx has no verb '{args[0]}'.{hint}", ctx) from error


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="hfx")
def hfx() -> None:
    """HydraFlow-X: declare a graph of event handlers in YAML and run it at hardware speed."""


def _is_somewhere() -> bool:
    """Whether the current directory exists: somebody may have removed it, and then no relative path has a meaning."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _nowhere() -> Exception:
    from hydraflow.errors import InputNotFound

    return InputNotFound("the current directory has been removed", remedy="change to one that exists: cd ~")


def main(arguments: list[str] | None = None) -> int:
    """Run `hfx`; return the exit code. Broken pipes end quietly, user errors in one message."""
    from hydraflow.errors import HydraFlowError, InputNotFound, InputOutputError, is_disk_full, too_many_files

    if "_HFX_COMPLETE" in os.environ:  # the shell asks for completions: eval "$(_HFX_COMPLETE=bash_source hfx)"
        hfx.main(prog_name="hfx")
    try:
        # Not click's own main: it would end the process with status 1 when the reader of our output has gone.
        with hfx.make_context("hfx", sys.argv[1:] if arguments is None else arguments) as context:
            result = hfx.invoke(context)
        if sys.stdout is not None:
            sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        return 130
    except KeyboardInterrupt:
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        # The reader has gone (`hfx … | head`): not an error of this program. What is buffered must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except OSError as error:
        refused = too_many_files(error)
        if refused is not None:
            note(f"hfx: {refused}")
            return refused.exit_code
        if isinstance(error, FileNotFoundError) and not _is_somewhere():
            note(f"hfx: {_nowhere()}")
            return InputNotFound.exit_code
        if not is_disk_full(error):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        where = f" {error.filename}" if error.filename else ""
        note(f"hfx: cannot write{where}: {error.strerror}; make room or write somewhere else")
        return InputOutputError.exit_code
    except HydraFlowError as error:
        if os.environ.get("HYDRAFLOW_TRACEBACK"):
            raise
        note(f"hfx: {error}")
        return error.exit_code
