"""DiscordChatExporter's JSON: one channel, direct chat or thread in a file.

The shapes follow the exporter's own writer (Tyrrrz/DiscordChatExporter, JsonMessageWriter.cs) and
files seen since 2019: ``stickers`` came in 2021, ``reference.type`` and ``forwardedMessage`` in
2025; ``content`` is readable text unless the export was made with ``--markdown false``. A type
without a name of its own is its number in Discord's API ("Message types").
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from datetime import tzinfo
from typing import Any

from ingest.chat import (
    Account,
    Attachment,
    AttachmentKind,
    Conversation,
    Kind,
    RawMessage,
    Reaction,
)
from ingest.parsers import discord
from ingest.parsers.base import Parser, Reading, Skipped, digest, kind_of
from ingest.parsers.discord import Names
from ingest.parsers.json_items import array_items, before_array
from ingest.parsers.written_dates import iso

_COMMANDS = {"20", "23", "chatinputcommand", "contextmenucommand", "applicationcommand"}
_SPOKEN = {"", "default", "reply", "threadstartermessage", "0", "19", "21", *_COMMANDS}
"""Types that people (or bots, answering commands) write; the others are notices."""


def claims(head: bytes) -> bool:
    """A JSON object that opens with ``guild`` and ``channel``, before ``messages``."""
    start = head.removeprefix(BOM_UTF8).lstrip()
    if not re.match(rb'\{\s*"guild"\s*:\s*\{', start):
        return False
    return re.search(rb'"channel"\s*:\s*\{', start.partition(b'"messages"')[0]) is not None


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages of the channel."""
    chat = _conversation(before_array(reading))
    for item in array_items(reading):
        yield (
            message_of(item, chat, reading.zone)
            if isinstance(item, dict)
            else Skipped("not a message")
        )


PARSER = Parser(
    "discord_json", "DiscordChatExporter JSON", "DiscordChatExporter JSON", claims, parse
)


def _conversation(file: dict[str, Any]) -> Conversation:
    guild, channel = _object(file, "guild"), _object(file, "channel")
    kind = _text(channel, "type")
    return discord.conversation(
        _text(channel, "id"),
        _text(channel, "name"),
        _text(guild, "name") if _text(guild, "id") != "0" else "",
        is_private=kind in ("DirectTextChat", "1", "DM"),
    )


def message_of(data: dict[str, Any], chat: Conversation, zone: tzinfo) -> RawMessage | Skipped:
    """A message in the exporter's shape; ``zone`` is that of times which tell none.

    The live bot brings what it hears into this shape, so that an export and the bot tell the same.
    """
    kind = _text(data, "type")
    if kind.lower() not in _SPOKEN:
        return Skipped("service notice")
    key = _text(data, "id")
    sent_at = iso(_text(data, "timestamp"), zone) or discord.sent_at(key)
    if sent_at is None:
        return Skipped("no date", f"message {key}")
    forwarded = _object(data, "forwardedMessage")
    text, mentions = _words(data, forwarded)
    attachments = (*_attachments(data), *_attachments(forwarded))
    if not text and not attachments:
        return Skipped("empty")
    author = _account(_object(data, "author"))
    return RawMessage(
        id=f"{chat.id}:{key}" if key else f"{chat.id}:{digest(sent_at, author.key, text)}",
        chat=chat,
        author=author,
        sent_at=sent_at,
        text=text,
        kind=Kind.COMMAND if _object(data, "interaction") else kind_of(text),
        reply_to=_reply_to(data, chat),
        mentions=mentions,
        attachments=attachments,
        edited_at=iso(_text(data, "timestampEdited"), zone),
        forwarded_from=_forwarded_from(data) if forwarded else None,
        reactions=tuple(_reactions(data)),
    )


