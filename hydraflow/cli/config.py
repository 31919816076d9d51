"""`hfx config`: which settings hold here, where each comes from; exit codes."""

from __future__ import annotations

import os
import textwrap
from typing import Any

import click

__all__ = ["config"]

SCHEMA = "hfx.config/1"
_WIDTH = 80


@click.command()
@click.option("--exit-codes", is_flag=True, help="Print what each exit code means.")
@click.option("--json", "as_json", is_flag=True, help=f"Print everything as JSON (schema {SCHEMA}).")
def config(exit_codes: bool, as_json: bool) -> None:
    """Say which folders and variables hold here and where each comes from.

    What a topology takes from where is said by `hfx render FILE --origin`.
    """
    from hydraflow import settings

    places = settings.folders(os.environ, os.getuid())
    if as_json:
        _print_json(places)
    elif exit_codes:
        for code, meaning in settings.EXIT_CODES.items():
            click.echo(f"{code:>3}  {meaning}")
    else:
        _print(places)


def _print(places: list[Any]) -> None:
    from hydraflow import settings

    click.echo("folders")
    for place in places:
        click.echo(f"  {place.folder.name:<14} {place.path or '(nowhere)'}")
        click.echo(f"  {'':<14} from {place.origin}" if place.path else f"  {'':<14} {place.origin}")
    for heading, shipped in (("variables", False), ("variables of shipped topologies", True)):
        click.echo(f"\n{heading}")
        for variable in settings.VARIABLES:
            if bool(variable.shipped) == shipped:
                value = settings.shown(variable, os.environ)
                click.echo(f"  {variable.name:<20} {'not set' if value is None else value}")
                meaning = f"{variable.meaning}{f' ({variable.shipped})' if shipped else ''}"
                for line in textwrap.wrap(meaning, _WIDTH - 23, break_long_words=False):
                    click.echo(f"  {'':<20} {line}")
    click.echo("\nexit codes: hfx config --exit-codes\na topology's values: hfx render FILE --origin")


def _print_json(places: list[Any]) -> None:
    import json

    from hydraflow import settings

    report = {
        "schema": SCHEMA,
        "folders": [{"name": p.folder.name, "path": p.path or None, "origin": p.origin, "meaning": p.folder.meaning} for p in places],
        "variables": [{"name": v.name, "value": settings.shown(v, os.environ), "meaning": v.meaning, "topology": v.shipped or None}
                      for v in settings.VARIABLES],
        "exit_codes": [{"code": code, "meaning": meaning} for code, meaning in settings.EXIT_CODES.items()],
    }
    click.echo(json.dumps(report, ensure_ascii=False, indent=2))
