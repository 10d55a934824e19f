"""Reading what was said while the bot was away, from each allowed channel's history.

After a failed resume, and after a restart. A channel's newest message comes with the server, so
channels where nothing was said cost no request. A channel never heard before starts with what
comes; one that was made meanwhile is read from its beginning. What was deleted meanwhile is not
found out, edits are where the message is read again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import discord

from bot.platforms.discord import telling
from bot.platforms.discord.lanes import Job

if TYPE_CHECKING:
    from bot.platforms.discord.session import Session

PAGE = 100
"""Messages in one answer, and users in one question for members (Discord's limits)."""
TRANSIENT = (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError)
_log = logging.getLogger("atself.discord")


class CatchingUp:
    """The readers of a session's channels."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._marks = session.marks

    def jobs(self) -> Iterator[tuple[int, Job]]:
        """Channels with something to read, and what reads them."""
        newest = self._marks.newest
        known = set()
        for channel in self._channels():
            known.add(channel.id)
            if self._session.is_allowed_in(channel) and self._is_behind(channel, newest):
                yield channel.id, partial(self._read, channel.id)
        for channel in self._marks.channels:
            if channel not in known:
                yield channel, partial(self._read, channel)

    def _channels(self) -> Iterator[Any]:
        for guild in self._session.guilds:
            yield from guild.text_channels
            yield from guild.voice_channels
            yield from guild.stage_channels
            yield from guild.threads

    def _is_behind(self, channel: Any, newest: int) -> bool:
        """Whether a channel may have messages not heard; one never heard is marked as heard."""
        last, there = self._marks.last(channel.id), channel.last_message_id
        if last is not None:
            return bool(there) and there > last
        made = channel.created_at or discord.utils.snowflake_time(channel.id)
        if newest and there and made > discord.utils.snowflake_time(newest):
            return True
        self._marks.note(channel.id, there or channel.id)
        return False

    async def _read(self, key: int) -> None:
        """Pass on all that was missed in a channel; network and server faults are sat out."""
        pauses = iter(self._session.pace.retries)
        while True:
            try:
                return await self._read_pages(key)
            except (discord.NotFound, discord.Forbidden) as error:
                _log.warning("discord: channel %s cannot be read (%s)", key, error.status)
                if isinstance(error, discord.NotFound):
                    self._marks.drop(key)
                return None
            except TRANSIENT as error:
                pause = next(pauses, self._session.pace.retries[-1])
                _log.warning("discord: channel %s: %s; again", key, type(error).__name__)
            await asyncio.sleep(pause)

    async def _read_pages(self, key: int) -> None:
        channel = await self._session.channel(key)
        if not self._session.is_allowed_in(channel):
            return
        unheard = self._marks.unheard_from(key)
        after = key - 1 if unheard is None else unheard
        while True:
            start = discord.Object(after)
            history = channel.history(limit=PAGE, after=start, oldest_first=True)
            page = [message async for message in history]
            await self._learn_names(channel, page)
            for message in page:
                await self._tell(key, message)
            if len(page) < PAGE:
                return
            after = page[-1].id

    async def _tell(self, channel: int, message: discord.Message) -> None:
        if self._session.is_me(message.author):
            self._session.memory.note_own(message)
        elif not self._marks.has(channel, message.id):
            await self._session.hearing.hear(message, is_caught_up=True)
        elif message.edited_at is not None:
            await self._session.hearing.hear_again(message, is_caught_up=True)

    async def _learn_names(self, channel: Any, page: list[discord.Message]) -> None:
        """History has no members, whose names differ from server to server: ask for them."""
        guild = getattr(channel, "guild", None)
        if guild is None:
            return
        users = {user for message in page for user in telling.users_in(message)}
        unknown = sorted(user for user in users if guild.get_member(user) is None)
        try:
            for start in range(0, len(unknown), PAGE):
                asked = unknown[start : start + PAGE]
                await guild.query_members(user_ids=asked, limit=PAGE, cache=True)
        except TimeoutError:
            _log.warning("discord: no names for %s of %s", len(unknown), telling.chat_id(guild.id))
