"""Facebook Messenger and Instagram: ``message_1.json`` and the like, and encrypted chats.

Meta documents no schema; shapes from files seen since 2018 and the tools that read them. One parser
for both, because Meta writes both with one exporter: which of them a file is from shows only in
paths and in members that are there by chance (`_platform`).

Every string is UTF-8 read as Latin-1 and then escaped; messages come newest first; a long chat
goes on in ``message_2.json`` with the same ``thread_path``. Chats encrypted end to end come apart,
with other names for the same things, and rightly encoded.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ingest.chat import Account, Attachment, AttachmentKind, Conversation, RawMessage, Reaction
from ingest.parsers.base import DailyRepeats, Parser, Reading, Skipped, digest, kind_of
from ingest.parsers.fields import count, instant, mapping, mappings, string, strings
from ingest.parsers.json_items import around_array, array_items
from ingest.parsers.meta_notices import is_about_media, is_notice
from ingest.sources import HEAD_BYTES, look

_MEDIA = {
    "photos": AttachmentKind.PHOTO,
    "videos": AttachmentKind.VIDEO,
    "audio_files": AttachmentKind.AUDIO,
    "gifs": AttachmentKind.GIF,
    "files": AttachmentKind.FILE,
}
_SUFFIXES = {
    "gif": AttachmentKind.GIF,
    "aac": AttachmentKind.AUDIO,
    "m4a": AttachmentKind.AUDIO,
    "mp3": AttachmentKind.AUDIO,
    "ogg": AttachmentKind.AUDIO,
    "wav": AttachmentKind.AUDIO,
    "jpeg": AttachmentKind.PHOTO,
    "jpg": AttachmentKind.PHOTO,
    "png": AttachmentKind.PHOTO,
    "webp": AttachmentKind.PHOTO,
    "heic": AttachmentKind.PHOTO,
    "mov": AttachmentKind.VIDEO,
    "mp4": AttachmentKind.VIDEO,
    "webm": AttachmentKind.VIDEO,
}
_SOMETHING = Attachment(AttachmentKind.OTHER)
_INSTAGRAM = re.compile(
    rb"instagram[_-]|instagram\.com|original_content_owner|\"Instagram User\"", re.IGNORECASE
)
_FACEBOOK = re.compile(
    rb"facebook[_-]|facebook\.com|/stickers_used/|\"thread_type\"|sender_id_INTERNAL"
    rb"|is_taken_down|bumped_message_metadata|\"type\"\s*:\s*\"Generic\"|\"Facebook user\"",
    re.IGNORECASE,
)
_DELETED = ("Facebook user", "Instagram User", "Instagram user", "Facebook User", "Messenger user")
_WEAK_INSTAGRAM = b'"is_geoblocked_for_viewer"'


def claims(head: bytes) -> bool:
    """An object with ``participants`` and messages by ``sender_name`` (or ``senderName``)."""
    if not head.removeprefix(BOM_UTF8).lstrip().startswith(b"{"):
        return False
    if re.search(rb'"messages"\s*:\s*\[', head):
        is_plain = b'"sender_name"' in head and b'"timestamp_ms"' in head
        return is_plain or (b'"threadName"' in head and b'"senderName"' in head)
    # The members of a large group alone may fill the look at the start.
    listed = rb'\s*\{\s*"participants"\s*:\s*\[\s*\{\s*"name"\s*:'
    is_cut = len(head) >= HEAD_BYTES
    return is_cut and bool(re.match(listed, head.removeprefix(BOM_UTF8)))


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages of one file of one chat, in the file's order: newest first."""
    file = _File(reading, around_array(reading))
    for data in array_items(reading):
        yield file.message(data) if isinstance(data, dict) else Skipped("not a message")


PARSER = Parser(
    "meta",
    "Facebook Messenger or Instagram JSON",
    "a message_1.json of Facebook Messenger or Instagram",
    claims,
    parse,
)


