"""WhatsApp's "Export chat": a text file, alone or beside its media in a zip, from iOS or Android.

There is no published format; it follows the phone's language and clock. The shapes follow files of
many locales and the fixtures of public parsers. An edit is marked without its time, so an edited
message was "edited" when it was sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePath

from ingest.chat import Conversation, RawMessage
from ingest.parsers import matrix_text, signal_text
from ingest.parsers.base import DailyRepeats, Parser, Reading, Skipped, digest, kind_of
from ingest.parsers.text import head_text, lines_of
from ingest.parsers.whatsapp_body import PLATFORM, Body, account_of, body_of
from ingest.parsers.whatsapp_notices import is_notice
from ingest.parsers.whatsapp_stamp import MARKS, sender_of, stamp_of
from ingest.parsers.whatsapp_survey import Survey
from ingest.parsers.whatsapp_words import SELF

_MAX_MESSAGE = 1 << 20
"""Characters; the app takes 65,536."""
_TITLES = tuple(
    re.compile(pattern.replace(" ", "[ _]").replace("…", "(.+)"), re.IGNORECASE)
    for pattern in (
        r"WhatsApp Chat (?:with|mit|met|dengan|-) …",
        r"WhatsApp-chat met …",
        r"Chat WhatsApp s (?:uživatelem|používateľom) …",
        r"Czat WhatsApp z(?: użytkownikiem)? …",
        r"Чат WhatsApp із(?: контактом)? …",
        r"WhatsApp-(?:chatt|chat|samtale) med …",
        r"WhatsApp-keskustelu:? …",
        r"Chat (?:de )?WhatsApp (?:con|com|dengan|avec) …",
        r"Conversa (?:do|no) WhatsApp com …",
        r"Discussion WhatsApp avec …",
        r"Obrolan WhatsApp dengan …",
        r"Чат WhatsApp с(?: контактом)? …",
        r"(?:محادثة|دردشة) (?:واتساب|WhatsApp) مع …",
        r"[与與](.+)的 ?WhatsApp ?(?:聊天|對話|对话)(?:記錄|记录)?",
        r"WhatsApp ?(?:聊天|對話|对话)(?:記錄|记录)? ?[-－] ?…",
        r"WhatsAppチャット ?[-－] ?…",
        r"… ?さんとのWhatsApp.*",
        r"…님과의 WhatsApp 대화",
        r"WhatsApp 대화 ?- ?…",
        r"… ile WhatsApp Sohbeti",
        r"WhatsApp Sohbeti - …",
        r"… के साथ WhatsApp चैट",
        r"WhatsApp चैट -? ?…",
    )
)
"""The names of exported files; some systems put underscores in place of blanks."""
_COPY = re.compile(r" ?\(\d{1,3}\)$")
_QUOTED = re.compile(r"[\"“”„«»「」]")


def claims(head: bytes) -> bool:
    """Text whose first line is dated as WhatsApp does, with people who write."""
    text = head_text(head)
    lines = [line for line in (text or "").split("\n")[:300] if line.strip(f" \t\r{MARKS}")]
    stamps = [stamp for line in lines if (stamp := stamp_of(line.rstrip("\r")))]
    if not stamps or not (stamp_of(lines[0]) or len(stamps) * 2 > len(lines)):
        return False
    senders = [sender for stamp in stamps if (sender := sender_of(stamp.rest)[0])]
    if signal_text.is_foreign(senders) or signal_text.claims(head):
        return False
    if stamps[0].style.enclosure == "-":
        # Element's text export, which dates with seconds, is the other format with this dash.
        is_told = bool(senders) or is_notice(stamps[0].rest)
        return is_told and not (stamps[0].style.seconds and matrix_text.claims(head))
    return len(senders) * 2 >= len(stamps)


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages, after one look through all dates of the file."""
    survey = Survey.of(lines_of(reading))
    if survey.chosen and survey.chosen.is_guessed:
        yield Skipped(f"days and months could be swapped; read as {survey.chosen.order}")
    export = _Export(reading, survey)
    for number, line in enumerate(lines_of(reading)):
        yield from export.line(number, line)
    yield from export.finish()


PARSER = Parser("whatsapp", "WhatsApp text", "WhatsApp _chat.txt or 'Chat with …'", claims, parse)


