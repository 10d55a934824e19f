"""All conversations at once: which room a message belongs to, and what was said where lately."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from bot.platforms.base import platform_of
from bot.recorder import Recorder
from bot.rooms import LINES, Crew, Place, Presence, Room
from ingest.chat import Account, Conversation

ROOMS = 256
"""Conversations held in memory, the latest; others are read from the archive again."""
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


class House:
    """The rooms, the bot's presence in each chat, and how often it answered whom."""

    def __init__(self, recorder: Recorder, now: Callable[[], datetime]) -> None:
        self._recorder, self._now = recorder, now
        self._rooms: OrderedDict[Place, Room] = OrderedDict()
        self._opening: dict[Place, asyncio.Future[Room]] = {}
        self._presences: dict[str, Presence] = defaultdict(Presence)
        self._said_to: dict[tuple[str, str], deque[datetime]] = {}
        self._chats: dict[str, Conversation] = {}
        self._newest: dict[str, str] = {}

    @property
    def rooms(self) -> Sequence[Room]:
        """The rooms in memory, the one used last at the end."""
        return tuple(self._rooms.values())

    def conversation(self, chat: str) -> Conversation:
        """The chat of this id."""
        platform = platform_of(chat)
        return self._chats.get(chat) or Conversation(chat, "", platform)

    def newest(self, chat: str) -> str | None:
        """The newest message known of a chat."""
        return self._newest.get(chat)

    def note(self, chat: Conversation, message: str) -> None:
        """A message came in a chat."""
        self._chats[chat.id] = chat
        self._newest[chat.id] = message

    def know(self, chats: Iterable[Conversation]) -> None:
        """These chats were known before."""
        self._chats.update((chat.id, chat) for chat in chats)

    def presence(self, chat: str) -> Presence:
        """What the bot did in a chat lately."""
        presence = self._presences[chat]
        _expire(presence.said, self._now() - _DAY)
        return presence

    def said_to(self, account: Account) -> Sequence[datetime]:
        """When the bot answered this account during the last hour, anywhere."""
        times = self._said_to.get((account.platform, account.key))
        if times is None:
            return ()
        _expire(times, self._now() - _HOUR)
        return tuple(times)

    def spoke(self, chat: str, account: Account | None, at: datetime, *, to_bot: bool) -> None:
        """The bot answered somebody (None: unknown) in a chat."""
        presence = self.presence(chat)
        presence.said.append(at)
        presence.bots_in_a_row = presence.bots_in_a_row + 1 if to_bot else 0
        if account is not None:
            key = account.platform, account.key
            self._said_to.setdefault(key, deque(maxlen=1000)).append(at)
            self._forget_the_quiet()

    async def room(self, place: Place, crew: Crew) -> Room:
        """The room of a place, its history read where it is new."""
        room = self._rooms.get(place)
        if room is None:
            opening = self._opening.get(place)
            if opening is None:
                opening = self._opening[place] = asyncio.ensure_future(self._open(place, crew))
            room = await asyncio.shield(opening)
        self._rooms.move_to_end(place)
        return room

    def open_rooms(self, chat: str) -> list[Room]:
        """The rooms of a chat that are in memory."""
        return [room for place, room in self._rooms.items() if place.chat == chat]

    def move(self, old: str, new: Conversation) -> None:
        """A chat goes on under another id."""
        self._chats[new.id] = self._chats[old] = new
        if old in self._presences:
            self._presences[new.id] = self._presences.pop(old)
        if old in self._newest:
            self._newest[new.id] = self._newest.pop(old)
        for place in [place for place in self._rooms if place.chat == old]:
            room = self._rooms.pop(place)
            room.place = Place(new.id, place.topic)
            self._rooms[room.place] = room

    async def close(self) -> None:
        """End the work in all rooms."""
        await asyncio.gather(*(room.close() for room in self.rooms))

    async def _open(self, place: Place, crew: Crew) -> Room:
        try:
            history = await self._recorder.history(place.chat, place.topic, LINES)
            room = self._rooms[place] = Room(place, history, self.presence(place.chat), crew)
            self._let_go()
            return room
        finally:
            del self._opening[place]

    def _let_go(self) -> None:
        """Forget rooms that nothing goes on in, the longest unused first."""
        idle = [place for place, room in self._rooms.items() if not room.is_busy]
        for place in idle[: max(0, len(self._rooms) - ROOMS)]:
            del self._rooms[place]

    def _forget_the_quiet(self) -> None:
        limit = self._now() - _HOUR
        for key in [key for key, times in self._said_to.items() if not times or times[-1] < limit]:
            del self._said_to[key]


def _expire(times: deque[datetime], limit: datetime) -> None:
    while times and times[0] < limit:
        times.popleft()
