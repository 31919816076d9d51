"""`hfx replay JOURNAL`: rebuild every handler's state from a journal."""

from __future__ import annotations

from typing import Any

import click

from hydraflow.cli.run import debugging, show, streams, watch
from hydraflow.notes import note

__all__ = ["replay"]


@click.command()
@click.argument("journal", type=click.Path(readable=False))
@click.option("--until", type=click.IntRange(min=0), metavar="N", help="Replay the first N messages only.")
@click.option("--topology", type=click.Path(readable=False), help="Another topology than the one in the journal.")
@click.option("--placement", help="As for run.")
@click.option("--record", metavar="STREAM=FILE,…", help="As for run.")
@click.option("--hash-every", type=click.IntRange(min=1), metavar="N", help="State hashes after every N messages.")
@click.option("--checked/--unchecked", default=None, help="Compile with checks of bounds and overflow, or without; default: as the run did.")
@click.option("--debug", metavar="HANDLER[@SEQUENCE]", help="As for run.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (schema hfx.run/1).")
@click.option("--quiet", is_flag=True, help="No progress.")
def replay(journal: str, as_json: bool, quiet: bool, **choices: Any) -> int:
    """Rebuild state from JOURNAL (a folder) and print the same hashes. The journal alone is needed.

    Reports and timers come from the journal; those that the venue regenerates are compared with them. A journal whose
    engine was killed is replayed as far as it goes. Exit code 1 when reports differ, 65 when the journal is damaged in
    its middle; what comes before the damage is replayed.
    """
    from hydraflow.journal.reader import JournalReader
    from hydraflow.runtime.options import Options

    header = JournalReader(journal).header
    own = choices["topology"] is None
    checked = _is_checked(choices["checked"], bool(header.get("checked")), journal)
    options = Options(
        topology="" if own else choices["topology"], name=f"{header['name']}.replay"[:60], placement=choices["placement"],
        record=streams(choices["record"]), hash_every=choices["hash_every"] or 0, checked=checked,
        environment=header.get("environment", {}), replay=journal, until=choices["until"],
        **{"hiccup_seconds": 0.0, **debugging(choices["debug"])},
        parameters={name: h["parameters"] for name, h in header["handlers"].items()} if own else {},
    )
    outcome = watch(options, quiet=quiet or bool(options.debug))
    show(outcome.result, as_json=as_json)
    _explain(outcome.result.get("replay"), journal)
    return outcome.code


def _is_checked(asked: bool | None, was: bool, journal: str) -> bool:
    """Return whether the replay is checked: as the run was, for a check that failed decided what a handler made of its message."""
    if was and asked is None:
        note(f"hfx: {journal}: its run was checked, so this replay is too; --unchecked replays faster")
    elif was and not asked:
        note(f"hfx: {journal}: its run was checked, this replay is not: at a message where a check failed, states may differ from here on")
    return was if asked is None else asked


def _explain(replayed: dict[str, Any] | None, journal: str) -> None:
    """Say on stderr what is wrong with the journal or the replay."""
    if replayed is None:  # the engine died
        return
    if replayed["differences"]:
        first = f"{replayed['differences']:,} reports differ from the journal's, the first at message {replayed['first_difference']:,}"
        note(f"hfx: {first}; changed since it was written: {', '.join(replayed['changed_handlers']) or 'no handler'}")
    if replayed["end"] == "open":
        note(f"hfx: {journal}: no end record, its engine was killed: replayed as far as it goes")
    elif not replayed["verified"]:
        note(f"hfx: {journal}: {replayed['error']}; what comes before it is replayed")
