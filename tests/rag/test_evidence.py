"""What speaks for a passage: shared words, meaning, age, and who said it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import pytest

from ingest.chat import Message, Person
from ingest.chunks import Chunk
from rag.evidence import Sought, evidence

NOW = datetime(2025, 6, 1, tzinfo=UTC)
OTHER = Person(1, "dummy_fox")
ME = Person(2, "nice_guy", is_self=True)


def said(id: str, text: str, *, days: float = 30, who: Person = OTHER) -> Chunk:
    return Chunk((Message(id, "telegram:1", who, NOW - timedelta(days=days), text),))


def rarity(wanted: Collection[str]) -> dict[str, float]:
    return {term: 1.0 if term in {"the", "is"} else 6.0 for term in wanted}


def best(lines: list[str], *chunks: Chunk, similarities: dict[str, float] | None = None) -> str:
    sought = Sought.of(lines, rarity, moment=NOW, floor=0.3)
    found = evidence({c.messages[0].id: c for c in chunks}, similarities or {}, sought)
    scores = {key: one.score for key, one in found.items()}
    assert all(0 < score < 1 for score in scores.values())
    return max(scores, key=scores.__getitem__)


@pytest.mark.parametrize(
    ("asked", "about", "other"),
    [
        ("where is the ladder?", "the ladder stands behind the barn", "the soup is on the stove"),
        ("梯子放在哪里了？", "梯子在谷仓后面", "汤在炉子上"),
    ],
)
def test_a_passage_with_the_rare_words_of_the_question_comes_first(
    asked: str, about: str, other: str
) -> None:
    assert best([asked], said("other", other), said("about", about)) == "about"


def test_rare_words_count_more_than_frequent_ones() -> None:
    assert best(["the ladder is"], said("1", "the fox is the fox"), said("2", "a ladder")) == "2"


def test_the_line_that_is_answered_counts_more_than_those_before_it() -> None:
    lines = ["the picnic", "the ladder"]
    assert best(lines, said("before", "a picnic"), said("last", "a ladder")) == "last"


def test_words_spread_over_a_passage_count_together() -> None:
    first = Message("1", "telegram:1", OTHER, NOW - timedelta(days=30), "the ladder")
    second = Message("2", "telegram:1", ME, NOW - timedelta(days=30), "behind the barn")
    lone = said("3", "a ladder and a bucket")
    assert best(["is the ladder in the barn"], Chunk((first, second)), lone) == "1"


def test_of_two_that_say_the_same_the_later_comes_first() -> None:
    lately, long_ago = said("lately", "a ladder", days=2), said("ago", "a ladder", days=400)
    assert best(["the ladder"], long_ago, lately) == "lately"


def test_age_within_the_last_day_does_not_count() -> None:
    sought = Sought.of(["the ladder"], rarity, moment=NOW, floor=0.3)
    chunks = {"a": said("a", "ladder", days=0.01), "b": said("b", "ladder", days=0.9)}
    scores = evidence(chunks, {}, sought)
    assert scores["a"] == scores["b"]


def test_an_old_passage_on_the_point_beats_a_recent_one_that_is_not() -> None:
    old = said("old", "the ladder stands behind the barn", days=700)
    recent = said("recent", "the soup is on the stove", days=2)
    assert best(["is the ladder behind the barn?"], old, recent) == "old"


def test_meaning_counts_beyond_the_floor_alone() -> None:
    chunks = (said("near", "steps for the roof"), said("far", "soup on the stove"))
    assert best(["the ladder"], *chunks, similarities={"near": 0.6, "far": 0.2}) == "near"
    sought = Sought.of(["the ladder"], rarity, moment=NOW, floor=0.3)
    scores = evidence({"far": chunks[1]}, {"far": 0.2}, sought)
    assert scores == evidence({"far": chunks[1]}, {}, sought)


def test_what_self_said_comes_before_what_others_said_about_the_same() -> None:
    words = "the old ladder is gone"
    assert best(["the ladder"], said("theirs", words), said("mine", words, who=ME)) == "mine"


def test_without_a_moment_age_counts_from_the_latest_passage() -> None:
    sought = Sought.of(["the ladder"], rarity, moment=None, floor=0.3)
    chunks = {"new": said("new", "ladder", days=1), "old": said("old", "ladder", days=90)}
    scores = evidence(chunks, {}, sought)
    assert scores["new"].score > scores["old"].score


def test_a_question_without_words_finds_no_words() -> None:
    sought = Sought.of(["…"], rarity, moment=NOW, floor=0.3)
    assert sought.most == 0
    assert best(["…"], said("a", "ladder", days=90), said("b", "ladder", days=2)) == "b"
