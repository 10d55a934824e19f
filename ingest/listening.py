"""Which earlier messages belong to the newest of a chat, told while the chat goes on.

Nothing is known of what is said next, so belonging is a matter of chance: explicit replies are
certain, everything else goes by ``ingest.linker``. The state of each chat is kept, so that a new
message costs a few milliseconds; a history that does not go on where the last one ended is read
afresh.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

import numpy as np

from ingest.chat import Kind, Message
from ingest.linker.belonging import belonging
from ingest.linker.closeness import cosines_of, widened, with_cosines
from ingest.linker.columns import Array
from ingest.linker.live import Live, Sight
from ingest.linker.pairs import REACH
from ingest.linker.ranking import Ranking, features, second_chances, shipped
from ingest.threads import utterance

CHATS = 32
"""Chats whose state is kept, the latest; each takes about 6 MB."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """A ranking that counts cosines, and what gives the vectors (n, d) of texts, of length 1.

    ``vectors`` returns None where it has none in time: words decide then.
    """

    ranking: Ranking
    vectors: Callable[[Sequence[str]], Array | None]


@dataclass
class _Chat:
    live: Live = field(default_factory=Live)
    last: str | None = None
    near: OrderedDict[str, Message] = field(default_factory=OrderedDict)

    @property
    def earlier(self) -> list[str]:
        """The messages in reach before the newest, the latest first."""
        return list(self.near)[-2::-1]

    def heard(self, ids: Sequence[str]) -> int:
        """How many of ``ids``, from the start, are what was heard; 0 where they tell otherwise.

        A message may be gone since, or have moved where a line was put to the end to be answered.
        """
        end = ids.index(self.last) + 1 if self.last in ids else 0
        known = list(self.near)[-end:]
        return end if known == list(ids[end - len(known) : end]) else 0

    def hear(self, message: Message) -> None:
        self.live.add(utterance(message))
        self.last = message.id
        self.near[message.id] = message
        if len(self.near) > REACH + 1:
            self.near.popitem(last=False)


class Listener:
    """The chats listened to. A conversation is over after a silence of ``gap``, unless quoted."""

    def __init__(
        self, gap: timedelta, ranking: Ranking | None = None, meaning: Meaning | None = None
    ) -> None:
        self._gap, self._ranking, self._meaning = gap, ranking or shipped(), meaning
        self._chats: OrderedDict[str, _Chat] = OrderedDict()

    def hear(self, history: Sequence[Message], room: str | None = None) -> dict[str, float]:
        """The chance of each earlier message, by id, to be of the last one's conversation.

        ``history`` is of one chat, oldest first and not empty; ``room`` tells those of a chat's
        topics apart, which would be read afresh in turn otherwise.
        """
        chat = self._chat(history, room)
        keys = chat.earlier
        sight, quoted = chat.live.look(), chat.live.quoted()
        stretch = self._stretches(list(chat.near.values())[::-1])
        if quoted is None:
            answered, learned = self._answered(chat, sight) * (stretch[1:] == stretch[0])
        else:
            answered = learned = _certain(quoted, keys)
        links = sight.found.links[0]
        links = links * ((stretch[1:, None] == stretch[None, 1:]) | (links == 1))
        together = np.maximum(belonging(answered, links), learned)
        chances = dict(zip(keys, together.tolist(), strict=False))
        if quoted is not None:
            chances |= dict.fromkeys((quoted, *_quoting_too(sight, keys)), 1.0)
        return chances

    def rank(self, history: Sequence[Message]) -> dict[str, float]:
        """The chance of each earlier message, by id, to be what the last answers, if it does."""
        chat = self._chat(history)
        sight, quoted = chat.live.look(), chat.live.quoted()
        _, ranking, seen = self._rankings(chat, features(sight))
        chances = ranking.chances(seen, sight.found.pairs.valid[0])
        found = dict(zip(chat.earlier, chances.tolist(), strict=False))
        return found if quoted is None else {**dict.fromkeys(found, 0.0), quoted: 1.0}

    def _answered(self, chat: _Chat, sight: Sight) -> Array:
        """The chances (2, REACH) of being answered, by the weights that ship and by those learned.

        Only the former lead on to the rest of a conversation: explicit replies teach what people
        quote, which is seldom the line just before.
        """
        linked = second_chances(sight)
        *rankings, seen = self._rankings(chat, features(sight, linked))
        valid = sight.found.pairs.valid[0]
        found = [ranking.chances(seen, valid) for ranking in rankings]
        chances: Array = np.stack(found) * (1 - linked[0])
        return chances

    def _rankings(self, chat: _Chat, seen: Array) -> tuple[Ranking, Ranking, Array]:
        """The ranking that ships, the learned one, and the features that both want."""
        if self._meaning is not None:
            texts = [message.text for message in reversed(chat.near.values())]
            vectors = self._meaning.vectors(texts)
            if vectors is not None:
                wide = with_cosines(seen, cosines_of(vectors))
                return widened(shipped()), self._meaning.ranking, wide
        return shipped(), self._ranking, seen

    def _stretches(self, near: Sequence[Message]) -> Array:
        """Stretches of talk without a silence (REACH + 1,), numbered from the latest."""
        silent = [later.sent_at - earlier.sent_at > self._gap for later, earlier in pairwise(near)]
        silent += [True] * (REACH - len(silent))
        return np.cumsum([False, *silent])

    def _chat(self, history: Sequence[Message], room: str | None = None) -> _Chat:
        """The state of the chat after its newest message."""
        said = [message for message in history if message.kind is not Kind.SERVICE]
        newest = history[-1]
        if not said or said[-1] is not newest:
            said.append(newest)
        key = room or newest.chat
        chat = self._chats.pop(key, None) or _Chat()
        heard = chat.heard([message.id for message in said])
        if not heard:
            chat = _Chat()
        said = said[heard:]
        for message in said:
            chat.hear(message)
        self._chats[key] = chat
        if len(self._chats) > CHATS:
            self._chats.popitem(last=False)
        return chat


def _certain(quoted: str, keys: Sequence[str]) -> Array:
    """The chances (REACH,) where it is known what is answered."""
    return np.array([key == quoted for key in keys] + [False] * (REACH - len(keys)), float)


def _quoting_too(sight: Sight, keys: Sequence[str]) -> list[str]:
    """Messages that go back to the same beginning as the newest, which may be long ago."""
    columns = sight.found.pairs.columns
    own = columns.roots[sight.found.pairs.rows[0]]
    return [key for key, root in zip(keys, sight.found.root[0], strict=False) if root == own]
