"""Slack's workspace export: a folder for each channel, with a file for each day.

Format: https://slack.com/help/articles/220556107 and the message events of
https://docs.slack.dev/reference/events/message; ``ts`` is unique in its channel. What people and
channels are called stands in ``users.json``, ``channels.json``, ``groups.json``, ``mpims.json`` and
``dms.json`` beside the folders; a day's file alone still reads, with ids for names.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from ingest.chat import Account, Attachment, AttachmentKind, Conversation, RawMessage, Reaction
from ingest.parsers import slack_text
from ingest.parsers.base import Parser, Reading, Skipped, kind_of
from ingest.parsers.fields import count, instant, mapping, mappings, string, strings
from ingest.parsers.json_items import array_items

PLATFORM = "slack"
_SPOKEN = frozenset(
    {
        "",
        "assistant_app_thread",
        "bot_message",
        "file_comment",
        "file_mention",
        "file_share",
        "me_message",
        "reply_broadcast",
        "slackbot_response",
        "thread_broadcast",
    }
)
"""Subtypes in which somebody says something; all others report what happened."""
_PEOPLE = ("org_users.json", "users.json")
_CHANNELS = ("channels.json", "groups.json", "mpims.json", "dms.json")
_TS = re.compile(rb'"ts"\s*:\s*"?\d{9,11}(\.\d+)?')
_UPLOADED = re.compile(
    r"^<@[^>]{1,99}> (?:uploaded|shared|added|mentioned) an? \w+: <[^>]{1,2000}>"
    r"(?: and commented: )?"
)
"""What Slack itself wrote about a file until 2018."""
_MEDIA = {
    "image": AttachmentKind.PHOTO,
    "video": AttachmentKind.VIDEO,
    "audio": AttachmentKind.AUDIO,
}


def claims(head: bytes) -> bool:
    """A JSON array of objects of the type ``message`` with a ``ts``."""
    if not re.match(rb"\s*\[\s*\{", head.removeprefix(BOM_UTF8)):
        return False
    return bool(re.search(rb'"type"\s*:\s*"message"', head) and _TS.search(head))


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages of one day in one channel."""
    day = _Day(reading)
    for data in array_items(reading, ""):
        yield day.message(data) if isinstance(data, dict) else Skipped("not a message")


PARSER = Parser("slack", "Slack export", "a day of a Slack export", claims, parse)


@dataclass(frozen=True, slots=True)
class _People:
    names: Mapping[str, str] = field(default_factory=dict)
    bots: frozenset[str] = frozenset({"USLACKBOT"})


@dataclass(frozen=True, slots=True)
class _Channels:
    by_folder: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


class _Day:
    """One file, with what the files beside it tell."""

    def __init__(self, reading: Reading) -> None:
        beside = reading.beside
        self._people = _people(*(beside(f"../{name}") for name in _PEOPLE))
        self._channels = _channels(*(beside(f"../{name}") for name in _CHANNELS))
        self._chat = self._conversation(reading.path.parent.name)
        self._mentions: list[Account] = []

    def _conversation(self, folder: str) -> Conversation:
        known = self._channels.by_folder.get(folder, {})
        key = string(known, "id") or folder or "unknown"
        members = [self._people.names.get(user, user) for user in strings(known, "members")]
        title = string(known, "name") or ", ".join(members) or folder or "Slack"
        is_private = key.startswith("D") and not string(known, "name")
        return Conversation(f"{PLATFORM}:{key}", title, PLATFORM, is_private=is_private)

    def message(self, data: dict[str, Any]) -> RawMessage | Skipped:
        """One element of the file."""
        subtype = string(data, "subtype")
        if string(data, "type") not in ("message", "") or subtype not in _SPOKEN:
            return Skipped("deleted" if subtype == "tombstone" else "service notice")
        ts = data.get("ts")
        sent_at = instant(ts)
        if sent_at is None:
            return Skipped("no date")
        comment = mapping(data, "comment") if subtype == "file_comment" else {}
        self._mentions = []
        text = self._text({**data, "text": comment["comment"]} if "comment" in comment else data)
        attachments = () if comment else tuple(_attachments(data))
        if not text and not attachments:
            return Skipped("empty")
        return RawMessage(
            id=f"{self._chat.id}:{ts}",
            chat=self._chat,
            author=self._author(data, string(comment, "user")),
            sent_at=sent_at,
            text=text,
            kind=kind_of(text),
            reply_to=self._reply_to(data),
            mentions=tuple(dict.fromkeys(self._mentions)),
            attachments=attachments,
            edited_at=instant(mapping(data, "edited").get("ts")),
            forwarded_from=_forwarded_from(data),
            reactions=tuple(_reactions(data)),
        )

    def _text(self, data: dict[str, Any]) -> str:
        text = _UPLOADED.sub("", string(data, "text")) if _files(data) else string(data, "text")
        text = text or slack_text.of_blocks(data)
        text = text or slack_text.of_attachments(data)
        return slack_text.plain(text, self._mentioned, self._channel)

    def _mentioned(self, user: str, label: str) -> str:
        name = self._people.names.get(user) or label.removeprefix("@") or user
        self._mentions.append(Account(PLATFORM, user, name, is_bot=user in self._people.bots))
        return name

    def _channel(self, key: str) -> str:
        return self._channels.names.get(key, key)

    def _author(self, data: dict[str, Any], commenter: str) -> Account:
        user, bot = commenter or string(data, "user"), string(data, "bot_id")
        shown = string(data, "username") or string(mapping(data, "bot_profile"), "name")
        if user:
            name = self._people.names.get(user) or _name_of(mapping(data, "user_profile")) or shown
            is_known = user in self._people.names
            is_bot = user in self._people.bots or (bool(bot) and not is_known)
            return Account(PLATFORM, user, name, is_bot=is_bot)
        # One integration may speak under many names, as bridges to other chats do.
        key = ":".join(filter(None, (bot, shown)))
        return Account(PLATFORM, key or "name:", shown, is_bot=bool(key))

    def _reply_to(self, data: dict[str, Any]) -> str | None:
        parent = data.get("thread_ts")
        is_reply = isinstance(parent, str) and parent and parent != data.get("ts")
        return f"{self._chat.id}:{parent}" if is_reply else None


