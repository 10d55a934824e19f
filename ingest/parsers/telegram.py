"""Telegram Desktop's JSON export: one chat (``result.json`` of a group) or a whole account.

There is no published schema; the shapes follow the exporter's own source
(tdesktop ``export/output/export_output_json.cpp``) and files seen since 2020:
``from_id`` was a bare number before 2021-05 and is ``user123`` or ``channel123`` since;
``date_unixtime`` and ``text_entities`` came in 2021–2022; ``text`` is a string or a list of strings
and objects. Dice, stories and what else the exporter does not know are ``unsupported`` rows of an
id alone. Photos sent at once are one message each, as they are in the chat.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any

from ingest.chat import Account, Conversation, RawMessage, Reaction
from ingest.parsers.base import Parser, Reading, Skipped, digest, kind_of
from ingest.parsers.json_items import Item, items
from ingest.parsers.telegram_escapes import repaired
from ingest.parsers.telegram_media import attachments_of
from ingest.sources import look

PLATFORM = "telegram"
_PRIVATE = {"personal_chat", "saved_messages", "bot_chat"}
_WITH_ONE_USER = {"personal_chat", "bot_chat"}  # whose id is that user's
_TITLES = {"saved_messages": "Saved Messages", "replies": "Replies"}
_ACCOUNT = re.compile(
    rb'"(left_)?chats"\s*:\s*\{\s*"(about|list)"|"personal_information"\s*:\s*\{'
    rb'|"(frequent_)?contacts"\s*:\s*\{\s*"about"'
)
_CHAT = re.compile(
    rb'"type"\s*:\s*"(message|service|unsupported|saved_messages|replies|personal_chat|bot_chat'
    rb'|(private|public)_(group|supergroup|channel))"'
)
_OWNER = re.compile(rb'"personal_information"\s*:\s*\{\s*"user_id"\s*:\s*(\d+)')


def claims(head: bytes) -> bool:
    """A JSON object with ``messages`` whose items say their ``type``, or an account's ``chats``."""
    if not head.removeprefix(BOM_UTF8).lstrip().startswith(b"{"):
        return False
    if _ACCOUNT.search(head):
        return True
    if not (re.search(rb'"messages"\s*:\s*\[', head) and (kind := _CHAT.search(head))):
        return False
    is_message = kind[1] in (b"message", b"service")
    return not is_message or bool(re.search(rb'"date(_unixtime)?"\s*:', head))


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages of every chat in the file."""
    head = look(reading.stream)
    reading.stream.seek(len(BOM_UTF8) if head.startswith(BOM_UTF8) else 0)
    chats: dict[int, _Chat] = {}
    for item in items(repaired(reading.stream), head, reading.name):
        chat = chats.get(item.chat_number)
        if chat is None:
            chat = chats[item.chat_number] = _chat(item, head, reading)
        yield chat.message(item.value)


def message_of(
    conversation: Conversation, data: dict[str, Any], *, is_channel: bool = False
) -> RawMessage | Skipped:
    """The message in ``data``, written as the exporter writes one; so are live messages read."""
    return _Chat(conversation, UTC, is_channel=is_channel).message(data)


PARSER = Parser("telegram", "Telegram Desktop JSON", "Telegram Desktop result.json", claims, parse)


@dataclass
class _Chat:
    """One chat while its messages are read; ``peer`` is the user a private chat is with."""

    conversation: Conversation
    zone: tzinfo
    owner: str = ""
    peer: str = ""
    is_channel: bool = False
    with_bot: bool = False
    topics: set[int] = field(default_factory=set)

    def message(self, data: Any) -> RawMessage | Skipped:
        """The message in ``data``, or why there is none."""
        if not isinstance(data, dict):
            return Skipped("not a message")
        if data.get("type") == "unsupported":
            return Skipped("kind of message the exporter does not know")
        if data.get("type") != "message":
            if data.get("action") == "topic_created" and isinstance(data.get("id"), int):
                self.topics.add(data["id"])
            return Skipped("service notice")
        sent_at = _instant(data, "date", self.zone)
        if sent_at is None:
            return Skipped("no date", f"message {data.get('id')}")
        return self._written(data, sent_at)

    def _written(self, data: dict[str, Any], sent_at: datetime) -> RawMessage | Skipped:
        parts = _parts(data)
        text = "".join(part["text"] for part in parts).strip()
        attachments = tuple(attachments_of(data))
        if not text and not attachments:
            return Skipped("empty")
        author = self._author(data)
        key = data.get("id")
        chat = self.conversation
        return RawMessage(
            id=f"{chat.id}:{key if key is not None else digest(sent_at, author.key, text)}",
            chat=chat,
            author=author,
            sent_at=sent_at,
            text=text,
            kind=kind_of(text),
            reply_to=self._reply_to(data),
            mentions=tuple(_mentions(parts)),
            attachments=attachments,
            edited_at=_instant(data, "edited", self.zone),
            forwarded_from=_forwarded_from(data),
            reactions=tuple(_reactions(data.get("reactions"))),
        )

    def _author(self, data: dict[str, Any]) -> Account:
        account = _account(data.get("from_id"), data.get("from"))
        signature = str(data.get("author") or "").strip()
        if self.is_channel and signature and not account.key.startswith("user"):
            # A signed post is by one of several people who write as the channel.
            return Account(PLATFORM, f"{account.key}:{signature}", signature)
        is_bot = self._is_bot(account.key, data)
        is_self = bool(self.owner or self.peer) and account.key == self._own(account.key)
        return replace(account, is_bot=is_bot, is_self=is_self) if is_bot or is_self else account

    def _own(self, key: str) -> str:
        """The key of the owner, as far as a message by ``key`` tells."""
        if self.owner:
            return self.owner
        return key if key.startswith("user") and key != self.peer else ""

    def _is_bot(self, key: str, data: dict[str, Any]) -> bool:
        if self.with_bot and key == self.peer:
            return True
        if "inline_bot_buttons" not in data:
            return False
        # Only bots put buttons under messages; others' copies are forwards or sent through a bot.
        given = {"inline_bot_buttons", "via_bot", "forwarded_from", "saved_from"} & data.keys()
        return given == {"inline_bot_buttons"} and key.startswith("user")

    def _reply_to(self, data: dict[str, Any]) -> str | None:
        target = data.get("reply_to_message_id")
        # A reply into another chat names its peer; it answers nothing that is here. In a forum the
        # first message under a topic "answers" the notice that the topic was made.
        if not target or "reply_to_peer_id" in data or _in(target, self.topics):
            return None
        return f"{self.conversation.id}:{target}"


def _in(target: Any, ids: set[int]) -> bool:
    return isinstance(target, int) and target in ids


def _chat(item: Item, head: bytes, reading: Reading) -> _Chat:
    kind = str(item.chat.get("type") or "")
    id = item.chat.get("id")
    owner = _OWNER.search(head)
    self_key = f"user{owner[1].decode()}" if owner else ""
    if kind == "saved_messages" and id:
        self_key = f"user{id}"
    peer = f"user{id}" if kind in _WITH_ONE_USER and id and _writes(id, head, self_key) else ""
    return _Chat(
        _conversation(item, kind, reading),
        reading.zone,
        owner=self_key,
        peer=peer,
        is_channel=kind.endswith("_channel"),
        with_bot=kind == "bot_chat",
    )


def _writes(id: object, head: bytes, owner: str) -> bool:
    """Whether the id of a private chat is seen to be its partner's, as exporters write it.

    Then whoever else writes there is the owner of the export.
    """
    return bool(owner) or bool(
        re.search(rb'"(from|actor)_id"\s*:\s*("user)?%s\b' % re.escape(str(id).encode()), head)
    )


def _conversation(item: Item, kind: str, reading: Reading) -> Conversation:
    name = str(item.chat.get("name") or "")
    title = name or _TITLES.get(kind, "")
    if not title:
        title = "Deleted Account" if kind in _PRIVATE else reading.path.stem
    key = item.chat.get("id") or digest(*([name] if name else _start(item.value)))
    return Conversation(f"{PLATFORM}:{key}", title, PLATFORM, is_private=kind in _PRIVATE)


def _start(value: Any) -> list[str]:
    """What tells apart chats without id and name: how they begin."""
    known = value if isinstance(value, dict) else {}
    keys = ("id", "date", "date_unixtime", "from", "text")
    return ["untitled", *(str(known.get(key, "")) for key in keys)]


def _instant(data: dict[str, Any], key: str, zone: tzinfo) -> datetime | None:
    try:
        if (seconds := data.get(f"{key}_unixtime")) is not None:
            return datetime.fromtimestamp(int(seconds), UTC)
        local = datetime.fromisoformat(data[key])
        # Exports before 2021 wrote 1970 for "never edited".
        return local.replace(tzinfo=zone).astimezone(UTC) if local.year > 1970 else None
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def _parts(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The pieces of a text; a mentioned name is spelled with its ``@``."""
    text = data.get("text") or data.get("text_entities") or ""
    if isinstance(text, str):
        return [{"text": text}]
    pieces = text if isinstance(text, list) else [text]
    parts = (piece if isinstance(piece, dict) else {"text": piece} for piece in pieces)
    return [{**part, "text": _spelled(part)} for part in parts]


