"""Full-text search over scripts with and without spaces."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.archive import Archive
from ingest.scope import Scope
from ingest.terms import any_of, phrase, terms
from tests.ingest.talk import Talk, texts

LINES = (
    "周六去吃片儿川吧",
    "我不吃面，只吃饭",
    "SQLite的性能很好",
    "The café doesn't open on Sundays",
    "今日はラーメンを食べた",
    "ノートパソコンが壊れた",
    "besok kita makan mie ayam",
    "ไปกินข้าวกัน",
    "see example_table OR NOT NEAR",
)


def found(archive: Archive, query: str) -> list[str]:
    """Texts that match, best first."""
    return texts(message for message, _score in archive.search(query))


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("片儿川", 0),
        ("周六", 0),
        ("去吃", 0),
        ("吃饭", 1),
        ("sqlite", 2),
        ("性能", 2),
        ("ＳＱＬｉｔｅ", 2),
        ("Cafe", 3),
        ("doesn't", 3),
        ("ラーメン", 4),
        ("食べ", 4),
        ("ノート", 5),
        ("mie", 6),
        ("ข้าว", 7),
        ("NEAR", 8),
        ("table", 8),
    ],
)
def test_words_of_any_script_are_found(archive: Archive, talk: Talk, query: str, line: int) -> None:
    for text in LINES:
        talk.say("bob", text)
    talk.recorded(archive)
    assert found(archive, query)[0] == LINES[line]


def test_mixed_queries_rank_what_shares_most_first(archive: Archive, talk: Talk) -> None:
    for text in ("部署失败了", "SQLite 部署失败了", "SQLite is fine", "nothing of this"):
        talk.say("bob", text)
    talk.recorded(archive)
    hits = archive.search("SQLite部署为什么失败")
    assert hits[0][0].text == "SQLite 部署失败了"
    assert len(hits) == 3
    scores = [score for _message, score in hits]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0


def test_a_search_keeps_to_its_chat_its_time_and_its_limit(archive: Archive) -> None:
    here, there = Talk("test:here"), Talk("test:there")
    for talk in (here, there):
        for number in range(10):
            talk.say("bob", f"noodles {number}")
        talk.recorded(archive)
    border = here.messages[4].sent_at
    hits = archive.search("noodles", scope=Scope.of("test:here"), before=border)
    assert sorted(texts(message for message, _ in hits)) == [f"noodles {n}" for n in range(4)]
    assert {message.chat for message, _ in archive.search("noodles")} == {"test:here", "test:there"}
    assert len(archive.search("noodles", limit=3)) == 3


@pytest.mark.parametrize("query", ["", "  ", "🌊🌊", "?!…", '"', "*", "()"])
def test_a_query_without_words_finds_nothing(archive: Archive, talk: Talk, query: str) -> None:
    talk.say("bob", "hello 🌊")
    talk.recorded(archive)
    assert archive.search(query) == []


@given(st.text(max_size=60))
def test_any_text_makes_a_query_without_operators(text: str) -> None:
    query = any_of(terms(text))
    assert query.count('"') == 2 * (query.count(" OR ") + 1 if query else 0)
    assert all(term and not set(term) & set('" ()*^') for term in terms(text))


def test_a_term_is_found_by_exactly_the_text_that_made_it(archive: Archive, talk: Talk) -> None:
    for text in LINES:
        talk.say("bob", text)
    talk.recorded(archive)
    for text in LINES:
        assert found(archive, text)[0] == text


def test_a_very_long_query_is_cut_to_its_first_terms(archive: Archive, talk: Talk) -> None:
    talk.say("bob", "word5 is here")
    talk.recorded(archive)
    assert found(archive, " ".join(f"word{n}" for n in range(5000))) == ["word5 is here"]


@example("rock'n'roll a'b1'c 5'6 'tis dogs'' O'Neill_x")
@given(st.text(alphabet="aZ1' _-.\n\x00") | st.text())
def test_the_index_holds_the_terms_of_a_text_and_no_others(text: str) -> None:
    """The tokenizer of SQLite is left to split ASCII, so it must split as terms() does."""
    spaced = "tokenize='unicode61 remove_diacritics 0'"
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE VIRTUAL TABLE words USING fts5 (terms, content='', {spaced})")
        connection.execute("CREATE VIRTUAL TABLE held USING fts5vocab (words, instance)")
        held = []
        for given_to_index in (phrase(text), " ".join(terms(text))):
            connection.execute("INSERT INTO words (rowid, terms) VALUES (1, ?)", [given_to_index])
            held.append(connection.execute("SELECT term FROM held ORDER BY offset").fetchall())
            connection.execute("INSERT INTO words (words) VALUES ('delete-all')")
    assert held[0] == held[1]
