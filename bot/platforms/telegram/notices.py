"""Messages of the bot's own that are rewritten as a job goes on, and their buttons."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import TelegramError

from bot.errors import BotError
from bot.platforms.base import Button
from bot.platforms.telegram.client import LOG, reason
from bot.platforms.telegram.ids import message_number
from bot.platforms.telegram.inert import MOST, longest, unpinging
from bot.platforms.telegram.letters import Letter
from bot.platforms.telegram.sending import Sender
from bot.platforms.telegram.state import Memory

_MOST_DATA = 64
"""Bytes: https://core.telegram.org/bots/api#inlinekeyboardbutton."""
_MOST_LABEL = 64


class Slip:
    """A Notice: the first saying sends it, in answer to ``quote``, later ones rewrite it."""

    def __init__(self, sender: Sender, memory: Memory, place: Letter, number: int | None) -> None:
        self._sender, self._memory = sender, memory
        self._place, self._number = place, number
        self._turn = asyncio.Lock()

    async def say(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """See ``bot.platforms.base.Notice``."""
        letter = replace(self._place, text=shown(text), markup=markup(buttons, self._memory))
        async with self._turn:
            try:
                await self._show(letter)
            except (TelegramError, BotError) as error:
                LOG.warning("telegram: a notice in %s failed (%s)", letter.chat, reason(error))

    async def _show(self, letter: Letter) -> None:
        if self._number is not None and await self._rewritten(letter, self._number):
            return
        self._number = message_number((await self._sender.send(letter)).id)

    async def _rewritten(self, letter: Letter, number: int) -> bool:
        """False where the message is gone and a new one must be sent."""
        try:
            await self._sender.edit(letter.chat, number, letter)
        except TelegramError as error:
            LOG.info("telegram: a notice in %s is sent anew (%s)", letter.chat, reason(error))
            return False
        return True


class Unsaid:
    """A Notice that reaches nobody."""

    async def say(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """See ``bot.platforms.base.Notice``."""


def shown(text: str) -> str:
    """A notice as it is sent: mentioning nobody, cut where it is too long, never empty."""
    whole = text.strip() or "…"
    if longest(whole) < len(whole):
        whole = whole[: longest(whole, MOST - 1)] + "…"
    return unpinging(whole)


def markup(buttons: Sequence[Button], memory: Memory) -> InlineKeyboardMarkup | None:
    """One button a row; a command too long for one is kept and named."""
    if not buttons:
        return None
    return InlineKeyboardMarkup([[_button(button, memory)] for button in buttons])


def _button(button: Button, memory: Memory) -> InlineKeyboardButton:
    words = f"{button.name} {button.words}".strip()
    data = words if len(words.encode()) <= _MOST_DATA else memory.keep_words(words)
    return InlineKeyboardButton(button.label[:_MOST_LABEL] or "…", callback_data=data)
