"""Telegram Desktop's JSON export: one chat (``result.json`` of a group) or a whole account.

There is no published schema; the shapes follow the exporter's own source
(tdesktop ``export/output/export_output_json.cpp``) and files seen since 2020:
``from_id`` was a bare number before 2021-05 and is ``user123`` or ``channel123`` since;
``date_unixtime`` and ``text_entities`` came in 2021–2022; ``text`` is a string or a list of strings
and objects.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any

from ingest.chat import Account, Attachment, AttachmentKind, Conversation, RawMessage
from ingest.parsers.base import Parser, Reading, Skipped, digest, kind_of
from ingest.parsers.json_items import Item, items
from ingest.sources import look

PLATFORM = "telegram"
_PRIVATE = {"personal_chat", "saved_messages", "bot_chat"}
_MEDIA = {
    "sticker": AttachmentKind.STICKER,
    "animation": AttachmentKind.GIF,
    "voice_message": AttachmentKind.VOICE,
    "video_message": AttachmentKind.VIDEO,
    "video_file": AttachmentKind.VIDEO,
    "audio_file": AttachmentKind.AUDIO,
}


def claims(head: bytes) -> bool:
    """A JSON object with ``messages`` whose items say their ``type``, or an account's ``chats``."""
    if not head.removeprefix(BOM_UTF8).lstrip().startswith(b"{"):
        return False
    if re.search(rb'"chats"\s*:\s*\{', head) or b'"personal_information"' in head:
        return True
    return bool(
        re.search(rb'"messages"\s*:\s*\[', head)
        and re.search(rb'"type"\s*:\s*"(message|service)"', head)
        and re.search(rb'"date(_unixtime)?"\s*:', head)
    )


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages of every chat in the file."""
    head = look(reading.stream)
    reading.stream.seek(len(BOM_UTF8) if head.startswith(BOM_UTF8) else 0)
    chats: dict[int, Conversation] = {}
    for item in items(reading.stream, head, reading.name):
        chat = chats.get(item.chat_number)
        if chat is None:
            chat = chats[item.chat_number] = _conversation(item, reading.name)
        yield _message(item.value, chat, reading.zone)


PARSER = Parser("telegram", "Telegram Desktop JSON", "Telegram Desktop result.json", claims, parse)


def _conversation(item: Item, name: str) -> Conversation:
    kind = str(item.chat.get("type", ""))
    title = str(item.chat.get("name") or ("Saved Messages" if "saved" in kind else name))
    key = item.chat.get("id") or digest(str(item.chat.get("name") or "untitled"))
    return Conversation(f"{PLATFORM}:{key}", title, PLATFORM, is_private=kind in _PRIVATE)


def _message(data: Any, chat: Conversation, zone: tzinfo) -> RawMessage | Skipped:
    if not isinstance(data, dict):
        return Skipped("not a message")
    if data.get("type") != "message":
        return Skipped("service notice")
    sent_at = _instant(data, "date", zone)
    if sent_at is None:
        return Skipped("no date", f"message {data.get('id')}")
    parts = _parts(data.get("text", ""))
    text = "".join(part["text"] for part in parts).strip()
    attachments = tuple(_attachments(data))
    if not text and not attachments:
        return Skipped("empty")
    author = _account(data.get("from_id"), data.get("from"))
    key = data.get("id")
    return RawMessage(
        id=f"{chat.id}:{key if key is not None else digest(sent_at, author.key, text)}",
        chat=chat,
        author=author,
        sent_at=sent_at,
        text=text,
        kind=kind_of(text),
        reply_to=_reply_to(data, chat),
        mentions=tuple(_mentions(parts)),
        attachments=attachments,
        edited_at=_instant(data, "edited", zone),
        forwarded_from=_forwarded_from(data),
    )


def _instant(data: dict[str, Any], key: str, zone: tzinfo) -> datetime | None:
    try:
        if (seconds := data.get(f"{key}_unixtime")) is not None:
            return datetime.fromtimestamp(int(seconds), UTC)
        local = datetime.fromisoformat(data[key])
        # Exports before 2021 wrote 1970 for "never edited".
        return local.replace(tzinfo=zone).astimezone(UTC) if local.year > 1970 else None
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def _parts(text: Any) -> list[dict[str, Any]]:
    pieces = text if isinstance(text, list) else [text]
    parts = (piece if isinstance(piece, dict) else {"text": piece} for piece in pieces)
    return [{**part, "text": str(part.get("text") or "")} for part in parts]


def _mentions(parts: list[dict[str, Any]]) -> Iterator[Account]:
    for part in parts:
        name = part["text"].removeprefix("@")
        if part.get("type") == "mention_name":
            yield _account(part.get("user_id"), name)
        elif part.get("type") == "mention":
            yield Account(PLATFORM, "", name)


def _account(key: Any, name: Any) -> Account:
    name = str(name or "").strip()
    if key is None:
        return Account(PLATFORM, f"name:{name}", name)
    key = str(key)
    return Account(PLATFORM, f"user{key}" if key.isdigit() else key, name)


def _reply_to(data: dict[str, Any], chat: Conversation) -> str | None:
    target = data.get("reply_to_message_id")
    # A reply into another chat names its peer; it answers nothing that is here.
    return f"{chat.id}:{target}" if target and "reply_to_peer_id" not in data else None


def _forwarded_from(data: dict[str, Any]) -> str | None:
    if "forwarded_from" not in data and "saved_from" not in data:
        return None
    return str(data.get("forwarded_from") or data.get("saved_from") or "unknown")


def _attachments(data: dict[str, Any]) -> Iterator[Attachment]:
    media = str(data.get("media_type") or "")
    if media == "sticker":
        yield Attachment(AttachmentKind.STICKER, str(data.get("sticker_emoji") or ""))
    elif media:
        yield Attachment(_MEDIA.get(media, AttachmentKind.FILE), _duration(data))
    elif "photo" in data:
        yield Attachment(AttachmentKind.PHOTO)
    elif "file" in data:
        yield Attachment(AttachmentKind.FILE, str(data.get("file_name") or ""))
    if "location_information" in data:
        yield Attachment(AttachmentKind.LOCATION, str(data.get("place_name") or ""))
    if "contact_information" in data:
        yield Attachment(AttachmentKind.CONTACT)
    if isinstance(poll := data.get("poll"), dict):
        yield Attachment(AttachmentKind.POLL, str(poll.get("question") or ""))


def _duration(data: dict[str, Any]) -> str:
    seconds = data.get("duration_seconds")
    return f"{seconds // 60}:{seconds % 60:02d}" if isinstance(seconds, int) and seconds else ""
