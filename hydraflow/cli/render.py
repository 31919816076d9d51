"""`hfx render FILE`: the topology with includes merged, options and variables in their places, as YAML or JSON."""

from __future__ import annotations

import os

import click

from hydraflow.cli.diagnostics import diagnosing

__all__ = ["render"]

SCHEMA = "hfx.render/1"
BAD_CONFIGURATION = 78


@click.command()
@click.argument("file", type=click.Path(readable=False))
@click.option("--set", "overrides", multiple=True, metavar="PATH=VALUE", help="As for run; may be repeated.")
@click.option("--origin", "with_origin", is_flag=True, help="Say where each value comes from.")
@click.option("--defaults", is_flag=True, help="Fill in all that the file leaves out.")
@click.option("--format", "form", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True,
              help=f"yaml, which check and run accept again, or json (schema {SCHEMA}).")
@diagnosing
@click.pass_context
def render(context: click.Context, file: str, overrides: tuple[str, ...], with_origin: bool, defaults: bool, form: str) -> None:
    """Print the topology FILE as it is run: files that it includes, --set and ${…} resolved. Secrets stay references.

    Exit 78, with diagnostics on stderr, when it is not usable.
    """
    from hydraflow.cli.diagnostics import print_diagnostics, print_summary
    from hydraflow.cli.run import shipped
    from hydraflow.scrubber import SECRETS
    from hydraflow.topology.emit import as_data, as_yaml
    from hydraflow.topology.load import examine, read_file
    from hydraflow.topology.resolved import origin, origins, resolved

    file = shipped(file)
    topology, findings = examine(read_file(file), file, os.environ, overrides=overrides)
    print_diagnostics(findings, file)
    if topology is None or findings.failed:
        print_summary(findings, file)
        context.exit(BAD_CONFIGURATION)
    tree = resolved(topology, defaults=defaults)
    if form == "yaml":
        text = as_yaml(tree, (lambda node: origin(node, topology)) if with_origin else None)
        click.echo(SECRETS.scrub(text), nl=False)
        return
    import json

    report = {"schema": SCHEMA, "path": file, "topology": as_data(tree)}
    if with_origin:
        report["origins"] = origins(tree, topology)
    click.echo(json.dumps(SECRETS.data(report), ensure_ascii=False, indent=2))
