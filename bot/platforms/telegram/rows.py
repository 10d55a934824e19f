"""A live message in the shape of Telegram Desktop's export, so that one reader serves for both.

What the exporter writes for each kind of content: tdesktop's
``export/output/export_output_json.cpp``; what the Bot API calls the same: https://core.telegram.org/bots/api#message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from telegram import (
    Message,
    MessageEntity,
    MessageOriginChannel,
    MessageOriginChat,
    MessageOriginHiddenUser,
    MessageOriginUser,
)

from bot.platforms.telegram.client import seconds
from bot.platforms.telegram.ids import sender_key

Row = dict[str, Any]
_MENTIONS = (MessageEntity.MENTION, MessageEntity.TEXT_MENTION)


def row_of(message: Message) -> Row:
    """The row an export of the same chat holds for ``message``."""
    row: Row = {"id": message.message_id, "type": "message"}
    row["date_unixtime"] = _unix(message.date)
    row["edited_unixtime"] = _unix(message.edit_date)
    row |= _author(message) | _origin(message)
    row["text"] = list(_parts(message))
    row["reply_to_message_id"] = reply_target(message)
    row |= _media(message)
    return {key: value for key, value in row.items() if value is not None}


def reply_target(message: Message) -> int | None:
    """The number of the message that is answered here.

    In a topic every message without an answer "answers" the notice that the topic was made.
    """
    target = message.reply_to_message
    if target is not None:
        is_root = target.message_id == message.message_thread_id and message.is_topic_message
        return None if is_root or target.forum_topic_created else target.message_id
    other = message.external_reply
    is_here = other is not None and other.chat is not None and other.chat.id == message.chat.id
    return other.message_id if other is not None and is_here else None


def topic_of(message: Message) -> str | None:
    """The topic of a forum; None in its General topic and outside of forums.

    Threads of replies carry a thread id as well, but no ``is_topic_message``.
    """
    thread = message.message_thread_id if message.is_topic_message else None
    return str(thread) if thread not in (None, 1) else None


def _unix(at: datetime | None) -> str | None:
    return str(int(at.timestamp())) if at else None


def _author(message: Message) -> Row:
    if message.sender_chat is not None:
        key, name = sender_key(message.sender_chat), message.sender_chat.title
        return {"from_id": key, "from": name, "author": message.author_signature}
    if message.from_user is None:
        return {}
    return {"from_id": f"user{message.from_user.id}", "from": message.from_user.full_name}


def _origin(message: Message) -> Row:
    origin = message.forward_origin
    if origin is None:
        return {}
    name: str | None = None
    if isinstance(origin, MessageOriginUser):
        name = origin.sender_user.full_name
    elif isinstance(origin, MessageOriginHiddenUser):
        name = origin.sender_user_name
    elif isinstance(origin, MessageOriginChat):
        name = origin.sender_chat.title
    elif isinstance(origin, MessageOriginChannel):
        name = origin.chat.title
    return {"forwarded_from": name or ""}


def _parts(message: Message) -> Iterator[str | Row]:
    """The text, with the entities apart that tell of people; their offsets count UTF-16 units."""
    text = message.text or message.caption or ""
    entities = message.entities or message.caption_entities
    units, end = text.encode("utf-16-le", "surrogatepass"), 0
    for entity in sorted(entities, key=lambda entity: entity.offset):
        if entity.type in _MENTIONS and entity.offset >= end:
            yield _decoded(units, end, entity.offset)
            end = entity.offset + entity.length
            yield _mention(entity, _decoded(units, entity.offset, end))
    yield _decoded(units, end, len(units) // 2)


def _decoded(units: bytes, start: int, end: int) -> str:
    return units[start * 2 : end * 2].decode("utf-16-le", "replace")


def _mention(entity: MessageEntity, text: str) -> Row:
    if entity.type == MessageEntity.MENTION or entity.user is None:
        return {"type": "mention", "text": text}
    return {"type": "mention_name", "text": text, "user_id": entity.user.id}


def _media(message: Message) -> Row:
    row: Row = {}
    for name, row_of_kind in _FILES.items():
        if content := getattr(message, name):
            row |= row_of_kind(content)
            break
    for name, row_of_kind in _OTHERS.items():
        if content := getattr(message, name):
            row |= row_of_kind(content)
    return row


def _typed(media_type: str) -> Callable[[Any], Row]:
    def row(content: Any) -> Row:
        return {
            "media_type": media_type,
            "file": "",
            "duration_seconds": int(seconds(content.duration)),
        }

    return row


_FILES: Mapping[str, Callable[[Any], Row]] = {
    # An animation comes as a document, too: the first that is there counts.
    "sticker": lambda it: {"media_type": "sticker", "file": "", "sticker_emoji": it.emoji or ""},
    "animation": _typed("animation"),
    "video_note": _typed("video_message"),
    "voice": _typed("voice_message"),
    "video": _typed("video_file"),
    "audio": _typed("audio_file"),
    "photo": lambda _: {"photo": ""},
    "document": lambda it: {"file": "", "file_name": it.file_name or ""},
}
_OTHERS: Mapping[str, Callable[[Any], Row]] = {
    "location": lambda _: {"location_information": {}},
    "venue": lambda it: {"place_name": it.title},
    "contact": lambda _: {"contact_information": {}},
    "poll": lambda it: {"poll": {"question": it.question}},
    "dice": lambda it: {"dice": {"emoji": it.emoji, "value": it.value}},
    "game": lambda it: {"game_title": it.title},
    "invoice": lambda it: {"invoice_information": {"title": it.title}},
    "giveaway": lambda _: {"giveaway_information": {}},
    "giveaway_winners": lambda _: {"giveaway_results": {}},
    "checklist": lambda it: {"todo_list": {"title": it.title}},
    "paid_media": lambda _: {"paid_media": {}},
    "story": lambda _: {"story": {}},
}
