"""Chats to answer in turn, cut from one archive: real lines, real pauses, real turns of @self."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ingest.archive import Archive
from ingest.chat import Message

HISTORY = 300
"""Lines of a chat the bot has at hand."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A moment before a turn of @self: the history up to the message answered."""

    chat: str
    history: tuple[Message, ...]


def alternating(messages: Sequence[Message], *, chats: int, turns: int) -> Iterator[Asked]:
    """``turns`` turns of @self in each of ``chats`` stretches, one chat after the other.

    The stretches are spread over all of ``messages`` (one chat, oldest first) and count as chats
    of their own.
    """
    places = [
        place
        for place in range(HISTORY, len(messages) - 1)
        if messages[place + 1].person.is_self and not messages[place].person.is_self
    ]
    starts = np.linspace(0, max(0, len(places) - turns), chats, dtype=int)
    for turn in range(turns):
        for number, start in enumerate(starts.tolist()):
            if start + turn < len(places):
                yield _asked(messages, places[start + turn], f"test:{number}")


def _asked(messages: Sequence[Message], place: int, chat: str) -> Asked:
    history = messages[place + 1 - HISTORY : place + 1]
    return Asked(chat, tuple(replace(message, chat=chat) for message in history))


def longest_chat(archive: Archive) -> list[Message]:
    """The messages of the chat in which most was said, oldest first."""
    counts = archive.chat_counts()
    return list(archive.messages(chat=max(counts, key=lambda chat: counts[chat])))
