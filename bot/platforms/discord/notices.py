"""Messages of the bot's own that are rewritten: in a channel, in private, or as an answer."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohttp
import discord

from bot.platforms.base import Button
from bot.platforms.discord.buttons import view_of
from bot.platforms.discord.marks import Marks
from bot.platforms.discord.writing import cut

NOBODY = discord.AllowedMentions.none()
FAULTS = (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError, RuntimeError)
_PAUSES = (1.0, 4.0, None)
_log = logging.getLogger("atself.discord")

Where = Callable[[], Awaitable[Any]]
"""Finds what is written to: a channel, or the direct chat with somebody."""


class ChannelNotice:
    """A message in a channel or direct chat."""

    def __init__(self, where: Any, marks: Marks) -> None:
        self._where = where
        self._marks = marks
        self._message: discord.Message | None = None
        self._nonce = secrets.token_hex(12)
        self._lock = asyncio.Lock()

    async def say(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """Show ``text``, in the same message from the second time on."""
        async with self._lock:
            for pause in _PAUSES:
                try:
                    await self._show(text, buttons)
                    return
                except FAULTS as error:
                    if pause is None or is_final(error):
                        _log.warning("discord: a notice was not shown (%s)", told(error))
                        return
                await asyncio.sleep(pause)

    async def _show(self, text: str, buttons: Sequence[Button]) -> None:
        shown: dict[str, Any] = {"content": cut(text), "allowed_mentions": NOBODY}
        view = view_of(buttons, self._marks)
        if self._message is not None:
            try:
                await self._message.edit(**shown, view=view)
                return
            except discord.NotFound:
                self._nonce = secrets.token_hex(12)
        if view is not None:
            shown["view"] = view
        where = await self._where() if callable(self._where) else self._where
        self._message = await where.send(**shown, nonce=self._nonce)


class InteractionNotice:
    """The answer to a command from a menu or button, shown to the asker alone.

    Discord takes it for fifteen minutes; what comes later is a message in private.
    """

    def __init__(
        self, client: discord.Client, interaction: discord.Interaction[Any], marks: Marks
    ) -> None:
        self._interaction = interaction
        self._marks = marks
        self._later = ChannelNotice(lambda: client.create_dm(interaction.user), marks)
        self._is_open = False

    async def defer(self) -> None:
        """Tell Discord that an answer will come; where that fails, it comes in private."""
        try:
            await self._interaction.response.defer(ephemeral=True, thinking=True)
            self._is_open = True
        except FAULTS as error:
            # 40060: an earlier try arrived after all.
            self._is_open = getattr(error, "code", 0) == 40060
            _log.warning("discord: an interaction was not acknowledged (%s)", told(error))

    async def say(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """Show ``text`` as the answer."""
        if self._is_open and not self._interaction.is_expired():
            try:
                return await self._edit(text, buttons)
            except FAULTS as error:
                self._is_open = not is_final(error)
                _log.warning("discord: an answer goes out in private (%s)", told(error))
        return await self._later.say(text, buttons)

    async def _edit(self, text: str, buttons: Sequence[Button]) -> None:
        await self._interaction.edit_original_response(
            content=cut(text),
            view=view_of(buttons, self._marks),
            allowed_mentions=NOBODY,
        )


def is_final(error: BaseException) -> bool:
    """Whether Discord refused for good."""
    status = getattr(error, "status", 0)
    return 400 <= status < 500 and status != 429


def told(error: BaseException) -> str:
    """What an error may say in a log: its kind and Discord's number, never a text or a token."""
    status, code = getattr(error, "status", ""), getattr(error, "code", "")
    return " ".join(str(part) for part in (type(error).__name__, status, code) if part)
