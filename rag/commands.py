"""``atself index`` and ``atself recall``."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config.console import (
    emit_json,
    emit_mapping,
    home_option,
    json_option,
    progress,
    say,
    stdout,
)
from config.settings import Home, load

if TYPE_CHECKING:
    from ingest.archive import Archive
    from ingest.chat import Message
    from rag.index.building import Hooks
    from rag.index.manifest import IndexManifest
    from rag.recall import Recalled


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
    from rag.conversation import learn_replies
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
        if learn_replies(archive, Home(home).replies, now=_now()):
            say("learned from the chats' own replies who answers what")
    _report(manifest, time.monotonic() - started, as_json=as_json)


@click.command()
@click.argument("text")
@home_option
@json_option
@click.option("--chat", help="Only this chat: its id, or a title that is unique.")
@click.option(
    "--before",
    help="Only what was said before this moment (ISO 8601; UTC where it names no zone).",
)
@click.option("--limit", type=click.IntRange(min=1), default=5, show_default=True)
def recall(
    text: str, home: Path, as_json: bool, chat: str | None, before: str | None, limit: int
) -> None:
    """What the index brings back for TEXT, best first; nothing where nothing is relevant.

    \b
    Examples:
      atself recall "who has the spare key?"
      atself recall "片儿川" --chat telegram:1234 --before 2024-05-01 --json
    """
    from ingest.archive import Archive
    from rag.recall import Recall

    moment = None if before is None else _moment(before)
    settings = load(home)
    with Archive.open(Home(home).archive, pseudonyms=settings.ingest.pseudonyms) as archive:
        place = None if chat is None else _chat_id(archive, chat)
        with Recall.open(settings, Home(home), archive) as memory:
            found = memory.search(text, chat=place, before=moment, limit=limit)
    if as_json:
        emit_json([_as_json(recalled) for recalled in found])
    else:
        _show(found)


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


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is not a moment like 2024-05-01 or 2024-05-01T18:30", param_hint="--before"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _chat_id(archive: Archive, wanted: str) -> str:
    """The one chat with this id or title."""
    chats = archive.chats()
    found = [c.id for c in chats if c.id == wanted] or [
        c.id for c in chats if c.title.casefold() == wanted.casefold()
    ]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{c.id} ({c.title})" for c in chats[:8])
    problem = "is the title of several chats" if found else "is not a chat in the archive"
    raise click.BadParameter(f"{wanted!r} {problem}; there are: {known}", param_hint="--chat")


def _as_json(recalled: Recalled) -> dict[str, Any]:
    passage, similarity = recalled.passage, recalled.similarity
    return {
        "id": passage.id,
        "chat": passage.chat,
        "score": passage.score,
        "similarity": None if similarity is None else round(similarity, 4),
        "coverage": round(recalled.coverage, 3),
        "started_at": passage.started_at.isoformat(),
        "ended_at": passage.ended_at.isoformat(),
        "speakers": passage.speakers,
        "message_ids": passage.message_ids,
        "messages": [
            {
                "id": message.id,
                "sent_at": message.sent_at.isoformat(),
                "speaker": "self" if message.person.is_self else message.person.handle,
                "text": message.text,
            }
            for message in recalled.messages
        ],
        "text": passage.text,
    }


def _show(found: list[Recalled]) -> None:
    if not found:
        say("nothing relevant was said")
    for recalled in found:
        passage, similarity = recalled.passage, recalled.similarity
        meaning = "" if similarity is None else f"  meaning {similarity:.2f}"
        head = f"{passage.score:.2f}{meaning}  words {recalled.coverage:.2f}  {passage.chat}"
        stdout().print(head, style="bold", markup=False)
        stdout().print(passage.text + "\n", markup=False)
