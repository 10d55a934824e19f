"""The held-out period as it happened: message after message, each with what the room showed."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.rooms import LINES
from ingest.archive import Archive
from ingest.chat import Conversation, Message
from ingest.threads import BURST

BLOCK = 100
"""Messages of a chat without times that count as one conversation, as a day does elsewhere."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A message, and the room before it: at most LINES messages of its chat and topic.

    ``number`` counts the chat's messages from 0.
    """

    message: Message
    room: Sequence[Message]
    number: int


def moments(
    archive: Archive, chat: str, start: datetime, end: datetime, topics: Mapping[str, str]
) -> Iterator[Moment]:
    """The messages of a chat from ``start`` to ``end``, both included, oldest first."""
    rooms: dict[str | None, deque[Message]] = defaultdict(lambda: deque(maxlen=LINES))
    for message in archive.history(chat, before=start, limit=2 * LINES):
        rooms[topics.get(message.id)].append(message)
    stream = archive.messages(chat, after=start, before=end + timedelta(milliseconds=1))
    for number, message in enumerate(stream):
        room = rooms[topics.get(message.id)]
        yield Moment(message, tuple(room), number)
        room.append(message)


def burst_of(room: Sequence[Message], id: str) -> list[Message]:
    """The lines around message ``id`` that its author wrote without a pause, oldest first."""
    place = next((at for at, message in enumerate(room) if message.id == id), None)
    if place is None:
        return []
    author = room[place].person.id
    before = [message for message in reversed(room[:place]) if message.person.id == author]
    after = [message for message in room[place + 1 :] if message.person.id == author]
    found = [room[place]]
    for message in before:
        if found[0].sent_at - message.sent_at > BURST:
            break
        found.insert(0, message)
    for message in after:
        if message.sent_at - found[-1].sent_at > BURST:
            break
        found.append(message)
    return found


def cluster_of(chat: Conversation, moment: Moment) -> str:
    """What moments share that are of one conversation: the day, or a block of the log."""
    if chat.has_times:
        return f"{chat.id} {moment.message.sent_at:%Y-%m-%d}"
    return f"{chat.id} {moment.number // BLOCK}"
