"""Telegram, as the rest of the bot sees it."""

from __future__ import annotations

import asyncio
import inspect
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from telegram import CallbackQuery, Message, Update, User
from telegram.constants import ChatAction
from telegram.error import TelegramError

from bot.errors import PlatformRefused
from bot.platforms.base import Button, Event, Moved, Notice, Outgoing, Post, Sent, Word
from bot.platforms.telegram.client import LOG, Limiter, Patience, client_of, reason
from bot.platforms.telegram.hearing import Ears, as_account
from bot.platforms.telegram.ids import chat_key, user_id
from bot.platforms.telegram.inert import longest
from bot.platforms.telegram.letters import Letter, letter_of
from bot.platforms.telegram.menus import Menus
from bot.platforms.telegram.notices import Slip, Unsaid, shown
from bot.platforms.telegram.sending import Sender
from bot.platforms.telegram.state import Memory
from bot.platforms.telegram.updating import Line, listen, parsed, poll
from config.bots import Telegram
from ingest.chat import Account
from ingest.parsers.telegram import PLATFORM

PRIVACY = (
    "telegram: warning: @{name} has privacy mode on and sees in groups only commands, mentions and "
    "replies to it; in BotFather send /setprivacy, choose @{name}, Disable; then remove the bot "
    "from each group and add it again"
)
_TYPING_SECONDS = 3.0
"""Longest wait for what is only shown: a reply must not wait for it."""


def _now() -> datetime:
    return datetime.now(UTC)


