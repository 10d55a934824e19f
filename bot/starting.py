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

    handlers = set_up(home, settings)
    try:
        asyncio.run(_until_told(lambda stop: Frame(home, settings, make, say, stop, model)))
    finally:
        tear_down(handlers)


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

        found.append(TelegramPlatform(settings.telegram, home.state))
    if settings.discord.token:
        from bot.platforms.discord import DiscordPlatform

        found.append(DiscordPlatform(settings.discord, home.state, book))
    if speaker:
        from bot.platforms.terminal import TerminalPlatform

        found.append(TerminalPlatform(me=speaker))
    return found
