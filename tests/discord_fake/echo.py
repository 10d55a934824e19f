"""A bot in a process of its own that answers every message once: to be killed by tests.

    python -m tests.discord_fake.echo ADDRESS TOKEN STATE

It says ``ready`` on standard output whenever it is signed in.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from bot.errors import BotError
from bot.platforms.base import Event, Heard, Outgoing
from bot.platforms.discord.platform import DiscordPlatform
from tests.discord_fake.running import PACE, everywhere


async def main(url: str, token: str, state: str) -> None:
    """Echo until killed."""
    platform = DiscordPlatform(token, Path(state), everywhere, url=url, pace=PACE)

    async def answer(event: Event) -> None:
        if not isinstance(event, Heard) or event.is_edit:
            return
        message = event.message
        outgoing = Outgoing(
            f"e{message.id.rpartition(':')[2]}",
            message.chat.id,
            f"echo {message.text}",
            quote=message.id,
            after=message.id,
        )
        try:
            found = await platform.find(outgoing) if event.is_caught_up else None
            if found is None:
                await platform.send(outgoing)
        except BotError as error:
            sys.stderr.write(f"{error}\n")
            raise

    def ready(line: str) -> None:
        sys.stdout.write(f"ready {line}\n")
        sys.stdout.flush()

    await platform.run(answer, ready)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
