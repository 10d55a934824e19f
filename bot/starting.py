"""`atself run` from the command line: platforms by their tokens, signals, the log."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence

from bot.chatbook import Chatbook
from bot.errors import NoPlatform
from bot.logs import set_up, tear_down
from bot.platforms.base import Platform
from bot.runtime import Frame, run_bots
from config.console import say
from config.settings import Home, Settings


def start(home: Home, settings: Settings, speaker: str | None, model: str | None) -> None:
    """Run the bots until a signal ends them; ``speaker`` types at the terminal, if anybody.

    Raises NoPlatform where there is neither a token nor a terminal.
    """
    if not (speaker or settings.telegram.token or settings.discord.token):
        raise NoPlatform(
            "run: no platform to be on; set ATSELF_TELEGRAM__TOKEN or ATSELF_DISCORD__TOKEN in the "
            "environment (README: from BotFather to the first reply), or try: atself run --terminal"
        )

    def make(home: Home, settings: Settings, book: Chatbook) -> Sequence[Platform]:
        return _platforms(home, settings, book, speaker)

    settings = at_terminal(settings, speaker) if speaker else settings
    handlers = set_up(home, settings)
    try:
        asyncio.run(_until_told(lambda stop: Frame(home, settings, make, say, stop, model)))
    finally:
        tear_down(handlers)


def at_terminal(settings: Settings, speaker: str) -> Settings:
    """The settings, and whoever types at the terminal is answered there and commands the bot.

    Who sits there owns the machine. What is said there is kept only where the settings allow the
    chat by name.
    """
    from bot.platforms.terminal import CHAT, PLATFORM

    bot = settings.bot
    changes: dict[str, tuple[str, ...]] = {}
    changes["admins"] = (*bot.admins, f"{PLATFORM}:{speaker.casefold()}")
    if CHAT.id not in bot.allowed_chats:
        changes["allowed_chats"] = (*bot.allowed_chats, CHAT.id)
        changes["unlogged"] = (*bot.unlogged, CHAT.id)
    return settings.model_copy(update={"bot": bot.model_copy(update=changes)})


async def _until_told(frame: Callable[[asyncio.Event], Frame]) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    await run_bots(frame(stopping))


def _platforms(
    home: Home, settings: Settings, book: Chatbook, speaker: str | None
) -> Sequence[Platform]:
    """The platforms that have a token, and the terminal where somebody types."""
    found: list[Platform] = []
    if settings.telegram.token:
        from bot.platforms.telegram import TelegramPlatform

        admins = settings.bot.admins
        found.append(TelegramPlatform(settings.telegram, home.state, admins=admins))
    if settings.discord.token:
        from bot.platforms.discord.platform import DiscordPlatform

        token, url = settings.discord.token.get_secret_value(), settings.discord.url

        def is_allowed(chat: str, places: Sequence[str]) -> bool:
            return book.rules(chat, places).is_allowed

        found.append(DiscordPlatform(token, home.state, is_allowed, url=url))
    if speaker:
        from bot.platforms.terminal import TerminalPlatform

        found.append(TerminalPlatform(me=speaker))
    return found
