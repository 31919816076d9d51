"""`hfx journal verify FOLDER` and `hfx journal dump FOLDER`: look at a journal, whole or torn.

Exit codes: 0 whole; 65 unfinished, torn or damaged (what it proves is still counted and dumped); 66 no journal there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from hydraflow.notes import note

if TYPE_CHECKING:
    from hydraflow.journal import JournalReader

__all__ = ["journal"]

DATA_ERROR = 65
SCHEMA = "hfx.journal.verify/1"


@click.group("journal")
def journal() -> None:
    """Verify or dump a journal."""


@journal.command("verify", short_help="Walk the chain of checksums.")
@click.argument("folder", type=click.Path(readable=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(folder: str, as_json: bool) -> None:
    """Walk the chain of checksums of the journal in FOLDER. Every changed bit is found, and where."""
    reader = _open(folder)
    result = summary(reader)
    if as_json:
        import json

        click.echo(json.dumps(result))
    else:
        click.echo(
            f"{folder}: {result['messages']:,} messages, {result['bytes']:,} bytes, {result['segments']} segments,"
            f" {'verified' if result['verified'] else result['end']}"
        )
        if result["error"]:
            note(f"hfx: {result['error']}")
    if not result["verified"]:
        raise click.exceptions.Exit(DATA_ERROR)


@journal.command("dump", short_help="Print messages as JSON lines.")
@click.argument("folder", type=click.Path(readable=False))
@click.option("--header", is_flag=True, help="Print only what the run said about itself.")
@click.option("--from", "first", type=click.IntRange(min=0), default=0, help="First sequence to print.")
@click.option("--count", type=click.IntRange(min=0), default=None, help="Print at most this many messages.")
def dump(folder: str, header: bool, first: int, count: int | None) -> None:
    """Print the messages of the journal in FOLDER, one JSON object a line."""
    import json

    reader = _open(folder)
    if header:
        click.echo(json.dumps(reader.header, indent=2, sort_keys=True))
        return
    last = None if count is None else first + count
    for row in reader:
        if last is not None and row["sequence"] >= last:
            break
        if row["sequence"] >= first:
            click.echo(json.dumps(row))
    if not reader.verdict.verified:
        note(f"hfx: {folder}: {reader.verdict.error}; what comes before it is intact")
        raise click.exceptions.Exit(DATA_ERROR)


def summary(reader: JournalReader) -> dict[str, Any]:
    """Return the result of a verification as `--json` prints it."""
    verdict = reader.verdict
    return {
        "schema": SCHEMA,
        "path": str(reader.folder),
        "messages": verdict.records,
        "bytes": reader.file_bytes,
        "segments": reader.segments,
        "last_sequence": verdict.last_sequence,
        "verified": verdict.verified,
        "end": verdict.end,
        "error": verdict.error,
        "segment": verdict.segment,
        "position": verdict.position,
    }


def _open(folder: str) -> JournalReader:
    from hydraflow.journal import JournalReader

    return JournalReader(folder)
