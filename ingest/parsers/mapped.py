"""CSV, TSV and JSON Lines that are no exporter's own: one message a row.

Columns are recognised by their names where exactly one can be the author and one the text; any
other table is read with an explicit :class:`Columns` (``--map author=COLUMN,text=COLUMN``). Tables
of known exporters are left to their parsers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from ingest.chat import Account, Conversation, RawMessage
from ingest.errors import FormatError
from ingest.parsers.base import Parser, Reading, Repeats, Skipped, digest, kind_of
from ingest.parsers.json_lines import first_object, objects
from ingest.parsers.moments import Moments, is_day_first
from ingest.parsers.named_rows import header_of, rows
from ingest.parsers.text import head_text

PLATFORM = "table"
STEP = timedelta(seconds=10)
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
_DATES_READ = 20_000
"""Rows looked at to learn whether dates begin with the day."""
_NAMES = {
    "author": "author user username sender from speaker nick nickname name author_name user_name"
    " sender_name from_name display_name screen_name handle who 发送人 发送者 昵称 说话人",
    "text": "text content message body msg message_text contents utterance 内容 消息 文本",
    "time": "time timestamp date datetime date_time created_at createdat sent_at sentat ts created"
    " posted_at unixtime 时间 日期",
    "id": "id message_id messageid msg_id msgid uuid",
    "reply_to": "reply_to replyto reply_to_id reply_to_message_id in_reply_to parent_id",
    "chat": "chat channel room conversation group thread chat_id channel_id channel_name room_name"
    " chat_name conversation_id dialog_id 群 群聊",
}
"""What columns are called that hold each part of a message; the first of them that is there."""
_FOREIGN = (
    {"author", "date", "content", "attachments"},  # DiscordChatExporter
    {"authorid", "author", "date", "content"},  # its first versions
    {"id", "timestamp", "contents"},  # Discord's data package
    {"date", "user", "message"},  # KakaoTalk
    {"type", "user", "ts"},  # Slack
    {"date", "sender", "body", "attachments"},  # Signal, by sigexport
    {"msgsvrid"},
    {"talkerid"},
    {"消息id"},
    {"talkername"},
    {"_type"},  # ChatLab
)


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column of a table holds what; empty where there is no such thing."""

    author: str
    text: str
    time: str = ""
    id: str = ""
    reply_to: str = ""
    chat: str = ""

    @classmethod
    def of(cls, mapping: str) -> Columns:
        """What ``author=COLUMN,text=COLUMN[,time=…]`` says; FormatError where it is amiss."""
        known = [field.name for field in fields(cls)]
        pairs = [part.partition("=") for part in mapping.split(",")]
        told = {key.strip(): column.strip() for key, _, column in pairs}
        wrong = [key for key, column in told.items() if key not in known or not column]
        if wrong or not {"author", "text"} <= told.keys():
            problem = f"{wrong[0]!r} is none of these" if wrong else "author and text are needed"
            raise FormatError(
                f"--map {mapping}: {problem}; say author=COLUMN,text=COLUMN and, where there are"
                f" such columns, {', '.join(f'{name}=COLUMN' for name in known[2:])}"
            )
        return cls(**told)


def recognised(names: tuple[str, ...]) -> Columns | None:
    """The columns of a table by their names; None where they are not plain to see."""
    folded = {_folded(name): name for name in names}
    if any(columns <= folded.keys() for columns in _FOREIGN):
        return None
    found = {
        part: [folded[name] for name in names.split() if name in folded]
        for part, names in _NAMES.items()
    }
    if len(found["author"]) != 1 or len(found["text"]) != 1:
        return None
    return Columns(**{part: told[0] for part, told in found.items() if told})


def _folded(name: str) -> str:
    return re.sub(r"[\s\-]+", "_", name.strip().lower()).lstrip("#")


def claims(head: bytes) -> bool:
    """A table or JSON Lines with one column that is the author and one that is the text."""
    if columns := recognised(header_of(head)):
        return bool(columns)
    first = _first_line(head)
    columns = recognised(tuple(first))
    return columns is not None and all(
        isinstance(first[name], str) for name in (columns.author, columns.text)
    )


def _first_line(head: bytes) -> dict[str, Any]:
    text = (head_text(head) or "").lstrip()
    return first_object(text) if text.startswith("{") else {}


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages, by the columns' names."""
    return _parsed(reading, None)


def parser_with(columns: Columns) -> Parser:
    """The parser for tables with these columns."""
    # With other columns it is another import: the key is part of what is known to be finished.
    key = f"{PARSER.key} {columns}"
    return replace(PARSER, key=key, parse=lambda reading: _parsed(reading, columns))


PARSER = Parser(
    "mapped",
    "table",
    "CSV, TSV or JSONL with an author and a text column (or --map author=COLUMN,text=COLUMN)",
    claims,
    parse,
)


