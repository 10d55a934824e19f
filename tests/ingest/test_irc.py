"""IRC logs: days and times that a line leaves out, nicks that change hands, lines of every kind."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.chat import RawMessage
from ingest.parsers import irc
from ingest.parsers.base import Reading, Skipped


def read(log: str, name: str = "#garden.log") -> list[RawMessage | Skipped]:
    return list(irc.parse(Reading(io.BytesIO(log.encode()), name, UTC)))


def said(log: str, name: str = "#garden.log") -> list[RawMessage]:
    return [item for item in read(log, name) if isinstance(item, RawMessage)]


def times(log: str, name: str = "#garden.log") -> list[str]:
    return [message.sent_at.strftime("%Y-%m-%d %H:%M:%S") for message in said(log, name)]


@pytest.mark.parametrize(
    "name",
    [
        "ubuntu_2007-12-17.txt",
        "2007-12-17-#ubuntu.txt",
        "#ubuntu_20071217.log",
        "#ubuntu.17Dec2007.log",
        "logs/2007/12/17/#ubuntu.txt",
        "export.zip!freenode/#ubuntu/2007-12-17.log",
    ],
)
def test_the_day_and_the_channel_come_from_the_name(name: str) -> None:
    (message,) = said("[00:01] <ana> hi\n", name)
    assert message.sent_at == datetime(2007, 12, 17, 0, 1, tzinfo=UTC)
    assert message.chat.id == "irc:ubuntu"


def test_times_without_a_day_roll_over_midnight() -> None:
    log = "23:59 <ana> late\n00:00 <bo> later\n00:30 <ana> x\n00:05 <bo> a clock set back\n"
    assert times(log) == [
        "2000-01-01 23:59:00",
        "2000-01-02 00:00:00",
        "2000-01-02 00:30:00",
        "2000-01-02 00:05:00",
    ]


def test_a_changed_day_is_not_rolled_over_again() -> None:
    log = (
        "--- Log opened Mon Dec 17 20:00:00 2007\n23:59 <ana> late\n"
        "--- Day changed Tue Dec 18 2007\n00:01 <ana> early\n"
        "--- Log closed Tue Dec 18 01:00:00 2007\n"
        "--- Log opened Fri Dec 21 09:00:00 2007\n09:01 <ana> days later\n"
    )
    assert times(log) == ["2007-12-17 23:59:00", "2007-12-18 00:01:00", "2007-12-21 09:01:00"]


def test_a_date_without_a_year_takes_it_from_the_log_and_passes_new_year() -> None:
    log = (
        "**** BEGIN LOGGING AT Mon Dec 31 23:00:00 2018\n"
        "Dec 31 23:59:59 <ana>\told\nJan 01 00:00:01 <ana>\tnew\n"
    )
    assert times(log) == ["2018-12-31 23:59:59", "2019-01-01 00:00:01"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("[12:34] <ana> hi", "2000-01-01 12:34:00"),
        ("12:34:56 <@ana> hi", "2000-01-01 12:34:56"),
        ("[1:05:06 PM] <ana> hi", "2000-01-01 13:05:06"),
        ("2020-01-02 12:34:56\t+ana\thi", "2020-01-02 12:34:56"),
        ("2020-01-02T12:34:56  <ana> hi", "2020-01-02 12:34:56"),
        ("[2020-01-02T12:34:56.789Z] <ana> hi", "2020-01-02 12:34:56"),
        ("[2020-01-02T12:34:56-0700] <ana> hi", "2020-01-02 19:34:56"),
        ("[Tue Dec 18 2007] [20:36:39] <ana>\thi", "2007-12-18 20:36:39"),
        ("[Tuesday 18 December 2007] [20:36:39] <ana>\thi", "2007-12-18 20:36:39"),
        ("Thu Aug 23 12:59:40 2001 <ana> hi", "2001-08-23 12:59:40"),
        ("[31 Dec/11:26] <ana> hi", "2000-12-31 11:26:00"),
        ("[13/12/2001 - 20:38] <ana> hi", "2001-12-13 20:38:00"),
        ("Dez 17 12:34:56 <ana>\thi", "2000-12-17 12:34:56"),
        ("août 05 12:34:56 <ana>\thi", "2000-08-05 12:34:56"),
        ("1363177440 <ana> hi", "2013-03-13 12:24:00"),
    ],
)
def test_a_line_of_any_client_is_read_and_claimed(line: str, expected: str) -> None:
    (message,) = said(f"{line}\n")
    assert (message.author.name, message.text) == ("ana", "hi")
    assert message.sent_at.strftime("%Y-%m-%d %H:%M:%S") == expected
    assert irc.claims(f"{line}\n".encode() * 3)


def test_a_spare_nick_and_the_plain_one_are_one_account() -> None:
    log = (
        "12:00 <ana_> ghost in the way\n12:01 -!- ana_ is now known as ana\n12:02 <ana> back\n"
        "12:03 -!- ana is now known as ana|lunch\n12:04 -!- ana|lunch [a@h] has quit [bye]\n"
        "12:05 <ana|lunch> still me\n"
    )
    assert [message.author.key for message in said(log)] == ["ana_", "ana", "ana"]


def test_a_nick_left_behind_belongs_to_whoever_takes_it() -> None:
    log = (
        "12:00 <bo> I am bo\n12:01 -!- bo is now known as guest\n12:02 <guest> bo again\n"
        "12:03 -!- guest [b@h] has quit [bye]\n12:04 <guest> somebody else\n"
    )
    assert [message.author.key for message in said(log)] == ["bo", "bo", "guest"]


def test_nicks_do_not_differ_by_case() -> None:
    first, second = said("12:00 <Ana> hi\n12:01 <ANA> hi\n")
    assert first.author.key == second.author.key


def test_an_address_is_a_mention_only_of_a_nick_seen_before() -> None:
    log = "12:00 <bo> ana: not yet here\n12:01 <ana> bo, ok: see http://x: y\n12:02 <bo> Ana : hi\n"
    assert [[a.name for a in message.mentions] for message in said(log)] == [[], ["bo"], ["Ana"]]


def test_what_a_client_notes_is_no_message() -> None:
    log = (
        "12:00 -!- ana [a@h] has joined #garden\n12:00 * ana has quit (Ping timeout)\n"
        "12:00 *** Quits: bo (b@h) (bye)\n12:00 -!- mode/#garden [+o ana] by ChanServ\n"
        "12:00 -irc.example.org- *** Looking up your hostname\n=== ana is now known as bo\n"
    )
    assert {item.reason for item in read(log) if isinstance(item, Skipped)} == {"service notice"}
    assert not said(log)


def test_lines_in_another_encoding_do_not_spoil_the_others() -> None:
    log = "12:00 <ana> grüße 🌱\n".encode() + "12:01 <bo> schöne Grüße\n".encode("cp1252")
    found = list(irc.parse(Reading(io.BytesIO(log * 5), "#x.log", UTC)))
    assert {m.text for m in found if isinstance(m, RawMessage)} == {"grüße 🌱", "schöne Grüße"}


@given(st.lists(st.text(max_size=40), max_size=12))
def test_every_line_is_a_message_or_counted(texts: list[str]) -> None:
    lines = [f"12:00 <ana> {text}".encode("utf-8", "replace") for text in texts]
    log = b"\n".join(line.replace(b"\n", b" ") for line in lines)
    found = list(irc.parse(Reading(io.BytesIO(log), "#x.log", UTC)))
    places = [item.line if isinstance(item, RawMessage) else int(item.where) for item in found]
    assert places == list(range(len(texts)))


def test_the_same_log_read_twice_has_the_same_ids() -> None:
    log = "12:00 <ana> ok\n12:00 <ana> ok\n12:01 <ana> ok\n"
    ids = [message.id for message in said(log)]
    assert ids == [message.id for message in said(log)]
    assert len(set(ids)) == 3
