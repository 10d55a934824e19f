"""Signal's exports: what golden files do not show."""

from __future__ import annotations

import copy
import io
import json
from contextlib import suppress
from datetime import UTC
from pathlib import Path
from typing import Any

import orjson
import pytest

from ingest.archive import Archive
from ingest.chat import RawMessage
from ingest.errors import FormatError
from ingest.importer import import_paths
from ingest.parsers import PARSERS, signal_json, signal_text
from ingest.parsers.base import Parser, Reading, Skipped
from tests.ingest.test_fuzz import places

MARKDOWN = "[2023-05-01 09:00:01] Ravi: hi  \n[2023-05-01 09:00:02] Me: \n\n> hi\n\nyes  \n"
LINES = [
    {"date": "2023-05-01T09:00:01.5", "sender": "Ravi", "body": "hi  ", "quote": ""},
    {"date": "2023-05-01T09:00:02", "sender": "Me", "body": "yes  ", "quote": "\n\n> hi\n\n"},
]
DATA = b"".join(
    orjson.dumps({**line, "reactions": [], "attachments": []}) + b"\n" for line in LINES
)


def read(parser: Parser, content: bytes, name: str) -> list[RawMessage]:
    """The messages that a parser finds."""
    items = parser.parse(Reading(io.BytesIO(content), name, UTC))
    return [item for item in items if isinstance(item, RawMessage)]


def test_text_and_json_of_one_chat_give_the_same_ids() -> None:
    text = read(signal_text.PARSER, MARKDOWN.encode(), "x/Ravi/chat.md")
    data = read(signal_json.PARSER, DATA, "x/Ravi/data.json")
    assert [message.id for message in text] == [message.id for message in data]
    assert text[1].reply_to == data[1].reply_to == text[0].id


def test_a_chat_exported_twice_side_by_side_is_imported_once(tmp_path: Path) -> None:
    folder = tmp_path / "Ravi"
    folder.mkdir()
    (folder / "chat.md").write_text(MARKDOWN, encoding="utf-8")
    (folder / "data.json").write_bytes(DATA)
    with Archive.open(tmp_path / "archive.sqlite", create=True) as archive:
        report = import_paths(archive, [folder], zone=UTC)
    assert report.added.new == 2
    assert report.skipped == {"chat that data.json beside it holds as well": 1}


@pytest.mark.parametrize(
    "content",
    [
        b'[{"timestamp": 1, "author": "x", "message": "y", "id": 3}]',
        b'[{"type": "message", "user": "U1", "text": "hi", "ts": "1.2"}]',
        b'{"date": "2020-01-01", "sender": "x", "body": "y"}\n',
        b'{"messages": [{"type": "incoming", "body": "x"}]}',
        b'{"name": "x", "messages": [{"type": "message", "date": "2020-01-01T00:00:00"}]}',
        b"[" * 5000,
        b'[{"a":' + b"[" * 5000,
        b"[2020-12-31 23:59:01] <ann> hi: there\n",
        b"[2020-12-31 23:59:01] * ann waves: there\n",
        "[2020-12-31 23:59:01] Ann: \u200eimage omitted\n".encode(),
    ],
)
def test_other_files_are_not_claimed(content: bytes) -> None:
    assert not [p.key for p in PARSERS if p.key.startswith("signal") and p.claims(content)]


def test_a_quote_of_something_never_said_answers_nothing() -> None:
    text = "[2023-05-01 09:00:02] Me: \n\n> gone\n> long ago\n\nyes  \n"
    [message] = read(signal_text.PARSER, text.encode(), "x/Ravi/chat.md")
    assert (message.text, message.reply_to) == ("yes", None)


def test_lines_before_the_first_message_are_counted() -> None:
    items = signal_text.parse(Reading(io.BytesIO(b"\ntitle\n" + MARKDOWN.encode()), "a.md", UTC))
    assert [item.reason for item in items if isinstance(item, Skipped)] == [
        "line before the first message"
    ]


GOLDEN = Path(__file__).parent.parent / "golden"
ODD: list[Any] = [None, True, -1, 10**30, 1e300, "", "9" * 30, [], [1], {}, {"a": 1}, "x"]


@pytest.mark.parametrize(
    "sample", ["signal_json/desktop.json", "signal_json/list.json", "signal_backup/main.jsonl"]
)
def test_members_of_any_type_meet_only_format_errors(sample: str) -> None:
    parser = {p.key: p for p in PARSERS}[sample.partition("/")[0]]
    content = (GOLDEN / sample).read_bytes()
    is_lines = sample.endswith("l")
    whole = [orjson.loads(line) for line in content.splitlines()[:-1]] if is_lines else None
    tree = whole if whole is not None else orjson.loads(content)
    for number in range(len(places(tree))):
        for value in ODD:
            other = copy.deepcopy(tree)
            places(other)[number](value)
            rows = other if is_lines else [other]
            with suppress(FormatError):
                read(parser, b"\n".join(json.dumps(row).encode() for row in rows), "x.json")
