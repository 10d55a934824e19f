"""What a message in Telegram's JSON carries beside its words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from ingest.chat import Attachment, AttachmentKind

_MEDIA = {
    "sticker": AttachmentKind.STICKER,
    "animation": AttachmentKind.GIF,
    "voice_message": AttachmentKind.VOICE,
    "video_message": AttachmentKind.VIDEO,
    "video_file": AttachmentKind.VIDEO,
    "audio_file": AttachmentKind.AUDIO,
}
_ABSENT = re.compile(r"\(File (unavailable|exceeds|not included)\b[^)]*\)$")
_OTHERS = {
    "game_title": "game",
    "invoice_information": "invoice",
    "dice": "dice",
    "giveaway_information": "giveaway",
    "giveaway_results": "giveaway results",
    "todo_list": "list",
    "paid_media": "paid media",
    "story": "story",
}
"""Members that stand for media of no kind of its own, and what their placeholder says."""
_SHARED = frozenset({"location_information", "place_name", "contact_information", "poll", *_OTHERS})


def attachments_of(data: dict[str, Any]) -> Iterator[Attachment]:
    """The attachments of one message, typed; ``file`` where the export holds them."""
    media = str(data.get("media_type") or "")
    if media == "sticker":
        emoji = str(data.get("sticker_emoji") or "")
        yield Attachment(AttachmentKind.STICKER, emoji, _file(data, "file"))
    elif media:
        kind = _MEDIA.get(media, AttachmentKind.FILE)
        yield Attachment(kind, _duration(data), _file(data, "file"))
    elif "photo" in data:
        yield Attachment(AttachmentKind.PHOTO, file=_file(data, "photo"))
    elif "file" in data:
        name = str(data.get("file_name") or "")
        yield Attachment(AttachmentKind.FILE, name, _file(data, "file"))
    if not _SHARED.isdisjoint(data):
        yield from _shared(data)


def _shared(data: dict[str, Any]) -> Iterator[Attachment]:
    if "location_information" in data or "place_name" in data:
        yield Attachment(AttachmentKind.LOCATION, str(data.get("place_name") or ""))
    if "contact_information" in data:
        yield Attachment(AttachmentKind.CONTACT, file=_file(data, "contact_vcard"))
    if isinstance(poll := data.get("poll"), dict):
        yield Attachment(AttachmentKind.POLL, str(poll.get("question") or ""))
    for key, name in _OTHERS.items():
        if key in data:
            yield Attachment(AttachmentKind.OTHER, f"{name} {_title(data[key])}".strip())


def _title(value: Any) -> str:
    """What a game, an invoice or a list is called; dice show their emoji and what was thrown."""
    if isinstance(value, str) and value.startswith("{"):  # invoices are JSON inside a string
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return ""
    if isinstance(value, dict):
        shown = (value.get("title"), value.get("emoji"), value.get("value"))
        return " ".join(str(one) for one in shown if isinstance(one, str | int))
    return value if isinstance(value, str) else ""


def _file(data: dict[str, Any], key: str) -> str:
    """The path of a file; in its place stands "(File not included …)" where there is none."""
    path = data.get(key)
    return path if isinstance(path, str) and not _ABSENT.search(path) else ""


def _duration(data: dict[str, Any]) -> str:
    seconds = data.get("duration_seconds")
    return f"{seconds // 60}:{seconds % 60:02d}" if isinstance(seconds, int) and seconds else ""
