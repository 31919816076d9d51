"""`hfx init [FOLDER]`: a working project in one command."""

from __future__ import annotations

import click

__all__ = ["init"]


@click.command()
@click.argument("folder", default=".", type=click.Path(readable=False))
@click.option("--template", metavar="NAME", default="paper", show_default=True, help="What to make; --list shows the templates.")
@click.option("--name", help="Name of the project (default: the folder's).")
@click.option("--list", "list_templates", is_flag=True, help="Show the templates and end.")
def init(folder: str, template: str, name: str | None, list_templates: bool) -> None:
    """Make a project in FOLDER (default: this one): files that run, with tests. Nothing that is there is overwritten."""
    import shlex
    from pathlib import Path

    from hydraflow.scaffold import TEMPLATES, check_name, contents, write

    if list_templates:
        for key, known in TEMPLATES.items():
            click.echo(f"{key:<9}{known.about}")
        return
    _check_template(template, list(TEMPLATES))
    name = name or Path(folder).resolve().name
    check_name(name)
    files = contents(template, name)
    write(Path(folder), files)
    for path in files:
        click.echo(Path(folder) / path)
    click.echo("next:")
    steps = TEMPLATES[template].next
    here = Path(folder).resolve() == Path.cwd()
    for step in steps if here else (f"cd {_argument(folder, shlex)}", *steps):
        click.echo(f"  {step}")


def _argument(folder: str, shlex) -> str:
    """Return a folder as it is typed after cd."""
    return shlex.quote(f"./{folder}" if folder.startswith("-") else folder)


def _check_template(template: str, known: list[str]) -> None:
    from hydraflow.errors import UsageError
    from hydraflow.topology.diagnose import did_you_mean

    if template not in known:
        close = did_you_mean(template, known)
        raise UsageError(f"no template is called '{template}'",
                         remedy=f"did you mean '{close}'?" if close else f"templates: {', '.join(known)}")
