"""`atself ingest`, `atself dataset`."""

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

Formats: Telegram Desktop JSON (one chat or a whole account), plain "@speaker: text" logs; plain,
.gz, .zip or a folder of them. Importing a file again changes nothing.
"""
_DATASET_EXAMPLES = """\b
Examples:
  atself dataset             build it from the archive
  atself dataset --json      and print its manifest
"""


@click.command(epilog=_INGEST_EXAMPLES)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--self",
    "me",
    multiple=True,
    metavar="WHO",
    help="Who you are: display name, handle or account. Repeat it for several accounts of yours.",
)
@home_option
@json_option
def ingest(paths: tuple[Path, ...], me: tuple[str, ...], home: Path, as_json: bool) -> None:
    """Read chat exports into the archive; whatever is left out is counted by reason."""
    from zoneinfo import ZoneInfo

    from config.settings import Home, load
    from ingest.archive import Archive
    from ingest.errors import IngestError
    from ingest.importer import import_paths
    from ingest.people_commands import settle_self

    settings = load(home)
    if not any(path.exists() for path in paths):
        raise IngestError(f"{', '.join(map(str, paths))}: no such file or folder")
    with Archive.open(Home(home).archive, create=True) as archive:
        with _bytes_read(paths) as on_bytes:
            zone = ZoneInfo(settings.ingest.time_zone)
            report = import_paths(archive, paths, zone=zone, on_bytes=on_bytes)
        if report.files and (me or archive.people()):
            report.problems += settle_self(archive, me)
        _print(_summary(archive, report), as_json=as_json)
    for problem in report.problems[:-1]:
        say(f"error: {problem}")
    if report.problems:
        raise IngestError(report.problems[-1])


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
        "settled": asdict(report.settled),
        "skipped": dict(report.skipped.most_common()),
        "problems": report.problems,
    }


def _flat(result: dict[str, Any]) -> dict[str, object]:
    skipped = ", ".join(f"{count:,} {reason}" for reason, count in result["skipped"].items())
    added = result["added"]
    from ingest.people_commands import settled_lines

    return {
        "messages": f"{result['messages']:,} ({added['new']:,} new, {added['changed']:,} changed)",
        "by @self": f"{result['self_messages']:,}",
        "people": f"{result['people']:,}",
        "chats": f"{result['chats']:,}",
        "replies": f"{result['replies']:,}",
        **settled_lines(result["settled"]),
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
    pseudonyms = settings.ingest.pseudonyms
    with (
        Archive.open(place.archive, pseudonyms=pseudonyms) as archive,
        _working("cutting windows"),
    ):
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
