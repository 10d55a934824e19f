"""``atself index``."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.console import (
    emit_json,
    emit_mapping,
    home_option,
    json_option,
    progress,
    say,
)
from config.settings import Home, load

if TYPE_CHECKING:
    from ingest.archive import Archive
    from ingest.chat import Message
    from rag.index.building import Hooks
    from rag.index.manifest import IndexManifest


@click.command()
@home_option
@json_option
@click.option("--rebuild", is_flag=True, help="Start again, for instance with another embedder.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0),
    help="Stop embedding after this long; the newest passages come first and a rerun goes on.",
)
@click.option("--embedder", help="Model for this index, instead of recall.embedder.")
def index(
    home: Path, as_json: bool, rebuild: bool, minutes: float | None, embedder: str | None
) -> None:
    """Build or refresh the search index over the archive.

    Only what is new or changed is done, and an interrupted run is continued.

    \b
    Examples:
      atself index
      atself index --minutes 5
      atself index --rebuild --embedder multilingual-e5-small
    """
    from ingest.archive import Archive
    from rag.index.building import build_index

    settings = load(home, recall__embedder=embedder)
    started = time.monotonic()
    pseudonyms = settings.ingest.pseudonyms
    with (
        Archive.open(Home(home).archive, pseudonyms=pseudonyms) as archive,
        _hooks(archive, minutes) as hooks,
    ):
        manifest = build_index(
            archive, Home(home), settings, now=_now, hooks=hooks, rebuild=rebuild
        )
    _report(manifest, time.monotonic() - started, as_json=as_json)


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def _hooks(archive: Archive, minutes: float | None) -> Iterator[Hooks]:
    """Progress for both stages, and the time budget."""
    from rag.index.building import Hooks

    total = archive.counts().messages
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    with progress() as display:
        cutting = display.add_task("cutting passages", total=total, note="", visible=False)
        embedding = display.add_task("embedding", total=None, note="", visible=False)

        def watch(messages: Iterable[Message]) -> Iterator[Message]:
            for count, message in enumerate(messages, 1):
                yield message
                if count % 256 == 0:
                    display.update(cutting, completed=count, visible=True)
            display.update(cutting, completed=total)

        def advance(done: int, wanted: int) -> None:
            task = next(task for task in display.tasks if task.id == embedding)
            note = f"{task.speed:,.0f}/s" if task.speed else ""
            display.update(embedding, completed=done, total=wanted, note=note, visible=True)

        yield Hooks(
            watch=watch,
            advance=advance,
            is_over=lambda: deadline is not None and time.monotonic() > deadline,
        )


def _report(manifest: IndexManifest, seconds: float, *, as_json: bool) -> None:
    if as_json:
        emit_json({**asdict(manifest), "seconds": round(seconds, 1)})
        return
    emit_mapping(
        {
            "passages": f"{manifest.passages:,}",
            "with a vector": f"{manifest.vectors:,} (those in which @self speaks)",
            "embedder": manifest.model.name,
            "seconds": f"{seconds:.1f}",
        }
    )
    if manifest.pending:
        say(f"{manifest.pending:,} passages still need a vector; run again: atself index")
