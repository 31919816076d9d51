"""`hfx explain WHAT`: a diagnostic, a handler or source, a key of the topology file, a record, in words; alone: what there is."""

from __future__ import annotations

import click

__all__ = ["explain"]

SCHEMA = "hfx.explain/1"


@click.command()
@click.argument("what", required=False, metavar="[WHAT]")
@click.option("--json", "as_json", is_flag=True, help=f"Print a JSON object (schema {SCHEMA}).")
def explain(what: str | None, as_json: bool) -> None:
    """Say what WHAT is; without it, what can be asked.

    \b
    HF304, codes                    a diagnostic of check, all of them
    book, simulator                 a handler or source that `use:` knows
    ./file.py:name, pkg.mod:name    one of your own
    book.window_ticks               a parameter
    handlers.after, placement       a key of the topology file
    main                            a ring that needs no declaration
    message, message.bid_count      a record, a field of it
    """
    from hydraflow.explain import answer, overview, render

    page = overview() if what is None else answer(what)
    if as_json:
        import json

        click.echo(json.dumps({"schema": SCHEMA, **page}, ensure_ascii=False, indent=2))
    else:
        click.echo(render(page))
