"""Which earlier messages belong to the newest of a chat, told while the chat goes on.

Nothing is known of what is said next, so belonging is a matter of chance: explicit replies are
certain, everything else goes by ``ingest.linker``. The state of each chat is kept, so that a new
message costs a few milliseconds; a history that does not go on where the last one ended is read
afresh.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from ingest.chat import Kind, Message
from ingest.linker.belonging import belonging
from ingest.linker.columns import Array
from ingest.linker.live import Live, Sight
from ingest.linker.pairs import REACH
from ingest.linker.ranking import second_chances
from ingest.threads import utterance

CHATS = 32
"""Chats whose state is kept, the latest; each takes about 6 MB."""


@dataclass(frozen=True, slots=True)
class Heard:
    """``chances``: of each earlier message, by id, to be of the newest's conversation.

    ``answered`` is what the newest most likely answers, or quotes; None where nothing is near.
    """

    chances: Mapping[str, float]
    answered: str | None


@dataclass
class _Chat:
    live: Live = field(default_factory=Live)
    last: str | None = None
    sent_at: OrderedDict[str, datetime] = field(default_factory=OrderedDict)

    def hear(self, message: Message) -> None:
        self.live.add(utterance(message))
        self.last = message.id
        self.sent_at[message.id] = message.sent_at
        if len(self.sent_at) > REACH + 1:
            self.sent_at.popitem(last=False)


class Listener:
    """The chats listened to. A conversation is over after a silence of ``gap``, unless quoted."""

    def __init__(self, gap: timedelta) -> None:
        self._gap = gap
        self._chats: OrderedDict[str, _Chat] = OrderedDict()

    def hear(self, history: Sequence[Message]) -> Heard:
        """What belongs to the last of ``history``, oldest first and of one chat; not empty."""
        chat = self._chat(history)
        sight = chat.live.look()
        keys = list(chat.sent_at)[-2::-1]
        stretch = self._stretches(list(chat.sent_at.values())[::-1])
        quoted = chat.live.quoted()
        answered = _answered(sight, quoted, keys, stretch)
        links = sight.found.links[0]
        links = links * ((stretch[1:, None] == stretch[None, 1:]) | (links == 1))
        together = belonging(answered, links)[: len(keys)]
        chances = dict(zip(keys, together.tolist(), strict=True))
        if quoted is not None:
            chances |= dict.fromkeys((quoted, *_quoting_too(sight, keys)), 1.0)
        best = keys[int(answered.argmax())] if answered.any() else None
        return Heard(chances, quoted or best)

    def _stretches(self, sent_at: Sequence[datetime]) -> Array:
        """Stretches of talk without a silence (REACH + 1,), numbered from the latest."""
        silent = [later - earlier > self._gap for later, earlier in pairwise(sent_at)]
        silent += [True] * (REACH - len(silent))
        return np.cumsum([False, *silent])

    def _chat(self, history: Sequence[Message]) -> _Chat:
        """The state of the chat after its newest message."""
        said = [message for message in history if message.kind is not Kind.SERVICE]
        newest = history[-1]
        if not said or said[-1] is not newest:
            said.append(newest)
        chat = self._chats.pop(newest.chat, None) or _Chat()
        ids = [message.id for message in said]
        if chat.last in ids:
            said = said[ids.index(chat.last) + 1 :]
        else:
            chat = _Chat()
        for message in said:
            chat.hear(message)
        self._chats[newest.chat] = chat
        if len(self._chats) > CHATS:
            self._chats.popitem(last=False)
        return chat


def _answered(sight: Sight, quoted: str | None, keys: Sequence[str], stretch: Array) -> Array:
    """The chances (REACH,) that the newest answers each before it."""
    if quoted is not None:
        return np.array([key == quoted for key in keys] + [False] * (REACH - len(keys)), float)
    return second_chances(sight)[1:] * (stretch[1:] == stretch[0])


def _quoting_too(sight: Sight, keys: Sequence[str]) -> list[str]:
    """Messages that go back to the same beginning as the newest, which may be long ago."""
    columns = sight.found.pairs.columns
    own = columns.roots[sight.found.pairs.rows[0]]
    return [key for key, root in zip(keys, sight.found.root[0], strict=False) if root == own]
