"""`hfx graph FILE`: the picture of a topology, in the terminal or for a document. Compiles nothing, runs nothing."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

from hydraflow.cli.diagnostics import diagnosing

if TYPE_CHECKING:
    from hydraflow.picture import Picture

__all__ = ["graph"]

BAD_CONFIGURATION = 78
_LEAST_WIDTH = 20


@click.command()
@click.argument("file", type=click.Path(readable=False))
@click.option("--format", "form", type=click.Choice(["text", "mermaid", "dot", "svg", "json"]), default="text", show_default=True,
              help="text for a terminal; mermaid, dot (Graphviz), svg for documents; json (schema hfx.graph/1) for programs.")
@click.option("--set", "overrides", multiple=True, metavar="PATH=VALUE",
              help="Draw with this value, as sources.simulator.with.rate=1000; may be repeated.")
@click.option("--placement", "placement_text", metavar="TEXT", default=None,
              help="Show the threads of this placement instead of the file's: auto, fused, or 'ingest=simulator,deserialize;core=…'.")
@click.option("--width", type=click.IntRange(_LEAST_WIDTH), default=None, metavar="COLUMNS",
              help="Widest line of the text; default: the terminal's, 80 in a pipe.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with + - | only.")
@click.option("-o", "--output", metavar="FILE", default="-", help="Write there instead of to stdout; it takes the name when it is whole.")
@diagnosing
@click.pass_context
def graph(context: click.Context, file: str, form: str, overrides: tuple[str, ...], placement_text: str | None,
          width: int | None, ascii_only: bool, output: str) -> None:
    """Draw a topology file, or one that is shipped (demo).

    A file with mistakes is drawn as far as it can be read; they are told on stderr, and the exit code is 78. Parameters of
    handlers are not looked at: that is what `hfx check` is for.
    """
    from hydraflow.cli.diagnostics import print_diagnostics, print_summary
    from hydraflow.cli.output import open_output
    from hydraflow.cli.run import shipped
    from hydraflow.errors import UsageError
    from hydraflow.picture import picture_of
    from hydraflow.picture.threads import needs_components, threads_of
    from hydraflow.placement import parse_placement, read_machine
    from hydraflow.topology.load import examine, read_file

    file = shipped(file)
    if output != "-" and os.path.exists(output) and os.path.samefile(output, file):
        raise UsageError("that is the topology itself", where=f"output '{output}'", remedy="name another file")
    placement = parse_placement(placement_text) if placement_text is not None else None
    content, machine = read_file(file), read_machine()
    topology, findings = examine(content, file, os.environ, components=False, cpus=machine.cpus, cores=machine.check, placement=placement,
                                 overrides=overrides)
    if topology is not None and needs_components(topology):
        topology, findings = examine(content, file, os.environ, cpus=machine.cpus, cores=machine.check, placement=placement, overrides=overrides)
    print_diagnostics(findings, file)
    ok = topology is not None and not findings.failed
    if topology is not None:
        picture = picture_of(topology, threads_of(topology, machine))
        with open_output(output, force=True) as stream:
            if form == "text":
                text = _as_text(picture, width, ascii_only or not _knows_boxes(output), output)
            else:
                text = _as(form, picture, file, ok)
            stream.write(text.encode(_encoding(output) if form == "text" else "utf-8", "replace"))
    if not ok:
        print_summary(findings, file)
        context.exit(BAD_CONFIGURATION)


def _as(form: str, picture: Picture, file: str, ok: bool) -> str:
    if form == "json":
        from hydraflow.picture.data import as_json

        return as_json(picture, file, ok=ok) + "\n"
    if form == "svg":
        from hydraflow.picture.gather import gathered
        from hydraflow.picture.svg import draw_svg

        return draw_svg(gathered(picture))
    if form == "dot":
        from hydraflow.picture.dot import draw_dot

        return draw_dot(picture)
    from hydraflow.picture.mermaid import draw_mermaid

    return draw_mermaid(picture)


def _as_text(picture: Picture, width: int | None, ascii_only: bool, output: str) -> str:
    from hydraflow.notes import note
    from hydraflow.picture.gather import gathered
    from hydraflow.picture.text import draw_text, legend

    picture = gathered(picture)
    room = width or shutil.get_terminal_size((80, 24)).columns
    colour = output == "-" and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    drawing = draw_text(picture, room, ascii_only=ascii_only, colour=colour)
    if drawing.width > room:
        note(f"hfx graph: the picture is {drawing.width:,} columns wide, there is room for {room}: show it with `less -S`, "
             "or write --format svg -o FILE.svg")
    return "\n".join([*drawing.lines, "", *legend(picture, drawing, room, ascii_only=ascii_only)]) + "\n"


def _encoding(output: str) -> str:
    """A file is UTF-8, a terminal or a pipe as it says."""
    return "utf-8" if output != "-" else sys.stdout.encoding or "ascii"


def _knows_boxes(output: str) -> bool:
    """Whether the characters of a drawing can be written."""
    try:
        "┌─┐│▼▽◆┆╔·×…".encode(_encoding(output))
    except (UnicodeEncodeError, LookupError):
        return False
    return True
