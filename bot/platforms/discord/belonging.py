"""Where the bot is and where it may speak: joining, leaving, rights given and taken."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import discord

from bot.platforms.base import Joined, Parted
from bot.platforms.discord import telling
from ingest.chat import Conversation

if TYPE_CHECKING:
    from bot.platforms.discord.session import Session


class Belonging:
    """The servers of a session, and the channels in them where the bot may write.

    A server is a chat of its own in ``Joined`` and ``Parted``: who may be left is a server.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._speaks: dict[int, bool] = {}

    def handlers(self) -> Iterable[Any]:
        """What discord.py is to call, by its names for the events."""
        return (
            self.on_guild_join,
            self.on_guild_remove,
            self.on_guild_channel_delete,
            self.on_raw_thread_delete,
            self.on_guild_channel_update,
            self.on_guild_role_update,
            self.on_guild_role_delete,
            self.on_member_update,
        )

    def compare_servers(self) -> None:
        """After signing in: what came and went while the bot was away."""
        self._speaks = {}
        came, went = self._session.marks.swap_guilds(self._guilds())
        for guild in self._session.guilds:
            self._speaks.update(_rights(guild))
            if guild.id in came:
                self._joined(guild)
        for gone in went:
            self._session.put(gone, Parted(telling.chat_id(gone)))

    def silenced(self) -> list[str]:
        """A line for each channel allowed by name in which the bot may not write."""
        return [
            f"discord: discord:{channel} is allowed, but the bot may not see it or write there; "
            "give it View Channel and Send Messages"
            for channel, may in self._speaks.items()
            if not may and self._session.is_allowed(telling.chat_id(channel), ())
        ]

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """The bot was added to a server; who added it is not told."""
        self._speaks.update(_rights(guild))
        if guild.id in self._session.marks.swap_guilds(self._guilds())[0]:
            self._joined(guild)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """The bot was removed from a server."""
        self._session.marks.swap_guilds(self._guilds() - {guild.id})
        self._session.put(guild.id, Parted(telling.chat_id(guild.id)))

    async def on_guild_channel_delete(self, channel: Any) -> None:
        """A channel is gone."""
        self._gone(channel.id)

    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        """A thread is gone."""
        self._gone(payload.thread_id)

    async def on_guild_channel_update(self, _before: Any, after: Any) -> None:
        """The bot's rights in a channel may have changed."""
        self._compare_rights(after.guild)

    async def on_guild_role_update(self, _before: discord.Role, after: discord.Role) -> None:
        """The bot's rights may have changed."""
        self._compare_rights(after.guild)

    async def on_guild_role_delete(self, role: discord.Role) -> None:
        """The bot's rights may have changed."""
        self._compare_rights(role.guild)

    async def on_member_update(self, _before: discord.Member, after: discord.Member) -> None:
        """The bot's own roles may have changed."""
        if self._session.is_me(after):
            self._compare_rights(after.guild)

    def _guilds(self) -> set[int]:
        return {guild.id for guild in self._session.guilds}

    def _joined(self, guild: discord.Guild) -> None:
        chat = Conversation(telling.chat_id(guild.id), guild.name, "discord")
        self._session.put(guild.id, Joined(chat, is_enclosing=True))

    def _gone(self, channel: int) -> None:
        self._speaks.pop(channel, None)
        self._session.marks.drop(channel)
        self._session.put(channel, Parted(telling.chat_id(channel)))

    def _compare_rights(self, guild: discord.Guild) -> None:
        """Tell which channels of a server the bot may speak in now, or no longer."""
        for channel, may in _rights(guild).items():
            if self._speaks.get(channel, may) != may:
                chat = telling.conversation_of(guild.get_channel(channel))
                joined = Joined(chat, places=(telling.chat_id(guild.id),))
                self._session.put(channel, joined if may else Parted(chat.id))
        self._speaks.update(_rights(guild))


def _rights(guild: discord.Guild) -> dict[int, bool]:
    """By channel, whether the bot may see it and write there."""
    rights = {channel.id: channel.permissions_for(guild.me) for channel in guild.channels}
    return {key: right.view_channel and right.send_messages for key, right in rights.items()}