def _parsed(reading: Reading, columns: Columns | None) -> Iterator[RawMessage | Skipped]:
    table = _Table(reading, columns or _recognised_in(reading), is_told=columns is not None)
    for number, row in _records(reading):
        yield table.message(number, row)


def _records(reading: Reading) -> Iterator[tuple[int, Any]]:
    return objects(reading) if _is_json(reading) else rows(reading)


def _is_json(reading: Reading) -> bool:
    reading.stream.seek(0)
    start = reading.stream.read(4096).lstrip(b"\xef\xbb\xbf \r\n\t")
    reading.stream.seek(0)
    return start.startswith(b"{")


def _recognised_in(reading: Reading) -> Columns:
    for _number, row in islice(_records(reading), 1):
        names = tuple(row) if isinstance(row, dict) else ()
        if columns := recognised(names):
            return columns
        raise FormatError(
            f"{reading.name}: which column is the author and which the text is not plain"
            f" (columns: {_listed(names)}); say --map author=COLUMN,text=COLUMN"
        )
    return Columns("author", "text")


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(name[:40].replace("\n", " ") for name in names[:20] if name)
    return shown or "none"


class _Table:
    """The running state of a table: its columns, the dates' order, the time where none is told."""

    def __init__(self, reading: Reading, columns: Columns, *, is_told: bool) -> None:
        self._name, self._columns, self._is_told = reading.name, columns, is_told
        self._stem = reading.path.name.split(".")[0] or "table"
        dates = (
            _text(row, columns.time)
            for _number, row in islice(_records(reading), _DATES_READ)
            if isinstance(row, dict)
        )
        day_first = is_day_first(dates) if columns.time else True
        self._moments = Moments(reading.zone, day_first=day_first)
        self._repeats = Repeats()
        self._now = _FIRST
        self._chats: dict[str, Conversation] = {}

    def message(self, number: int, row: Any) -> RawMessage | Skipped:
        if not isinstance(row, dict):
            return Skipped("not a message", str(number))
        self._check(row)
        columns, where = self._columns, str(number)
        name, text = _text(row, columns.author), _text(row, columns.text)
        sent_at = self._instant(row)
        if sent_at is None:
            return Skipped("no date", where)
        if not text:
            return Skipped("empty", where)
        if not name:
            return Skipped("no author", where)
        chat = self._chat(_text(row, columns.chat), name, text)
        told = _text(row, columns.id)
        at = sent_at if columns.time else ""
        reply_to = _text(row, columns.reply_to)
        return RawMessage(
            id=f"{chat.id}:{told or self._repeats.id(chat.id, at, name, text)}",
            chat=chat,
            author=_account(name),
            sent_at=sent_at,
            text=text,
            kind=kind_of(text),
            reply_to=f"{chat.id}:{reply_to}" if reply_to else None,
            line=number,
        )

    def _check(self, row: dict[str, Any]) -> None:
        """Columns that --map names must be there; in JSON, a row may lack all but two."""
        if not self._is_told:
            return
        self._is_told = False
        told = (getattr(self._columns, field.name) for field in fields(self._columns))
        missing = [name for name in told if name and _value(row, name) is None]
        if missing:
            raise FormatError(
                f"{self._name}: no column {', '.join(map(repr, missing))}"
                f" (columns: {_listed(tuple(row))}); correct --map"
            )

    def _instant(self, row: dict[str, Any]) -> datetime | None:
        if not self._columns.time:
            self._now += STEP
            return self._now
        value = _value(row, self._columns.time)
        return None if value in (None, "") else self._moments.read(value)

    def _chat(self, told: str, name: str, text: str) -> Conversation:
        if told not in self._chats:
            # Two tables may both have a "general" and count their messages from 1.
            key = digest(self._stem, told, *(() if self._columns.time else (name, text)))
            self._chats[told] = Conversation(
                f"{PLATFORM}:{key}",
                told or self._stem,
                PLATFORM,
                has_times=bool(self._columns.time),
            )
        return self._chats[told]


def _account(name: str) -> Account:
    bare = name.removeprefix("@")
    return Account(PLATFORM, f"name:{bare}", bare, is_self=name in ("@self", "self"))


def _value(row: dict[str, Any], column: str) -> Any:
    """What a row holds under ``column``, which in JSON may lie deeper: ``user.name``."""
    if column in row or "." not in column:
        return row.get(column)
    outer, _, inner = column.partition(".")
    return _value(row[outer], inner) if isinstance(row.get(outer), dict) else None


def _text(row: dict[str, Any], column: str) -> str:
    value = _value(row, column) if column else None
    is_scalar = isinstance(value, str | int | float) and not isinstance(value, bool)
    return str(value).strip() if is_scalar else ""