class TelegramPlatform:
    """The bot on Telegram; see ``bot.platforms.base.Platform``.

    ``state`` is the file it may keep tables in; ``admins`` are shown the admins' commands in their
    private chats. ``clock`` and ``sleep`` are the time everything here goes by.
    """

    name = PLATFORM

    def __init__(
        self,
        settings: Telegram,
        state: Path,
        *,
        admins: Iterable[str] = (),
        patience: Patience | None = None,
        limiter: Limiter | None = None,
        clock: Callable[[], datetime] = _now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if settings.token is None:
            raise PlatformRefused("telegram: there is no token; set ATSELF_TELEGRAM__TOKEN")
        self._settings, self._clock, self._sleep = settings, clock, sleep
        self._patience = patience or Patience()
        token = settings.token.get_secret_value()
        self._client = client_of(token, settings.url, self._patience, limiter or Limiter())
        self._memory = Memory(state)
        self._sender = Sender(
            self._client, self._memory, self._patience, clock, sleep, self._on_move
        )
        self._menus = Menus(self._client, [one for one in admins if one.startswith(PLATFORM)])
        self._line = Line(self._patience, clock, sleep)
        self._ears: Ears | None = None
        self._post: Post | None = None
        self._ready: Callable[[str], None] = LOG.info
        self._me: User | None = None
        self._taking = asyncio.Lock()
        self._errands: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"TelegramPlatform({self._settings.url})"

    @property
    def account(self) -> Account | None:
        """See Platform."""
        return as_account(self._me) if self._me else None

    @property
    def trouble(self) -> str:
        """See Platform."""
        return self._line.trouble

    async def run(self, post: Post, ready: Callable[[str], None]) -> None:
        """See Platform."""
        self._post, self._ready = post, ready
        try:
            await self._sign_in()
            self._run_errand(self._menus.show())
            if self._settings.webhook_url:
                await listen(self._client, self._line, self._take, self._settings)
            else:
                await poll(
                    self._client, self._line, self._take, self._signed_in, self._patience.poll
                )
        finally:
            for errand in self._errands:
                errand.cancel()
            await self._client.shutdown()

    def close(self) -> None:
        """Close the state file, after the last use."""
        self._memory.close()

    async def send(self, outgoing: Outgoing) -> Sent:
        """See Platform."""
        return await self._sender.send(letter_of(outgoing))

    async def find(self, outgoing: Outgoing) -> Sent | None:
        """See Platform."""
        return await self._sender.find(letter_of(outgoing))

    def longest(self, text: str) -> int:
        """See Platform: 4096 UTF-16 units, those that make the text inert among them."""
        return longest(text)

    async def typing(self, chat: str, topic: str | None = None) -> None:
        """See Platform."""
        thread = int(topic) if topic not in (None, "1") else None
        try:
            await self._client.send_chat_action(
                self._memory.chat_id(chat),
                ChatAction.TYPING,
                message_thread_id=thread,
                read_timeout=_TYPING_SECONDS,
                connect_timeout=_TYPING_SECONDS,
            )
        except TelegramError as error:
            LOG.debug("telegram: typing in %s failed (%s)", chat, reason(error))

    async def notify(self, account: str, text: str, buttons: Sequence[Button] = ()) -> Notice:
        """See Platform. An admin must have written to the bot first, or it may not write."""
        user = user_id(account)
        if not self._memory.know_chat(user, "private"):
            LOG.warning("telegram: %s has the number of a group and cannot be told", account)
            return Unsaid()
        notice: Notice = self._notice(user, None, None, None)
        await notice.say(text, buttons)
        return notice

    async def announce(self, chat: str, text: str) -> None:
        """See Platform."""
        await self._sender.send(Letter(chat, shown(text)))

    async def leave(self, chat: str) -> None:
        """See Platform."""
        try:
            await self._client.leave_chat(self._memory.chat_id(chat))
        except TelegramError as error:
            LOG.warning("telegram: %s cannot be left (%s)", chat, reason(error))

    async def offer(self, words: Sequence[Word]) -> None:
        """See Platform."""
        self._menus.take(words)
        if self._me is not None:
            await self._menus.show()

    async def _sign_in(self) -> None:
        await self._line.calling(self._client.initialize)
        self._me = self._client.bot
        self._ears = Ears(self._memory, self._me, self._notice)
        self._line.started()
        if not self._me.can_read_all_group_messages:
            self._ready(PRIVACY.format(name=self._me.username))
        self._signed_in()

    def _signed_in(self) -> None:
        way = "webhook" if self._settings.webhook_url else "polling"
        self._ready(f"telegram: @{self._me.username if self._me else ''}, {way}")

    async def _take(self, item: Any) -> None:
        """Pass on one update; returns once it is safe."""
        async with self._taking:
            update = parsed(self._client, item)
            if update is None or self._memory.is_seen(update.update_id):
                return
            for event in await self._safely(lambda: self._heard(update), update.update_id):
                await self._posted(event, update.update_id)
            await self._safely(lambda: self._memory.note_update(update.update_id), update.update_id)
        if update.callback_query:
            self._run_errand(self._release(update.callback_query))

    def _heard(self, update: Update) -> list[Event]:
        message = update.effective_message
        if isinstance(message, Message):
            box = self._memory.box(message.chat.id)
            self._sender.positions.note(message.chat.id if box is None else box, message.message_id)
        try:
            return self._ears.events(update, self._line.since) if self._ears else []
        except sqlite3.Error:
            raise
        except Exception as error:
            # One odd update must not stop all that come after it.
            LOG.error("telegram: update %d makes no sense (%r)", update.update_id, type(error))
            return []

    async def _posted(self, event: Event, update: int) -> None:
        await self._safely(lambda: self._post(event) if self._post else None, update)
        if isinstance(event, Moved):
            self._memory.move(event.old, event.new.id)

    async def _safely(self, work: Callable[[], Any], update: int) -> Any:
        """Work until it is done: an update that is not safe is not acknowledged either."""
        tries = 0
        while True:
            try:
                done = work()
                return await done if inspect.isawaitable(done) else done
            except Exception as error:
                pause = self._patience.wait(tries)
                LOG.error("telegram: update %d is kept back %g s (%r)", update, pause, type(error))
                await self._sleep(pause)
                tries += 1

    async def _on_move(self, old: int, new: int) -> None:
        if self._ears is not None:
            for event in self._ears.moved(old, new, ""):
                await self._posted(event, 0)

    def _notice(
        self, chat: int, topic: str | None, number: int | None, quote: int | None
    ) -> Notice:
        place = Letter(chat_key(chat), "", topic=topic, quote=quote)
        return Slip(self._sender, self._memory, place, number)

    async def _release(self, query: CallbackQuery) -> None:
        """Tell the button that it was pressed."""
        try:
            await self._client.answer_callback_query(query.id)
        except TelegramError as error:
            LOG.debug("telegram: a press was not answered (%s)", reason(error))

    def _run_errand(self, errand: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
