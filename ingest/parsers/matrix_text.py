"""Element's text export: a date, " - " and what a person said or did, an event a line.

Format: Element's exporter (``src/utils/exportUtils/PlainTextExport.ts``) and ``TextForEvent.tsx``.
Dates are in the language of the app, with the day of the week since 2022. Names are shown, ids not;
what happened is told in words, so that a line without ``: `` is taken for that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo

from ingest.chat import Account, Attachment, AttachmentKind, Conversation, RawMessage
from ingest.errors import FormatError
from ingest.parsers.base import DailyRepeats, Parser, Reading, Skipped, kind_of
from ingest.parsers.local_dates import Order, clock_in, day_in, is_month_first, utc
from ingest.parsers.matrix_content import PLATFORM
from ingest.parsers.text import MAX_LINE, head_text, lines_of

_LINE = re.compile(
    r"(?P<date>\S(?=.{0,40}\d{1,2}[:.]\d{2}[:.]\d{2}).{5,60}?) - (?P<rest>.*)", re.DOTALL
)
_ID = re.compile(r"@[^\s:]+:[\w.\-]+")
_DONE = (
    r"(?:joined|left) the room|created (?:and configured )?the room|made the room|changed the "
    r"(?:room|topic|main address)|invited|set (?:a|their) |changed their"
    r"|made (?:future )?room history"
)
_HAPPENED = re.compile(rf".{{1,100}}? (?:{_DONE}|removed the|kicked|banned|pinned|turned on|was )")
_SPOKEN = re.compile(r"(?P<name>.{1,100}?): (?P<text>.*)", re.DOTALL)
_SENT = re.compile(r"(?P<name>.{1,100}) sent (?P<what>an image|a sticker)\.(?P<text>)", re.DOTALL)
_MEDIA = re.compile(
    r"(?P<text>.*?) \((?:File Attached|Media omitted(?: - file size limit exceeded)?"
    r"|Error fetching file)\)",
    re.DOTALL,
)
_QUOTED = re.compile(r'<[^>\n]{1,100}?(?: "[^\n]{0,40}")?> (?P<text>.*)', re.DOTALL)
_DELETED = re.compile(r"Message deleted(?: by .{1,100})?")
_ENCRYPTED = re.compile(r"\*\* Unable to decrypt: .*\*\*", re.DOTALL)


def claims(head: bytes) -> bool:
    """The first line has a date with a weekday or month in words; or a date, and Matrix's terms."""
    lines = (head_text(head) or "").lstrip().splitlines()
    found = _LINE.fullmatch(lines[0][:2000]) if lines else None
    if found is None or _instant(found["date"], Order(), None) is None:
        return False
    if re.match(r"[^\W\d]{1,20}[.,]{0,2} ", found["date"]) or re.search(r"[年월년]", found["date"]):
        return True
    rests = [match["rest"] for match in map(_LINE.fullmatch, lines[:50]) if match]
    return any(_ID.match(rest) or "configured the room" in rest for rest in rests)


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages; lines without a date continue the message above them."""
    order = _order(reading)
    log = _Log(reading)
    for entry in _entries(reading, order):
        if isinstance(entry, Skipped):
            yield entry
        else:
            yield log.message(entry)


PARSER = Parser("matrix_text", "Element text", "a text export of Element", claims, parse)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One event: the line it starts on, its date and all that follows."""

    line: int
    sent_at: datetime
    lines: list[str]


def _order(reading: Reading) -> Order:
    """Whether the month comes first in dates of numbers alone, by all of the file."""
    has_halves = False
    for line in lines_of(reading):
        if found := _LINE.fullmatch(line):
            told = is_month_first(found["date"].split(",")[0])
            if told is not None:
                return Order(month_first=told)
            has_halves = has_halves or found["date"].endswith(("AM", "PM"))
    return Order(month_first=has_halves)


