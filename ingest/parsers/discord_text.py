"""DiscordChatExporter's plain text: ``[05-Dec-19 03:46 AM] name#1234`` above each message.

Blocks in braces follow a message: ``{Attachments}``, ``{Embed}``, ``{Stickers}``, ``{Reactions}``
(Tyrrrz/DiscordChatExporter, PlainTextMessageWriter.cs). Neither messages nor people have ids.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ingest.chat import Attachment, AttachmentKind, Conversation, RawMessage, Reaction
from ingest.errors import FormatError
from ingest.parsers import discord
from ingest.parsers.base import Parser, Reading, Skipped, kind_of
from ingest.parsers.discord import Names
from ingest.parsers.mentions import Nicknames
from ingest.parsers.named_log import RepeatsAtOnce
from ingest.parsers.text import head_text, lines_of
from ingest.parsers.written_dates import DateOrder

_RULE = "=" * 62
_HEADER = re.compile(r"\[([^\[\]]*\d[^\[\]]*\d[:.h]\d\d[^\[\]]*)\] (.+)")
_BLOCK = re.compile(r"\{(Attachments|Embed|Stickers|Reactions|Forwarded[ \w]*)\}")
_REACTION = re.compile(r"(\S+)(?: \((\d+)\))?")
_MAX_LINES = 20_000
"""Of one message; Discord allows 4,000 characters, and ten embeds of 6,000."""


def claims(head: bytes) -> bool:
    """The exporter's ruled box with ``Guild:`` and ``Channel:``."""
    lines = (head_text(head) or "").lstrip().splitlines()[:3]
    return [line.partition(":")[0] for line in lines] == [_RULE, "Guild", "Channel"]


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages, after a first reading for the order of day and month."""
    order = DateOrder()
    for line in lines_of(reading):
        if found := _HEADER.fullmatch(line):
            order.see(found[1])
    log = _Log(reading, order, _conversation(reading))
    for start, header, body in _messages(reading):
        yield log.message(start, header, body)


PARSER = Parser(
    "discord_text", "DiscordChatExporter text", "DiscordChatExporter text", claims, parse
)


def _conversation(reading: Reading) -> Conversation:
    told: dict[str, str] = {}
    for number, line in enumerate(lines_of(reading)):
        if number and (line == _RULE or number > 20):
            break
        key, _, value = line.partition(": ")
        told.setdefault(key, value.strip())
    guild, title = told.get("Guild", ""), told.get("Channel", "").rpartition(" / ")[2]
    is_private = guild == "Direct Messages" and not told.get("Channel", "").startswith("Group")
    channel = discord.channel_of(reading)
    return discord.conversation(channel, title, guild, is_private=is_private)


def _messages(reading: Reading) -> Iterator[tuple[int, re.Match[str], list[str]]]:
    """Every message: the line its header is on, the header, and the lines below."""
    start, header = 0, None
    body: list[str] = []
    is_after_blank = True
    for number, line in enumerate(lines_of(reading)):
        found = _HEADER.fullmatch(line) if is_after_blank else None
        is_end = line == _RULE and is_after_blank
        if found or is_end:
            if header:
                yield start, header, body
            start, header, body = number, found, []
        elif header:
            body.append(line)
            if len(body) > _MAX_LINES:
                raise FormatError(f"{reading.name}:{start + 1}: a message of over 20,000 lines")
        is_after_blank = not line.strip()
    if header:
        yield start, header, body


@dataclass
class _Log:
    """One file while it is read."""

    reading: Reading
    order: DateOrder
    chat: Conversation
    repeats: RepeatsAtOnce = field(default_factory=RepeatsAtOnce)
    nicknames: Nicknames = field(default_factory=Nicknames)

    def message(self, line: int, header: re.Match[str], body: list[str]) -> RawMessage | Skipped:
        """A message by its header and the lines below."""
        where = f"{self.reading.name}:{line + 1}"
        sent_at = self.order.read(header[1], self.reading.zone)
        if sent_at is None:
            return Skipped("no date", where)
        content, blocks = _parts(body)
        text, raw_mentions = discord.readable(content, Names({}, {}))
        attachments = tuple(_attachments(blocks))
        if not text and not attachments:
            return Skipped("empty", where)
        if discord.is_notice(text):
            return Skipped("service notice", where)
        author = discord.account("", header[2].removesuffix(" (pinned)"))
        self.nicknames.add(author)
        urls = [attachment.file for attachment in attachments]
        return RawMessage(
            id=f"{self.chat.id}:{self.repeats.id(sent_at, author.key, text, *urls)}",
            chat=self.chat,
            author=author,
            sent_at=sent_at,
            text=text,
            kind=kind_of(text),
            mentions=raw_mentions or self.nicknames.mentioned(text),
            attachments=attachments,
            forwarded_from="unknown" if any(name[:3] == "For" for name, _ in blocks) else None,
            reactions=tuple(_reactions(blocks)),
            line=line,
        )


def _parts(body: list[str]) -> tuple[str, list[tuple[str, list[str]]]]:
    """The words of a message, and the blocks that follow by name.

    What a bot shows in boxes stands for its words where it wrote nothing else.
    """
    content: list[str] = []
    blocks: list[tuple[str, list[str]]] = []
    for number, line in enumerate(body):
        found = _BLOCK.fullmatch(line)
        if found and (number == 0 or not body[number - 1].strip()):
            blocks.append((found[1], []))
        else:
            (blocks[-1][1] if blocks else content).append(line)
    text = "\n".join(content).strip()
    forwards = [lines for name, lines in blocks if name.startswith("Forwarded")]
    boxes = [lines for name, lines in blocks if name == "Embed"]
    if not text and (forwards or (boxes and len(boxes) == len(blocks))):
        text = "\n".join("\n".join(lines).strip() for lines in forwards or boxes)
    return text, blocks


def _attachments(blocks: list[tuple[str, list[str]]]) -> Iterator[Attachment]:
    for name, lines in blocks:
        for line in filter(None, map(str.strip, lines)):
            if name == "Attachments":
                yield discord.attachment(line)
            elif name == "Stickers":
                yield Attachment(AttachmentKind.STICKER, "", line)


def _reactions(blocks: list[tuple[str, list[str]]]) -> Iterator[Reaction]:
    for name, lines in blocks:
        if name == "Reactions":
            for emoji, count in _REACTION.findall(" ".join(lines)):
                yield discord.reaction(emoji, count or 1)
