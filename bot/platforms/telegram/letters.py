"""Messages on their way out, and the numbers of those heard of."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime

import orjson
from telegram import InlineKeyboardMarkup, MessageEntity

from bot.errors import Undeliverable
from bot.platforms.base import Outgoing
from bot.platforms.telegram.ids import message_number
from bot.platforms.telegram.inert import written

_SEEN = 400


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it goes out; ``chat`` in the archive's terms."""

    chat: str
    text: str
    entities: tuple[MessageEntity, ...] = ()
    topic: str | None = None
    quote: int | None = None
    markup: InlineKeyboardMarkup | None = None
    key: str | None = None
    after: int | None = None
    tried_at: datetime | None = None


def letter_of(outgoing: Outgoing) -> Letter:
    """``outgoing`` as it is sent."""
    text, entities = written(outgoing)
    if not text:
        raise Undeliverable("telegram: there is nothing to send but white space")
    return Letter(
        outgoing.chat,
        text,
        entities,
        outgoing.topic,
        message_number(outgoing.quote),
        key=outgoing.key,
        after=message_number(outgoing.after),
        tried_at=outgoing.first_tried_at,
    )


def packed(letter: Letter, baseline: int | None) -> str:
    """A letter, and the newest number known before it was tried, as they are kept over a crash."""
    kept = {
        "chat": letter.chat,
        "text": letter.text,
        "entities": [entity.to_dict() for entity in letter.entities],
        "markup": letter.markup.to_dict() if letter.markup else None,
        "key": letter.key,
        "tried_at": letter.tried_at.isoformat() if letter.tried_at else None,
        "baseline": baseline,
    }
    return orjson.dumps(kept).decode()


def unpacked(kept: str) -> tuple[Letter, int | None]:
    """What :func:`packed` was given, as far as looking for it needs."""
    data = orjson.loads(kept)
    letter = Letter(
        data["chat"],
        data["text"],
        tuple(MessageEntity.de_list(data["entities"])),
        markup=InlineKeyboardMarkup.de_json(data["markup"]) if data["markup"] else None,
        key=data["key"],
        tried_at=datetime.fromisoformat(data["tried_at"]) if data["tried_at"] else None,
    )
    return letter, data["baseline"]


class Positions:
    """The numbers of messages heard of lately, per box (see ``Memory.box``)."""

    def __init__(self) -> None:
        self._seen: dict[int, deque[int]] = {}
        self._newest: dict[int, int] = {}

    def note(self, box: int, number: int) -> None:
        """A message was heard."""
        self._seen.setdefault(box, deque(maxlen=_SEEN)).append(number)
        self._newest[box] = max(number, self._newest.get(box, 0))

    def newest(self, box: int) -> int | None:
        """The highest number heard of."""
        return self._newest.get(box)

    def seen(self, box: int) -> set[int]:
        """The numbers heard lately."""
        return set(self._seen.get(box, ()))
