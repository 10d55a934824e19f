"""DiscordChatExporter's CSV: ``AuthorID,Author,Date,Content,Attachments,Reactions``.

The separator was ``;`` with one more at the end of each line until 2019, and is ``,`` since; files
before 2019 lack AuthorID. Dates are written as the exporter's settings ask for, in its time zone,
and are ISO 8601 with an offset since 2023 (Tyrrrz/DiscordChatExporter, CsvMessageWriter.cs).
Messages have no ids.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ingest.chat import Conversation, RawMessage, Reaction
from ingest.parsers import discord
from ingest.parsers.base import Parser, Reading, Skipped, digest, kind_of
from ingest.parsers.discord import Names
from ingest.parsers.mentions import Nicknames
from ingest.parsers.named_log import RepeatsAtOnce
from ingest.parsers.tables import header_of, rows_of
from ingest.parsers.text import head_text
from ingest.parsers.written_dates import DateOrder

_COLUMNS = {"Author", "Date", "Content", "Attachments", "Reactions"}
_REACTION = re.compile(r"([^,]+?) \((\d+)\)")


def claims(head: bytes) -> bool:
    """The exporter's column names in the first line."""
    text = head_text(head)
    return text is not None and set(header_of(text)[1]) >= _COLUMNS


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages, after a first reading for the order of dates and people's names."""
    table = _Table(reading)
    first: list[str] = []
    for _line, row in table.rows():
        table.see(row)
        first = first or list(row.values())[:4]
    # The channel's first message tells channels apart better than files called export.csv do.
    channel = discord.channel_of(reading) or digest(*first)
    table.chat = discord.conversation(channel, discord.title_of(reading))
    for line, row in table.rows():
        yield table.message(line, row)


PARSER = Parser("discord_csv", "DiscordChatExporter CSV", "DiscordChatExporter CSV", claims, parse)


@dataclass
class _Table:
    """One file: its columns, and what its rows together tell."""

    reading: Reading
    order: DateOrder = field(default_factory=DateOrder)
    repeats: RepeatsAtOnce = field(default_factory=RepeatsAtOnce)
    nicknames: Nicknames = field(default_factory=Nicknames)
    users: dict[str, str] = field(default_factory=dict)
    chat: Conversation = field(default_factory=lambda: discord.conversation("", ""))

    def rows(self) -> Iterator[tuple[int, Mapping[str, str]]]:
        """Every row below the names by its columns, with the line it starts on."""
        self.reading.stream.seek(0)
        head = head_text(self.reading.stream.read(4096)) or ""
        delimiter, names = header_of(head)
        for line, row in rows_of(self.reading, delimiter):
            if line and any(row):
                yield line, dict(zip(names, row, strict=False))

    def see(self, row: Mapping[str, str]) -> None:
        """Take in what a row tells about the others."""
        self.order.see(row.get("Date", ""))
        author = discord.account(row.get("AuthorID"), row.get("Author", ""))
        self.nicknames.add(author)
        self.users[author.key] = author.name

    def message(self, line: int, row: Mapping[str, str]) -> RawMessage | Skipped:
        """A row as a message."""
        where = f"{self.reading.name}:{line + 1}"
        if "Content" not in row:
            return Skipped("incomplete row", where)
        sent_at = self.order.read(row["Date"], self.reading.zone)
        if sent_at is None:
            return Skipped("no date", where)
        text, mentions = discord.readable(row["Content"].strip(), Names(self.users, {}))
        attachments = tuple(map(discord.attachment, _addresses(row.get("Attachments", ""))))
        if not text and not attachments:
            return Skipped("empty", where)
        if discord.is_notice(text):
            return Skipped("service notice", where)
        author = discord.account(row.get("AuthorID"), row.get("Author", ""))
        key = self.repeats.id(sent_at, author.key, text, row.get("Attachments", ""))
        return RawMessage(
            id=f"{self.chat.id}:{key}",
            chat=self.chat,
            author=author,
            sent_at=sent_at,
            text=text,
            kind=kind_of(text),
            mentions=mentions or self.nicknames.mentioned(text),
            attachments=attachments,
            reactions=tuple(_reactions(row.get("Reactions", ""))),
            line=line,
        )


def _addresses(cell: str) -> list[str]:
    """Addresses joined by commas, which may themselves hold commas."""
    parts = re.split(r",(?=https?://|[^,]*[\\/])", cell)
    return [part.strip() for part in parts if part.strip()]


def _reactions(cell: str) -> Iterator[Reaction]:
    for name, count in _REACTION.findall(cell):
        yield discord.reaction(name.strip(), count)
