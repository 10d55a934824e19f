"""Messages, edits and deletions of a session, passed on once and in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import discord

from bot.platforms.base import Address, Commanded, Deleted, Heard
from bot.platforms.discord import telling
from bot.platforms.discord.commands import command_typed
from bot.platforms.discord.memory import Known, bare
from bot.platforms.discord.notices import ChannelNotice
from ingest.chat import RawMessage

if TYPE_CHECKING:
    from bot.platforms.discord.session import Session


class Hearing:
    """What is said in the channels of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._memory = session.memory
        self._was_warned = False

    def handlers(self) -> Iterable[Any]:
        """What discord.py is to call, by its names for the events."""
        return (
            self.on_message,
            self.on_raw_message_edit,
            self.on_raw_message_delete,
            self.on_raw_bulk_message_delete,
        )

    async def on_message(self, message: discord.Message) -> None:
        """Queue what was said; the bot's own messages only tell that they arrived."""
        self._memory.authors[message.id] = message.author.id
        if self._session.is_me(message.author):
            self._memory.note_own(message)
        else:
            self._memory.tallies[message.id] = {}
            self._session.lanes.put(message.channel.id, partial(self.hear, message))

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Queue an edit, also of a message never seen here."""
        self._session.lanes.put(payload.channel_id, partial(self.hear_again, payload.message))

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """Queue a deletion."""
        self._deleted(payload.channel_id, payload.guild_id, [payload.message_id])

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """Queue many deletions."""
        self._deleted(payload.channel_id, payload.guild_id, sorted(payload.message_ids))

    async def hear(self, message: discord.Message, *, is_caught_up: bool = False) -> None:
        """Pass on a message, once; one that this session was told of is not caught up."""
        is_caught_up = is_caught_up and message.id not in self._memory.tallies
        known = self._memory.known.get(message.id)
        if known is not None and known.was_said:
            return
        await self._complete(message)
        raw = telling.told(message, self._memory.shown)
        if known is not None and raw is not None and raw.edited_at is None:
            raw = known.message  # its edit overtook it
        if raw is None:
            self._check_content(message)
        else:
            await self._pass_on(message, raw, is_caught_up=is_caught_up)
            self._memory.known[message.id] = Known(bare(raw), was_said=True)
        if self._session.is_allowed_in(message.channel):
            self._session.marks.note(message.channel.id, message.id)

    async def hear_again(self, message: discord.Message, *, is_caught_up: bool = False) -> None:
        """Pass on an edit; what Discord adds by itself (previews, pins) is none."""
        if self._session.is_me(message.author):
            return
        await self._complete(message)
        known = self._memory.known.get(message.id)
        raw = telling.told(message, self._memory.shown)
        if raw is None or (known is None and raw.edited_at is None):
            return
        if known is not None and known.message == bare(raw):
            return
        await self._session.post(
            Heard(
                raw,
                await self._address(message),
                places=telling.places_of(message.channel),
                is_edit=True,
                is_caught_up=is_caught_up,
            )
        )
        was_said = known is not None and known.was_said
        self._memory.known[message.id] = Known(bare(raw), was_said=was_said)

    async def _pass_on(
        self, message: discord.Message, raw: RawMessage, *, is_caught_up: bool
    ) -> None:
        places = telling.places_of(message.channel)
        assert self._session.user is not None
        typed = command_typed(message.content, self._session.user.id, self._memory.words)
        if typed is not None and not message.author.bot and not is_caught_up:
            channel = self._session.get_partial_messageable(message.channel.id)
            answer = ChannelNotice(channel, self._session.marks)
            command = Commanded(raw.id, raw.chat, raw.author, *typed, answer, places=places)
            return await self._session.post(command)
        address = await self._address(message)
        return await self._session.post(
            Heard(raw, address, places=places, is_caught_up=is_caught_up)
        )

    async def _address(self, message: discord.Message) -> Address:
        assert self._session.user is not None
        answered = None
        if message.type is discord.MessageType.reply and message.reference is not None:
            answered = await self._answered(message, message.reference)
        return telling.address_of(message, self._session.user.id, answered)

    async def _answered(
        self, message: discord.Message, reference: discord.MessageReference
    ) -> int | None:
        """Who wrote what ``message`` replies to, None where that is gone."""
        if isinstance(reference.resolved, discord.Message):
            self._memory.authors[reference.resolved.id] = reference.resolved.author.id
            return int(reference.resolved.author.id)
        if reference.resolved is not None or reference.message_id is None:
            return None
        return await self._memory.author(message.channel, reference.message_id)

    async def _complete(self, message: discord.Message) -> None:
        """Learn names, and give a message its channel where discord.py did not know it."""
        for key, name in telling.names_in(message):
            self._memory.shown[key] = name
        if isinstance(message.channel, discord.PartialMessageable):
            message.channel = await self._session.channel(message.channel.id)
            message.guild = getattr(message.channel, "guild", None)

    def _check_content(self, message: discord.Message) -> None:
        """Say once that messages of people arrive empty: that is how a missing intent shows."""
        is_empty = message.type is discord.MessageType.default and not message.components
        if is_empty and not message.author.bot and not message.embeds and not self._was_warned:
            self._was_warned = True
            self._session.tell(
                "discord: messages arrive without their text; switch on Message Content Intent "
                "under Bot in the developer portal"
            )

    def _deleted(self, channel: int, guild: int | None, messages: Sequence[int]) -> None:
        chat = telling.chat_id(channel)
        ids = tuple(f"{chat}:{message}" for message in messages)
        self._session.put(channel, Deleted(chat, ids, self._session.places(channel, guild)))
