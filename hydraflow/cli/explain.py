"""`hfx explain CODE`: what a diagnostic of `hfx check` means; without CODE, all of them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import click

__all__ = ["explain"]

SCHEMA = "hfx.explain/1"


@click.command()
@click.argument("code", required=False, metavar="[CODE]")
@click.option("--json", "as_json", is_flag=True, help=f"Print a JSON object (schema {SCHEMA}).")
def explain(code: str | None, as_json: bool) -> None:
    """Print what the diagnostic CODE (HF304, or 304) means; without CODE, every one."""
    from hydraflow.topology.explain import EXPLANATIONS

    found = EXPLANATIONS if code is None else _one(code, EXPLANATIONS)
    if as_json:
        import json

        click.echo(json.dumps({"schema": SCHEMA, "explanations": found}, indent=2))
        return
    for name, text in found.items():
        click.echo(textwrap.fill(text, 80, initial_indent=f"{name}  ", subsequent_indent=" " * (len(name) + 2)))


def _one(code: str, known: Mapping[str, str]) -> dict[str, str]:
    from hydraflow.errors import UsageError

    name = code.upper() if code.upper().startswith("HF") else f"HF{code}"
    if name not in known:
        raise UsageError(f"no diagnostic is called '{code}'", remedy="`hfx explain` lists all of them")
    return {name: known[name]}
