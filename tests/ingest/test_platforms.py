"""Slack, Messenger, Instagram, Matrix and iMessage exports on their way into the archive."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from contextlib import suppress
from datetime import UTC, date, time
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.archive import Archive
from ingest.chat import RawMessage
from ingest.errors import FormatError
from ingest.importer import import_paths
from ingest.parsers import PARSERS, imessage_text, meta, slack
from ingest.parsers.base import DailyRepeats, Reading, Repeats, Skipped
from ingest.parsers.local_dates import Order, clock_in, day_in
from ingest.parsers.meta_notices import is_notice
from ingest.sources import sources_of
from tests.ingest.test_fuzz import JSON, places, quick
from tests.ingest.test_golden import GOLDEN, ZONE

WORKSPACE = GOLDEN / "slack" / "workspace"
JSON_SAMPLES = sorted(
    path
    for key in ("matrix", "meta", "slack")
    for path in (GOLDEN / key).rglob("*.json")
    if any(parser.claims(path.read_bytes()) for parser in PARSERS)
)


def read(parse: Any, content: bytes, name: str = "x", beside: Any = None) -> list[Any]:
    """What a parser finds in a file of this content."""
    return list(parse(Reading(io.BytesIO(content), name, ZONE, beside or (lambda _path: None))))


def zipped(folder: Path, target: Path) -> Path:
    """A zip of the files in a folder, below a folder of the same name."""
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, f"{folder.name}/{path.relative_to(folder)}")
    return target


def test_a_zipped_workspace_reads_like_the_folder(archive: Archive, tmp_path: Path) -> None:
    first = import_paths(archive, [WORKSPACE], zone=UTC)
    again = import_paths(archive, [zipped(WORKSPACE, tmp_path / "slack.zip")], zone=UTC)
    assert first.files == again.files == 4
    assert first.added.new == again.added.same > 10
    assert first.skipped["file not a chat export"] == 6
    assert not first.problems + again.problems


def test_the_days_of_a_channel_are_one_conversation_with_names_as_handles(
    archive: Archive, tmp_path: Path
) -> None:
    folder = tmp_path / "workspace"
    shutil.copytree(WORKSPACE, folder)
    day = [
        {"type": "message", "user": "U0BUDI", "text": "ya, <@U0MAYA>", "ts": "1704499200.000100"}
    ]
    day[0]["thread_ts"] = "1704412801.000200"
    (folder / "general" / "2024-01-06.json").write_text(json.dumps(day), encoding="utf-8")
    import_paths(archive, [folder], zone=UTC)
    messages = {message.id: message for message in archive.messages()}
    answer = messages["slack:C0GENERAL:1704499200.000100"]
    assert answer.reply_to in messages
    assert answer.chat == messages[answer.reply_to].chat
    assert answer.text == f"ya, @{messages[answer.reply_to].person.handle}"


@pytest.mark.parametrize("content", [b"", b"[", b"[1]", b"\xff", b'{"id": 1}', b"[" * 100_000])
def test_a_damaged_list_of_users_costs_only_the_names(content: bytes) -> None:
    day = (WORKSPACE / "general" / "2024-01-05.json").read_bytes()
    found = read(slack.parse, day, "general/2024-01-05.json", lambda _path: content)
    assert sum(isinstance(item, RawMessage) for item in found) == 12


def test_all_files_of_a_chat_are_one_conversation_of_one_platform(archive: Archive) -> None:
    inbox = next((GOLDEN / "meta").rglob("message_2.json")).parent
    import_paths(archive, [inbox], zone=UTC)
    messages = list(archive.messages())
    assert {message.chat for message in messages} == {"messenger:mayatan_1234567890"}
    assert messages == sorted(messages, key=lambda message: message.sent_at)


def test_a_chat_is_of_the_platform_its_first_file_tells() -> None:
    first = b'{"messages": [{"photos": [{"uri": "your_instagram_activity/messages/x.jpg"}]}]}'
    second = b'{"messages": [{"sender_name": "A", "timestamp_ms": 1, "content": "hi"}]}'
    (alone,) = read(meta.parse, second, "maya_1/message_2.json")
    (beside,) = read(meta.parse, second, "maya_1/message_2.json", lambda _path: first)
    assert (alone.chat.id, beside.chat.id) == ("messenger:maya_1", "instagram:maya_1")


@given(st.text())
def test_what_was_read_as_latin_1_is_repaired(text: str) -> None:
    with suppress(UnicodeEncodeError):
        assert meta.repaired(text.encode().decode("latin-1")) == text


def test_what_was_rightly_encoded_stays() -> None:
    for text in ("é", "naïve café", "Ж", "漢字 é", "😀"):
        assert meta.repaired(text) == text


@pytest.mark.parametrize(
    ("text", "sender", "expected"),
    [
        ("Maya left the group.", "Maya Tan", True),
        ("Maya left the group.", "Budi", False),
        ("You named the group Bukit.", "Maya Tan", True),
        ("Liked a message", "Budi", True),
        ("Reacted 😂 to your message ", "Budi", True),
        ("she reacted badly to your message", "Budi", False),
        ("turned on the light", "Budi", False),
        ("The video chat ended.", "Budi", True),
    ],
)
def test_only_what_meta_wrote_itself_is_a_notice(text: str, sender: str, expected: bool) -> None:
    assert is_notice(text, "", sender) == expected


def test_every_message_of_a_text_names_the_line_it_starts_on() -> None:
    for key in ("imessage", "matrix_text"):
        parser = next(parser for parser in PARSERS if parser.key == key)
        for sample in (GOLDEN / key).glob("*.txt"):
            lines = sample.read_text(encoding="utf-8").splitlines()
            for item in read(parser.parse, sample.read_bytes(), sample.name):
                if isinstance(item, RawMessage):
                    assert item.line is not None
                    assert f"{item.sent_at.astimezone(ZONE):%Y}" in lines[item.line]


def test_a_message_without_end_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imessage_text, "MAX_LINE", 1000)
    content = b"May 17, 2022  5:29:42 PM\nMe\n" + b"on and on\n" * 500
    with pytest.raises(FormatError, match="a message of over 4 million characters"):
        read(imessage_text.parse, content)


@pytest.mark.parametrize(
    "text",
    [
        "Fri, Apr 16, 2021",
        "Fr., 16. Apr. 2021",
        "ven. 16 avr. 2021",
        "mar, 16 abr 2021",
        "пт, 16 апр. 2021 г.",
        "pá 16. 4. 2021",
        "2021年4月16日周五",
        "2021년 4월 16일 (금)",
        "الجمعة، ١٦ أبريل ٢٠٢١",
        "16/04/2021",
    ],
)
def test_a_day_is_read_in_the_language_of_the_app(text: str) -> None:
    assert day_in(text) == date(2021, 4, 16)


def test_days_of_numbers_alone_have_the_order_they_are_given() -> None:
    assert day_in("4/5/2021", Order(month_first=True)) == date(2021, 4, 5)
    assert day_in("4/5/2021") == date(2021, 5, 4)
    assert day_in("31/31/2021") is None


@pytest.mark.parametrize("text", ["17:05:00", "5:05 PM", "5:05:00 p.m.", "下午5:05", "오후 5:05"])
def test_a_time_of_day_is_read_with_its_half(text: str) -> None:
    assert clock_in(text) == time(17, 5)


def test_ids_in_the_order_of_time_are_those_of_all_that_repeats() -> None:
    daily, repeats = DailyRepeats(), Repeats()
    first, second = date(2026, 3, 1), date(2026, 3, 2)
    for day, text in [(first, "a"), (first, "a"), (first, "b"), (second, "a"), (second, "a")]:
        assert daily.id(day, day, text) == repeats.id(day, text)


@pytest.mark.parametrize("sample", JSON_SAMPLES, ids=lambda path: path.name)
def test_every_field_of_every_sample_may_be_of_every_type(sample: Path) -> None:
    odd: list[Any] = [None, True, -1, 10**30, 1e300, "9" * 30, [1], {"a": [1]}]
    parser = next(parser for parser in PARSERS if parser.key == sample.relative_to(GOLDEN).parts[0])
    for number in range(len(places(orjson.loads(sample.read_bytes())))):
        tree = orjson.loads(sample.read_bytes())
        places(tree)[number](odd[number % len(odd)])
        with suppress(FormatError):
            read(parser.parse, json.dumps(tree).encode())


@quick
@given(st.data(), st.sampled_from(JSON_SAMPLES))
def test_fields_and_companions_of_unexpected_types_meet_only_format_errors(
    data: st.DataObject, sample: Path
) -> None:
    tree = orjson.loads(sample.read_bytes())
    setters = places(tree)
    for _ in range(data.draw(st.integers(1, 4))):
        data.draw(st.sampled_from(setters))(data.draw(JSON))
    companion = json.dumps(data.draw(JSON)).encode()
    for parser in PARSERS:
        with suppress(FormatError):
            for item in read(
                parser.parse, json.dumps(tree).encode(), "a/message_2.json", lambda _path: companion
            ):
                assert isinstance(item, RawMessage | Skipped)


def test_no_file_beside_a_workspace_is_taken_for_a_chat() -> None:
    for source in sources_of(WORKSPACE):
        claimants = [parser.key for parser in PARSERS if parser.claims(source.head())]
        is_day = Path(source.name).name[:4].isdigit()
        assert claimants == (["slack"] if is_day else [])
