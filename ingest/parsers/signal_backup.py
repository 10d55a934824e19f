"""Signal's own export of chats in plain text: ``main.jsonl``, one frame of its backup a line.

The frames are those of Signal's ``Backup.proto`` (libsignal ``rust/message-backup``) written as
JSON: account, recipients and chats stand before the items that refer to them by number.
"""

from __future__ import annotations

import base64
import binascii
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ingest.chat import Account, Attachment, AttachmentKind, Conversation, RawMessage
from ingest.parsers.base import DailyRepeats, Parser, Reading, Skipped, kind_of
from ingest.parsers.json_lines import first_object, objects
from ingest.parsers.signal_desktop import PLACEHOLDER, instant, millis
from ingest.parsers.signal_entries import PLATFORM, counted, of_file
from ingest.parsers.text import head_text

_FRAMES = {"account", "recipient", "chat", "chatItem"}
_FIRST = {"version", "backupTimeMs"}
_REMEMBERED = 20_000


def claims(head: bytes) -> bool:
    """Lines of JSON that start with a backup's header or its account."""
    text = head_text(head)
    if text is None:
        return False
    first = first_object(text)
    if first.keys() >= _FIRST:
        return True
    is_frame = len(first) == 1 and first.keys() <= _FRAMES
    return is_frame and ('"recipient"' in text or '"chatItem"' in text)


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages of all chats."""
    backup = _Backup(reading)
    for number, frame in objects(reading):
        if not isinstance(frame, dict):
            yield Skipped("damaged line", f"line {number + 1}")
        elif isinstance(item := frame.get("chatItem"), dict):
            told = backup.message(item)
            yield replace(told, line=number) if isinstance(told, RawMessage) else told
        else:
            backup.introduce(frame)


PARSER = Parser("signal_backup", "Signal chat export", "Signal main.jsonl", claims, parse)


@dataclass
class _Backup:
    """What items refer to: recipients and chats by their numbers in this file."""

    reading: Reading
    people: dict[str, Account] = field(default_factory=dict)
    by_aci: dict[str, Account] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    chats: dict[str, Conversation] = field(default_factory=dict)
    ids: DailyRepeats = field(default_factory=DailyRepeats)
    said: OrderedDict[tuple[str, int], str] = field(default_factory=OrderedDict)
    own_name: str = ""

    def introduce(self, frame: dict[str, Any]) -> None:
        """Take in an account, a recipient or a chat."""
        account, recipient, chat = (
            _dict(frame.get(key)) for key in ("account", "recipient", "chat")
        )
        if account:
            self.own_name = _joined(account, "givenName", "familyName")
        if recipient.get("id") is not None:
            self._recipient(str(recipient["id"]), recipient)
        if chat.get("id") is not None:
            id, whom = str(chat["id"]), str(chat.get("recipientId"))
            title = self.titles.get(whom) or self.reading.path.stem
            key = self.keys.get(whom, f"chat{id}")
            self.chats[id] = Conversation(f"{PLATFORM}:{key}", title, PLATFORM, whom in self.people)

    def _recipient(self, id: str, recipient: dict[str, Any]) -> None:
        contact, group = _dict(recipient.get("contact")), _dict(recipient.get("group"))
        if group:
            title = _dict(_dict(_dict(group.get("snapshot")).get("title"))).get("title")
            self.titles[id] = str(title or "")
            self.keys[id] = f"group:{_uuid(group.get('masterKey')) or id}"
        elif "self" in recipient:
            self.people[id] = Account(PLATFORM, "self", self.own_name or "Me", is_self=True)
            self.titles[id], self.keys[id] = "Note to Self", "self"
        elif contact:
            self._contact(id, contact)

    def _contact(self, id: str, contact: dict[str, Any]) -> None:
        aci = _uuid(contact.get("aci"))
        phone = f"+{contact['e164']}".replace("++", "+") if contact.get("e164") else ""
        key = aci or phone or str(contact.get("username") or f"recipient{id}")
        nickname = _dict(contact.get("nickname"))
        name = (
            _joined(nickname, "given", "family")
            or _joined(contact, "systemGivenName", "systemFamilyName")
            or _joined(contact, "profileGivenName", "profileFamilyName")
            or str(contact.get("username") or phone)
        )
        self.people[id] = Account(PLATFORM, key, name)
        self.by_aci[aci or key] = self.people[id]
        self.titles[id], self.keys[id] = name, key

    def message(self, item: dict[str, Any]) -> RawMessage | Skipped:
        """The message of an item, or why there is none."""
        if "remoteDeletedMessage" in item:
            return Skipped("deleted message")
        if "updateMessage" in item:
            return Skipped("service notice")
        found = item.get("revisions")
        revisions = [_dict(one) for one in found] if isinstance(found, list) else []
        first = revisions[0] if revisions else item
        sent_at = instant(first.get("dateSent"))
        if sent_at is None:
            return Skipped("no date")
        text, mentions = self._text(item)
        attachments = tuple(_attachments(item))
        if not text and not attachments:
            return Skipped("empty")
        chat = self._chat(str(item.get("chatId")))
        author = self.people.get(str(item.get("authorId"))) or Account(PLATFORM, "name:")
        message = RawMessage(
            id=f"{chat.id}:{self.ids.id(sent_at.date(), chat.id, millis(sent_at), author.key)}",
            chat=chat,
            author=author,
            sent_at=sent_at,
            text=text,
            kind=kind_of(text),
            reply_to=self._reply_to(item, chat),
            mentions=mentions,
            attachments=attachments,
            edited_at=instant(item.get("dateSent")) if revisions else None,
            reactions=counted(tuple(_emoji(item))),
        )
        self.said[chat.id, millis(sent_at)] = message.id
        if len(self.said) > _REMEMBERED:
            self.said.popitem(last=False)
        return message

    def _chat(self, id: str) -> Conversation:
        if id not in self.chats:
            self.chats[id] = Conversation(f"{PLATFORM}:chat{id}", self.reading.path.stem, PLATFORM)
        return self.chats[id]

    def _reply_to(self, item: dict[str, Any], chat: Conversation) -> str | None:
        quote = _dict(_dict(item.get("standardMessage")).get("quote"))
        target = instant(quote.get("targetSentTimestamp"))
        return self.said.get((chat.id, millis(target))) if target else None

    def _text(self, item: dict[str, Any]) -> tuple[str, tuple[Account, ...]]:
        reply = _dict(item.get("directStoryReplyMessage"))
        if isinstance(reply.get("emoji"), str):
            return reply["emoji"], ()
        told = _dict(_dict(item.get("standardMessage") or reply.get("textReply")).get("text"))
        text = str(told.get("body") or "")
        named: list[Account] = []
        ranges = told.get("bodyRanges")
        for one in ranges if isinstance(ranges, list) else ():
            account = self.by_aci.get(_uuid(_dict(one).get("mentionAci")))
            if account and PLACEHOLDER in text:
                text = text.replace(PLACEHOLDER, f"@{account.name}", 1)
                named.append(account)
        return text.strip(), tuple(named)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _joined(names: dict[str, Any], *keys: str) -> str:
    return " ".join(str(names[key]).strip() for key in keys if names.get(key)).strip()


def _uuid(value: Any) -> str:
    """Bytes in base64, as JSON holds them, in hexadecimal digits."""
    try:
        return base64.b64decode(value, validate=True).hex() if isinstance(value, str) else ""
    except (binascii.Error, ValueError):
        return ""


def _parts(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key in ("standardMessage", "stickerMessage", "viewOnceMessage", "contactMessage", "poll"):
        if part := _dict(item.get(key)):
            yield part


def _emoji(item: dict[str, Any]) -> Iterator[str]:
    for part in _parts(item):
        reactions = part.get("reactions")
        for one in reactions if isinstance(reactions, list) else ():
            if emoji := _dict(one).get("emoji"):
                yield str(emoji)


def _attachments(item: dict[str, Any]) -> Iterator[Attachment]:
    files = _dict(item.get("standardMessage")).get("attachments")
    for one in files if isinstance(files, list) else ():
        pointer = _dict(_dict(one).get("pointer"))
        found = of_file(
            str(pointer.get("fileName") or ""), "", str(pointer.get("contentType") or "")
        )
        flag = _dict(one).get("flag")
        kinds = {"VOICE_MESSAGE": AttachmentKind.VOICE, "GIF": AttachmentKind.GIF}
        kind = kinds.get(flag) if isinstance(flag, str) else None
        yield Attachment(kind) if kind else found
    if "stickerMessage" in item:
        sticker = _dict(_dict(item["stickerMessage"]).get("sticker"))
        yield Attachment(AttachmentKind.STICKER, str(sticker.get("emoji") or ""))
    if "contactMessage" in item:
        yield Attachment(AttachmentKind.CONTACT)
    if "viewOnceMessage" in item:
        yield Attachment(AttachmentKind.OTHER, "seen once")
    if poll := _dict(item.get("poll")):
        yield Attachment(AttachmentKind.POLL, str(poll.get("question") or ""))
    for key, name in (("giftBadge", "gift"), ("paymentNotification", "payment")):
        if key in item:
            yield Attachment(AttachmentKind.OTHER, name)
