"""The floor and repeats."""

from __future__ import annotations

from datetime import UTC, datetime

from ingest.chat import Message, Person
from ingest.chunks import Chunk
from rag.evidence import Evidence, Sought
from rag.ranking import RANKS_HIGH, STRONG, Candidate, relevant, without_repeats

WHO = Person(1, "dummy_fox")
SOUGHT = Sought({}, None, floor=0.33, enough=0.5)


def candidate(
    id: str,
    text: str = "x",
    similarity: float | None = None,
    *,
    words: float = 0.0,
    strength: float = 0.0,
) -> Candidate:
    message = Message(id, "telegram:1", WHO, datetime(2025, 1, 1, tzinfo=UTC), text)
    return Candidate(Chunk((message,)), Evidence(words, strength, 0.5), similarity)


def kept(*candidates: Candidate) -> list[str]:
    return [one.chunk.messages[0].id for one in relevant(candidates, SOUGHT)]


def test_of_those_that_rank_high_meaning_or_most_of_the_words_is_enough() -> None:
    found = candidate("meant", similarity=0.4), candidate("worded", words=0.6)
    assert kept(*found, candidate("far", similarity=0.3, words=0.3)) == ["meant", "worded"]


def test_further_down_only_strong_evidence_is_enough() -> None:
    weak = [candidate(f"weak {number}", similarity=0.1) for number in range(RANKS_HIGH)]
    near, strong = candidate("near", similarity=0.5), candidate("strong", strength=STRONG)
    assert kept(*weak, near, strong) == ["strong"]


def test_what_says_nearly_the_same_is_dropped() -> None:
    distinct = without_repeats(
        [
            candidate("1", "the meeting moved to friday at nine in the old library"),
            candidate("2", "the meeting moved to friday at nine in the old library !!"),
            candidate("3", "bring your own cups to the picnic"),
        ]
    )
    assert [c.chunk.messages[0].id for c in distinct] == ["1", "3"]
