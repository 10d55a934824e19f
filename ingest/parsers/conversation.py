"""Conversations as JSON: ``{"conversation": [{"speaker", "text"}]}``, one, a list, or JSON Lines.

Also the two shapes that language models are tuned on: ShareGPT's
``{"conversations": [{"from", "value"}]}`` and ``{"messages": [{"role", "content"}]}``. There the
assistant is the one to be learned, so it is @self; as a speaker, ``@self`` and ``self`` are.
A turn may have a ``time``; without, instants only keep the order, two hours between conversations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from ingest.chat import Account, Conversation, RawMessage
from ingest.parsers.base import Parser, Reading, Repeats, Skipped, digest, kind_of
from ingest.parsers.json_items import array_items
from ingest.parsers.json_lines import objects, value_of
from ingest.parsers.moments import Moments
from ingest.parsers.text import head_text
from ingest.sources import look

PLATFORM = "conversation"
STEP = timedelta(seconds=10)
GAP = timedelta(hours=2)
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
_SHAPES = {
    "conversation": ("speaker", "text"),
    "conversations": ("from", "value"),
    "messages": ("role", "content"),
}
_START = re.compile(
    r'[\s\[]*\{\s*(?:"(?:id|title|system|source|tools|topic|date|dataset)"\s*:\s*(?:"[^"]*"|[\w.+-]+)\s*,\s*)*'
    r'"(?P<array>conversations?|messages)"\s*:\s*\[\s*\{(?P<turn>[^{}\[\]]{0,20000}?)(?:\}|$)'
)
_TIMES = ("time", "timestamp", "date", "sent_at")
_SELF = ("@self", "self", "gpt", "assistant", "chatgpt", "bing", "bard", "model")
_SYSTEM = ("system", "tool", "function", "observation", "developer")


def claims(head: bytes) -> bool:
    """A first turn with a speaker and a text, or their names in tuning data."""
    return _array_in(head_text(head) or "") is not None


def _array_in(text: str) -> str | None:
    match = _START.match(text)
    if match is None:
        return None
    turn = re.sub(r"\\.", "", match["turn"])
    keys = set(re.findall(r'"(\w+)"\s*:', turn))
    return match["array"] if set(_SHAPES[match["array"]]) <= keys and "type" not in keys else None


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages of every conversation."""
    text = head_text(look(reading.stream)) or ""
    array = _array_in(text) or "conversation"
    talk = _Talk(reading, array)
    if text.lstrip().startswith("["):
        turns = _listed(array_items(reading, ""), array)
    elif _is_lines(text):
        turns = _listed((value for _number, value in objects(reading)), array)
    else:
        turns = ((number == 0, turn) for number, turn in enumerate(array_items(reading, array)))
    for number, (is_first, turn) in enumerate(turns):
        yield talk.message(number, turn, is_first=is_first)


PARSER = Parser(
    "conversation",
    "conversation JSON",
    'JSON of {"conversation": [{"speaker", "text"}]} or ShareGPT',
    claims,
    parse,
)


def _is_lines(text: str) -> bool:
    first = text.lstrip().split("\n", 1)[0]
    return isinstance(value_of(first), dict)


def _listed(items: Iterable[Any], array: str) -> Iterator[tuple[bool, Any]]:
    """Every turn of every conversation, and whether it is the first of its conversation."""
    for item in items:
        turns = item.get(array) if isinstance(item, dict) else None
        if not isinstance(turns, list):
            yield True, None
            continue
        for number, turn in enumerate(turns):
            yield number == 0, turn


class _Talk:
    """The running state of a file: the moment, and what was said before."""

    def __init__(self, reading: Reading, array: str) -> None:
        self._speaker, self._text = _SHAPES[array]
        self._is_tuning = array != "conversation"
        self._stem = reading.path.name.split(".")[0] or PLATFORM
        self._moments = Moments(reading.zone)
        self._repeats = Repeats()
        self._now = _FIRST
        self._scene = ""
        self._chat: Conversation | None = None

    def message(self, number: int, turn: Any, *, is_first: bool) -> RawMessage | Skipped:
        where = f"turn {number + 1}"
        if not isinstance(turn, dict):
            return Skipped("not a message", where)
        speaker, text = _words(turn.get(self._speaker)), _words(turn.get(self._text))
        if is_first:
            self._now += GAP
            self._scene = self._repeats.id(speaker, text)
        if self._is_tuning and speaker.lower() in _SYSTEM:
            return Skipped("system prompt", where)
        if not text or not speaker:
            return Skipped("empty" if speaker else "no author", where)
        told = next((at for key in _TIMES if (at := self._moments.read(turn.get(key)))), None)
        self._now = told or self._now + STEP
        chat = self._chat = self._chat or self._conversation(speaker, text, bool(told))
        return RawMessage(
            id=f"{chat.id}:{self._repeats.id(self._scene, speaker, text)}",
            chat=chat,
            author=self._account(speaker),
            sent_at=self._now,
            text=text,
            kind=kind_of(text),
        )

    def _conversation(self, speaker: str, text: str, has_times: bool) -> Conversation:
        key = digest(self._stem, speaker, text)
        return Conversation(f"{PLATFORM}:{key}", self._stem, PLATFORM, has_times=has_times)

    def _account(self, speaker: str) -> Account:
        bare = speaker.removeprefix("@")
        is_self = speaker.lower() in (_SELF if self._is_tuning else _SELF[:2])
        return Account(PLATFORM, f"name:{bare}", bare, is_self=is_self)


def _words(value: Any) -> str:
    """A text, also where it is a list of parts as in OpenAI's chat format."""
    if isinstance(value, list):
        parts = (part.get("text") for part in value if isinstance(part, dict))
        return "\n".join(part for part in parts if isinstance(part, str)).strip()
    return value.strip() if isinstance(value, str) else ""
