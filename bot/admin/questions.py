"""Asking back before what cannot be undone: answered by who was asked, there, and soon."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.admin.asked import asker_of
from bot.platforms.base import Button, Commanded, Notice

EXPIRES = timedelta(minutes=2)
YES = "yes"
NO = "no"
_ANSWER = re.compile(r"(yes|no) ([0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of whom, where, until when; a yes does ``action``, which tells on a notice."""

    account: str
    chat: str
    until: datetime
    action: Callable[[Notice], Awaitable[None]]


class Questions:
    """The open questions, in memory: a restart forgets them, and then the answer is too late."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._open: dict[str, Question] = {}

    async def ask(
        self, asked: Commanded, text: str, label: str, action: Callable[[Notice], Awaitable[None]]
    ) -> None:
        """Show ``text`` with the buttons ``label`` and Cancel; ``action`` follows a yes."""
        now, token = self._clock(), secrets.token_hex(8)
        self._open = {key: each for key, each in self._open.items() if each.until > now}
        self._open[token] = Question(asker_of(asked), asked.chat.id, now + EXPIRES, action)
        yes = Button(label, asked.name, f"{YES} {token}")
        await asked.answer.say(text, [yes, Button("Cancel", asked.name, f"{NO} {token}")])

    async def answered(self, asked: Commanded) -> bool:
        """Whether the command is the answer to a question; then it is dealt with."""
        answer = _ANSWER.fullmatch(asked.words)
        if answer is None:
            return False
        verb, token = answer.groups()
        found = self._open.get(token)
        if found is None or found.until <= self._clock():
            self._open.pop(token, None)
            await asked.answer.say("That question is no longer open. Give the command again.")
        elif (found.account, found.chat) != (asker_of(asked), asked.chat.id):
            pass  # somebody else pressed it: it stays open for whom it was asked
        else:
            del self._open[token]
            await (
                found.action(asked.answer) if verb == YES else asked.answer.say("Left as it is.")
            )
        return True
