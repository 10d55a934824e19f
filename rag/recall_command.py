"""``atself recall``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config.console import emit_json, home_option, json_option, say, stdout
from config.settings import Home, load

if TYPE_CHECKING:
    from ingest.archive import Archive
    from rag.recall import Recalled

EXAMPLES = """\b
Examples:
  atself recall "who has the spare key?"
  atself recall "片儿川" --chat telegram:1234 --before 2024-05-01 --json
"""


@click.command(epilog=EXAMPLES)
@click.argument("text")
@home_option
@json_option
@click.option(
    "--chat",
    help="What may be recalled in this chat (its id, or a title that is unique): what was said "
    "there, own writings, and statements of @self from chats marked shareable.",
)
@click.option(
    "--before",
    help="Only what was said before this moment (ISO 8601; UTC where it names no zone).",
)
@click.option("--limit", type=click.IntRange(min=1), default=5, show_default=True)
def recall(
    text: str, home: Path, as_json: bool, chat: str | None, before: str | None, limit: int
) -> None:
    """What memory brings back for TEXT, best first; nothing where nothing is relevant.

    Without --chat everything is searched, private chats too: the archive is yours. The bot never
    does that; in a chat it recalls what --chat shows.
    """
    from ingest.archive import Archive
    from rag.recall import Recall

    moment = None if before is None else _moment(before)
    settings = load(home)
    with Archive.open(Home(home).archive, pseudonyms=settings.ingest.pseudonyms) as archive:
        place = None if chat is None else _chat_id(archive, chat)
        titles = {known.id: known.title for known in archive.chats()}
        with Recall.open(settings, Home(home), archive) as memory:
            found = memory.search(text, chat=place, before=moment, limit=limit)
    if as_json:
        emit_json([_as_json(recalled, titles) for recalled in found])
    else:
        _show(found, titles)


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


def _as_json(recalled: Recalled, titles: dict[str, str]) -> dict[str, Any]:
    passage, similarity = recalled.passage, recalled.similarity
    return {
        "id": passage.id,
        "chat": passage.chat,
        "title": titles.get(passage.chat, ""),
        "score": passage.score,
        "similarity": None if similarity is None else round(similarity, 4),
        "words": round(recalled.words, 3),
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


def _show(found: list[Recalled], titles: dict[str, str]) -> None:
    if not found:
        say("nothing relevant was said")
    for recalled in found:
        passage, similarity = recalled.passage, recalled.similarity
        meaning = "" if similarity is None else f"  meaning {similarity:.2f}"
        place = f"{titles.get(passage.chat, '')} ({passage.chat})"
        head = f"{passage.score:.2f}{meaning}  words {recalled.words:.2f}  {place}"
        stdout().print(head, style="bold", markup=False)
        stdout().print(passage.text + "\n", markup=False)
