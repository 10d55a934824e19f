"""Rows of Signal Desktop's database: messages, and the conversations they belong to.

The members are those of its ``messages.json`` column (Signal-Desktop ``ts/model-types.d.ts``).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ingest.chat import Account, Attachment, AttachmentKind, Conversation, RawMessage
from ingest.parsers.base import DailyRepeats, Reading, Skipped, digest, kind_of
from ingest.parsers.signal_entries import ME, PLATFORM, counted, of_file

_REMEMBERED = 20_000
_VOICE_FLAG = 1
_LONG_TEXT = "text/x-signal-plain"  # the whole of a long body, which is there as well
PLACEHOLDER = "\ufffc"
"""What stands in a body for each mention."""


@dataclass
class Desktop:
    """The rows of one file while they are read; ``told`` is what stands beside them."""

    reading: Reading
    told: dict[str, Any]
    people: dict[str, Account] = field(default_factory=dict)
    titles: dict[str, tuple[str, bool]] = field(default_factory=dict)
    chats: dict[str, Conversation] = field(default_factory=dict)
    ids: DailyRepeats = field(default_factory=DailyRepeats)
    said: OrderedDict[tuple[str, int], str] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        for one in _dicts(self.told.get("conversations")):
            self._introduce(one)
        for group in _dicts(self.told.get("groups_name_id")):
            self.titles.update({str(id): (str(name), False) for name, id in group.items()})

    def _introduce(self, one: dict[str, Any]) -> None:
        keys = [str(one[key]) for key in ("serviceId", "uuid", "e164", "id") if one.get(key)]
        shown = ("name", "profileFullName", "profileName", "title", "e164")
        name = next((str(one[key]) for key in shown if one.get(key)), "")
        if not keys:
            return
        is_private = one.get("type") == "private"
        self.titles[str(one.get("id") or keys[0])] = (name, is_private)
        if is_private:
            self.people.update(dict.fromkeys(keys, Account(PLATFORM, keys[0], name)))

    def message(self, data: Any) -> RawMessage | Skipped:
        """The message in a row, or why there is none."""
        if not isinstance(data, dict):
            return Skipped("not a message")
        if data.get("type") not in ("incoming", "outgoing"):
            return Skipped("service notice")
        if data.get("deletedForEveryone") or data.get("isErased"):
            return Skipped("deleted message")
        at = next(
            (data[key] for key in ("sent_at", "timestamp", "received_at_ms") if data.get(key)), 0
        )
        sent_at = instant(at)
        if sent_at is None:
            return Skipped("no date", f"message {data.get('id')}")
        attachments = tuple(_attachments(data))
        text, mentions = self._text(data)
        if not text and not attachments:
            return Skipped("empty")
        return self._written(data, sent_at, text, mentions, attachments)

    def _written(
        self,
        data: dict[str, Any],
        sent_at: datetime,
        text: str,
        mentions: tuple[Account, ...],
        attachments: tuple[Attachment, ...],
    ) -> RawMessage:
        author = self._author(data)
        chat = self._chat(data, sent_at, text)
        told = (chat.id, sent_at, author.key, text)
        key = data.get("id") or self.ids.id(sent_at.date(), *told)
        message = RawMessage(
            id=f"{chat.id}:{key}",
            chat=chat,
            author=author,
            sent_at=sent_at,
            text=text,
            kind=kind_of(text),
            reply_to=self._reply_to(data, chat),
            mentions=mentions,
            attachments=attachments,
            edited_at=_edited(data, sent_at),
            reactions=counted(tuple(_emoji(data))),
        )
        self.said[chat.id, millis(sent_at)] = message.id
        if len(self.said) > _REMEMBERED:
            self.said.popitem(last=False)
        return message

    def _author(self, data: dict[str, Any]) -> Account:
        sources = ("sourceServiceId", "sourceUuid", "source")
        keys = [str(data[key]) for key in sources if data.get(key)]
        if data["type"] == "outgoing":
            return Account(PLATFORM, f"name:{ME}", ME, is_self=True)
        name = str(data.get("sourceName") or data.get("conversationName") or "")
        partner = str(data.get("conversationId") or "")
        for key in (*keys, partner):
            if key in self.people:
                return self.people[key]
        return Account(PLATFORM, next(iter(keys), partner) or f"name:{name}", name)

    def _chat(self, data: dict[str, Any], sent_at: datetime, text: str) -> Conversation:
        id = str(data.get("conversationId") or "")
        if id not in self.chats:
            given = str(data.get("conversationName") or "")
            title, is_private = self.titles.get(id, (given, False))
            key = id or digest(sent_at, text)
            title = title or self.reading.path.stem
            self.chats[id] = Conversation(f"{PLATFORM}:{key}", title, PLATFORM, is_private)
        return self.chats[id]

    def _reply_to(self, data: dict[str, Any], chat: Conversation) -> str | None:
        quote = data.get("quote")
        target = instant(quote.get("id")) if isinstance(quote, dict) else None
        return self.said.get((chat.id, millis(target))) if target else None

    def _text(self, data: dict[str, Any]) -> tuple[str, tuple[Account, ...]]:
        text = str(data.get("body") or "")
        named: list[Account] = []
        for one in sorted(_dicts(data.get("bodyRanges")), key=_start):
            key = str(one.get("mentionAci") or one.get("mentionUuid") or "")
            if not key or PLACEHOLDER not in text:
                continue
            name = str(one.get("replacementText") or "")
            account = self.people.get(key, Account(PLATFORM, key, name))
            text = text.replace(PLACEHOLDER, f"@{account.name or name}", 1)
            named.append(account)
        return text.strip(), tuple(named)


def instant(value: Any) -> datetime | None:
    """Thousandths of a second since 1970, as a number or its digits."""
    try:
        return datetime.fromtimestamp(int(value) / 1000, UTC) if int(value) > 0 else None
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def millis(at: datetime) -> int:
    """Thousandths of a second since 1970."""
    return round(at.timestamp() * 1000)


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def _start(one: dict[str, Any]) -> int:
    start = one.get("start")
    return start if isinstance(start, int) else 0


def _edited(data: dict[str, Any], sent_at: datetime) -> datetime | None:
    """When the latest wording was sent, the first of ``editHistory``."""
    history = list(_dicts(data.get("editHistory")))
    latest = instant(history[0].get("timestamp")) if len(history) > 1 else None
    return latest if latest and latest > sent_at else None


def _emoji(data: dict[str, Any]) -> Iterator[str]:
    for one in _dicts(data.get("reactions")):
        if one.get("emoji") and not one.get("remove"):
            yield str(one["emoji"])


def _attachments(data: dict[str, Any]) -> Iterator[Attachment]:
    sticker = data.get("sticker")
    if isinstance(sticker, dict):
        inner = sticker.get("data") if isinstance(sticker.get("data"), dict) else {}
        emoji = sticker.get("emoji") or (inner or {}).get("emoji") or ""
        yield Attachment(AttachmentKind.STICKER, str(emoji))
    for one in _dicts(data.get("attachments")):
        kind = str(one.get("contentType") or "")
        if kind == _LONG_TEXT:
            continue
        name, path = str(one.get("fileName") or ""), str(one.get("path") or "")
        is_voice = one.get("flags") == _VOICE_FLAG
        found = of_file(name, path.replace("\\", "/"), kind)
        yield Attachment(AttachmentKind.VOICE, file=found.file) if is_voice else found
    if any(_dicts(data.get("contact"))):
        yield Attachment(AttachmentKind.CONTACT)
    if isinstance(poll := data.get("poll"), dict):
        yield Attachment(AttachmentKind.POLL, str(poll.get("question") or ""))
