"""Getting updates, by polling or by a webhook, acknowledged only once they are safe.

A poll acknowledges what earlier polls brought (https://core.telegram.org/bots/api#getupdates), so
the next one starts only after every update of the last was taken; a webhook answers 200 only then.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from telegram import Update
from telegram.error import BadRequest, Conflict, InvalidToken, TelegramError
from telegram.ext import Updater

from bot.errors import PlatformRefused
from bot.platforms.telegram.client import LOG, Client, Patience, pause_of, reason
from bot.platforms.telegram.hearing import ASKED
from config.bots import Telegram

BAD_TOKEN = (
    "telegram: the token was refused; copy it again from BotFather (/mybots, API Token) and set it "
    "as ATSELF_TELEGRAM__TOKEN"
)
_RIVAL = (
    "telegram: another program fetches this bot's messages (409); stop it, or take a new token "
    "from BotFather (/revoke); waiting"
)
_LONG_OUTAGE = timedelta(minutes=1)

Take = Callable[[Any], Awaitable[None]]


class Line:
    """The connection to Telegram: what fails is waited out, and logged once until it works again.

    ``since`` is when it last began to work after a start or a longer outage.
    """

    def __init__(
        self,
        patience: Patience,
        clock: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._patience, self._clock, self._sleep = patience, clock, sleep
        self._failures, self._told = 0, ""
        self._failed_at: datetime | None = None
        self.since = _second(clock())

    def started(self) -> None:
        """Signed in: what was said before is caught up."""
        self.since = _second(self._clock())

    async def failed(self, error: TelegramError) -> None:
        """Log what is wrong, once, and wait; raises PlatformRefused where waiting is no use."""
        if isinstance(error, InvalidToken):
            raise PlatformRefused(BAD_TOKEN) from None
        is_rival = isinstance(error, Conflict)
        text = _RIVAL if is_rival else f"telegram: not reachable: {reason(error)}; trying again"
        kind = "rival" if is_rival else "network"
        if self._told != kind and (is_rival or self._failures):
            self._told = kind
            LOG.warning("%s", text)
        self._failed_at = self._failed_at or self._clock()
        pause = pause_of(error, self._patience, self._failures)
        self._failures += 1
        await self._sleep(pause)

    @property
    def trouble(self) -> str:
        """What is wrong, and since when; empty while requests are answered."""
        if not self._told or self._failed_at is None:
            return ""
        what = "another program polls" if self._told == "rival" else "not reachable"
        return f"{what} since {self._failed_at:%Y-%m-%d %H:%M} UTC"

    @property
    def is_down(self) -> bool:
        """Whether the last request failed: then the next is not to be held open."""
        return self._failures > 0

    def works(self) -> bool:
        """A request was answered; whether that ended something that was told."""
        was_told = bool(self._told)
        if self._failed_at and self._clock() - self._failed_at > _LONG_OUTAGE:
            self.started()
        self._failures, self._told, self._failed_at = 0, "", None
        return was_told

    async def calling(self, request: Callable[[], Awaitable[Any]]) -> Any:
        """``request``, tried until it is answered."""
        while True:
            try:
                answer = await request()
            except BadRequest:
                raise
            except TelegramError as error:
                await self.failed(error)
            else:
                self.works()
                return answer


def _second(at: datetime) -> datetime:
    """Telegram tells whole seconds."""
    return at.replace(microsecond=0)


async def poll(
    client: Client, line: Line, take: Take, again: Callable[[], None], seconds: int
) -> None:
    """Fetch updates for ever; ``again`` is called whenever that works after it did not."""
    await line.calling(client.delete_webhook)
    offset = 0
    while True:
        try:
            updates = await client.fetch(offset, 0 if line.is_down else seconds, ASKED)
        except TelegramError as error:
            await line.failed(error)
            continue
        if line.works():
            again()
        if not updates:
            # All is confirmed. After a week of silence ids start anew anywhere, perhaps below the
            # last (https://core.telegram.org/bots/api#update), and would be skipped.
            offset = 0
        for update in sorted(updates, key=lambda update: int(update["update_id"])):
            await take(update)
            offset = max(offset, int(update["update_id"]) + 1)


class _Inbox(asyncio.Queue[object]):
    """What PTB's webhook server puts updates into: it answers 200 once ``put`` returned."""

    def __init__(self, take: Take) -> None:
        super().__init__()
        self._take = take

    async def put(self, item: object) -> None:
        await self._take(item)


async def listen(client: Client, line: Line, take: Take, settings: Telegram) -> None:
    """Be called by Telegram until cancelled; one call at a time keeps the order."""
    updater = Updater(client, _Inbox(take))
    await updater.initialize()
    with _socket(settings) as place:
        try:
            await line.calling(lambda: _start(updater, settings, place))
            await asyncio.Event().wait()
        except BadRequest as error:
            raise PlatformRefused(
                f"telegram.webhook_url: Telegram refused it ({reason(error)}); it must be an https "
                "address that reaches this machine"
            ) from None
        finally:
            if updater.running:
                await updater.stop()


def _socket(settings: Telegram) -> socket.socket:
    host, port = settings.webhook_listen, settings.webhook_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        place = socket.create_server((host, port), family=family)
    except OSError as error:
        raise PlatformRefused(
            f"telegram.webhook_port: cannot listen on {host}:{port}: {error.strerror}; "
            "choose another"
        ) from None
    place.setblocking(False)
    return place


async def _start(updater: Updater, settings: Telegram, place: socket.socket) -> None:
    secret = settings.webhook_secret
    await updater.start_webhook(
        unix=place,  # any bound socket will do
        url_path=urlsplit(settings.webhook_url or "").path,
        webhook_url=settings.webhook_url,
        secret_token=secret.get_secret_value() if secret else secrets.token_urlsafe(32),
        allowed_updates=ASKED,
        max_connections=1,
        bootstrap_retries=0,
    )


def parsed(client: Client, item: Any) -> Update | None:
    """An update as an object; None, with a line in the log, where it cannot be read."""
    if isinstance(item, Update):
        return item
    try:
        return Update.de_json(item, client)
    except Exception as error:
        # A kind of content newer than the library must not stop all that comes after it.
        LOG.error("telegram: update %s cannot be read (%s)", item.get("update_id"), type(error))
        return None
