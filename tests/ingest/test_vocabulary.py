"""What terms are worth, and how the age of a message counts in word search."""

from __future__ import annotations

import sqlite3
from datetime import timedelta

import pytest

from ingest.archive import Archive
from ingest.database import give_logarithm
from ingest.vocabulary import FREQUENT
from tests.ingest.talk import Talk, texts

DAY = 24 * 60


def test_a_rare_term_is_worth_more_than_a_frequent_one_and_an_unknown_one_most(
    archive: Archive, talk: Talk
) -> None:
    for number in range(20):
        talk.say("bob", "noodles" if number else "noodles and dumplings 饺子")
    talk.recorded(archive)
    worth = archive.rarity(["noodles", "dumplings", "饺子", "ladder"])
    assert 0 < worth["noodles"] < worth["dumplings"] == worth["饺子"] < worth["ladder"]


def test_an_empty_archive_knows_no_term(archive: Archive) -> None:
    assert archive.rarity(["noodles"]) == {"noodles": pytest.approx(0.693, abs=0.001)}


def test_the_count_of_a_frequent_term_is_kept_and_that_of_a_rare_one_read_again(
    archive: Archive, talk: Talk
) -> None:
    for _ in range(FREQUENT):
        talk.say("bob", "noodles")
    talk.recorded(archive)
    before = archive.rarity(["noodles", "dumplings"])
    for _ in range(100):
        talk.say("bob", "noodles dumplings")
    talk.recorded(archive)
    after = archive.rarity(["noodles", "dumplings"])
    assert after["dumplings"] < before["dumplings"]
    assert after["noodles"] > before["noodles"]  # counted as 1000 of 1100


def test_age_takes_from_the_score_where_it_is_asked_to(archive: Archive, talk: Talk) -> None:
    talk.say("bob", "noodles noodles noodles")
    talk.say("bob", "soup", minutes=700 * DAY)
    talk.say("bob", "noodles with soup and an egg", minutes=1)
    talk.recorded(archive)
    now = talk.now + timedelta(days=1)
    plain = texts(message for message, _ in archive.search("noodles", before=now))
    fading = texts(message for message, _ in archive.search("noodles", before=now, fade=0.1))
    assert plain[0] == "noodles noodles noodles"
    assert fading[0] == "noodles with soup and an egg"
    assert archive.search("noodles", fade=0.1) == archive.search("noodles")  # at no moment


def test_logarithms_are_there_whatever_sqlite_was_built_with() -> None:
    connection = sqlite3.connect(":memory:")
    give_logarithm(connection)
    assert connection.execute("SELECT log2(8)").fetchone() == (3.0,)
    connection.close()
