"""`hfx schema`: the topology file as a JSON Schema, for editors; parameters of installed handlers included."""

from __future__ import annotations

import click

__all__ = ["schema"]


@click.command()
@click.option("-o", "--output", metavar="FILE", default="-", help="Write it there, whole or not at all; '-', the default, is stdout.")
def schema(output: str) -> None:
    """Print the JSON Schema (draft 2020-12) of the topology file.

    It knows every handler and source that is installed, with its parameters: run it again after installing another.
    For an editor, write it beside the topology and begin that file with

        # yaml-language-server: $schema=topology.schema.json
    """
    import json

    from hydraflow.notes import note
    from hydraflow.plugins import installed
    from hydraflow.topology.schema import schema as make

    plugins = installed()
    for plugin in plugins:
        if plugin.error:
            note(f"hfx: {plugin.kind} '{plugin.name}' is not in the schema: {plugin.error}; `hfx plugins` says more")
    text = json.dumps(make(plugins), ensure_ascii=False, indent=2) + "\n"
    if output == "-":
        click.echo(text, nl=False)
    else:
        _write(output, text)


def _write(path: str, text: str) -> None:
    """Replace the file when all of it is written. Raises: OutputError."""
    import contextlib
    import os
    import stat

    from hydraflow.errors import OutputError, cannot_write

    where = f"output '{path}'"
    with contextlib.suppress(OSError, ValueError):
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise OutputError("is a directory", where=where, remedy="name a file in it")
        if not stat.S_ISREG(mode):  # a device or a pipe cannot be replaced
            with open(path, "w", encoding="utf-8") as device:
                device.write(text)
            return
    target = os.path.realpath(path)  # a link keeps pointing where it did
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.part")
    try:
        with open(temporary, "x", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, target)
    except (OSError, ValueError) as error:
        with contextlib.suppress(OSError, ValueError):
            os.unlink(temporary)
        raise cannot_write(error, where=where, remedy="name another place") from error
