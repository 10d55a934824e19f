"""One signed-in connection: discord.py's client, whose events become ours, in each channel's order.

What is done about them is in ``hearing``, ``reacting``, ``belonging``, ``commands`` and
``catching_up``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import discord

from bot.platforms.base import Event
from bot.platforms.discord import telling
from bot.platforms.discord.belonging import Belonging
from bot.platforms.discord.catching_up import CatchingUp
from bot.platforms.discord.commands import Commands, Menu
from bot.platforms.discord.hearing import Hearing
from bot.platforms.discord.lanes import Lanes
from bot.platforms.discord.marks import Marks
from bot.platforms.discord.memory import Memory
from bot.platforms.discord.reacting import Reacting

IsAllowed = Callable[[str, Sequence[str]], bool]
Post = Callable[[Event], Awaitable[None]]
_log = logging.getLogger("atself.discord")


@dataclass(frozen=True, slots=True)
class Pace:
    """How long is waited for what, in seconds; the defaults are Discord's and discord.py's.

    ``settle`` is the silence after which all servers are taken as told, ``identify`` what Discord
    asks for between two sign-ins, ``heartbeat`` how long it may be silent, ``patience`` how long a
    message is tried, ``attempt`` how long once, ``retries`` the pauses between tries.
    """

    settle: float = 2.0
    identify: float = 5.0
    heartbeat: float = 60.0
    patience: float = 300.0
    attempt: float = 90.0
    retries: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


def intents() -> discord.Intents:
    """What the bot is told of; only the content of messages is privileged."""
    wanted = discord.Intents.none()
    for name in ("guilds", "messages", "reactions", "emojis_and_stickers", "message_content"):
        setattr(wanted, name, True)
    return wanted


class Session(discord.Client):
    """A client that passes on what it hears. What is said goes through ``sending``."""

    def __init__(
        self,
        post: Post,
        ready: Callable[[str], None],
        marks: Marks,
        memory: Memory,
        is_allowed: IsAllowed,
        pace: Pace,
        online: asyncio.Event,
    ) -> None:
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = (
            False  # nothing is said aloud
        )
        super().__init__(
            intents=intents(),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            heartbeat_timeout=pace.heartbeat,
            guild_ready_timeout=pace.settle,
        )
        self.post = post
        self.tell = ready
        self.marks = marks
        self.memory = memory
        self.is_allowed = is_allowed
        self.pace = pace
        self.lanes = Lanes()
        self.tree = Menu(self)
        self.online = online
        self._catching_up = CatchingUp(self)
        self._belonging = Belonging(self)
        self.hearing = Hearing(self)
        parts = (self.hearing, Reacting(self), self._belonging, Commands(self))
        for handler in (handler for part in parts for handler in part.handlers()):
            self.event(handler)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait as Discord asks before signing in again."""
        if not initial:
            await asyncio.sleep(self.pace.identify)

    async def close(self) -> None:
        """Hang up; what was not passed on yet is read again by the next session."""
        await self.lanes.close()
        await super().close()

    async def on_connect(self) -> None:
        """A new session: nothing is passed on until what was missed is queued before it."""
        self.lanes.hold()
        self.memory.tallies.clear()  # reactions were missed

    async def on_ready(self) -> None:
        """All servers are known: queue what was missed, then let everything go on."""
        for channel, job in self._catching_up.jobs():
            self.lanes.put(channel, job, is_first=True)
        self._belonging.compare_servers()
        self.lanes.release()
        self.online.set()
        self.tell(f"discord: @{self.user}, gateway, servers: {len(self.guilds)}")
        for warning in self._belonging.silenced():
            self.tell(warning)

    async def on_resumed(self) -> None:
        """Nothing was missed: Discord tells it again by itself."""
        _log.info("discord: connection resumed")

    def put(self, channel: int, event: Event) -> None:
        """Queue ``event`` in the lane of ``channel``."""
        self.lanes.put(channel, partial(self.post, event))

    def is_me(self, user: Any) -> bool:
        """Whether this is the bot's own account."""
        return self.user is not None and user.id == self.user.id

    def is_allowed_in(self, channel: Any) -> bool:
        """Whether the bot has any business in a channel."""
        return self.is_allowed(telling.chat_id(channel.id), telling.places_of(channel))

    async def channel(self, channel: int) -> Any:
        """A channel or thread, from memory or from Discord."""
        return self.get_channel(channel) or await self.fetch_channel(channel)

    def places(self, channel: int, guild: int | None) -> tuple[str, ...]:
        """What encloses a channel that may be gone."""
        found = self.get_channel(channel)
        if found is not None:
            return telling.places_of(found)
        return (telling.chat_id(guild),) if guild else ()
