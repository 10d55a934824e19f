"""``atself index``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
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
    from rag.index.building import Hooks
    from rag.index.manifest import IndexManifest


@click.command()
@home_option
@json_option
@click.option("--rebuild", is_flag=True, help="Start again, for instance with another embedder.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0),
    help="Stop after this long; the newest passages come first and a rerun goes on.",
)
@click.option("--embedder", help="Model for this index, instead of recall.embedder.")
def index(
    home: Path, as_json: bool, rebuild: bool, minutes: float | None, embedder: str | None
) -> None:
    """Build or refresh the search index over the archive.

    Only what is new or changed is done, and an interrupted run is continued. Meanwhile recall goes
    on with the index as it was; a rebuilt one takes its place when it is whole.

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
        _hooks(minutes) as hooks,
    ):
        manifest = build_index(
            archive, Home(home), settings, now=_now, hooks=hooks, rebuild=rebuild
        )
        _learn(archive, Home(home).replies, manifest.model.name, hooks)
    _report(manifest, time.monotonic() - started, as_json=as_json)


def _learn(archive: Archive, path: Path, embedder: str, hooks: Hooks) -> None:
    """Learn who answers what, as far as there is time."""
    from rag.conversation import learn_replies
    from rag.embedding.models import make_embedder

    started = time.monotonic()
    if hooks.is_over():
        return
    if learn_replies(archive, path, now=_now(), embedder=make_embedder(embedder)):
        seconds = time.monotonic() - started
        say(f"learned from the chats' own replies who answers what ({seconds:.0f} s)")


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def _hooks(minutes: float | None) -> Iterator[Hooks]:
    """Progress for both stages, and the time budget."""
    from rag.index.building import Hooks

    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    with progress() as display:

        def stage(name: str) -> Callable[[int, int], None]:
            task = display.add_task(name, total=None, note="", visible=False)

            def show(done: int, wanted: int) -> None:
                speed = display.tasks[task].speed
                note = f"{speed:,.0f}/s" if speed else ""
                display.update(task, completed=done, total=wanted, note=note, visible=True)

            return show

        yield Hooks(
            cut=stage("cutting passages"),
            advance=stage("embedding"),
            is_over=lambda: deadline is not None and time.monotonic() > deadline,
        )


def _report(manifest: IndexManifest, seconds: float, *, as_json: bool) -> None:
    if as_json:
        emit_json({**asdict(manifest), "seconds": round(seconds, 1)})
        return
    emit_mapping(
        {
            "passages": f"{manifest.passages:,}",
            "with a vector": f"{manifest.vectors:,}",
            "embedder": manifest.model.name,
            "seconds": f"{seconds:.1f}",
        }
    )
    if manifest.uncut or manifest.pending:
        left = f"{manifest.uncut:,} messages to cut, {manifest.pending:,} passages to embed"
        say(f"time is over: {left}; run again: atself index")
