"""Signal as text: ``chat.md`` of signal-export (``sigexport``), older ``index.md``, plain copies.

``[2019-12-24, 12:23] Jane Doe: Hello``; signal-export dropped the comma and later wrote seconds
(its ``models.py`` and ``merge.py``). A quoted message stands before the answer as ``> …``, what
reacted behind it as ``(- Jane: 👍 -)``, files as Markdown links into ``media/``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from ingest.chat import RawMessage
from ingest.parsers.base import Parser, Reading, Skipped
from ingest.parsers.signal_entries import Chat, Entry, chat_of
from ingest.parsers.text import head_text, lines_of

_LINE = re.compile(
    r"\[(\d{4}-\d\d-\d\d)(?:,? (\d\d:\d\d)| (\d\d:\d\d:\d\d))\] ([^\n]{1,100}?):(.*)"
)
_STICKER = re.compile(
    r"\n?(?:\(\( ([^\n]{0,64}?) \)\)"
    r"|\[([^\]\n]{0,64})\]\(\.\./exported_stickers/[^)\n]{0,255}\))\s*"
)
_FILE = re.compile(r"!?\[([^\]\n]{0,255})\]\(((?:\./)?media/[^)\n]{0,255})\)")
_QUOTE = re.compile(r"\A\s*((?:^>[^\n]*\n?)+)", re.MULTILINE)
_FOREIGN = ("<", "@", "* ", "*** ", "-!-")
_DELETED = "(This message was deleted)"
_MAX_MESSAGE = 1 << 20
"""Characters; Signal takes fewer."""


def claims(head: bytes) -> bool:
    """Text that starts with a message, most dated as its exporters do.

    WhatsApp on an iPhone set to Sweden dates so too, among marks of writing direction.
    """
    text = head_text(head)
    if text is None or "\u200e" in text[:4096]:
        return False
    lines = [line for line in text.split("\n")[:300] if line.strip()]
    found = [match for line in lines if (match := _LINE.match(line))]
    if not found or not _LINE.match(lines[0]):
        return False
    return not is_foreign([match[4] for match in found])


def is_foreign(senders: list[str]) -> bool:
    """Whether most are no names but how IRC clients and plain logs mark who writes."""
    marked = [sender for sender in senders if sender.startswith(_FOREIGN)]
    return len(marked) * 2 > len(senders)


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages; the same chat as ``data.json`` beside it is read from there."""
    if reading.path.suffix == ".md" and reading.beside("data.json") is not None:
        yield Skipped("chat that data.json beside it holds as well")
        return
    drafts = _Drafts()
    chat: Chat | None = None
    for number, line in enumerate(lines_of(reading)):
        for item in drafts.line(number, line):
            chat, told = _told(item, chat, reading)
            yield told
    for item in drafts.finish():
        yield _told(item, chat, reading)[1]


PARSER = Parser("signal_text", "Signal text", "Signal chat.md of signal-export", claims, parse)


def _told(
    item: _Draft | Skipped, chat: Chat | None, reading: Reading
) -> tuple[Chat | None, RawMessage | Skipped]:
    if isinstance(item, Skipped):
        return chat, item
    entry = _entry(item)
    chat = chat or chat_of(reading, entry)
    return chat, chat.message(entry, line=item.number)


@dataclass
class _Draft:
    """A message whose lines are still coming."""

    number: int
    at: datetime
    sender: str
    lines: list[str]
    size: int = 0


@dataclass
class _Drafts:
    """Lines to messages."""

    draft: _Draft | None = field(default=None)

    def line(self, number: int, line: str) -> Iterator[_Draft | Skipped]:
        """Take one line; the message before it comes out where it starts another."""
        found = _LINE.match(line)
        at = _instant(found) if found else None
        if found and at:
            yield from self.finish()
            self.draft = _Draft(number, at, found[4].strip(), [found[5].removeprefix(" ")])
        elif self.draft is None:
            if line.strip():
                yield Skipped("line before the first message")
        elif self.draft.size > _MAX_MESSAGE:
            yield Skipped("rest of a message of over a million characters")
        else:
            self.draft.lines.append(line)
            self.draft.size += len(line) + 1

    def finish(self) -> Iterator[_Draft]:
        """The last message."""
        if self.draft is not None:
            yield self.draft
            self.draft = None


def _instant(found: re.Match[str]) -> datetime | None:
    try:
        return datetime.fromisoformat(f"{found[1]}T{found[2] or found[3]}")
    except ValueError:
        return None


def _entry(draft: _Draft) -> Entry:
    text = "\n".join(draft.lines)
    text, reactions = _without_reactions(text)
    quote = _QUOTE.match(text)
    text = text[quote.end() :] if quote else text
    sticker = _STICKER.search(text)
    text = _STICKER.sub("", text)
    files = [(found[1], found[2]) for found in _FILE.finditer(text)]
    return Entry(
        at=draft.at,
        sender=draft.sender,
        text="\n".join(line.rstrip() for line in _FILE.sub("", text).split("\n")).strip(),
        quote=re.sub(r"^> ?", "", quote[1], flags=re.MULTILINE) if quote else "",
        sticker=(sticker[1] or sticker[2]) if sticker else None,
        files=tuple(files),
        reactions=tuple(_emoji(reactions)),
        is_deleted=text.strip() == _DELETED,
    )


def _without_reactions(text: str) -> tuple[str, str]:
    """The text, and what stands behind it in ``(- … -)``."""
    bare = text.rstrip()
    start = bare.rfind("(- ")
    is_there = bare.endswith(" -)") and start >= 0 and "\n" not in bare[start:]
    return (bare[:start], bare[start + 3 : -3]) if is_there else (text, "")


def _emoji(told: str) -> Iterator[str]:
    """``Jane: 👍, Me: ❤`` without the names."""
    for one in told.split(", "):
        _name, colon, emoji = one.rpartition(":")
        if colon and emoji.strip():
            yield emoji.strip()
