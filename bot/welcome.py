"""Meeting chats: the bot introduces itself where it is allowed, and leaves other chats alone."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from bot.chatbook import ChatRules
from bot.errors import BotError
from bot.parts import Parts
from bot.platforms.base import Joined
from ingest.chat import Account, Conversation

_log = logging.getLogger("atself.hub")


@dataclass(frozen=True, slots=True)
class Welcome:
    """``spawn`` does something beside; ``ready`` waits until a platform may be written to."""

    parts: Parts
    leaves_unknown: bool
    spawn: Callable[[Coroutine[Any, Any, None]], None]
    ready: Callable[[str], Awaitable[None]]
    _tried: set[str] = field(default_factory=set)  # where it may not write, it never may

    def joined(self, event: Joined) -> None:
        """The bot was added to a chat."""
        rules = self.parts.book.rules(event.chat.id, event.places)
        if rules.is_allowed and event.is_enclosing:  # each chat in it is told when somebody speaks
            self.parts.book.met(event.chat)
        elif rules.is_allowed:
            self.parts.book.met(event.chat)
            self.introduce(event.chat, rules)
        else:
            self.unknown(event.chat)

    def unknown(self, chat: Conversation, account: Account | None = None) -> None:
        """A chat nobody allowed: left alone, or left."""
        is_news = not self.parts.book.entry(chat.id).is_here
        self.parts.book.met(chat)
        if is_news:
            _log.warning("%s", _stranger(chat, account))
            if self.leaves_unknown and not chat.is_private:
                self.spawn(self.parts.platforms[chat.platform].leave(chat.id))

    def introduce(self, chat: Conversation, rules: ChatRules) -> None:
        """Say once in a chat that a bot listens, and what it keeps."""
        if rules.announced_at is None and chat.id not in self._tried:
            self._tried.add(chat.id)
            self.parts.book.met(chat)
            self.spawn(self._announce(chat, rules.is_logged))

    async def _announce(self, chat: Conversation, is_logged: bool) -> None:
        try:
            text = await self.parts.consent.announcement(chat.id, is_logged)
            await self.ready(chat.platform)
            await self.parts.platforms[chat.platform].announce(chat.id, text)
            self.parts.book.announced(chat.id, self.parts.clock.now())
            self._tried.discard(chat.id)  # it may have to be said again: /chats log
        except BotError as error:
            _log.warning("%s: could not introduce itself: %s", chat.id, error)


def _stranger(chat: Conversation, account: Account | None) -> str:
    """How to let a chat in, and in private, how to let its account command; ids alone."""
    if chat.is_private and account is not None:
        person = f"{account.platform}:{account.key}"
        return (
            f"{chat.id} (private, with {person}): not allowed, so left alone; put {chat.id} into "
            f"bot.allowed_chats to answer there, {person} into bot.admins to be commanded by it"
        )
    return (
        f"{chat.id}: not allowed, so left alone; to answer there put {chat.id} into "
        f"bot.allowed_chats, or as an admin send /chats allow {chat.id}"
    )
