"""Every sample export reads as its ``.expected.jsonl`` says.

After a meant change: ``pytest tests/ingest/test_golden.py --regenerate``, then read the difference.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from ingest.chat import Account, RawMessage
from ingest.errors import FormatError
from ingest.parsers import PARSERS, plain, telegram
from ingest.parsers.base import Parser, Reading, Skipped, parser_for
from ingest.sources import Source, sources_of

GOLDEN = Path(__file__).parent.parent / "golden"
ZONE = ZoneInfo("Asia/Jakarta")  # of all samples that tell no zone
FORMATS = {parser.key: parser for parser in PARSERS}
EXPECTED = ".expected.jsonl"
SAMPLES = sorted(path for path in GOLDEN.glob("*/*") if not path.name.endswith(EXPECTED))
"""Files, and folders or zips of files that belong together."""
FILES = [path for path in SAMPLES if path.is_file() and path.suffix != ".zip"]
JSON_FILES = [path for path in FILES if path.suffix == ".json"]
TELEGRAM_SAMPLES = [path for path in FILES if path.parent.name == "telegram"]


def own_parser(sample: Path) -> Parser:
    """The parser whose folder the sample lies in."""
    return FORMATS[sample.parent.name]


def read(parser: Parser, content: bytes, name: str) -> list[RawMessage | Skipped]:
    """Everything a parser finds in ``content``."""
    return list(parser.parse(Reading(io.BytesIO(content), name, ZONE)))


def read_sample(sample: Path) -> list[RawMessage | Skipped]:
    """Everything in a sample, in the files its parser claims."""
    parser = own_parser(sample)
    found: list[RawMessage | Skipped] = []
    for source in sources_of(sample):
        if parser.claims(source.head()):
            name = source.name.replace(str(sample.parent), "").lstrip("/")
            with source.open() as stream:
                found.extend(parser.parse(Reading(stream, name, ZONE, source.beside)))
    return found


def as_lines(items: list[RawMessage | Skipped]) -> Iterator[bytes]:
    """One JSON line per item; what is empty is left out."""
    for item in items:
        data = _skipped(item) if isinstance(item, Skipped) else _message(item)
        told = {key: value for key, value in data.items() if value not in (None, "", [], False)}
        yield orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE)


def _skipped(item: Skipped) -> dict[str, Any]:
    return {"skipped": item.reason, "where": item.where}


def _message(message: RawMessage) -> dict[str, Any]:
    return {
        "id": message.id,
        "chat": message.chat.title,
        "private": message.chat.is_private,
        "timeless": not message.chat.has_times,
        "author": _account(message.author),
        "at": message.sent_at,
        "text": message.text,
        "kind": message.kind if message.kind != "text" else "",
        "reply_to": message.reply_to,
        "mentions": [_account(account) for account in message.mentions],
        "attachments": [attachment.placeholder for attachment in message.attachments],
        "edited": message.edited_at,
        "forwarded_from": message.forwarded_from,
        "reactions": [f"{reaction.emoji} {reaction.count}" for reaction in message.reactions],
        "line": message.line,
    }


def _account(account: Account) -> str:
    marks = f"{' (bot)' if account.is_bot else ''}{' (self)' if account.is_self else ''}"
    return f"{account.platform}:{account.key} {account.name}".strip() + marks


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_sample_reads_as_expected(sample: Path, request: pytest.FixtureRequest) -> None:
    found = b"".join(as_lines(read_sample(sample)))
    expected = sample.with_name(f"{sample.stem}{EXPECTED}")
    if request.config.getoption("--regenerate", default=False):
        expected.write_bytes(found)
    assert found.decode().splitlines() == expected.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_sample_is_claimed_by_its_own_parser_alone(sample: Path) -> None:
    claimants = [
        parser.key
        for source in sources_of(sample)
        for parser in PARSERS
        if parser.claims(source.head())
    ]
    files_claimed = [s for s in sources_of(sample) if own_parser(sample).claims(s.head())]
    assert files_claimed
    assert claimants == [own_parser(sample).key] * len(files_claimed)


@pytest.mark.parametrize("sample", TELEGRAM_SAMPLES, ids=lambda path: path.name)
def test_a_minified_export_reads_like_the_pretty_one(sample: Path) -> None:
    pretty = sample.read_bytes()
    minified = orjson.dumps(orjson.loads(pretty))
    assert b"\n" not in minified
    assert telegram.PARSER.claims(minified)
    assert read(telegram.PARSER, minified, "x.json") == read(telegram.PARSER, pretty, "x.json")


JUNK = {
    "empty": b"",
    "blank lines": b"\n\n \n",
    "png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "html": b"<!DOCTYPE html>\n<html><body>@self: hi</body></html>\n",
    "csv": b"AuthorID,Author,Date,Content\n1,maya,2020-01-01,hello\n",
    "discord server": b'{"guild": {"id": "1"}, "channels": [{"id": "2"}]}',
    "slack's users": b'[{"id": "U1", "name": "maya", "profile": {"display_name": "Maya"}}]',
    "json": b'{"messages": []}',
    "prose": "他说：你好。\nShe said: hello @self\n".encode(),
    "mail addresses": b"kevin@example.org: hello\n",
}


@pytest.mark.parametrize("name", JUNK)
def test_what_is_no_known_export_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    path = tmp_path / "sample.bin"
    path.write_bytes(JUNK[name])
    with pytest.raises(FormatError, match="not a known chat export") as caught:
        parser_for(Source(str(path), path, 0), PARSERS)
    assert "\n" not in str(caught.value)
    assert "\x00" not in str(caught.value)


def test_a_file_two_parsers_claim_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("@self: hi\n", encoding="utf-8")
    with pytest.raises(FormatError, match="claimed by plain log and plain log"):
        parser_for(Source("log.txt", path, 0), [plain.PARSER, plain.PARSER])
