"""`atself ingest`."""

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
    from ingest.importer import Report

_INGEST_EXAMPLES = """\b
Examples:
  atself ingest result.json --self "Kevin Buzzard"
  atself ingest exports/ old-chat.zip log.txt.gz --self @me
  atself ingest result.json --json | jq .skipped
  atself ingest posts.csv --map author=writer,text=post,time=when

Exports are recognised by their content, whatever their names: atself ingest --formats lists them.
A path may be a file, a .gz, a .zip or a folder. Importing a file again changes nothing.
"""


def _list_formats(context: click.Context, _option: click.Parameter, value: bool) -> None:
    if not value:
        return
    from ingest.parsers import PARSERS

    emit_table(("format", "recognised by its content"), ((p.name, p.expects) for p in PARSERS))
    context.exit()


@click.command(epilog=_INGEST_EXAMPLES)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--self",
    "me",
    multiple=True,
    metavar="WHO",
    help="Who you are: display name, handle or account. Repeat it for several accounts of yours.",
)
@click.option(
    "--map",
    "mapping",
    metavar="PART=COLUMN,…",
    help="Columns of CSV, TSV and JSONL: author, text and, where told, time, id, reply_to, chat.",
)
@click.option(
    "--formats",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_formats,
    help="List the exports that are recognised, and end.",
)
@home_option
@json_option
def ingest(
    paths: tuple[Path, ...],
    me: tuple[str, ...],
    mapping: str | None,
    home: Path,
    as_json: bool,
) -> None:
    """Read chat exports into the archive; whatever is left out is counted by reason."""
    from zoneinfo import ZoneInfo

    from config.settings import Home, load
    from ingest.archive import Archive
    from ingest.errors import IngestError, printable
    from ingest.importer import import_paths
    from ingest.media import hook_of
    from ingest.parsers.mapped import Columns
    from ingest.people_commands import settle_self

    settings = load(home)
    columns = Columns.of(mapping) if mapping is not None else None
    if not any(path.exists() for path in paths):
        where = printable(", ".join(map(str, paths)))
        raise IngestError(f"{where}: no such file or folder")
    with Archive.open(Home(home).archive, create=True) as archive:
        with _reading(paths) as (on_bytes, on_messages):
            report = import_paths(
                archive,
                paths,
                zone=ZoneInfo(settings.ingest.time_zone),
                columns=columns,
                hook=hook_of(settings.media, archive),
                on_bytes=on_bytes,
                on_messages=on_messages,
            )
        if report.files and (me or archive.people()):
            report.problems += settle_self(archive, me)
            archive.settle()  # where several accounts became one self
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
        "files_known": report.known,
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
        **({"files known": f"{result['files_known']:,}"} if result["files_known"] else {}),
    }


@contextmanager
def _reading(
    paths: tuple[Path, ...],
) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """A progress bar over the bytes on disk of all inputs, with the messages met so far."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    from config.console import stderr
    from ingest.sources import bytes_of

    columns = (
        TextColumn("reading"),
        BarColumn(bar_width=28),
        DownloadColumn(),
        TransferSpeedColumn(),
        TextColumn("{task.fields[messages]:,} messages"),
        TimeRemainingColumn(),
    )
    console = stderr()
    with Progress(*columns, console=console, disable=not console.is_terminal) as display:
        task = display.add_task("reading", total=sum(map(bytes_of, paths)), messages=0)
        met = 0

        def count(messages: int) -> None:
            nonlocal met
            met += messages
            display.update(task, messages=met)

        yield lambda read: display.update(task, advance=read), count
