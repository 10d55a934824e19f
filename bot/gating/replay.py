"""The archive told again as the running bot would have heard it, message by message."""

from __future__ import annotations

import heapq
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bot.gating.situation import Situation
from bot.platforms.base import Address
from ingest.archive import Archive
from ingest.chat import Kind, Message, Person

LINES = 200
"""Messages of a room that the bot holds (``bot.rooms``)."""
_REMEMBERED = 4000
"""Messages of @self that a reply is recognised to answer."""


@dataclass
class _Room:
    lines: deque[Message] = field(default_factory=lambda: deque(maxlen=LINES))
    own: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def hear(self, message: Message) -> None:
        self.lines.append(message)
        if message.person.is_self:
            self.own[message.id] = None
            if len(self.own) > _REMEMBERED:
                self.own.popitem(last=False)


def told_again(messages: Iterable[Message], me: Person) -> Iterator[tuple[Message, Situation]]:
    """Each message with the situation at its moment; messages of several chats may alternate."""
    rooms: dict[str, _Room] = {}
    for message in messages:
        room = rooms.setdefault(message.chat, _Room())
        address = _address(message, room, me)
        room.hear(message)
        yield message, Situation(message.sent_at, message, address, tuple(room.lines))


def in_order(archive: Archive, chats: Iterable[str]) -> Iterator[Message]:
    """What was said in several chats, by time; notices of the platform are left out."""
    streams = [archive.messages(chat) for chat in chats]
    merged = heapq.merge(*streams, key=lambda message: message.sent_at)
    return (message for message in merged if message.kind is not Kind.SERVICE)


def _address(message: Message, room: _Room, me: Person) -> Address:
    """How the platform would have told that the message turns to @self."""
    if message.reply_to in room.own:
        return Address.REPLY
    return Address.MENTION if me.handle in message.mentions else Address.NONE
