"""The floor and repeats."""

from __future__ import annotations

from datetime import UTC, datetime

from ingest.chat import Message, Person
from ingest.chunks import Chunk
from rag.ranking import Candidate, informative_terms, is_relevant, without_repeats

WHO = Person(1, "dummy_fox")


def candidate(id: str, text: str, similarity: float | None = None, share: float = 0) -> Candidate:
    message = Message(id, "telegram:1", WHO, datetime(2025, 1, 1, tzinfo=UTC), text)
    return Candidate(Chunk((message,)), 0.5, similarity, share)


def test_common_terms_do_not_inform() -> None:
    assert informative_terms("the key of the shed", {"the", "of"}) == ("key", "shed")


def test_meaning_above_the_floor_or_several_shared_words_are_evidence() -> None:
    asked = ("spare", "key", "shed", "monday", "garden")
    assert is_relevant(candidate("1", "x", similarity=0.5), 0.33, asked)
    assert is_relevant(candidate("1", "x", similarity=0.1, share=0.4), 0.33, asked)
    assert not is_relevant(candidate("1", "x", similarity=0.1, share=0.2), 0.33, asked)
    assert not is_relevant(candidate("1", "x"), 0.33, ())


def test_one_rare_word_is_enough_when_it_is_all_that_was_asked() -> None:
    assert is_relevant(candidate("1", "x", share=1.0), 0.33, ("bandung",))


def test_what_says_nearly_the_same_is_dropped() -> None:
    kept = without_repeats(
        [
            candidate("1", "the meeting moved to friday at nine in the old library"),
            candidate("2", "the meeting moved to friday at nine in the old library !!"),
            candidate("3", "bring your own cups to the picnic"),
        ]
    )
    assert [c.chunk.messages[0].id for c in kept] == ["1", "3"]
