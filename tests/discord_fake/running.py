"""A platform that runs in a test, at a pace for tests, and what it passed on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

from bot.platforms.base import Event
from bot.platforms.discord.platform import DiscordPlatform
from bot.platforms.discord.session import Pace
from tests.discord_fake.server import FakeDiscord

Kind = TypeVar("Kind")
PACE = Pace(settle=0.05, identify=0.02, patience=5, attempt=2, retries=(0.02, 0.05, 0.1))


def everywhere(_chat: str, _places: Sequence[str]) -> bool:
    """Every chat is allowed."""
    return True


class Running:
    """A platform, the events it posted, and the lines it told."""

    def __init__(self, platform: DiscordPlatform, fake: FakeDiscord) -> None:
        self.platform = platform
        self.fake = fake
        self.events: list[Event] = []
        self.lines: list[str] = []
        self.task: asyncio.Task[None] | None = None

    async def post(self, event: Event) -> None:
        """Take an event."""
        self.events.append(event)

    def of(self, kind: type[Kind]) -> list[Kind]:
        """The events of one kind, in their order."""
        return [event for event in self.events if isinstance(event, kind)]

    async def next(self, kind: type[Kind], count: int = 1, seconds: float = 10) -> list[Kind]:
        """The events of one kind once there are ``count``."""
        await self.fake.until(lambda: len(self.of(kind)) >= count, seconds)
        return self.of(kind)

    async def ready(self, times: int = 1, seconds: float = 20) -> None:
        """Until it was signed in for the ``times``-th time."""
        await self.fake.until(
            lambda: sum("gateway, servers" in line for line in self.lines) >= times, seconds
        )


def platform_at(
    fake: FakeDiscord,
    state: Path,
    is_allowed: Callable[[str, Sequence[str]], bool] = everywhere,
    pace: Pace = PACE,
    token: str | None = None,
) -> DiscordPlatform:
    """A platform aimed at the fake."""
    return DiscordPlatform(token or fake.token, state, is_allowed, url=fake.url, pace=pace)


@asynccontextmanager
async def running(
    fake: FakeDiscord,
    state: Path,
    is_allowed: Callable[[str, Sequence[str]], bool] = everywhere,
    pace: Pace = PACE,
) -> AsyncIterator[Running]:
    """A platform that is signed in, and hung up at the end."""
    run = Running(platform_at(fake, state, is_allowed, pace), fake)
    run.task = asyncio.create_task(run.platform.run(run.post, run.lines.append))
    try:
        await run.ready()
        yield run
    finally:
        run.task.cancel()
        with suppress(asyncio.CancelledError):
            await run.task
