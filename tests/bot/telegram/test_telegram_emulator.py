"""A second opinion: the request contract of ``lo-bot-api-emulator`` (PyPI), written by others.

It models another server of the Bot API, which knows neither ``link_preview_options`` nor topics:
the first is taken out on the way, topics are left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiohttp import web
from lo_bot_api_emulator import LoBotApiEmulator

from bot.platforms.base import Address, Button, Commanded, Event, Heard, Outgoing, Word
from bot.platforms.telegram import TelegramPlatform
from config.bots import Telegram
from ingest.chat import Account
from tests.bot.telegram.conftest import QUICK

TOKEN = "42:synthetic-token-of-the-fixture"
ANN = {"id": 77, "is_bot": False, "first_name": "Ann"}
GROUP = {"id": -1001234567890, "type": "supergroup", "title": "Friends"}


class Emulator(LoBotApiEmulator):  # type: ignore[misc]
    """The emulator, deaf to how links are previewed."""

    async def read_request(self, request: web.Request) -> Any:
        """See LoBotApiEmulator."""
        fields, uploads = await super().read_request(request)
        fields.pop("link_preview_options", None)
        return fields, uploads


@asynccontextmanager
async def served(emulator: Emulator) -> AsyncIterator[str]:
    """The emulator on loopback; yields its address."""
    runner = web.AppRunner(emulator.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def message(number: int, text: str, **more: Any) -> dict[str, Any]:
    """An update with a message in the group."""
    head = {"message_id": number, "date": 1_772_000_000, "chat": GROUP, "from": ANN}
    return {"message": head | {"text": text} | more}


async def converse(emulator: Emulator, platform: TelegramPlatform, events: list[Event]) -> None:
    """Hear a message and a command, answer both."""

    async def queued(update: dict[str, Any]) -> Event:
        count = len(events)
        await emulator.enqueue_update(update, token=TOKEN)
        async with asyncio.timeout(10):
            while len(events) == count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return events[-1]

    heard = await queued(message(5, "hello bot"))
    assert isinstance(heard, Heard)
    assert heard.message.id == "telegram:1234567890:5"
    assert heard.address is Address.NONE
    ping = ("ann", Account("telegram", "user77", "Ann"))
    chat = heard.message.chat.id
    await platform.typing(chat)
    await platform.send(Outgoing("k1", chat, "hi @ann 😀", quote=heard.message.id, ping=ping))
    entity = {"type": "bot_command", "offset": 0, "length": 7}
    command = await queued(message(6, "/status", entities=[entity]))
    assert isinstance(command, Commanded)
    await command.answer.say("all well", [Button("Stop", "stop")])
    await command.answer.say("still well")


def test_the_bot_keeps_to_a_contract_written_by_others(state: Path) -> None:
    async def scenario() -> None:
        emulator, events = Emulator(), list[Event]()
        async with served(emulator) as url:
            platform = TelegramPlatform(Telegram(token=TOKEN, url=url), state, patience=QUICK)

            async def post(event: Event) -> None:
                events.append(event)

            await platform.offer([Word("about", "What I am", is_admin=False)])
            task = asyncio.create_task(platform.run(post, lambda _: None))
            await converse(emulator, platform, events)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        refused = [one for one in emulator.requests if one["status"] != 200]
        assert refused == []
        methods = {one["method"] for one in emulator.requests}
        assert {"sendMessage", "editMessageText", "sendChatAction", "setMyCommands"} <= methods

    asyncio.run(scenario())
