"""Discord as the rest of the bot sees it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

import aiohttp
import discord

from bot.errors import PlatformRefused, Undeliverable
from bot.platforms.base import Button, Notice, Outgoing, Post, Sent, Word
from bot.platforms.discord import telling
from bot.platforms.discord.address import aim_gateway, aim_requests, is_official
from bot.platforms.discord.commands import sync
from bot.platforms.discord.marks import Marks
from bot.platforms.discord.memory import Memory
from bot.platforms.discord.notices import FAULTS, ChannelNotice, is_final, told
from bot.platforms.discord.sending import Sender
from bot.platforms.discord.session import IsAllowed, Pace, Session
from bot.platforms.discord.writing import longest
from ingest.chat import Account

URL = "https://discord.com/api/v10"
_PORTAL = "https://discord.com/developers/applications"
_TYPING_SECONDS = 5
_REFUSED = {
    4004: "the token is refused; reset it under Bot at {portal}, set ATSELF_DISCORD__TOKEN",
    4013: "the gateway knows not all intents asked for; is discord.url the address you mean?",
    4014: "the bot may not read messages: switch on Message Content Intent under Bot, "
    "Privileged Gateway Intents, at {portal}, then start again",
}
_log = logging.getLogger("atself.discord")


class DiscordPlatform:
    """One bot account on Discord, or on a server that speaks its API at ``url``.

    ``is_allowed`` takes a chat and its places and says whether the bot has business there: only
    such channels are read back. ``state`` is the bots' SQLite file, for marks of its own.
    """

    def __init__(
        self,
        token: str,
        state: Path,
        is_allowed: IsAllowed,
        *,
        url: str = URL,
        pace: Pace | None = None,
    ) -> None:
        self._token = token.strip()
        self._url = url
        self._is_allowed = is_allowed
        self._pace = pace or Pace()
        self._state = state
        self._marks: Marks | None = None
        self._memory = Memory()
        self._words: tuple[Word, ...] = ()
        self._current: Session | None = None
        self._online = asyncio.Event()
        self._sender = Sender(self._signed_in, self._pace)

    @property
    def name(self) -> str:
        """``discord``."""
        return "discord"

    @property
    def account(self) -> Account | None:
        """The bot's own account, once it is signed in."""
        user = self._current.user if self._current is not None else None
        return telling.account_of(user, is_bot=True) if user is not None else None

    @property
    def trouble(self) -> str:
        """Whether it is signed in; see ``Platform.trouble``."""
        return "" if self._online.is_set() else "not connected; trying again"

    async def run(self, post: Post, ready: Callable[[str], None]) -> None:
        """Sign in and pass on events until cancelled; see ``Platform.run``."""
        if not self._token.isascii() or not self._token.isprintable() or not self._token:
            raise self._refusal(4004)
        # What discord.py logs below INFO holds texts and the tokens of interactions.
        logging.getLogger("discord").setLevel(logging.INFO)
        pauses = iter(self._pace.retries)
        try:
            while True:
                kind = await self._serve(post, ready)
                pause = next(pauses, self._pace.retries[-1])
                _log.warning("discord: signed off (%s); again in %s s", kind, pause)
                await asyncio.sleep(pause)
        finally:
            self.close()

    def session(self, post: Post, ready: Callable[[str], None]) -> Session:
        """A client that is not signed in yet; ``run`` signs it in."""
        self._online.clear()
        self._current = Session(
            post, ready, self._kept(), self._memory, self._is_allowed, self._pace, self._online
        )
        return self._current

    def close(self) -> None:
        """Write what is to be kept; ``run`` does it at its end."""
        self._online.clear()
        if self._marks is not None:
            self._marks.close()
            self._marks = None

    async def send(self, outgoing: Outgoing) -> Sent:
        """Send once; see ``Platform.send``."""
        return await self._sender.send(outgoing)

    async def find(self, outgoing: Outgoing) -> Sent | None:
        """What an earlier try became; see ``Platform.find``."""
        return await self._sender.find(outgoing)

    def longest(self, text: str) -> int:
        """How many code points of ``text`` fit one message."""
        return longest(text)

    async def typing(self, chat: str, topic: str | None = None) -> None:
        """Show for ten seconds that the bot writes."""
        try:
            async with asyncio.timeout(_TYPING_SECONDS):
                session = await self._signed_in()
                await session.get_partial_messageable(telling.native_id(chat)).typing()
        except FAULTS as error:
            _log.info("discord: typing was not shown (%s)", told(error))

    async def notify(self, account: str, text: str, buttons: Sequence[Button] = ()) -> Notice:
        """A message in private; where Discord refuses, that is logged."""

        async def chat_with() -> discord.DMChannel:
            session = await self._signed_in()
            return await session.create_dm(discord.Object(telling.native_id(account)))

        notice = ChannelNotice(chat_with, self._kept())
        await notice.say(text, buttons)
        return notice

    async def announce(self, chat: str, text: str) -> None:
        """A message of the bot's own; raises as ``send`` does. A server's goes where it may."""
        guild = self._current.get_guild(telling.native_id(chat)) if self._current else None
        if guild is not None:
            chat = telling.chat_id(_spoken_in(guild))
        key = secrets.token_hex(12)
        await self._sender.send(Outgoing(key, chat, text[: longest(text)]))

    async def leave(self, chat: str) -> None:
        """Leave the server that ``chat`` is or belongs to, unless anything in it is allowed."""
        try:
            session = await self._signed_in()
            key = telling.native_id(chat)
            guild = session.get_guild(key) or getattr(session.get_channel(key), "guild", None)
            if guild is None:
                return
            if any(session.is_allowed_in(channel) for channel in (*guild.channels, *guild.threads)):
                _log.warning("discord: %s is not left: chats in its server are allowed", chat)
                return
            await guild.leave()
        except FAULTS as error:
            _log.warning("discord: %s could not be left (%s)", chat, told(error))

    async def offer(self, words: Sequence[Word]) -> None:
        """Make these the slash commands, where they changed; faults are logged."""
        self._words = tuple(words)
        self._memory.words = frozenset(word.name for word in words)
        if self._online.is_set():
            await self._sync()

    async def _sync(self) -> None:
        if not self._words or self._current is None:
            return
        try:
            if await sync(self._current, self._words):
                _log.info("discord: %s slash commands offered", len(self._words))
        except FAULTS as error:
            _log.warning("discord: slash commands not offered (%s)", told(error))

    async def _serve(self, post: Post, ready: Callable[[str], None]) -> str:
        """One client from sign-in to its end; returns why it ended where that may pass."""
        aim_requests(self._url)
        session = self.session(post, ready)
        menu = asyncio.create_task(self._offer_once_online())
        try:
            await session.login(self._token)
            self._check_flags(session)
            await aim_gateway(session)
            await session.connect()
        except discord.LoginFailure:
            raise self._refusal(4004) from None
        except discord.PrivilegedIntentsRequired:
            raise self._refusal(4014) from None
        except discord.ConnectionClosed as error:
            if error.code in _REFUSED:
                raise self._refusal(error.code) from None
            return f"closed with {error.code}"
        except Exception as error:
            # discord.py fails with AttributeError where its very first connection is refused.
            self._check_address(error)
            return told(error)
        finally:
            menu.cancel()
            self._online.clear()
            await session.close()
        return "closed"

    async def _offer_once_online(self) -> None:
        await self._online.wait()
        await self._sync()

    async def _signed_in(self) -> Session:
        """The session, once it is signed in; raises TimeoutError."""
        await asyncio.wait_for(self._online.wait(), self._pace.attempt)
        assert self._current is not None
        return self._current

    def _kept(self) -> Marks:
        if self._marks is None:
            self._marks = Marks(self._state)
        return self._marks

    def _check_flags(self, session: Session) -> None:
        """Refuse before connecting: Discord counts sign-ins, a restart loop uses them up.

        Servers of others may not tell these flags; there the gateway decides.
        """
        flags = session.application_flags
        may_read = flags.gateway_message_content or flags.gateway_message_content_limited
        if is_official(self._url) and not may_read:
            raise self._refusal(4014)

    def _check_address(self, error: Exception) -> None:
        if isinstance(error, PlatformRefused):
            raise error
        if isinstance(error, aiohttp.InvalidURL) or is_final(error):
            raise PlatformRefused(
                f"discord: {self._url} does not answer as Discord does ({told(error)}); "
                "check discord.url"
            ) from None

    def _refusal(self, code: int) -> PlatformRefused:
        current = self._current
        app = current.application_id if current is not None else None
        portal = f"{_PORTAL}/{app}/bot" if app else _PORTAL
        return PlatformRefused(f"discord: {_REFUSED[code].format(portal=portal)}")


def _spoken_in(guild: discord.Guild) -> int:
    """The channel for what concerns a whole server: its own for that, or the first that may be."""
    channels = [guild.system_channel, *guild.text_channels]
    for channel in filter(None, channels):
        rights = channel.permissions_for(guild.me)
        if rights.view_channel and rights.send_messages:
            return channel.id
    raise Undeliverable(f"discord: discord:{guild.id}: no channel the bot may write in")
