"""What is asked of the bot and where: the nouns that rooms are about."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from bot.gate import Decision, Situation
from bot.platforms.base import Address
from bot.responder import Answer
from ingest.chat import Account, Message

_RESTARTS = 2
"""How often one reply starts anew because its asker went on."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a conversation goes on."""

    chat: str
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A message the bot heard, as far as answering it needs; ``dice`` in [0, 1) are thrown once."""

    message: Message
    address: Address
    account: Account
    dice: float
    places: tuple[str, ...] = ()
    is_caught_up: bool = False


@dataclass
class Presence:
    """What the bot did in a chat lately, over all its topics."""

    said: deque[datetime] = field(default_factory=lambda: deque(maxlen=1000))
    bots_in_a_row: int = 0
    self_wrote_at: datetime | None = None


@dataclass
class Writing:
    """A reply between the first decision and its first part."""

    asked: Asked
    decision: Decision
    situation: Situation
    covered: list[Asked]
    since: list[Message] = field(default_factory=list)
    task: asyncio.Future[Answer] | None = None
    stopped: str = ""
    is_interrupted: bool = False
    restarts: int = 0

    @property
    def is_only_interrupted(self) -> bool:
        """Whether the question was cancelled and not, in the same moment, the room's own work."""
        room = asyncio.current_task()
        return self.is_interrupted and not (room and room.cancelling())

    def stop(self, why: str) -> None:
        """No reply after all."""
        self.stopped = why
        self._interrupt()

    def start_anew(self) -> None:
        """The asker said more: what was written so far knows too little."""
        if self.task is not None and self.restarts < _RESTARTS:
            self.restarts += 1
            self._interrupt()

    def _interrupt(self) -> None:
        if self.task is not None:
            self.is_interrupted = True
            self.task.cancel()


def until(history: Iterable[Message], last: Message) -> tuple[Message, ...]:
    """The history that ends with this message."""
    lines = tuple(history)
    place = next((i for i, one in enumerate(lines) if one.id == last.id), len(lines))
    return (*lines[:place], last)
