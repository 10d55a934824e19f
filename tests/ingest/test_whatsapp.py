"""WhatsApp's dates, words and names, where golden files do not show them."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chat import RawMessage
from ingest.parsers import whatsapp
from ingest.parsers.base import Reading, Skipped
from ingest.parsers.whatsapp_body import body_of
from ingest.parsers.whatsapp_stamp import sender_of, stamp_of
from ingest.parsers.whatsapp_survey import Survey

FORMATS = {
    "US": "[%-m/%-d/%y, %-I:%M:%S %p] Ann: x",
    "US, Android": "%-m/%-d/%y, %-I:%M\u202f%p - Ann: x",
    "US, 24 hours": "%-m/%-d/%y, %H:%M - Ann: x",
    "UK": "[%d/%m/%Y, %H:%M:%S] Ann: x",
    "India": "%d/%m/%y, %-I:%M %p - Ann: x",
    "Germany": "%d.%m.%y, %H:%M - Ann: x",
    "Netherlands": "%d-%m-%Y %H:%M - Ann: x",
    "Indonesia": "%d/%m/%y %H.%M - Ann: x",
    "Hungary": "%Y. %m. %d. %H:%M - Ann: x",
    "China": "%Y/%-m/%-d %H:%M - Ann: x",
    "year first, short": "%y/%m/%d, %H:%M - Ann: x",
}
"""How phones of some places write a line."""


def read(text: str, name: str = "chat.txt") -> list[RawMessage | Skipped]:
    """Everything in an export."""
    return list(whatsapp.parse(Reading(io.BytesIO(text.encode()), name, UTC)))


def messages(text: str, name: str = "chat.txt") -> list[RawMessage]:
    """The messages of an export."""
    return [item for item in read(text, name) if isinstance(item, RawMessage)]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(FORMATS)),
    st.datetimes(datetime.fromisoformat("2012-01-01"), datetime.fromisoformat("2030-01-01")),
    st.lists(st.integers(0, 4 * 24 * 60), min_size=12, max_size=40),
)
def test_dates_are_read_as_the_phone_wrote_them(
    place: str, start: datetime, pauses: list[int]
) -> None:
    """Over more than twelve days every order but the right one contradicts itself."""
    times = [start + timedelta(days=14)]
    for pause in pauses:
        times.append(times[-1] + timedelta(minutes=pause))
    times = [start, *times]
    stamps = [stamp_of(time.strftime(FORMATS[place])) for time in times]
    survey = Survey.of(time.strftime(FORMATS[place]) for time in times)
    found = [survey.instant(stamp) for stamp in stamps if stamp]
    wanted = [time.replace(second=0, microsecond=0) for time in times]
    days = {time.day for time in times}
    if max(days) > 12:
        assert [one and one.replace(second=0) for one in found] == wanted


def test_the_order_shows_in_dates_that_never_pass_the_twelfth() -> None:
    lines = [f"{day:02}/03/2021, 10:00 - A: x" for day in range(1, 12)]
    lines += [f"{day:02}/04/2021, 10:00 - A: x" for day in range(1, 12)]
    survey = Survey.of(lines)
    assert survey.chosen is not None
    assert survey.chosen.order == "day/month/year"
    assert not survey.chosen.is_guessed


def test_days_in_a_row_are_days_and_not_months() -> None:
    days = [f"{day}/5/21, 10:00 - A: x" for day in range(1, 10)]
    months = [f"5/{day}/21, 10:00 - A: x" for day in range(1, 10)]
    orders = [survey.chosen and survey.chosen.order for survey in map(Survey.of, (days, months))]
    assert orders == ["day/month/year", "month/day/year"]


@pytest.mark.parametrize(
    ("line", "order"),
    [
        ("3/4/21, 1:00 PM - A: x", "month/day/year"),
        ("03/04/2021, 1:00 pm - A: x", "day/month/year"),
        ("3.4.21, 13:00 - A: x", "day/month/year"),
        ("03/04/21, 13:00 - A: x", "day/month/year"),
    ],
)
def test_what_the_dates_leave_open_is_guessed_by_the_way_of_writing_and_said(
    line: str, order: str
) -> None:
    survey = Survey.of([line])
    assert survey.chosen is not None
    assert survey.chosen.order == order
    [notice] = [item for item in read(line) if isinstance(item, Skipped)]
    assert notice.reason == f"days and months could be swapped; read as {order}"


def test_nothing_is_said_where_swapping_changes_nothing() -> None:
    assert not [item for item in read("5/5/21, 1:00 PM - A: x") if isinstance(item, Skipped)]


def test_messages_a_little_out_of_order_do_not_turn_the_dates_around() -> None:
    days = [
        datetime.fromisoformat("2021-01-01") + timedelta(days=day)
        for day in (11, 12, 11, 13, 12, 14, 15)
    ]
    survey = Survey.of(day.strftime("%d/%m/%Y, %H:%M - A: x") for day in days)
    assert survey.chosen is not None
    assert survey.chosen.order == "day/month/year"


@pytest.mark.parametrize(
    ("written", "hour"),
    [
        ("12:30 AM", 0),
        ("12:30 PM", 12),
        ("1:30 p.\u00a0m.", 13),
        ("1:30 a.m.", 1),
        ("١:٣٠ م", 13),
        ("١٢:٣٠ ص", 0),
        ("下午1:30", 13),
        ("中午12:30", 12),
        ("凌晨12:30", 0),
        ("晚上11:30", 23),
        ("오전 12:30", 0),
        ("午後0:30", 12),
        ("ÖS 1:30", 13),
        ("00:30 p. m.", 12),
        ("13:30", 13),
        ("13.30", 13),
    ],
)
def test_half_days_are_known_in_many_scripts(written: str, hour: int) -> None:
    stamp = stamp_of(f"31/12/2020, {written} - A: x")
    assert stamp is not None
    assert stamp.time[:2] == (hour, 30)


@pytest.mark.parametrize(
    "line",
    ["", "31/12/2020 is the day", "2/11/19, 14:48 Ann: no dash", "[14:48] Ann: x", "1/2/3 - x"],
)
def test_other_lines_start_no_message(line: str) -> None:
    assert stamp_of(line) is None


def test_a_name_may_hold_digits_marks_and_a_tilde() -> None:
    assert sender_of("~\u202fTom \u200e2: x") == ("Tom 2", "x")
    assert sender_of("\u202a+49 151 1\u202c: x") == ("+49 151 1", "x")
    assert sender_of("Ann joined") == ("", "Ann joined")


@pytest.mark.parametrize(
    ("text", "placeholder", "words"),
    [
        ("\u200eimage omitted", "[photo]", ""),
        ("GIF omitted", "[gif]", ""),
        ("plan.pdf • \u200e2 pages \u200edocument omitted", "[file plan.pdf]", ""),
        ("look \u200eimage omitted", "[photo]", "look"),
        ("\u200eBild weggelassen", "[photo]", ""),
        ("\u200esticker non incluso", "[sticker]", ""),
        ("\u200eстикер отсутствует", "[sticker]", ""),
        ("\u200eتم حذف الصورة", "[photo]", ""),
        ("\u200eビデオは省略されました", "[video]", ""),
        ("\u200e이미지 생략됨", "[photo]", ""),
        ("\u200eContact card omitted", "[contact]", ""),
        ("<省略多媒體檔案>", "[other]", ""),
        ("<View once message omitted>", "[other]", ""),
        ("\u200eholiday.jpg (Dateianlage)", "[photo]", ""),
        ("Ann Lee.vcf (file attached)", "[contact]", ""),
        ("song.mp3 (file attached)\nhear this", "[audio]", "hear this"),
    ],
)
def test_media_keep_their_kind(text: str, placeholder: str, words: str) -> None:
    body = body_of(text)
    assert [attachment.placeholder for attachment in body.attachments] == [placeholder]
    assert body.text == words


@pytest.mark.parametrize(
    "text",
    [
        "the image I omitted",
        "<3 you>",
        "poll: who comes?",
        "see notes.txt (the old one)",
        "you deleted this message, why?",
        "an edited <b>word</b>",
        "\u200fשלום",
        "image",
        "omitted",
    ],
)
def test_peoples_own_words_stay_words(text: str) -> None:
    body = body_of(text)
    assert body.text == text.strip("\u200f")
    assert not body.attachments
    assert not body.is_edited


def test_ids_stay_when_media_are_exported_or_the_phone_changes_its_language() -> None:
    one = "31/12/2020, 13:00 - Ann: hi\n31/12/2020, 13:01 - Ann: <Media omitted>\n"
    two = "12/31/20, 1:00 PM - Ann: hi\n12/31/20, 1:01 PM - Ann: IMG-1-WA0001.jpg (file attached)\n"
    name = "WhatsApp Chat with Bo.txt"
    assert [m.id for m in messages(one, name)] == [m.id for m in messages(two, name)]


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("/x/WhatsApp Chat with Bo.txt", "Bo"),
        ("/x/WhatsApp Chat with Bo (1).txt", "Bo"),
        ("/x/WhatsApp_Chat_with_Bo_Li.txt", "Bo Li"),
        ("/x/WhatsApp Chat - Bo.zip!_chat.txt", "Bo"),
        ("/x/WhatsApp Chat - Bo/_chat.txt", "Bo"),
        ("/x/Conversa do WhatsApp com Bo.txt", "Bo"),
        ("/x/與Bo的WhatsApp對話.txt", "Bo"),
        ("/x/Bo ile WhatsApp Sohbeti.txt", "Bo"),
        ("/x/bo.zip!_chat.txt", "bo"),
        ("/x/bo.txt", "bo"),
    ],
)
def test_a_chat_is_called_as_its_file(name: str, title: str) -> None:
    [message] = messages("31/12/2020, 13:00 - Ann: hi\n", name)
    assert message.chat.title == title


def test_chats_without_a_name_do_not_share_a_key() -> None:
    [one], [two] = (messages(f"31/12/2020, 13:00 - {who}: hi\n", "_chat.txt") for who in "AB")
    assert one.chat.id != two.chat.id


def test_line_breaks_of_any_kind_read_the_same() -> None:
    text = "[31/12/2020, 13:00:00] Ann: two\nlines\n[31/12/2020, 13:00:01] Bo: x\n"
    for encoding, found in (("utf-8", "\r\n"), ("utf-16", "\n"), ("utf-8-sig", "\r\n")):
        content = text.replace("\n", found).encode(encoding)
        assert whatsapp.claims(content)
        items = whatsapp.parse(Reading(io.BytesIO(content), "x.txt", UTC))
        assert [m.text for m in items if isinstance(m, RawMessage)] == ["two\nlines", "x"]


def test_a_line_separator_inside_a_message_does_not_end_its_line() -> None:
    found = messages("31/12/2020, 13:00 - Ann: one\u2028two\x85three\n31/12/2020, 13:01 - B: x\n")
    assert found[0].text == "one\u2028two\x85three"
    assert [message.line for message in found] == [0, 1]


def test_a_message_without_end_is_cut_and_counted() -> None:
    long = "31/12/2020, 13:00 - Ann: start\n" + "y" * 1000 + "\n"
    items = read(long + ("y" * 1000 + "\n") * 1100)
    assert sum(isinstance(item, RawMessage) for item in items) == 1
    assert sum(isinstance(item, Skipped) for item in items) > 10


def test_times_on_the_way_stay_in_order() -> None:
    text = "".join(f"{day}/1/21, 10:00 - A: {day}\n" for day in range(1, 29))
    times = [message.sent_at for message in messages(text)]
    assert all(second - first == timedelta(days=1) for first, second in pairwise(times))


@pytest.mark.parametrize(
    "head",
    [
        b"[2020-12-31 23:59:01] <ann> hi: there\n",
        b"[31/12/2020 23:59:01] <ann> hi: there\n",
        b"12/31/2020, 11:59:00 PM - Ann joined the room\n12/31/2020, 11:59:10 PM - Ann: hi\n",
        b"[2019-12-24, 12:23] Jane Doe: from Signal\n",
        "2020년 12월 31일 오후 3:04, 수아 : from KakaoTalk\n".encode(),
        b"[31-Dec-20 11:59 PM] ann#0001\nfrom Discord\n",
        b"[12/31/2020 11:59 PM] ann\nfrom Discord: now\n\n[12/31/2020 11:59 PM] bo\nx\n",
    ],
)
def test_logs_of_others_are_not_claimed(head: bytes) -> None:
    assert not whatsapp.claims(head)


@pytest.mark.parametrize(
    "text",
    [
        "Missed voice call, Tap to call back",
        "Videollamada perdida",
        "Waiting for this message. This may take a while.",
        "Mesajlar ve aramalar uçtan uca şifrelidir. WhatsApp da bunları okuyamaz.",
        "Elonとのセキュリティコードが変更されました。タップして詳細を表示。",
    ],
)
def test_what_the_app_writes_in_a_name_is_a_notice_without_its_mark(text: str) -> None:
    assert body_of(text).skipped == "service notice"


@pytest.mark.parametrize(
    "text",
    [
        "Missed voice call again, sorry",
        "Messages to this group are too many, I mute it",
        "Your security code with the bank is on the card",
        "Waiting for this message to arrive",
        "ei kuvaa",
        "the audio omitted nothing",
        "see report.pdf, the document omitted a page",
    ],
)
def test_what_people_write_like_the_app_stays(text: str) -> None:
    assert body_of(text).text == text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("đã bỏ qua hình ảnh", "photo"),
        ("لم يتم إدراج المقاطع الصوتية", "audio"),
        ("αυτοκόλλητο παραλήφθηκε", "sticker"),
        ("סרטון הווידאו הושמט", "video"),
        ("\u200eei kuvaa", "photo"),
        ("連絡先カードを省略", "contact"),
        ("Plik GIF pominięty", "gif"),
        ("muistio.txt dokumenttia ei sisällytetä", "file"),
    ],
)
def test_media_left_out_is_known_in_many_languages(text: str, kind: str) -> None:
    assert [attachment.kind for attachment in body_of(text).attachments] == [kind]
