"""What holds in a chat right now: its rules, whether it is muted, whether anything may be said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.asked import Asked
from bot.errors import BotError
from bot.gate import Rules
from bot.parts import Parts
from config.bots import Talk
from ingest.chat import Account


class Ruling:
    """Settings and admins' changes together, as they are when asked."""

    def __init__(self, parts: Parts, talk: Talk) -> None:
        self._parts, self._talk = parts, talk

    def rules(self, asked: Asked) -> Rules:
        """By which a message is decided upon."""
        parts, chat = self._parts, asked.message.chat
        changes = parts.book.rules(chat, asked.places).changes
        try:
            return Rules.of(self._talk, changes, parts.names)
        except BotError as error:  # of another version: better the settings than nothing
            parts.warn(chat, f"{chat}: {error}")
            return Rules.of(self._talk, names=parts.names)

    def muted_until(self, asked: Asked) -> datetime | None:
        """Until when nothing is said where this was asked."""
        return self._parts.book.rules(asked.message.chat, asked.places).muted_until

    def is_logged(self, chat: str, places: Sequence[str]) -> bool:
        """Whether what is said in a chat is kept."""
        return self._parts.book.rules(chat, places).is_logged

    def barred(self, chat: str, account: Account | None) -> str:
        """Why nothing may be said in a chat (to an account) any more; empty where it may."""
        rules = self._parts.book.rules(chat)
        if not rules.is_allowed:
            return "the chat is not allowed any more"
        if rules.muted_until is not None and rules.muted_until > self._parts.clock.now():
            return "the chat was muted"
        is_out = account is not None and self._parts.consent.is_out(account)
        return "who asked has opted out" if is_out else ""
