"""`atself run` as it is, but for platforms that try again within fractions of a second.

Run as ``python -m tests.bot.quick_bot HOME`` with the settings in the environment.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from bot.chatbook import Chatbook
from bot.logs import set_up
from bot.platforms.base import Platform
from bot.runtime import Frame, run_bots
from config.console import say
from config.settings import Home, Settings, load


def platforms(home: Home, settings: Settings, book: Chatbook) -> Sequence[Platform]:
    """Those with a token, in a hurry."""
    found: list[Platform] = []
    if settings.telegram.token:
        from bot.platforms.telegram import TelegramPlatform
        from bot.platforms.telegram.client import Patience

        hurry = Patience(first=0.05, longest=0.4, total=90, settle=0.5, read=6.0, poll=2)
        found.append(TelegramPlatform(settings.telegram, home.state, patience=hurry))
    if settings.discord.token:
        from bot.platforms.discord.platform import DiscordPlatform
        from bot.platforms.discord.session import Pace

        def is_allowed(chat: str, places: Sequence[str]) -> bool:
            return book.rules(chat, places).is_allowed

        token, url = settings.discord.token.get_secret_value(), settings.discord.url
        pace = Pace(settle=0.2, identify=0.05, patience=60, attempt=5, retries=(0.05, 0.1, 0.3))
        found.append(DiscordPlatform(token, home.state, is_allowed, url=url, pace=pace))
    return found


async def main(home: Home) -> None:
    """Run until told to stop."""
    settings, stopping = load(home.path), asyncio.Event()
    set_up(home, settings)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await run_bots(Frame(home, settings, platforms, say, stopping))


if __name__ == "__main__":
    asyncio.run(main(Home(Path(sys.argv[1]))))
