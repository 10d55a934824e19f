"""What the gate knows at the moment it decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.platforms.base import Address
from ingest.chat import Message


@dataclass(frozen=True, slots=True)
class Situation:
    """A message, and the chat around it.

    ``history`` is of the same room (chat and topic), oldest first, ending with ``message``; what
    the bot said is there as @self's. ``said`` are the bot's replies in this chat in the last 24
    hours, ``said_to`` those to the writer anywhere in the last hour, both oldest first.
    ``bots_in_a_row`` counts replies to bots since a person last spoke here. ``self_wrote_at`` is
    when the real @self last wrote in this chat. ``is_own`` where the bot itself sent the message.
    """

    now: datetime
    message: Message
    address: Address = Address.NONE
    history: Sequence[Message] = ()
    said: Sequence[datetime] = ()
    said_to: Sequence[datetime] = ()
    bots_in_a_row: int = 0
    self_wrote_at: datetime | None = None
    muted_until: datetime | None = None
    is_own: bool = False

    @property
    def age(self) -> timedelta:
        """How long ago the message was sent; a clock that runs ahead makes it nothing."""
        return max(self.now - self.message.sent_at, timedelta())

    @property
    def earlier(self) -> Sequence[Message]:
        """The room before the message."""
        if self.history and self.history[-1].id == self.message.id:
            return self.history[:-1]
        return self.history

    def said_within(self, span: timedelta) -> int:
        """How many replies of the bot in this chat are younger than ``span``."""
        return sum(self.now - at < span for at in self.said)