def repaired(text: str) -> str:
    """``text`` as it was written; text that never was misread as Latin-1 stays as it is."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


class _File:
    """One file: its chat, and whose export it is as far as that can be told."""

    def __init__(self, reading: Reading, about: dict[str, Any]) -> None:
        names = [repaired(string(person, "name")) for person in mappings(about, "participants")]
        self._names = names + strings(about, "participants")
        self._chat = self._conversation(reading, about)
        # A chat of two is titled by the other one.
        others = {self._chat.title, ""}
        is_told = len(self._names) == 2 and self._chat.title in self._names
        self._owner = "".join({*self._names} - others) if is_told else ""
        self._repeats = DailyRepeats()

    def _conversation(self, reading: Reading, about: dict[str, Any]) -> Conversation:
        platform, names = _platform(reading), self._names
        thread = string(about, "threadName")
        title = repaired(string(about, "title")) or re.sub(r"_\d{1,9}$", "", thread)
        # inbox/maya_1234 and archived_threads/maya_1234 are one chat that was moved.
        folder = string(about, "thread_path").rstrip("/").rpartition("/")[2] or _folder(reading)
        return Conversation(
            f"{platform}:{folder or thread or digest(title, *sorted(names))}",
            title or ", ".join(names) or reading.path.name,
            platform,
            is_private=len(names) <= 2 and "joinable_mode" not in about,
        )

    def message(self, data: dict[str, Any]) -> RawMessage | Skipped:
        """One element of the file."""
        said = _said(data)
        sent_at = instant(said.sent_at, millis=True)
        if sent_at is None:
            return Skipped("no date")
        sender, text = repaired(said.sender).strip(), repaired(said.text).strip()
        attachments = tuple(_attachments(data))
        key = self._repeats.id(
            sent_at.date(), said.sent_at, sender, text, *(item.file for item in attachments)
        )
        if said.is_unsent:
            return Skipped("unsent")
        if "call_duration" in data or is_notice(text, string(data, "type"), sender):
            return Skipped("service notice")
        if is_about_media(text, sender, has_media=bool(attachments) or "share" in data):
            text = ""
            attachments = attachments or (() if "share" in data else (_SOMETHING,))
        text = _with_share(text, data)
        if not text and not attachments:
            return Skipped("empty")
        return RawMessage(
            id=f"{self._chat.id}:{key}",
            chat=self._chat,
            author=self._author(sender),
            sent_at=sent_at,
            text=text,
            kind=kind_of(text),
            mentions=tuple(self._mentions(text)),
            attachments=attachments,
            reactions=tuple(_reactions(data)),
        )

    def _mentions(self, text: str) -> Iterator[Account]:
        """Whom of the chat ``@`` and a whole name mean."""
        if "@" in text:
            for name in self._names:
                if name and f"@{name}" in text:
                    yield self._author(name)

    def _author(self, name: str) -> Account:
        is_self = bool(name) and name == self._owner
        # Everybody who left is called the same; in one chat it is mostly one person.
        key = f"deleted:{self._chat.id}" if name in _DELETED else f"name:{name}"
        return Account(self._chat.platform, key, name, is_self=is_self)


def _folder(reading: Reading) -> str:
    """The folder of a damaged ``message_1.json``, which is called as its chat."""
    is_part = re.fullmatch(r"message(_\d+)?\.json", reading.path.name)
    return reading.path.parent.name if is_part else ""


def _platform(reading: Reading) -> str:
    """``instagram`` or ``messenger``, the same for all files of a chat.

    By the path, else by the first file of the chat, else Messenger.
    """
    path = reading.path.as_posix().lower()
    if ("instagram" in path) != ("facebook" in path or "messenger" in path):
        return "instagram" if "instagram" in path else "messenger"
    first = reading.beside("message_1.json") if reading.path.name != "message_1.json" else None
    reading.stream.seek(0)
    start = first[:HEAD_BYTES] if first is not None else look(reading.stream)
    instagram, facebook = len(_INSTAGRAM.findall(start)), len(_FACEBOOK.findall(start))
    if instagram != facebook:
        return "instagram" if instagram > facebook else "messenger"
    return "instagram" if not facebook and _WEAK_INSTAGRAM in start else "messenger"


@dataclass(frozen=True, slots=True)
class _Said:
    """What both shapes of a message have."""

    sender: str
    sent_at: Any
    text: str
    is_unsent: bool


def _said(data: dict[str, Any]) -> _Said:
    if "senderName" in data:
        text = string(data, "text")
        # A placeholder tells in words what the exporter cannot show.
        text = "" if string(data, "type") == "placeholder" else text
        return _Said(
            string(data, "senderName"), data.get("timestamp"), text, data.get("isUnsent") is True
        )
    return _Said(
        string(data, "sender_name"),
        data.get("timestamp_ms"),
        string(data, "content"),
        data.get("is_unsent") is True,
    )


def _with_share(text: str, data: dict[str, Any]) -> str:
    """The text and the link that was shared with it, unless the text has it."""
    link = repaired(string(mapping(data, "share"), "link"))
    return "\n".join(filter(None, (text, "" if link and link in text else link)))


def _attachments(data: dict[str, Any]) -> Iterator[Attachment]:
    for key, kind in _MEDIA.items():
        for item in mappings(data, key):
            yield _attachment(kind, string(item, "uri"))
    if "sticker" in data:
        yield Attachment(AttachmentKind.STICKER, "", string(mapping(data, "sticker"), "uri"))
    for item in mappings(data, "media"):
        uri = string(item, "uri")
        suffix = PurePosixPath(uri).suffix.lower().removeprefix(".")
        yield _attachment(_SUFFIXES.get(suffix, AttachmentKind.FILE), uri)


def _attachment(kind: AttachmentKind, uri: str) -> Attachment:
    name = PurePosixPath(uri).name
    # What was recorded in the app is called audioclip…; all else somebody had as a file.
    if kind is AttachmentKind.AUDIO and name.startswith("audioclip"):
        kind = AttachmentKind.VOICE
    return Attachment(kind, repaired(name) if kind is AttachmentKind.FILE else "", uri)


def _reactions(data: dict[str, Any]) -> Iterator[Reaction]:
    emoji = [repaired(string(item, "reaction")) for item in mappings(data, "reactions")]
    for symbol in dict.fromkeys(filter(None, emoji)):
        yield Reaction(symbol, emoji.count(symbol))
    # Instagram's hearts of some years are only a list of who gave them.
    if not emoji and (likes := len(strings(data, "likes")) or len(mappings(data, "likes"))):
        yield Reaction("❤", max(likes, count(data, "like_count")))
