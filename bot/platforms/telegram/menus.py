"""The menus of commands: everybody's everywhere, the admins' own in their private chats."""

from __future__ import annotations

import re
from collections.abc import Sequence

from telegram import BotCommand, BotCommandScope, BotCommandScopeChat, BotCommandScopeDefault
from telegram.error import TelegramError

from bot.platforms.base import Word
from bot.platforms.telegram.client import LOG, Client, reason
from bot.platforms.telegram.ids import user_id

_NAME = re.compile(r"[a-z0-9_]{1,32}")
_MOST_HELP = 256


class Menus:
    """What is offered where; told to Telegram only where it changed."""

    def __init__(self, client: Client, admins: Sequence[str]) -> None:
        self._client, self._admins = client, admins
        self._words: Sequence[Word] | None = None

    def take(self, words: Sequence[Word]) -> None:
        """Offer these from now on."""
        self._words = tuple(words)

    async def show(self) -> None:
        """Bring Telegram's menus up to date; never raises."""
        if self._words is None:
            return
        public = [word for word in self._words if not word.is_admin]
        await self._set(BotCommandScopeDefault(), _commands(public))
        for admin in self._admins:
            scope = BotCommandScopeChat(user_id(admin))
            await self._set(scope, _commands(self._words))

    async def _set(self, scope: BotCommandScope, commands: list[BotCommand]) -> None:
        try:
            shown = await self._client.get_my_commands(scope)
            if list(shown) != commands:
                await self._client.set_my_commands(commands, scope)
        except TelegramError as error:
            # An admin who never wrote to the bot has no chat with it to show a menu in.
            LOG.info("telegram: the menu for %s is not set (%s)", scope.type, reason(error))


def _commands(words: Sequence[Word]) -> list[BotCommand]:
    return [BotCommand(word.name, _help(word)) for word in words if _NAME.fullmatch(word.name)]


def _help(word: Word) -> str:
    text = f"{word.takes}: {word.help}" if word.takes else word.help
    return text[:_MOST_HELP] or word.name
