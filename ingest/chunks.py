"""Threads to passages: verbatim pieces of the past, the unit that recall brings back.

    2025-09-03 @nice_guy: who still has the spare key?
    2025-09-03 @self: me, it hangs behind the kitchen door

A thread is cut after what @self said, so that a statement stays with the lines it answers. What
carries no information (greetings, laughter, stickers) is left out of the index, and so are bots,
commands and service notices.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from ingest.chat import Message, Passage, Thread
from ingest.clean import is_noise
from ingest.prompt import SELF, line_of

CUTTER = "passages-1"
"""Name and version of what this module makes; an index of another is rebuilt."""

MAX_LINES = 8
MAX_WIDTH = 600
"""Of a passage, in Latin letters; see :func:`width`."""
OVERLAP = 1
# Embedding time grows with length, and MiniLM was trained on 128 tokens: what @self said is
# embedded longer than the lines around it.
SELF_WIDTH = 360
CONTEXT_WIDTH = 120
LINE_CHARACTERS = 240
"""Of a line, as memory shows it."""
MEMORY_SHARE = 3
"""Memory takes at most this part of the room for lines: a third."""
LEAST_WORDS = 5
LEAST_SELF_WORDS = 2

_FILLER = re.compile(
    r"\b(?:a?ha(?:ha)+h?|he(?:he)+|lo+l|lmao|ro+fl|x+d+|ok(?:ay|e)?|y(?:es|eah|ep|up)|no(?:pe)?"
    r"|thanks?|thank you|thx|ty|please|pls|sure|cool|nice|great|wow|hi+|hello|hey|bye|good"
    r"|morning|night|congrats|welcome|sorry|hm+|o+h+|a+h+|wk(?:wk)+w?|iya|makasih|siap"
    r"|oke)\b"
    r"|[哈嘿呵嘻]{2,}|[嗯哦啊呀嘛吧呢]+|好[的吧呀啊]*|谢谢[你您]?|早[上]?[好安]|晚安|再见|拜拜|收到"
    r"|是[的啊吗]|对[的啊]?|不是|没事|可以|行[吧的]?|知道了",
    re.IGNORECASE,
)
_NOISE = re.compile(
    r"https?://\S+|@\w+|\[(?:photo|video|voice|audio|sticker|gif|file|poll)[^\]]*\]"
)
_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0eff]")
_WORD = re.compile(r"[^\W_\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0eff]+")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of messages of one thread that makes a passage; at least one.

    A statement holds lines of @self alone, and may be shown where the chat itself may not.
    """

    messages: tuple[Message, ...]
    is_statement: bool = False

    @property
    def id(self) -> str:
        """Stable over rebuilds; changes when a message or the way of cutting does."""
        kind = f"{CUTTER} statement" if self.is_statement else CUTTER
        parts = (kind, *(f"{message.id}\n{message.text}" for message in self.messages))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]

    @property
    def chat(self) -> str:
        """The conversation this was said in."""
        return self.messages[0].chat

    @property
    def ended_at(self) -> datetime:
        """When the last of it was said; recall shows it only for later moments."""
        return max(message.sent_at for message in self.messages)

    @property
    def has_self(self) -> bool:
        """Whether @self says something of substance here (a forward is not their statement)."""
        own = filter(is_own, self.messages)
        return sum(words_in(message.text) for message in own) >= LEAST_SELF_WORDS

    def to_embed(self) -> str:
        """What the embedding model reads: labelled, undated, the lines of others shortened."""
        me = _handle_of_self(self.messages)
        return "\n".join(_clipped(message, me) for message in self.messages)

    def passage(self, *, is_dated: bool = True, score: float = 0.0) -> Passage:
        """The passage as it is recalled; plain logs have no dates worth showing."""
        return Passage(
            id=self.id,
            chat=self.chat,
            text=render(self.messages, is_dated=is_dated),
            message_ids=tuple(message.id for message in self.messages),
            speakers=tuple(dict.fromkeys(_label(message) for message in self.messages)),
            started_at=self.messages[0].sent_at,
            ended_at=self.ended_at,
            score=score,
        )


def passages_of(thread: Thread, *, is_dated: bool = True) -> Iterator[Passage]:
    """The passages of one thread, oldest first."""
    for chunk in chunks_of(thread):
        yield chunk.passage(is_dated=is_dated)


