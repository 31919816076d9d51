"""`hfx clean`: removes what dead engines, old compilations and old runs have left; never anything of an engine that runs."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from hydraflow.errors import InputOutputError, UsageError

if TYPE_CHECKING:
    from hydraflow.leftovers import Item

__all__ = ["clean"]

SCHEMA = "hfx.clean/1"
_DEFAULT = ("engines", "caches", "scratch")
_WORDS = {"engines": "engine", "caches": "code", "scratch": "scratch", "runs": "journal"}


@click.command()
@click.option("--engines", is_flag=True, help="Files of engines that have ended or died.")
@click.option("--caches", is_flag=True, help="Machine code that was not used for 30 days.")
@click.option("--scratch", is_flag=True, help="Temporary folders of killed replays and tests, a day old.")
@click.option("--runs", is_flag=True, help="Journals in the default folder, 30 days old.")
@click.option("--older-than", metavar="AGE", help="Another age than these: 90s, 15m, 12h, 30d, 4w.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help=f"Print a JSON object (schema {SCHEMA}); with --yes or --dry-run.")
def clean(older_than: str | None, dry_run: bool, yes: bool, as_json: bool, **kinds: bool) -> int:
    """Remove left-over files: of dead engines, old machine code, scratch; or only the kinds that are named. Journals only with --runs.

    Nothing of an engine that runs is removed, and nothing that a process has open. On a terminal it asks first.
    """
    from hydraflow.leftovers import age_of, survey

    age = age_of(older_than) if older_than is not None else None
    asks = not yes and not dry_run
    if asks and (as_json or not _on_terminal()):
        raise UsageError("nobody can answer whether to remove them", where="HF660", remedy="add --yes, or --dry-run to look only")
    items = survey([kind for kind, named in kinds.items() if named] or _DEFAULT, age)
    going = [item for item in items if not item.kept]
    if not as_json:
        _print(items, dry_run)
    if asks and going and not click.confirm(f"Remove {_count(len(going))}, {_size(sum(i.bytes for i in going))}?"):
        click.echo("nothing was removed")
        return 0
    removed, stayed, failed = ([], [], []) if dry_run else _remove(going)
    kept = [(item, item.kept) for item in items if item.kept] + stayed
    if as_json:
        _print_json(going if dry_run else removed, kept, failed, dry_run)
    elif not dry_run and going:
        click.echo(f"removed {_count(len(removed))}, {_size(sum(i.bytes for i in removed))}")
        for item, why in stayed:
            click.echo(f"kept {item.path}: {why}")
    if failed:
        raise InputOutputError(f"{_count(len(failed))} could not be removed, the first {failed[0][0].path}: {failed[0][1]}")
    return 0


def _remove(items: list[Item]) -> tuple[list[Item], list[tuple[Item, str]], list[tuple[Item, str]]]:
    from hydraflow.leftovers import remove

    removed, stayed, failed = [], [], []
    for item in items:
        try:
            why = remove(item)
        except OSError as error:
            failed.append((item, error.strerror or str(error)))
        else:
            stayed.append((item, why)) if why else removed.append(item)
    return removed, stayed, failed


def _print(items: list[Item], dry_run: bool) -> None:
    going = [item for item in items if not item.kept]
    if not items:
        click.echo("nothing is left over")
        return
    young = [item for item in items if item.young]
    for item in items:
        if item.young:
            continue
        verdict = f"kept: {item.kept}" if item.kept else item.why
        click.echo(f"{'keep' if item.kept else 'remove':<7}{_WORDS[item.kind]:<8} {_size(item.bytes):>9}  {_home(item.path)}")
        click.echo(f"{'':<26}{verdict}")
    for kind in dict.fromkeys(item.kind for item in young):
        same = [item for item in young if item.kind == kind]
        click.echo(f"{'keep':<7}{_WORDS[kind]:<8} {_size(sum(i.bytes for i in same)):>9}  {_count(len(same))}, {same[0].kept}")
    if dry_run or not going:
        click.echo(f"{'would remove ' if dry_run and going else ''}{_count(len(going)) if going else 'nothing to remove'}"
                   + (f", {_size(sum(i.bytes for i in going))}" if going else ""))


def _print_json(removed: list[Item], kept: list[tuple[Item, str]], failed: list[tuple[Item, str]], dry_run: bool) -> None:
    import json

    def row(item: Item, **more: Any) -> dict[str, Any]:
        return {"kind": item.kind, "path": str(item.path), "bytes": item.bytes, "age_seconds": round(item.age, 1), "why": item.why, **more}

    report = {
        "schema": SCHEMA, "dry_run": dry_run, "bytes": sum(item.bytes for item in removed),
        "removed": [row(item) for item in removed], "kept": [row(item, kept=why) for item, why in kept],
        "failed": [row(item, error=why) for item, why in failed],
    }
    click.echo(json.dumps(report, ensure_ascii=False, indent=2))


def _on_terminal() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def _home(path: Any) -> str:
    home = os.environ.get("HOME", "")
    text = str(path)
    return f"~{text[len(home):]}" if home and text.startswith(home.rstrip("/") + "/") else text


def _count(number: int) -> str:
    return f"{number:,} {'file or folder' if number == 1 else 'files and folders'}"


def _size(size: int) -> str:
    for limit, unit in ((1 << 30, "GiB"), (1 << 20, "MiB")):
        if size >= limit:
            return f"{size / limit:,.1f} {unit}"
    return f"{size / 1024:,.0f} KiB"
