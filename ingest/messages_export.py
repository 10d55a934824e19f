"""Every message of the archive as JSON lines, which `atself ingest` and anything else can read.

A line has ``id``, ``chat``, ``title``, ``author`` (``@handle``, ``@self``), ``time`` (ISO 8601,
UTC), ``text``, ``kind`` and ``reply_to``, and where there are any ``edited_at``, ``forwarded_from``
and ``is_bot``. What was redacted in datasets is not redacted here: these are the messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from ingest.archive import Archive
from ingest.chat import Message

FILE = "messages.jsonl"


def export_messages(archive: Archive, folder: Path) -> int:
    """Write all messages to ``folder``, chat by chat, oldest first; returns how many.

    The file is put in its place when it is whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{FILE}.part"
    count = 0
    with part.open("wb") as file:
        for record in records(archive):
            file.write(orjson.dumps(record) + b"\n")
            count += 1
    part.replace(folder / FILE)
    return count


def records(archive: Archive) -> Iterator[dict[str, Any]]:
    """One record per message."""
    for chat in archive.chats():
        for message in archive.messages(chat.id):
            yield _record(message, chat.title)


def _record(message: Message, title: str) -> dict[str, Any]:
    person = message.person
    edited_at = message.edited_at
    optional = {
        "edited_at": edited_at and edited_at.isoformat(),
        "forwarded_from": message.forwarded_from,
        "is_bot": person.is_bot or None,
    }
    return {
        "id": message.id,
        "chat": message.chat,
        "title": title,
        "author": "@self" if person.is_self else f"@{person.handle}",
        "time": message.sent_at.isoformat(),
        "text": message.text,
        "kind": str(message.kind),
        "reply_to": message.reply_to,  # in every line: columns are known by the first
        **{key: value for key, value in optional.items() if value is not None},
    }
