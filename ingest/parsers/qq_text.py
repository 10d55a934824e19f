"""QQ's own text export (消息记录): one chat, or every chat of an account in one file.

A message is a line with its time and sender, then its text until a blank line and the next such
line. The sender is ``【title】name(number)``, ``name<mail>`` or, in private chats and discussion
groups, the name alone. Where a private chat's partner is known by the name it is kept under
(消息对象), whoever else speaks is the account the export was made from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ingest.chat import Account, Conversation, RawMessage
from ingest.parsers.base import DailyRepeats, Parser, Reading, Skipped, digest, kind_of
from ingest.parsers.moments import Moments
from ingest.parsers.qq_elements import PLATFORM, taken_apart
from ingest.parsers.text import head_text, lines_of
from ingest.sources import look

_TIME = r"\d{4}[-/]\d{1,2}[-/]\d{1,2} +(?:[上下]午 ?)?\d{1,2}:\d{2}:\d{2}(?: ?[AaPp][Mm])?"
_HEADER = re.compile(rf"(?P<time>{_TIME})[ \t]+(?P<sender>\S.{{0,199}})$")
_MOBILE = re.compile(rf"(?P<sender>\S.{{0,199}}?)[ \t]+(?P<time>{_TIME})$")
_SENDER = re.compile(
    r"(?:【(?P<title>[^【】]*)】)?(?P<name>.*?)"
    r"(?:[(（](?P<number>\d{4,12})[)）]|<(?P<mail>[^<>\s]+@[^<>\s]+)>)?$"
)
_OBJECT = re.compile(r"消息对象[:：](?P<name>.*)")
_GROUPING = re.compile(r"消息分组[:：](?P<name>.*)")
_RULE = re.compile(r"={8,}$")
_GROUPS = ("群", "讨论组", "多人聊天")
_SYSTEM = ("10000", "1000000")
_AT = re.compile(r"@([^@\n]{1,60})")
_MAX_TEXT = 1 << 20


def claims(head: bytes) -> bool:
    """QQ's heading, or several of its message lines with a number or address behind the name."""
    text = head_text(head)
    if not text or text.lstrip()[:1] in ("{", "[", "<"):
        return False
    lines = [line.strip() for line in text.split("\n")]
    senders = [match["sender"] for line in lines if (match := _header(line))]
    if re.match(r"\s*消息(?:记录|对象[:：])", text) or (
        _OBJECT.search(text) and _GROUPING.search(text)
    ):
        return bool(senders)
    numbered = [_SENDER.match(sender) for sender in senders]
    known = sum(bool(match and (match["number"] or match["mail"])) for match in numbered)
    return known >= 2 and known * 2 > len(senders)


def _header(line: str) -> re.Match[str] | None:
    return _HEADER.match(line) or _MOBILE.match(line)


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages."""
    log = _Log(reading, head_text(look(reading.stream)) or "")
    was_blank = True
    for number, raw in enumerate(lines_of(reading)):
        line, partner = raw.strip(), None
        if grouping := _GROUPING.match(line):
            yield from log.finish()
            log.grouping = grouping["name"].strip()
        elif partner := _OBJECT.match(line):
            yield from log.finish()
            log.begin(partner["name"].strip())
        elif was_blank and (header := _header(line)):
            yield from log.finish()
            log.start(number, header)
        elif not _RULE.match(line):
            yield from log.go_on(number, raw.rstrip())
        was_blank = not line or bool(grouping or partner)
    yield from log.finish()


PARSER = Parser("qq_text", "QQ text", "QQ's text export (消息记录)", claims, parse)


@dataclass(slots=True)
class _Open:
    """A message whose text is still being read."""

    line: int
    time: str
    sender: str
    text: list[str] = field(default_factory=list)
    size: int = 0


class _Log:
    """The running state of a file: the chat, its people, and the message being read."""

    def __init__(self, reading: Reading, head: str) -> None:
        self._moments = Moments(reading.zone)
        self._repeats = DailyRepeats()
        self._stem = reading.path.name.split(".")[0] or "QQ"
        self._head = head
        self._names: dict[str, str] = {}
        self._latest: dict[str, str] = {}
        self._open: _Open | None = None
        self.grouping = ""
        self.begin("")

    def begin(self, partner: str) -> None:
        """A chat with ``partner``, a person or a group, follows."""
        title = partner or self._stem
        is_group = any(word in self.grouping for word in _GROUPS)
        has_numbers = re.search(r"\(\d{4,12}\)\s*$|<\S+@\S+>\s*$", self._head, re.MULTILINE)
        is_private = bool(partner) and not is_group and bool(self.grouping or not has_numbers)
        self._chat = Conversation(
            f"{PLATFORM}:{digest(title)}", title, PLATFORM, is_private=is_private
        )
        speaks = re.search(rf"{_TIME}[ \t]+{re.escape(partner)}\s*$", self._head, re.MULTILINE)
        self._partner = partner if is_private and speaks else None

    def start(self, line: int, header: re.Match[str]) -> None:
        """A message begins."""
        self._open = _Open(line, header["time"], header["sender"].strip())

    def go_on(self, number: int, line: str) -> Iterator[Skipped]:
        """A line of the open message, or one that belongs to none."""
        if self._open is not None and self._open.size < _MAX_TEXT:
            self._open.text.append(line)
            self._open.size += len(line)
        elif line.strip() and not line.startswith("消息记录"):
            yield Skipped("line without a speaker", str(number))

    def finish(self) -> Iterator[RawMessage | Skipped]:
        """The message that was being read, if any."""
        message, self._open = self._open, None
        if message is None:
            return
        where = str(message.line)
        text, attachments = taken_apart("\n".join(message.text).strip())
        sent_at = self._moments.read(message.time)
        author = self._author(message.sender)
        if author is None:
            yield Skipped("service notice", where)
        elif sent_at is None:
            yield Skipped("no date", where)
        elif not text and not attachments:
            yield Skipped("empty", where)
        else:
            key = self._repeats.id(
                sent_at.date(), self._chat.id, sent_at, author.key, *message.text
            )
            yield RawMessage(
                id=f"{self._chat.id}:{key}",
                chat=self._chat,
                author=author,
                sent_at=sent_at,
                text=text,
                kind=kind_of(text),
                mentions=tuple(self._mentioned(text)),
                attachments=attachments,
                line=message.line,
            )

    def _author(self, sender: str) -> Account | None:
        """Who sent it; None for QQ itself. A number for a name stands for the name before."""
        match = _SENDER.match(sender)
        name = match["name"].strip() if match else sender
        key = (match["number"] or match["mail"] or "") if match else ""
        if key in _SYSTEM or (not key and name.startswith("系统消息")):
            return None
        if key and name in ("", key):
            name = self._latest.get(key, key)
        else:
            self._names[name] = key or f"name:{name}"
            self._latest[key] = name
        is_self = self._partner is not None and name != self._partner
        return Account(PLATFORM, key or f"name:{name}", name, is_self=is_self)

    def _mentioned(self, text: str) -> Iterator[Account]:
        for rest in dict.fromkeys(_AT.findall(text)):
            for end in range(len(rest), 0, -1):
                if (key := self._names.get(rest[:end])) is not None and not rest[
                    end : end + 1
                ].strip():
                    yield Account(PLATFORM, key, rest[:end])
                    break
