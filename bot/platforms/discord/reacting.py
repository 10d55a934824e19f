"""Reactions: Discord tells who adds or takes back which; what is passed on is how they stand.

Messages heard as they were said are counted here, by who reacted (an event told twice changes
nothing); of others the reactions are read. discord.py's own cache is off: it changes messages that
wait to be passed on.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import discord

from bot.platforms.base import Reacted, Vote
from bot.platforms.discord import telling
from ingest.chat import Reaction
from ingest.parsers import discord as exported

if TYPE_CHECKING:
    from bot.platforms.discord.session import Session


class Reacting:
    """The reactions under the messages of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._tallies = session.memory.tallies
        self._to_tell: dict[tuple[int, int], list[Vote]] = {}

    def handlers(self) -> Iterable[Any]:
        """What discord.py is to call, by its names for the events."""
        return (
            self.on_raw_reaction_add,
            self.on_raw_reaction_remove,
            self.on_raw_reaction_clear,
            self.on_raw_reaction_clear_emoji,
        )

    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        """Somebody reacted."""
        if (tally := self._tallies.get(payload.message_id)) is not None:
            tally.setdefault(_name(payload), set()).add(payload.user_id)
        self._put(payload, _vote(payload))

    async def on_raw_reaction_remove(self, payload: discord.RawReactionActionEvent) -> None:
        """Somebody took a reaction back."""
        if (tally := self._tallies.get(payload.message_id)) is not None:
            tally.get(_name(payload), set()).discard(payload.user_id)
        self._put(payload, _vote(payload, is_taken_back=True))

    async def on_raw_reaction_clear(self, payload: discord.RawReactionClearEvent) -> None:
        """All reactions were taken away."""
        if (tally := self._tallies.get(payload.message_id)) is not None:
            tally.clear()
        self._put(payload)

    async def on_raw_reaction_clear_emoji(
        self, payload: discord.RawReactionClearEmojiEvent
    ) -> None:
        """One emoji was taken away."""
        if (tally := self._tallies.get(payload.message_id)) is not None:
            tally.pop(_name(payload), None)
        self._put(payload)

    def _put(self, payload: Any, *votes: Vote) -> None:
        """One look for many events; none for chats the bot has no business in."""
        key = (payload.channel_id, payload.message_id)
        places = self._session.places(payload.channel_id, payload.guild_id)
        if key in self._to_tell:
            self._to_tell[key].extend(votes)
            return
        if not self._session.is_allowed(telling.chat_id(key[0]), places):
            return
        self._to_tell[key] = list(votes)
        self._session.lanes.put(key[0], partial(self._tell, *key, places))

    async def _tell(self, channel: int, message: int, places: tuple[str, ...]) -> None:
        votes = tuple(self._to_tell.pop((channel, message), ()))
        try:
            reactions = await self._standing(channel, message)
        except (discord.NotFound, discord.Forbidden):
            return
        chat = telling.chat_id(channel)
        await self._session.post(Reacted(chat, f"{chat}:{message}", reactions, places, votes))

    async def _standing(self, channel: int, message: int) -> tuple[Reaction, ...]:
        tally = self._tallies.get(message)
        if tally is None:
            where = self._session.get_partial_messageable(channel)
            return telling.reactions_of(await where.fetch_message(message))
        return tuple(exported.reaction(name, len(users)) for name, users in tally.items() if users)


def _vote(payload: Any, *, is_taken_back: bool = False) -> Vote:
    return Vote(f"{exported.PLATFORM}:{payload.user_id}", _name(payload), is_taken_back)


def _name(payload: Any) -> str:
    return str(payload.emoji.name or "")
