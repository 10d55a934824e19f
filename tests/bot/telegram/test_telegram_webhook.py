"""Being called by Telegram instead of asking it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from bot.errors import PlatformRefused
from bot.platforms.base import Event
from bot.platforms.telegram import TelegramPlatform
from config.bots import Telegram
from tests.bot.telegram.conftest import QUICK, running
from tests.servers import free_port
from tests.telegram_fake import FakeTelegram, Fault


def test_a_webhook_hears_what_carries_the_secret(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        port = free_port()
        url = f"http://127.0.0.1:{port}/hook"
        async with running(fake, state, webhook_url=url, webhook_port=port) as bot:
            assert bot.lines == ["telegram: @self_bot, webhook"]
            failures = iter([OSError("disk full")])

            async def full(_event: Event) -> None:
                for failure in failures:
                    raise failure

            bot.post = full
            for text in ("one", "two"):
                fake.say(group, ann, text)
            assert [heard.message.text for heard in await bot.heard(2)] == ["one", "two"]
            await bot.idle()
            assert set(fake.webhook_answers) == {200}
            body = {"update_id": 1, "message": {}}
            async with httpx.AsyncClient() as client:
                bare = await client.post(url, json=body)
                forged = await client.post(
                    url, json=body, headers={"X-Telegram-Bot-Api-Secret-Token": "guess"}
                )
            assert (bare.status_code, forged.status_code) == (403, 403)
            assert len(fake.webhook["secret_token"]) >= 32

    asyncio.run(scenario())


def test_a_port_that_is_taken_is_told(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        settings = Telegram(
            token=fake.token,
            url=fake.url,
            webhook_url="http://127.0.0.1/hook",
            webhook_port=fake.port,
        )
        platform = TelegramPlatform(settings, state, patience=QUICK)
        with pytest.raises(PlatformRefused, match="webhook_port"):
            await platform.run(_nothing, lambda _: None)

    asyncio.run(scenario())


def test_an_address_telegram_refuses_is_told(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        fake.plan(Fault.failed(502), method="setWebhook", times=2)
        text = "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"
        settings = Telegram(
            token=fake.token, url=fake.url, webhook_url="http://x/y", webhook_port=free_port()
        )
        platform = TelegramPlatform(settings, state, patience=QUICK)
        fake.plan(Fault.refused(400, text), method="setWebhook")
        with pytest.raises(PlatformRefused, match="webhook_url"):
            await platform.run(_nothing, lambda _: None)

    asyncio.run(scenario())


async def _nothing(_event: Event) -> None:
    return