def _words(data: dict[str, Any], forwarded: dict[str, Any]) -> tuple[str, tuple[Account, ...]]:
    """The text, and whom it mentions; what a bot shows in boxes where it wrote nothing else."""
    people = [_object(person) for person in _list(data, "mentions")]
    names = {_text(person, "id"): _nickname(person) for person in people}
    pieces = [_text(data, "content"), _text(forwarded, "content")]
    raw = "\n".join(filter(None, pieces))
    if not raw.strip() and not _list(data, "attachments") and not _list(data, "stickers"):
        raw = "\n".join(filter(None, map(_boxed, _list(data, "embeds"))))
    text, found = discord.readable(raw.strip(), Names(names, {}))
    told = {account.key: account for person in people for account in [_mentioned(person, text)]}
    told.update((account.key, account) for account in found)
    return text, tuple(told.values())


def _mentioned(person: dict[str, Any], text: str) -> Account:
    """A mentioned user under the name that the text calls them by."""
    name = next(
        (name for name in (_nickname(person), _text(person, "name")) if f"@{name}" in text),
        _nickname(person),
    )
    return discord.account(_text(person, "id"), name)


def _boxed(embed: Any) -> str:
    embed = _object(embed)
    author = _text(_object(embed, "author"), "name")
    fields = [
        f"{_text(_object(field), 'name')}: {_text(_object(field), 'value')}"
        for field in _list(embed, "fields")
    ]
    return "\n".join(
        filter(None, [author, _text(embed, "title"), _text(embed, "description"), *fields])
    )


def _account(author: dict[str, Any]) -> Account:
    is_bot = author.get("isBot") is True
    full = _nickname(author)
    if not _text(author, "id"):
        full = f"{_text(author, 'name')}#{_text(author, 'discriminator') or '0000'}"
    return discord.account(_text(author, "id"), full, is_bot=is_bot)


def _nickname(person: dict[str, Any]) -> str:
    return _text(person, "nickname") or _text(person, "name")


def _reply_to(data: dict[str, Any], chat: Conversation) -> str | None:
    reference = _object(data, "reference")
    target = _text(reference, "messageId")
    is_here = _text(reference, "channelId") in ("", chat.id.rpartition(":")[2])
    # Forwards name what they forward in the same way; ThreadStarterMessage (21), its thread's.
    is_reply = _text(reference, "type") != "Forward" and not data.get("forwardedMessage")
    return f"{chat.id}:{target}" if target and is_here and is_reply else None


def _forwarded_from(data: dict[str, Any]) -> str:
    channel = _text(_object(data, "reference"), "channelId")
    return f"channel {channel}" if channel else "unknown"


def _attachments(data: dict[str, Any]) -> Iterator[Attachment]:
    for item in map(_object, _list(data, "attachments")):
        yield discord.attachment(_text(item, "url"), _text(item, "fileName"))
    for item in map(_object, _list(data, "stickers")):
        kind = AttachmentKind.STICKER
        yield Attachment(kind, _text(item, "name"), _text(item, "sourceUrl"))
    poll = _object(data, "poll")
    if poll:
        question = poll.get("question")
        words = _text(question, "text") if isinstance(question, dict) else _text(poll, "question")
        yield Attachment(AttachmentKind.POLL, words)


def _reactions(data: dict[str, Any]) -> Iterator[Reaction]:
    for item in map(_object, _list(data, "reactions")):
        if name := _text(_object(item, "emoji"), "name"):
            yield discord.reaction(name, item.get("count"))


def _object(value: Any, key: str | None = None) -> dict[str, Any]:
    """``value`` or its member ``key`` where that is an object, else an empty one."""
    found = value if key is None else value.get(key)
    return found if isinstance(found, dict) else {}


def _list(value: dict[str, Any], key: str) -> list[Any]:
    found = value.get(key)
    return found if isinstance(found, list) else []


def _text(value: dict[str, Any], key: str) -> str:
    """A member as text; ids are numbers in some files."""
    found = value.get(key)
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""
