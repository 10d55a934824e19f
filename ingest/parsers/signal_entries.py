"""What the text and the JSON of Signal's exporters have in common: people known by names alone."""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import unquote

from ingest.chat import Account, Attachment, AttachmentKind, Conversation, RawMessage, Reaction
from ingest.parsers.base import DailyRepeats, Reading, Skipped, digest, kind_of

PLATFORM = "signal"
ME = "Me"
"""How signal-export calls the one whose Signal it reads."""
_FOLDER_FILES = {"chat", "index", "data"}
_CALL = re.compile(r"(?:Incoming|Outgoing|Missed) (?:\w+ )?call(?: \([^)]*\))?", re.IGNORECASE)
_REMEMBERED = 20_000
_SUFFIXES = {
    AttachmentKind.GIF: ("gif",),
    AttachmentKind.PHOTO: ("png", "jpg", "jpeg", "tif", "tiff", "webp", "apng", "svg", "heic"),
    AttachmentKind.VOICE: ("opus", "aac"),
    AttachmentKind.AUDIO: ("m4a", "mp3", "ogg", "wav", "flac"),
    AttachmentKind.VIDEO: ("mp4", "mov", "mkv", "mpeg", "webm", "qt", "3gp"),
}
_TYPES = {
    "image/gif": AttachmentKind.GIF,
    "image": AttachmentKind.PHOTO,
    "audio": AttachmentKind.AUDIO,
    "video": AttachmentKind.VIDEO,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One message as exporters tell it; ``at`` may lack a zone, ``files`` are names and paths."""

    at: datetime
    sender: str
    text: str
    quote: str = ""
    sticker: str | None = None
    files: tuple[tuple[str, str], ...] = ()
    reactions: tuple[str, ...] = ()
    is_deleted: bool = False
    is_call: bool = False


@dataclass
class Chat:
    """One chat while its messages are read; quotes are found among the latest messages."""

    conversation: Conversation
    reading: Reading
    ids: DailyRepeats = field(default_factory=DailyRepeats)
    said: OrderedDict[str, str] = field(default_factory=OrderedDict)

    def message(self, entry: Entry, line: int | None = None) -> RawMessage | Skipped:
        """The message, or why there is none."""
        if entry.is_deleted:
            return Skipped("deleted message")
        if entry.is_call or _CALL.fullmatch(entry.text):
            return Skipped("service notice")
        attachments = attachments_of(entry)
        if not entry.text and not attachments:
            return Skipped("empty")
        try:
            at = entry.at if entry.at.tzinfo else entry.at.replace(tzinfo=self.reading.zone)
            sent_at = at.astimezone(UTC)
        except (ValueError, OverflowError):
            return Skipped("no date")
        message = self._written(entry, sent_at, attachments)
        self._remember(entry.text, message.id)
        return replace(message, line=line)

    def _written(
        self, entry: Entry, sent_at: datetime, attachments: tuple[Attachment, ...]
    ) -> RawMessage:
        # The text form has no parts of a second, and joins what white space the JSON keeps.
        second = entry.at.replace(microsecond=0, tzinfo=None).isoformat()
        key = self.ids.id(entry.at.date(), second, entry.sender, "".join(entry.text.split()))
        return RawMessage(
            id=f"{self.conversation.id}:{key}",
            chat=self.conversation,
            author=account_of(entry.sender),
            sent_at=sent_at,
            text=entry.text,
            kind=kind_of(entry.text),
            reply_to=self.said.get(_folded(entry.quote)) if entry.quote else None,
            attachments=attachments,
            reactions=counted(entry.reactions),
        )

    def _remember(self, text: str, id: str) -> None:
        if folded := _folded(text):
            self.said[folded] = id
            self.said.move_to_end(folded)
        while len(self.said) > _REMEMBERED:
            self.said.popitem(last=False)


def chat_of(reading: Reading, first: Entry) -> Chat:
    """The chat of a file, called as its folder is, or known by how it begins."""
    folder = reading.path.parent.name
    is_named = reading.path.stem.lower() in _FOLDER_FILES and bool(folder)
    title = folder if is_named else reading.path.stem
    known = (title,) if is_named else (first.at.isoformat(), first.sender, first.text)
    return Chat(Conversation(f"{PLATFORM}:{digest(*known)}", title, PLATFORM), reading)


def account_of(name: str) -> Account:
    """The account behind a name; "Me" is whose export it is."""
    name = "" if name == "No-Sender" else name
    return Account(PLATFORM, f"name:{name}", name, is_self=name == ME)


def counted(emoji: tuple[str, ...]) -> tuple[Reaction, ...]:
    """Reactions, each with how many people left it."""
    return tuple(Reaction(one, count) for one, count in Counter(emoji).items())


def attachments_of(entry: Entry) -> tuple[Attachment, ...]:
    """Sticker and files, typed by their names."""
    sticker = [Attachment(AttachmentKind.STICKER, _shown(entry.sticker))]
    files = [of_file(name, path) for name, path in entry.files]
    return (*(sticker if entry.sticker is not None else ()), *files)


def _shown(sticker: str | None) -> str:
    return "" if sticker in (None, "sticker") else str(sticker)


def of_file(name: str, path: str, content_type: str = "") -> Attachment:
    """A file by its media type, or by the ending of its name."""
    path = unquote(path)
    suffix = (name or path).rpartition(".")[2].lower()
    by_suffix = next((kind for kind, known in _SUFFIXES.items() if suffix in known), None)
    by_type = _TYPES.get(content_type) or _TYPES.get(content_type.partition("/")[0])
    kind = by_type or by_suffix or AttachmentKind.FILE
    return Attachment(kind, name if kind is AttachmentKind.FILE else "", path)


def _folded(text: str) -> str:
    return "".join(text.split())[:200]
