"""What was heard lately, so that nothing is told twice and an edit is known from a repetition."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import discord

from ingest.chat import RawMessage

Key = TypeVar("Key")
Value = TypeVar("Value")
_SIZE = 5000


class Lately(OrderedDict[Key, Value], Generic[Key, Value]):
    """A dictionary that forgets what was set longest ago."""

    def __setitem__(self, key: Key, value: Value) -> None:
        super().__setitem__(key, value)
        self.move_to_end(key)
        if len(self) > _SIZE:
            self.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Known:
    """A message as last told; ``was_said`` is false where only its edit was seen so far."""

    message: RawMessage
    was_said: bool


@dataclass(slots=True)
class Memory:
    """What outlives a connection but not the process.

    ``authors`` by message, own messages that ``arrived`` by nonce, own messages ``claimed`` by the
    nonce they were found to be, who reacted to messages heard as they were said (``tallies``, by
    emoji), what people are ``shown`` as by server and user, interactions that were met, and the
    ``words`` of commands.
    """

    known: Lately[int, Known] = field(default_factory=Lately)
    authors: Lately[int, int] = field(default_factory=Lately)
    arrived: Lately[str, Any] = field(default_factory=Lately)
    claimed: Lately[int, str] = field(default_factory=Lately)
    tallies: Lately[int, dict[str, set[int]]] = field(default_factory=Lately)
    shown: Lately[tuple[int, int], str] = field(default_factory=Lately)
    met: Lately[int, bool] = field(default_factory=Lately)
    words: frozenset[str] = frozenset()

    def note_own(self, message: discord.Message) -> None:
        """A message of the bot's own was told by the gateway."""
        if message.nonce is not None:
            self.arrived[str(message.nonce)] = message
            self.claimed[message.id] = str(message.nonce)

    async def author(self, channel: Any, message: int) -> int | None:
        """Who wrote a message, asking Discord where it is not remembered; None if it is gone."""
        if message not in self.authors:
            try:
                found = await channel.fetch_message(message)
            except (discord.NotFound, discord.Forbidden):
                return None
            self.authors[message] = found.author.id
        return self.authors[message]


def bare(message: RawMessage) -> RawMessage:
    """The message without what changes under it."""
    return replace(message, reactions=())