def _instant(text: str, order: Order, zone: tzinfo | None) -> datetime | None:
    """The date and time at the start of a line; without a zone only whether there is one."""
    clock = clock_in(text)
    day = day_in(re.sub(r"\d{1,2}[:.]\d{2}[:.]\d{2}(?=\D*$)", " ", text), order)
    if day is None:
        day = day_in(text, Order(month_first=not order.month_first))
    if day is None or clock is None:
        return None
    return utc(day, clock, zone) if zone else datetime.combine(day, clock)


def _entries(reading: Reading, order: Order) -> Iterator[_Entry | Skipped]:
    entry: _Entry | None = None
    size = 0
    for number, line in enumerate(lines_of(reading)):
        found = _LINE.fullmatch(line)
        sent_at = _instant(found["date"], order, reading.zone) if found else None
        if found and sent_at:
            if entry:
                yield entry
            entry, size = _Entry(number, sent_at, [found["rest"]]), 0
        elif entry:
            entry.lines.append(line)
            size += len(line) + 1
        elif line.strip():
            yield Skipped("line before the first message", f"line {number + 1}")
        if size > MAX_LINE:
            where = f"{reading.name}:{number + 1}"
            raise FormatError(f"{where}: a message of over 4 million characters; not a chat export")
    if entry:
        yield entry


class _Log:
    """One file as messages of one conversation."""

    def __init__(self, reading: Reading) -> None:
        # "matrix - Climbing - Chat Export - 2024-05-04T10-00-00.000Z.txt", or export.txt in a zip.
        stem = reading.path.stem
        named = re.fullmatch(r"\w{1,30} - (.+) - .{1,40} - \d{4}-\d{2}-\d{2}T.*", stem)
        title = named[1] if named else stem
        self._chat = Conversation(f"{PLATFORM}:{title}", title, PLATFORM)
        self._repeats = DailyRepeats()
        self._names: set[str] = set()

    def message(self, entry: _Entry) -> RawMessage | Skipped:
        """What a person said, or why a line is left out."""
        name, text, attachments = self._said("\n".join(entry.lines).strip())
        if not name:
            return Skipped("service notice")
        if _DELETED.fullmatch(text):
            return Skipped("deleted")
        if _ENCRYPTED.fullmatch(text):
            return Skipped("could not be decrypted")
        if not text and not attachments:
            return Skipped("empty")
        self._names.add(name)
        at = entry.sent_at
        author = Account(PLATFORM, name if _ID.fullmatch(name) else f"name:{name}", name)
        return RawMessage(
            id=f"{self._chat.id}:{self._repeats.id(at.date(), at, name, text)}",
            chat=self._chat,
            author=author,
            sent_at=at,
            text=text,
            kind=kind_of(text),
            attachments=attachments,
            line=entry.line,
        )

    def _said(self, told: str) -> tuple[str, str, tuple[Attachment, ...]]:
        """Who said what; without a name where something happened."""
        media = _MEDIA.fullmatch(told)
        told = media["text"] if media else told
        if sent := _SENT.fullmatch(told):
            is_sticker = sent["what"] == "a sticker"
            kind = AttachmentKind.STICKER if is_sticker else AttachmentKind.PHOTO
            return sent["name"], "", (Attachment(kind),)
        if told.startswith("* "):
            return *self._emote(told[2:]), ()
        spoken = _SPOKEN.fullmatch(told)
        if spoken is None or _HAPPENED.match(told.partition(": ")[0]):
            return "", "", ()
        text = spoken["text"].strip()
        if media:
            return spoken["name"], "", (Attachment(AttachmentKind.FILE, text),)
        quoted = _QUOTED.fullmatch(text)
        return spoken["name"], (quoted["text"] if quoted else text).strip(), ()

    def _emote(self, told: str) -> tuple[str, str]:
        """``Maya Tan waves``: the longest name of somebody who has spoken, else the first word."""
        words = told.split(" ")
        names = (" ".join(words[:number]) for number in range(min(len(words), 6), 0, -1))
        name = next((name for name in names if name in self._names), words[0])
        return name, told[len(name) :].strip()