def _spelled(part: dict[str, Any]) -> str:
    text = str(part.get("text") or "")
    is_named = part.get("type") == "mention_name" and text and not text.startswith("@")
    return f"@{text}" if is_named else text


def _mentions(parts: list[dict[str, Any]]) -> Iterator[Account]:
    for part in parts:
        name = part["text"].removeprefix("@")
        if part.get("type") == "mention_name":
            yield _account(part.get("user_id") or None, name)
        elif part.get("type") == "mention":
            yield Account(PLATFORM, "", name)


def _account(key: Any, name: Any) -> Account:
    return _known_account("" if key is None else str(key), str(name or "").strip())


@lru_cache(maxsize=4096)
def _known_account(key: str, name: str) -> Account:
    """One object for the many messages of one account."""
    if not key:
        return Account(PLATFORM, f"name:{name}", name)
    return Account(PLATFORM, f"user{key}" if key.isdigit() else key, name)


def _forwarded_from(data: dict[str, Any]) -> str | None:
    if "forwarded_from" not in data and "saved_from" not in data:
        return None
    return str(data.get("forwarded_from") or data.get("saved_from") or "unknown")


def _reactions(found: Any) -> Iterator[Reaction]:
    """Emoji and their counts; a custom one is known by its file alone, a paid one is a star."""
    for reaction in found if isinstance(found, list) else ():
        if isinstance(reaction, dict) and isinstance(count := reaction.get("count", 1), int):
            emoji = reaction.get("emoji") or {"paid": "⭐"}.get(str(reaction.get("type")))
            yield Reaction(str(emoji or ":custom:"), count)
