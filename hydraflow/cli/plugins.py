"""`hfx plugins`: every handler and source that `use:` knows by a short name, where it is from, and what is wrong with it."""

from __future__ import annotations

import os
import sys

import click

__all__ = ["plugins"]

SCHEMA = "hfx.plugins/1"


@click.command()
@click.option("--json", "as_json", is_flag=True, help=f"Print a JSON object (schema {SCHEMA}).")
@click.pass_context
def plugins(context: click.Context, as_json: bool) -> None:
    """List every handler and source that `use:` knows, shipped or installed. Exit 1 when one of them cannot be imported.

    A package offers its own in the entry-point groups hydraflow.handlers, hydraflow.sources and hydraflow.records (of rings).
    """
    from hydraflow.plugins import installed

    found = installed()
    failed = any(plugin.error for plugin in found)
    if as_json:
        import json

        report = {"schema": SCHEMA, "ok": not failed, "plugins": [plugin.as_dict() for plugin in found]}
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        _print(found)
    context.exit(1 if failed else 0)


def _print(found) -> None:
    from hydraflow.topology.diagnose import plural

    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    origins = ["shipped" if p.shipped else f"{p.distribution} {p.version}".rstrip() for p in found]
    width, wide = max(len(p.name) for p in found), max(map(len, origins))
    for plugin, origin in zip(found, origins):
        status = "error" if plugin.error else "hidden" if plugin.shadowed else "ok"
        painted = click.style(f"{status:<6}", fg={"error": "red", "hidden": "yellow"}.get(status))
        click.echo(f"{painted}  {plugin.kind:<7}  {plugin.name:<{width}}  {origin:<{wide}}  {plugin.target}", color=colour)
        if plugin.error:
            click.echo(f"        {plugin.error}")
        elif plugin.shadowed:
            click.echo("        another offer of this name counts; this one is used as " + plugin.target)
    own = sum(not p.shipped for p in found)
    failed = sum(bool(p.error) for p in found)
    counts = [plural(sum(p.kind == kind for p in found), kind) for kind in ("handler", "source", "record")
              if kind != "record" or any(p.kind == kind for p in found)]
    tail = [f"{own} from other packages"] if own else []
    tail += [f"{failed} cannot be imported"] if failed else []
    click.echo(", ".join([*counts, *tail]))