@dataclass
class _Draft:
    """A message whose lines are still coming."""

    number: int
    at: datetime
    rest: str
    more: list[str] = field(default_factory=list)
    size: int = 0

    @property
    def text(self) -> str:
        """All its lines."""
        return "\n".join([self.rest, *self.more])


@dataclass
class _Export:
    """One export while it is read."""

    reading: Reading
    survey: Survey
    chat: Conversation | None = None
    draft: _Draft | None = None
    own: frozenset[str] = frozenset()
    ids: DailyRepeats = field(default_factory=DailyRepeats)

    def line(self, number: int, line: str) -> Iterator[RawMessage | Skipped]:
        """Take one line; what is complete with it comes out."""
        stamp = stamp_of(line)
        at = self.survey.instant(stamp) if stamp else None
        if stamp is not None and at is not None:
            yield from self.finish()
            self.draft = _Draft(number, at, stamp.rest)
        elif self.draft is None:
            if line.strip(f" \t{MARKS}"):
                yield Skipped("line before the first message")
        elif self.draft.size > _MAX_MESSAGE:
            yield Skipped("rest of a message of over a million characters")
        else:
            self.draft.more.append(line)
            self.draft.size += len(line) + 1

    def finish(self) -> Iterator[RawMessage | Skipped]:
        """The message that was being read, or why there is none."""
        if self.draft is not None:
            yield self._message(self.draft)
            self.draft = None

    def _message(self, draft: _Draft) -> RawMessage | Skipped:
        sender, text = sender_of(draft.text, self.survey.senders)
        if self.chat is None:
            self.chat = self._opened(sender, text, draft)
        if not sender or "\n" in sender or self._is_quotation(sender):
            return Skipped("service notice")
        body = body_of(text)
        if body.skipped or not (body.text or body.attachments):
            return Skipped(body.skipped or "empty")
        return self._written(self.chat, draft, sender, body)

    def _written(
        self, chat: Conversation, draft: _Draft, sender: str, body: Body
    ) -> RawMessage | Skipped:
        author = account_of(sender, is_self=sender in self.own or sender in SELF)
        try:
            sent_at = draft.at.replace(tzinfo=self.reading.zone).astimezone(UTC)
        except (ValueError, OverflowError):
            return Skipped("no date", f"line {draft.number + 1}")
        key = self.ids.id(draft.at.date(), draft.at.isoformat(), author.key, body.text)
        return RawMessage(
            id=f"{chat.id}:{key}",
            chat=chat,
            author=author,
            sent_at=sent_at,
            text=body.text,
            kind=kind_of(body.text),
            mentions=body.mentions,
            attachments=body.attachments,
            edited_at=sent_at if body.is_edited else None,
            line=draft.number,
        )

    def _is_quotation(self, sender: str) -> bool:
        """``Ann changed the subject to "Dinner: 8"``: what precedes that colon is no name."""
        return bool(_QUOTED.search(sender)) and self.survey.senders[sender] < 2

    def _opened(self, sender: str, text: str, draft: _Draft) -> Conversation:
        """Find what the chat is called; without its name, it is known by how it begins."""
        title = _title(self.reading)
        if not title and sender and text.startswith("\u200e"):
            title = sender  # iOS opens with a notice in the name of the chat
        key = digest(title) if title else digest(draft.at.isoformat(), sender, text)
        shown = title or _stem(self.reading)
        others = set(self.survey.senders) - {title}
        is_private = title in self.survey.senders and len(others) <= 1
        self.own = frozenset(others) if is_private else frozenset()
        return Conversation(f"{PLATFORM}:{key}", shown, PLATFORM, is_private=is_private)


def _title(reading: Reading) -> str:
    """The chat's name as the app puts it into the names of its files."""
    archive = PurePath(reading.name.rpartition("!")[0])
    for stem in (reading.path.stem, archive.stem, reading.path.parent.name):
        bare = _COPY.sub("", stem.removesuffix(".txt"))
        found = next((match for title in _TITLES if (match := title.fullmatch(bare))), None)
        if found:
            return (found[1] if " " in stem else found[1].replace("_", " ")).strip()
    return ""


def _stem(reading: Reading) -> str:
    archive = PurePath(reading.name.rpartition("!")[0])
    return archive.stem if archive.name and reading.path.stem == "_chat" else reading.path.stem
