"""What the golden files do not show: zones, ids that stay, and files that look odd."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import orjson
import pytest

from ingest.chat import RawMessage
from ingest.errors import FormatError
from ingest.parsers import PARSERS, plain, telegram
from ingest.parsers.base import Reading, Skipped
from ingest.sources import HEAD_BYTES
from tests.ingest.talk import Talk, telegram_export


def messages_of(content: bytes, *, zone: str = "UTC", name: str = "x.json") -> list[RawMessage]:
    """The messages in ``content``, read by the parser that claims it."""
    [parser] = [parser for parser in PARSERS if parser.claims(content[:65536])]
    items = parser.parse(Reading(io.BytesIO(content), name, ZoneInfo(zone)))
    return [item for item in items if isinstance(item, RawMessage)]


def one_message(**fields: object) -> bytes:
    """A Telegram export of one message."""
    message = {"id": 1, "type": "message", "from": "Ada", "from_id": "user1", "text": "hi"}
    return orjson.dumps({"name": "x", "id": 5, "messages": [{**message, **fields}]})


@pytest.mark.parametrize(
    ("zone", "hour"), [("UTC", 12), ("Asia/Jakarta", 5), ("America/New_York", 17)]
)
def test_a_local_time_is_read_in_the_zone_of_the_settings(zone: str, hour: int) -> None:
    [message] = messages_of(one_message(date="2020-01-15T12:00:00"), zone=zone)
    assert message.sent_at == datetime(2020, 1, 15, hour, tzinfo=UTC)


def test_a_unix_time_needs_no_zone() -> None:
    export = one_message(date="2020-01-15T12:00:00", date_unixtime="1579100400")
    [message] = messages_of(export, zone="America/New_York")
    assert message.sent_at == datetime(2020, 1, 15, 15, tzinfo=UTC)


def test_a_local_time_skipped_by_summer_time_is_still_an_instant() -> None:
    [message] = messages_of(one_message(date="2021-03-28T02:30:00"), zone="Europe/Berlin")
    assert message.sent_at == datetime(2021, 3, 28, 1, 30, tzinfo=UTC)


def test_an_author_keeps_one_key_over_export_versions() -> None:
    date = "2020-01-15T12:00:00"
    old, new = (messages_of(one_message(date=date, from_id=key))[0] for key in (77, "user77"))
    assert old.author == new.author


def test_a_byte_order_mark_before_json_does_no_harm() -> None:
    talk = Talk()
    talk.say("bob", "hello")
    for option in (0, orjson.OPT_INDENT_2):
        export = b"\xef\xbb\xbf" + orjson.dumps(telegram_export(talk), option=option)
        assert [message.text for message in messages_of(export)] == ["hello"]


def test_a_pretty_export_whose_lines_end_in_crlf_reads_the_same() -> None:
    talk = Talk()
    talk.chatter(3)
    export = {"chats": {"list": [telegram_export(talk)]}}
    pretty = orjson.dumps(export, option=orjson.OPT_INDENT_2)
    assert messages_of(pretty.replace(b"\n", b"\r\n")) == messages_of(pretty)


def test_an_account_laid_out_in_any_way_keeps_messages_in_their_chats() -> None:
    chats = []
    for number in (1, 2):
        talk = Talk(title=f"chat {number}")
        talk.say("bob", f"only in chat {number}")
        chats.append({**telegram_export(talk), "id": number})
    export = {"chats": {"list": chats}}
    for option in (0, orjson.OPT_INDENT_2):
        found = messages_of(orjson.dumps(export, option=option))
        assert [(m.chat.id, m.chat.title, m.text) for m in found] == [
            ("telegram:1", "chat 1", "only in chat 1"),
            ("telegram:2", "chat 2", "only in chat 2"),
        ]


def test_elements_that_are_no_messages_are_counted() -> None:
    export = b'{"name": "x", "id": 5, "messages": [7, "x", null, [], {"type": "unknown"}]}'
    items = list(telegram.parse(Reading(io.BytesIO(export), "x.json", UTC)))
    assert {item.reason for item in items if isinstance(item, Skipped)} == {
        "not a message",
        "service notice",
    }
    assert not any(isinstance(item, RawMessage) for item in items)


def test_an_export_of_damaged_json_says_where() -> None:
    talk = Talk()
    talk.chatter(3)
    account = orjson.dumps(
        {"chats": {"list": [telegram_export(talk)]}}, option=orjson.OPT_INDENT_2
    ).replace(b'"answer 1, more or less"', b"answer 1")
    with pytest.raises(FormatError, match=r"x\.json:\d+: not valid JSON"):
        messages_of(account)


@pytest.mark.parametrize("broken", [b"{,}", b'{"text": "\xff"}', b'{"text": "\\x"}'])
def test_an_export_that_is_no_json_in_the_middle_is_one_line(broken: bytes) -> None:
    export = one_message(date_unixtime="1579100400").replace(b"}]}", b"}, " + broken + b"]}")
    with pytest.raises(FormatError, match=r"x\.json: not valid JSON \([^\n]+\); export it again$"):
        messages_of(export)


def test_plain_ids_stay_when_a_log_grows() -> None:
    log = "@self: hello\n@bob: ok\n--- 2020-01-01 ---\n@bob: ok\n"
    before = messages_of(log.encode(), name="a/log.txt")
    after = messages_of(f"{log}@self: bye\n".encode(), name="b/log.txt.gz")
    assert [message.id for message in before] == [message.id for message in after][:-1]
    assert before[0].chat == after[0].chat


def test_plain_messages_keep_their_order_in_time() -> None:
    log = "".join(f"--- scene ---\n@a: {n}\n@b: {n}\n" for n in range(20))
    instants = [message.sent_at for message in messages_of(log.encode())]
    assert instants == sorted(set(instants))


def test_a_scene_dated_before_the_one_above_stays_behind_it() -> None:
    log = "--- 2020-01-02 ---\n@a: first\n--- 2019-01-01 ---\n@a: second\n"
    first, second = messages_of(log.encode())
    assert first.sent_at < second.sent_at


def test_a_look_that_ends_inside_a_character_still_recognises_a_log() -> None:
    head = b"@a: b\n" + "@悟空：师父\n".encode() * 4000
    assert len(head) > HEAD_BYTES
    assert head[HEAD_BYTES - 2 : HEAD_BYTES + 1].decode() == "师"
    assert plain.claims(head[:HEAD_BYTES])


def test_a_text_that_mostly_lacks_speakers_is_no_log() -> None:
    assert not plain.claims(b"@self: hi\n" + b"prose without a speaker\n" * 3)


def test_bytes_that_are_no_utf_8_are_read_as_an_older_encoding() -> None:
    log = b"@self: hi\n@bob: caf\xe9\n"
    items = list(plain.parse(Reading(io.BytesIO(log), "log.txt", UTC)))
    assert [item.text for item in items if isinstance(item, RawMessage)] == ["hi", "café"]
