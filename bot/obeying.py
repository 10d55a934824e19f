"""Commands: who may give which, each obeyed once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from bot.chatbook import Chatbook
from bot.consent import ABOUT
from bot.platforms.base import Commanded, Handler, Word
from bot.recorder import Recorder
from config.errors import AtselfError
from ingest.chat import Account

_log = logging.getLogger("atself.commands")

_START = "start"
"""What Telegram sends where somebody opens a private chat with a bot."""


class Obeying:
    """Passes commands on to what obeys them. Admins are accounts by id; nobody is by default.

    What is not for somebody is not even refused: in a group that would be noise, and it would tell
    strangers what there is.
    """

    def __init__(
        self,
        offers: Mapping[Word, Handler],
        admins: Collection[str],
        book: Chatbook,
        recorder: Recorder,
        now: Callable[[], datetime],
    ) -> None:
        self._handlers = {word.name: (word, handler) for word, handler in offers.items()}
        self._admins, self._book = frozenset(admins), book
        self._recorder, self._now = recorder, now
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def words(self) -> list[Word]:
        """All commands."""
        return [word for word, _ in self._handlers.values()]

    def is_admin(self, account: Account) -> bool:
        """Whether the settings name this account."""
        return f"{account.platform}:{account.key}" in self._admins

    async def obey(self, command: Commanded) -> None:
        """Start what was asked for, once; returns before it is done."""
        name = ABOUT.name if command.name == _START and command.chat.is_private else command.name
        found = self._handlers.get(name)
        if found is None:  # its name is what somebody wrote
            _log.info("%s: an unknown command by %s", command.chat.id, command.account.key)
            if command.chat.is_private and self.is_admin(command.account):
                await command.answer.say("There is no such command; /help lists what there is.")
            return
        if not self._may(command, found[0]):
            _log.info("%s: /%s is not for %s", command.chat.id, command.name, command.account.key)
            return
        id, now = command.id, self._now()
        if not await self._recorder.do(lambda _, journal: journal.obey(id, now)):
            return
        task = asyncio.create_task(self._run(command, found[1]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def is_working(self) -> bool:
        """Whether something is being obeyed."""
        return bool(self._tasks)

    async def close(self) -> None:
        """End what is being obeyed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _may(self, command: Commanded, word: Word) -> bool:
        if self.is_admin(command.account):
            return True
        is_here = self._book.rules(command.chat.id, command.places).is_allowed
        return not word.is_admin and (is_here or command.chat.is_private)

    async def _run(self, command: Commanded, handler: Handler) -> None:
        _log.info("%s: /%s by %s", command.chat.id, command.name, command.account.key)
        try:
            await handler(command)
        except AtselfError as error:  # anybody may have asked: it may name folders and people
            _log.error("/%s did not work: %s", command.name, error)
            await command.answer.say(f"/{command.name} did not work; the log says why")
        except Exception:
            _log.exception("/%s failed", command.name)
            await command.answer.say(f"/{command.name} failed; the log says why")
