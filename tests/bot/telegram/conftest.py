"""A fake Telegram and a bot signed in to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bot.platforms.base import Event, Heard, Outgoing
from bot.platforms.telegram import Patience, TelegramPlatform
from config.bots import Telegram
from tests.telegram_fake import Chat, FakeTelegram

T = TypeVar("T")
QUICK = Patience(first=0.01, longest=0.05, total=3, settle=0.02, read=0.5, poll=5)


@dataclass
class Running:
    """A bot at work: what it heard, and what it told its operator."""

    fake: FakeTelegram
    platform: TelegramPlatform
    events: list[Event] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    post: Callable[[Event], Awaitable[None]] | None = None

    async def take(self, event: Event) -> None:
        """What the hub would do."""
        if self.post is not None:
            await self.post(event)
        self.events.append(event)

    async def until(self, predicate: Callable[[], T]) -> T:
        """Wait until ``predicate()`` is true, for what was heard or told."""
        async with asyncio.timeout(10):
            while not (found := predicate()):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        return found

    async def heard(self, number: int = 1) -> list[Heard]:
        """The messages heard, once there are so many."""
        await self.until(lambda: len(self.heards) >= number)
        return self.heards

    @property
    def heards(self) -> list[Heard]:
        """The messages heard."""
        return [event for event in self.events if isinstance(event, Heard)]

    async def idle(self) -> None:
        """Wait until every update is acknowledged."""
        await self.until(lambda: self.fake.pending == 0)


@asynccontextmanager
async def running(
    fake: FakeTelegram, state: Path, *, is_ready: bool = True, **more: Any
) -> AsyncIterator[Running]:
    """A bot signed in to ``fake`` with its memory in ``state``."""
    named = ("patience", "admins", "clock", "limiter")
    options: dict[str, Any] = {"patience": QUICK}
    options |= {name: more.pop(name) for name in named if name in more}
    settings: dict[str, Any] = {"token": fake.token, "url": fake.url}
    platform = TelegramPlatform(Telegram(**settings | more), state, **options)
    bot = Running(fake, platform)
    task = asyncio.create_task(platform.run(bot.take, bot.lines.append))
    try:
        if is_ready:
            await bot.until(lambda: bot.lines and (fake.counts["getUpdates"] or fake.webhook))
        yield bot
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def fake() -> Iterator[FakeTelegram]:
    """A running fake server."""
    with FakeTelegram() as server:
        yield server


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where the bot keeps its memory."""
    return tmp_path / "bot.sqlite"


def key_of(chat: Chat) -> str:
    """A chat in the archive's terms, as tests expect it."""
    bare = str(abs(chat.id))
    return (
        f"telegram:{bare.removeprefix('100') if chat.type in ('supergroup', 'channel') else bare}"
    )


_KEYS = iter(range(1_000_000))


def saying(chat: Chat, text: str, **more: Any) -> Outgoing:
    """A message to be sent, with a key of its own."""
    return Outgoing(f"key{next(_KEYS)}", key_of(chat), text, **more)
