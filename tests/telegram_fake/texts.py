"""Texts as Telegram sees them: lengths in UTF-16 units, and what is recognised in plain text.

The patterns are those of tdlib's MessageEntity.cpp (find_mentions, find_bot_commands).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

MOST = 4096
_MENTION = re.compile(r"(?<!\w)@([A-Za-z0-9_]{3,32})(?!\w)")
_COMMAND = re.compile(r"(?<![\w/<>])/([A-Za-z0-9_]{1,64})(?:@([A-Za-z0-9_]{3,32}))?(?![\w/<>])")
_LINK = re.compile(r"(?:https?://)?(?:t|telegram)\.me/[+\w]+|tg://\S+", re.IGNORECASE)
_KINDS = ((_MENTION, "mention"), (_COMMAND, "bot_command"), (_LINK, "url"))

Entity = dict[str, Any]


def units(text: str) -> int:
    """The length of ``text`` as the Bot API counts it."""
    return len(text.encode("utf-16-le")) // 2


def recognised(text: str) -> list[Entity]:
    """What the server finds in a text by itself."""
    found = [entity for pattern, kind in _KINDS for entity in _found(pattern, kind, text)]
    return sorted(found, key=lambda entity: int(entity["offset"]))


def _found(pattern: re.Pattern[str], kind: str, text: str) -> Iterator[Entity]:
    for match in pattern.finditer(text):
        offset = units(text[: match.start()])
        yield {"type": kind, "offset": offset, "length": units(match[0])}


def sound(text: str, entity: Entity) -> bool:
    """Whether an entity lies in ``text`` and cuts no character in two."""
    raw = text.encode("utf-16-le")
    start, length = entity.get("offset"), entity.get("length")
    if not (isinstance(start, int) and isinstance(length, int)) or start < 0 or length < 1:
        return False
    if (start + length) * 2 > len(raw):
        return False
    try:
        raw[start * 2 : (start + length) * 2].decode("utf-16-le")
    except UnicodeDecodeError:
        return False
    return True


def overlap(one: Entity, other: Entity) -> bool:
    """Whether two entities share a character."""
    return bool(
        one["offset"] < other["offset"] + other["length"]
        and other["offset"] < one["offset"] + one["length"]
    )
