"""Traps of Discord, LINE and KakaoTalk exports that single samples do not show."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ingest.chat import RawMessage
from ingest.parsers import html_items
from ingest.parsers.written_dates import DateOrder
from tests.ingest.test_golden import GOLDEN, read_sample
from tests.ingest.test_parsers import messages_of


def sample_messages(path: str) -> dict[str, RawMessage]:
    """The messages of a sample by id."""
    found = read_sample(GOLDEN / path)
    return {item.id: item for item in found if isinstance(item, RawMessage)}


def test_one_discord_message_is_the_same_in_every_export() -> None:
    page = "discord_html/Board gamers - table-talk [300000000000000001].html"
    exports = [
        sample_messages(path)
        for path in ("discord_json/guild_2025.json", page, "discord_package/renamed_2025")
    ]
    shared = exports[0].keys() & exports[1].keys() & exports[2].keys()
    assert len(shared) == 2
    for id in shared:
        assert len({export[id].author.key for export in exports}) == 1
        assert len({export[id].sent_at for export in exports}) == 1
        assert len({export[id].chat.title for export in exports}) == 1


def test_only_the_owner_of_a_data_package_speaks_in_it() -> None:
    found = sample_messages("discord_package/renamed_2025").values()
    assert {message.author.key for message in found} == {"200000000000000011"}
    assert all(message.author.is_self for message in found)


def test_a_package_without_an_account_still_has_one_owner() -> None:
    row = b'[{"ID": 541110000000000000, "Timestamp": "2019-02-02 10:20:30", "Contents": "hi"}]'
    [message] = messages_of(row, name="messages/c300000000000000001/messages.json")
    assert (message.chat.id, message.author.is_self) == ("discord:300000000000000001", True)


CSV = "AuthorID,Author,Date,Content,Attachments,Reactions\n"


def dates_of(*written: str, zone: str = "UTC") -> list[datetime]:
    """When messages with these dates in a table were sent."""
    rows = "".join(f'"1","ada","{date}","text {n}","",""\n' for n, date in enumerate(written))
    return [message.sent_at for message in messages_of((CSV + rows).encode(), zone=zone)]


@pytest.mark.parametrize(
    "written",
    [
        "05-Dec-19 03:46 PM",
        "2019-12-05 03:46 PM",
        "2019/12/5 15:46",
        "2019-12-05 오후 3:46",
        "2019/12/05 午後3:46",
        "2019/12/5 下午 03:46",
        "2019-12-05T15:46:00.0000000+00:00",
        "2019-12-05T15:46:00Z",
        "2019-12-05 15:46:00",
        "Thursday, December 5, 2019 3:46 PM",
        "Thursday, 5 December 2019 15:46",
        "12/5/2019 3:46\u202fPM",
        "5/12/2562 15:46",
        "05.12.2019 15:46",
        "5.12.2019 15.46",
        "05/12/2019 3:46 μ.μ.",
    ],
)
def test_a_date_is_read_as_its_locale_writes_it(written: str) -> None:
    assert dates_of(written) == [datetime(2019, 12, 5, 15, 46, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("written", "months"),
    [
        (["3/2/2019 10:00", "13/2/2019 10:00"], [2, 2]),
        (["2/3/2019 10:00", "2/13/2019 10:00"], [2, 2]),
        (["3/2/2019 10:00", "4/2/2019 10:00", "2/3/2019 10:00"], [2, 2, 3]),
        (["2/3/2019 10:00", "2/4/2019 10:00", "3/2/2019 10:00"], [2, 2, 3]),
        (["2/3/2019 10:00 AM"], [2]),
        (["02.03.2019 10:00"], [3]),
    ],
)
def test_the_order_of_day_and_month_is_seen_from_the_whole_file(
    written: list[str], months: list[int]
) -> None:
    assert [date.month for date in dates_of(*written)] == months


@pytest.mark.parametrize("written", ["", "yesterday", "99/99/2019 10:00", "5.12.2019"])
def test_what_is_no_date_is_none(written: str) -> None:
    assert DateOrder().read(written, UTC) is None


def test_noon_and_midnight_are_told_apart() -> None:
    noon, midnight = dates_of("01-Jan-20 12:05 PM", "02-Jan-20 12:05 AM")
    assert (noon.hour, midnight.hour) == (12, 0)


def test_the_channel_of_a_table_is_the_one_its_attachments_were_sent_to() -> None:
    address = "https://cdn.discordapp.com/attachments/300000000000000001/300000000000000009/a.png"
    row = f'"1","ada","2020-01-01T10:00:00+00:00","","{address}",""\n'
    assert messages_of((CSV + row).encode())[0].chat.id == "discord:300000000000000001"


def test_a_long_page_read_in_parts_holds_the_same_messages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = GOLDEN / "discord_html/Board gamers - table-talk [300000000000000001].html"
    whole = sample_messages("discord_html/" + path.name)
    monkeypatch.setattr(html_items, "_MAX_PARSED", 0)
    for size in (500, 3000):
        monkeypatch.setattr(html_items, "_PIECE", size)
        assert sample_messages("discord_html/" + path.name) == whole


def test_times_in_a_page_come_from_its_ids_whatever_the_zone() -> None:
    content = (GOLDEN / "discord_html/dark_2021.html").read_bytes()
    [jakarta, utc] = (messages_of(content, zone=zone)[0] for zone in ("Asia/Jakarta", "UTC"))
    assert (jakarta.sent_at, jakarta.edited_at) == (utc.sent_at, utc.edited_at)


def test_ids_of_a_text_export_stay_when_it_grows() -> None:
    log = "[LINE] Chat history in x\n\n2020/12/31(Thu)\n10:00\tada\tok\n10:00\tada\tok\n"
    before, after = messages_of(log.encode()), messages_of(f"{log}10:01\tada\tbye\n".encode())
    assert [message.id for message in before] == [message.id for message in after][:-1]
    assert len({message.id for message in after}) == 3


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp949"])
def test_a_kakaotalk_text_in_another_encoding_reads_the_same(encoding: str) -> None:
    text = (GOLDEN / "kakao/pc_ko.txt").read_text(encoding="utf-8")
    assert messages_of(text.encode(encoding)) == messages_of(text.encode())


def test_a_weekday_tells_the_order_of_a_line_date() -> None:
    log = "[LINE] Chat history with x\n\n{}\n10:00AM\tada\thi\n"
    american, british = (
        messages_of(log.format(date).encode())[0].sent_at.month
        for date in ("Mon, 11/03/2025", "Sat, 12/04/2025")
    )
    assert (american, british) == (11, 4)