def _files(data: dict[str, Any]) -> list[dict[str, Any]]:
    single = mapping(data, "file")  # before 2018 a message had at most one
    return mappings(data, "files") or ([single] if single else [])


def _attachments(data: dict[str, Any]) -> Iterator[Attachment]:
    for file in _files(data):
        label = string(file, "name") or string(file, "title")
        kind = _kind(file)
        path = string(file, "url_private_download") or string(file, "url_private")
        is_here = "://" not in path  # some exporters put the downloaded file's path there
        shown = label if kind is AttachmentKind.FILE else ""
        yield Attachment(kind, shown, path if is_here else "")


def _kind(file: dict[str, Any]) -> AttachmentKind:
    if string(file, "subtype") == "slack_audio":
        return AttachmentKind.VOICE
    mime = string(file, "mimetype")
    if mime == "image/gif":
        return AttachmentKind.GIF
    return _MEDIA.get(mime.partition("/")[0], AttachmentKind.FILE)


def _reactions(data: dict[str, Any]) -> Iterator[Reaction]:
    for reaction in mappings(data, "reactions"):
        if name := string(reaction, "name"):
            yield Reaction(f":{name}:", count(reaction, "count") or 1)


def _forwarded_from(data: dict[str, Any]) -> str | None:
    """Whom a message without words of its own is shared from."""
    if string(data, "text"):
        return None
    shared = (box for box in mappings(data, "attachments") if box.get("is_share") is True)
    return next((string(box, "author_name") or "unknown" for box in shared), None)


def _name_of(profile: dict[str, Any]) -> str:
    keys = ("display_name", "real_name", "name")
    return next((name for key in keys if (name := string(profile, key).strip())), "")


@lru_cache(maxsize=4)  # a workspace has thousands of days
def _people(*files: bytes | None) -> _People:
    names: dict[str, str] = {}
    bots = {"USLACKBOT"}
    for user in _objects(files):
        key = string(user, "id")
        names[key] = _name_of(mapping(user, "profile")) or _name_of(user)
        if user.get("is_bot") is True:
            bots.add(key)
    return _People({key: name for key, name in names.items() if key and name}, frozenset(bots))


@lru_cache(maxsize=4)
def _channels(*files: bytes | None) -> _Channels:
    by_folder: dict[str, dict[str, Any]] = {}
    names: dict[str, str] = {}
    for channel in _objects(files):
        key, name = string(channel, "id"), string(channel, "name")
        by_folder |= {folder: channel for folder in (key, name) if folder}
        if name:
            names[key] = name
    return _Channels(by_folder, names)


def _objects(files: tuple[bytes | None, ...]) -> Iterator[dict[str, Any]]:
    for content in files:
        try:
            found = orjson.loads(content.removeprefix(BOM_UTF8)) if content else []
        except orjson.JSONDecodeError:  # names are worth less than the messages they belong to
            continue
        yield from mappings({"all": found}, "all")
