"""The media blocks of Telegram's HTML pages.

What was exported is a link of a class of its own around its picture; what was left out is a block
with a title ("Photo", "Sticker", "Video message") and a status (a size, a duration, an emoji).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from ingest.chat import Attachment, AttachmentKind
from ingest.parsers.html_items import classes, text_of

_WRAPS = {
    "photo_wrap": AttachmentKind.PHOTO,
    "sticker_wrap": AttachmentKind.STICKER,
    "animated_wrap": AttachmentKind.GIF,
    "video_file_wrap": AttachmentKind.VIDEO,
}
_BLOCKS = {
    "media_voice_message": AttachmentKind.VOICE,
    "media_audio_file": AttachmentKind.AUDIO,
    "media_file": AttachmentKind.FILE,
    "media_contact": AttachmentKind.CONTACT,
    "media_location": AttachmentKind.LOCATION,
    "media_live_location": AttachmentKind.LOCATION,
    "media_venue": AttachmentKind.LOCATION,
    "media_photo": AttachmentKind.PHOTO,
    "media_video": AttachmentKind.VIDEO,
}
_TITLES = {
    "Sticker": AttachmentKind.STICKER,
    "Animation": AttachmentKind.GIF,
    "Photo": AttachmentKind.PHOTO,
    "Self-destructing photo": AttachmentKind.PHOTO,
    "Self-destructing video": AttachmentKind.VIDEO,
    "Video file": AttachmentKind.VIDEO,
    "Video message": AttachmentKind.VIDEO,
    "Voice message": AttachmentKind.VOICE,
    "Audio file": AttachmentKind.AUDIO,
}
_OTHERS = {
    "media_game": "game",
    "media_invoice": "invoice",
    "media_giveaway": "giveaway",
    "media_call": "call",
}
_DURATION = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2})\b")
_TIMED = {AttachmentKind.VOICE, AttachmentKind.AUDIO, AttachmentKind.VIDEO, AttachmentKind.GIF}


def find(element: etree._Element, *names: str) -> etree._Element | None:
    """The first child, or else descendant, with all these classes, outside of nested messages."""
    wanted = set(names)
    for child in element:
        if isinstance(child.tag, str) and wanted <= classes(child):
            return child
    for child in element:
        # A forwarded body has a sender, a text and media that are not the message's own.
        if not isinstance(child.tag, str) or "forwarded" in classes(child):
            continue
        if (found := find(child, *names)) is not None:
            return found
    return None


def is_call(content: etree._Element) -> bool:
    """Whether a message is the record of a call, a service notice in the JSON export."""
    return find(content, "media_call") is not None


def attachments_of(content: etree._Element) -> Iterator[Attachment]:
    """The attachments of one message."""
    for child in content:
        if isinstance(child.tag, str) and "media_wrap" in classes(child):
            yield _attachment(child)


def _attachment(wrap: etree._Element) -> Attachment:
    for name, kind in _WRAPS.items():
        if (link := find(wrap, name)) is not None:
            shown = find(link, "video_duration")
            label = _length(text_of(shown)) if shown is not None else ""
            return Attachment(kind, label, link.get("href") or "")
    if (poll := find(wrap, "media_poll")) is not None:
        return Attachment(AttachmentKind.POLL, _text(poll, "question"))
    return _titled(wrap)


def _titled(wrap: etree._Element) -> Attachment:
    title, status = _text(wrap, "title"), _text(wrap, "status")
    block = next((child for child in wrap if "media" in classes(child)), None)
    found = classes(block) if block is not None else frozenset[str]()
    for name, other in _OTHERS.items():
        if name in found:
            return Attachment(AttachmentKind.OTHER, f"{other} {title}".strip())
    kind = _TITLES.get(title) if not found & {"media_file", "media_contact"} else None
    if kind is None:
        kind = next((_BLOCKS[name] for name in sorted(found) if name in _BLOCKS), None)
    kind = kind or AttachmentKind.OTHER
    return Attachment(kind, _label(kind, title, status, found), _link(block))


def _label(kind: AttachmentKind, title: str, status: str, found: frozenset[str]) -> str:
    if kind is AttachmentKind.STICKER:
        return re.split(r"[,\s]", status)[0] if not status[:1].isdigit() else ""
    if kind in _TIMED:
        return _length(status)
    is_named = kind in (AttachmentKind.FILE, AttachmentKind.OTHER) or "media_venue" in found
    return title if is_named else ""


def _link(block: etree._Element | None) -> str:
    href = (block.get("href") or "") if block is not None else ""
    return "" if href.startswith(("http://", "https://")) else href


def _text(element: etree._Element, name: str) -> str:
    found = find(element, name)
    return text_of(found) if found is not None else ""


def _length(status: str) -> str:
    """``00:05, 12 KB`` as the JSON export's seconds are shown: ``0:05``."""
    found = _DURATION.search(status)
    if found is None:
        return ""
    minutes = int(found[1] or 0) * 60 + int(found[2])
    return f"{minutes}:{found[3]}" if minutes or found[3] != "00" else ""