def chunks_of(thread: Thread) -> Iterator[Chunk]:
    """Cut a thread at the ends of what @self said, and keep the pieces that say something."""
    lines = [message for message in thread.messages if _is_said(message)]
    for piece in _telling(lines):
        yield Chunk(piece)


def statements_of(thread: Thread) -> Iterator[Chunk]:
    """Cut what @self said in a thread, without anybody else's lines."""
    lines = [message for message in thread.messages if is_own(message) and _is_said(message)]
    for piece in _telling(lines):
        yield Chunk(piece, is_statement=True)


def is_own(message: Message) -> bool:
    """Whether these are @self's own words; a forward holds somebody else's."""
    return message.person.is_self and not message.forwarded_from


def render(messages: Iterable[Message], *, is_dated: bool = True) -> str:
    """One labelled line per message, verbatim but for line breaks; dates are UTC days."""
    shown = list(messages)
    me = _handle_of_self(shown)
    return "\n".join(_line(message, me, is_dated=is_dated) for message in shown)


def memory_lines(passages: Iterable[Passage]) -> tuple[str, ...]:
    """What the prompt shows as memory: an entry per passage, its lines dated, the oldest first.

    The same in training and live; small models read a story in its order. Long lines are cut.
    """
    in_order = sorted(passages, key=lambda passage: (passage.started_at, passage.id))
    return tuple("\n".join(map(_cut_short, passage.text.split("\n"))) for passage in in_order)


def _cut_short(line: str) -> str:
    return line if len(line) <= LINE_CHARACTERS else f"{line[:LINE_CHARACTERS].rstrip()}…"


def words_in(text: str) -> int:
    """How many words carry information: fillers, links, mentions and stickers do not count.

    Scripts without spaces count two characters as a word.
    """
    rest = _FILLER.sub(" ", _NOISE.sub(" ", text))
    return len(_WORD.findall(rest)) + (len(_HAN.findall(rest)) + 1) // 2


def width(text: str) -> int:
    """Length in Latin letters: a character of a script without spaces says as much as three."""
    return len(text) + 2 * len(_HAN.findall(text))


def _is_said(message: Message) -> bool:
    return not is_noise(message) and bool(_NOISE.sub("", message.text).strip())


def _telling(lines: Sequence[Message]) -> Iterator[tuple[Message, ...]]:
    """The pieces of ``lines`` that say something."""
    for piece in _cut(lines):
        if sum(words_in(message.text) for message in piece) >= LEAST_WORDS:
            yield tuple(piece)


def _cut(lines: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """Pieces within the size limits; each but the first repeats the last line of the one before."""
    start = 0
    while start < len(lines):
        end = _fitting_end(lines, start)
        if end < len(lines):
            end = _after_self(lines, start, end)
        yield lines[start:end]
        if end >= len(lines):
            return
        start = max(end - OVERLAP, start + 1)


def _fitting_end(lines: Sequence[Message], start: int) -> int:
    """The end of the longest piece from ``start``; a single line always fits."""
    size, end = width(lines[start].text), start + 1
    while end < len(lines) and end - start < MAX_LINES:
        size += width(lines[end].text)
        if size > MAX_WIDTH:
            break
        end += 1
    return end


def _after_self(lines: Sequence[Message], start: int, end: int) -> int:
    """The last place up to ``end`` where @self stops speaking, past the overlap; else ``end``."""
    pairs = list(pairwise(lines[start : end + 1]))
    for offset in range(len(pairs), OVERLAP, -1):
        before, after = pairs[offset - 1]
        if before.person.is_self and not after.person.is_self:
            return start + offset
    return end


def _line(message: Message, me: str, *, is_dated: bool) -> str:
    line = line_of(message, me=me)
    text = f"@{line.handle}: {' '.join(line.text.split())}"
    return f"{message.sent_at:%Y-%m-%d} {text}" if is_dated else text


def _clipped(message: Message, me: str) -> str:
    room = SELF_WIDTH if message.person.is_self else CONTEXT_WIDTH
    line = line_of(message, me=me)
    text = " ".join(line.text.split())[:room]
    return f"{line.handle}: {text[: max(1, room * len(text) // max(width(text), room))]}"


def _label(message: Message) -> str:
    return SELF if message.person.is_self else message.person.handle


def _handle_of_self(messages: Iterable[Message]) -> str:
    return next((m.person.handle for m in messages if m.person.is_self), "")
