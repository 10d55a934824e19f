"""`atself ingest`, `atself people`, `atself dataset`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config.console import emit_json, emit_mapping, emit_table, home_option, json_option, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.archive import Archive
    from ingest.dataset import DatasetManifest
    from ingest.importer import Report

_INGEST_EXAMPLES = """\b
Examples:
  atself ingest result.json --self "Kevin Buzzard"
  atself ingest exports/ old-chat.zip log.txt.gz --self @me
  atself ingest result.json --json | jq .skipped
  atself ingest posts.csv --map author=writer,text=post,time=when

Formats: Telegram Desktop JSON (one chat or a whole account), WeChat, QQ, IRC logs, tables (CSV,
TSV, JSONL), plain "@speaker: text" logs; plain, .gz, .zip or a folder of them. Importing a file
again changes nothing.
"""
_PEOPLE_EXAMPLES = """\b
Examples:
  atself people                        everyone, busiest first
  atself people --self "Kevin Buzzard"   say who @self is
  atself people --json
"""
_DATASET_EXAMPLES = """\b
Examples:
  atself dataset             build it from the archive
  atself dataset --json      and print its manifest
"""


@click.command(epilog=_INGEST_EXAMPLES)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--self", "me", metavar="WHO", help="Who you are: display name, handle or account.")
@click.option(
    "--map",
    "mapping",
    metavar="PART=COLUMN,…",
    help="Columns of CSV, TSV and JSONL: author, text and, where told, time, id, reply_to, chat.",
)
@home_option
@json_option
def ingest(
    paths: tuple[Path, ...], me: str | None, mapping: str | None, home: Path, as_json: bool
) -> None:
    """Read chat exports into the archive; whatever is left out is counted by reason."""
    from zoneinfo import ZoneInfo

    from config.settings import Home, load
    from ingest.archive import Archive
    from ingest.errors import IngestError
    from ingest.importer import import_paths
    from ingest.parsers.mapped import Columns

    settings = load(home)
    columns = Columns.of(mapping) if mapping is not None else None
    if not any(path.exists() for path in paths):
        raise IngestError(f"{', '.join(map(str, paths))}: no such file or folder")
    with Archive.open(Home(home).archive, create=True) as archive:
        with _bytes_read(paths) as on_bytes:
            zone = ZoneInfo(settings.ingest.time_zone)
            report = import_paths(archive, paths, zone=zone, columns=columns, on_bytes=on_bytes)
        if report.files and (me is not None or archive.people()):
            _settle_self(archive, me, report)
        _print(_summary(archive, report), as_json=as_json)
    for problem in report.problems[:-1]:
        say(f"error: {problem}")
    if report.problems:
        raise IngestError(report.problems[-1])


def _settle_self(archive: Archive, who: str | None, report: Report) -> None:
    """Set @self, or say that nobody is; a wrong name must not undo an import."""
    from ingest.errors import ArchiveError

    try:
        if who is not None:
            archive.set_self(who)
        archive.me()
    except ArchiveError as error:
        if who is None:
            say(f"note: {error}")
        else:
            report.problems.append(f"--self: {error}")


def _print(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit_json(result)
    elif result["files"]:
        emit_mapping(_flat(result))


def _summary(archive: Archive, report: Report) -> dict[str, Any]:
    return {
        **asdict(archive.counts()),
        "files": report.files,
        "added": asdict(report.added),
        "skipped": dict(report.skipped.most_common()),
        "problems": report.problems,
    }


def _flat(result: dict[str, Any]) -> dict[str, object]:
    skipped = ", ".join(f"{count:,} {reason}" for reason, count in result["skipped"].items())
    added = result["added"]
    return {
        "messages": f"{result['messages']:,} ({added['new']:,} new, {added['changed']:,} changed)",
        "by @self": f"{result['self_messages']:,}",
        "people": f"{result['people']:,}",
        "chats": f"{result['chats']:,}",
        "replies": f"{result['replies']:,}",
        "skipped": skipped or "nothing",
    }


@contextmanager
def _bytes_read(paths: tuple[Path, ...]) -> Iterator[Callable[[int], None]]:
    """A progress bar over the bytes of all inputs."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    from config.console import stderr

    files = (file for path in paths for file in ([path] if path.is_file() else path.rglob("*")))
    total = sum(file.stat().st_size for file in files if file.is_file())
    columns = (
        TextColumn("reading"),
        BarColumn(bar_width=28),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    console = stderr()
    with Progress(*columns, console=console, disable=not console.is_terminal) as display:
        task = display.add_task("reading", total=total)
        yield lambda count: display.update(task, advance=count)


@click.command(epilog=_PEOPLE_EXAMPLES)
@click.option("--self", "me", metavar="WHO", help="Make this person @self.")
@click.option("--limit", default=30, show_default=True, help="How many to list; 0 lists all.")
@home_option
@json_option
def people(me: str | None, limit: int, home: Path, as_json: bool) -> None:
    """Who is in the archive: handles, names, message counts; and who is @self."""
    from config.settings import Home
    from ingest.archive import Archive

    with Archive.open(Home(home).archive) as archive:
        if me is not None:
            chosen = archive.set_self(me)
            say(f"@self is now {chosen.name} (@{chosen.handle})")
        rows = _people_rows(archive)
    shown = rows if as_json or not limit else rows[:limit]
    if as_json:
        emit_json(shown)
        return
    emit_table(
        ("handle", "messages", "names", ""),
        (
            (f"@{row['handle']}", f"{row['messages']:,}", ", ".join(row["names"]), _role(row))
            for row in shown
        ),
    )
    if len(shown) < len(rows):
        say(f"{len(rows) - len(shown):,} more; --limit 0 lists all")


def _people_rows(archive: Archive) -> list[dict[str, Any]]:
    counts = archive.message_counts()
    rows = [
        {
            "handle": person.handle,
            "messages": counts.get(person.id, 0),
            "names": list(person.names),
            "accounts": [f"{account.platform}:{account.key}" for account in person.accounts],
            "is_self": person.is_self,
            "is_bot": person.is_bot,
        }
        for person in archive.people()
    ]
    return sorted(rows, key=lambda row: (-row["messages"], row["handle"]))


def _role(row: dict[str, Any]) -> str:
    return "@self" if row["is_self"] else "bot" if row["is_bot"] else ""


@click.command(epilog=_DATASET_EXAMPLES)
@home_option
@json_option
def dataset(home: Path, as_json: bool) -> None:
    """Cut the archive into training windows: train, validation and test, split by time."""
    from datetime import UTC, datetime

    from config.settings import Home, load
    from ingest.archive import Archive
    from ingest.dataset import build
    from ingest.memory import recaller

    settings, place = load(home), Home(home)
    with Archive.open(place.archive) as archive, _working("cutting windows"):
        recall = recaller(archive, settings) if settings.recall.enabled else None
        manifest = build(archive, place.dataset, settings, now=datetime.now(UTC), recall=recall)
    if as_json:
        emit_json(asdict(manifest))
    else:
        _show(manifest)


@contextmanager
def _working(what: str) -> Iterator[None]:
    from config.console import stderr

    console = stderr()
    if console.is_terminal:
        with console.status(what):
            yield
    else:
        yield


def _show(manifest: DatasetManifest) -> None:
    emit_table(
        ("split", "windows", "replies", "messages", "tokens (est.)"),
        (
            (name, f"{x.windows:,}", f"{x.replies:,}", f"{x.messages:,}", f"{x.tokens:,}")
            for name, x in manifest.splits.items()
        ),
    )
    languages = ", ".join(f"{code} {share:.0%}" for code, share in manifest.languages.items())
    dropped = ", ".join(f"{count:,} {reason}" for reason, count in manifest.dropped.items())
    emit_mapping({"languages": languages, "left out": dropped or "nothing", "hash": manifest.hash})
