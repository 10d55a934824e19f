"""Discord's own data package: what one account wrote, a folder for each channel.

``messages/c123/messages.csv`` until 2024, ``messages.json`` since; the folders are called
``Messages`` and ``Account`` since December 2025, and the ``c`` was missing before 2021. Times are
UTC. ``channel.json`` and ``index.json`` tell what a channel is called, ``account/user.json`` who
wrote all of it and what friends are called. Nobody else's messages are in there.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any

import orjson

from ingest.chat import Account, Conversation, RawMessage
from ingest.parsers import discord
from ingest.parsers.base import Parser, Reading, Skipped, digest, kind_of
from ingest.parsers.discord import Names
from ingest.parsers.json_items import array_items
from ingest.parsers.tables import header_of, rows_of
from ingest.parsers.text import head_text
from ingest.parsers.written_dates import iso

_COLUMNS = ("ID", "Timestamp", "Contents", "Attachments")
_FOLDER = re.compile(r"c?(\d{1,20})", re.ASCII)
_OWNER = ("../../account/user.json", "../account/user.json", "../user.json")


def claims(head: bytes) -> bool:
    """An array of objects, or a table, of these four columns."""
    start = head.removeprefix(BOM_UTF8).lstrip()
    if start.startswith(b"["):
        first = start[1:].lstrip()[:300_000]
        return first.startswith(b"{") and all(
            re.search(rb'"%s"\s*:' % name.encode(), first) for name in _COLUMNS[:3]
        )
    return tuple(header_of(head_text(head[:4096]) or "")[1]) == _COLUMNS


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the owner's messages in one channel."""
    channel = _channel(reading)
    reading.stream.seek(0)
    is_json = reading.stream.read(64).removeprefix(BOM_UTF8).lstrip().startswith(b"[")
    for row in (_objects if is_json else _rows)(reading):
        yield channel.message(row) if row else Skipped("not a message")


PARSER = Parser("discord_package", "Discord data package", "a Discord data package", claims, parse)


def _objects(reading: Reading) -> Iterator[Mapping[str, Any]]:
    for item in array_items(reading, ""):
        yield item if isinstance(item, dict) else {}


def _rows(reading: Reading) -> Iterator[Mapping[str, Any]]:
    for line, row in rows_of(reading, ","):
        if line and any(row):
            yield dict(zip(_COLUMNS, row, strict=False))


@dataclass(frozen=True, slots=True)
class _Channel:
    """One channel's folder."""

    chat: Conversation
    owner: Account
    names: Names

    def message(self, row: Mapping[str, Any]) -> RawMessage | Skipped:
        """A row as a message."""
        key = str(row.get("ID") or "")
        sent_at = iso(str(row.get("Timestamp") or ""), UTC) or discord.sent_at(key)
        if sent_at is None:
            return Skipped("no date", f"message {key}")
        text, mentions = discord.readable(str(row.get("Contents") or "").strip(), self.names)
        addresses = str(row.get("Attachments") or "").split()
        if not text and not addresses:
            return Skipped("empty")
        return RawMessage(
            id=f"{self.chat.id}:{key or digest(sent_at, text)}",
            chat=self.chat,
            author=self.owner,
            sent_at=sent_at,
            text=text,
            kind=kind_of(text),
            mentions=mentions,
            attachments=tuple(map(discord.attachment, addresses)),
        )


def _channel(reading: Reading) -> _Channel:
    told, index = _json(reading, "channel.json"), _json(reading, "../index.json")
    user = next(filter(None, (_json(reading, path) for path in _OWNER)), {})
    folder = _FOLDER.fullmatch(reading.path.parent.name)
    key = str(told.get("id") or (folder[1] if folder else "") or discord.channel_of(reading))
    titles = {name: title for name, title in index.items() if isinstance(title, str)}
    guild = told.get("guild")
    title = str(told.get("name") or titles.get(key) or "")
    is_private = told.get("type") in (1, "DM") or title.startswith("Direct Message with ")
    title = re.sub(r"#0$", "", title.removeprefix("Direct Message with "))
    server = str(guild.get("name") or "") if isinstance(guild, dict) else ""
    chat = discord.conversation(key, title, server, is_private=is_private)
    channels = {name: title.rpartition(" in ")[0] or title for name, title in titles.items()}
    return _Channel(chat, _owner(user), Names(_people(user), channels))


def _owner(user: Mapping[str, Any]) -> Account:
    name = str(user.get("global_name") or user.get("username") or "")
    owner = discord.account(user.get("id") or "owner", name)
    return replace(owner, is_self=True)


def _people(user: Mapping[str, Any]) -> dict[str, str]:
    """What the owner and the people they know are called, by id."""
    known = user.get("relationships")
    people = (
        [entry.get("user") for entry in known if isinstance(entry, dict)]
        if (isinstance(known, list))
        else []
    )
    return {
        str(person.get("id")): str(person.get("global_name") or person.get("username") or "")
        for person in [*people, user]
        if isinstance(person, dict)
    }


def _json(reading: Reading, path: str) -> dict[str, Any]:
    """Another file of the package, or an empty object where it is missing or unreadable."""
    try:
        found = orjson.loads((reading.beside(path) or b"").removeprefix(BOM_UTF8))
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
