"""Candidates to a short list: their evidence, the floor, and dropping what says the same twice."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ingest.chunks import Chunk
from ingest.terms import terms
from rag.evidence import Sought, evidence
from rag.index.catalogue import terms_of

_SAME_TERMS = 0.9
_LEAST_SHARE = 0.34
_COUNTED_TERMS = 12


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that may be recalled, with the evidence for it.

    ``similarity`` is the cosine, None where only words found it; ``coverage`` is the share of the
    informative words of the query that it contains; ``score`` is between 0 and 1 and only ranks.
    """

    chunk: Chunk
    score: float
    similarity: float | None
    coverage: float


def weigh(
    chunks: Mapping[str, Chunk],
    similarities: Mapping[str, float],
    sought: Sought,
    informative: Collection[str],
) -> list[Candidate]:
    """The candidates with their evidence, best first."""
    scores = evidence(chunks, similarities, sought)
    found = [
        Candidate(
            chunk=chunk,
            score=scores[key],
            similarity=similarities.get(key),
            coverage=coverage(chunk, informative),
        )
        for key, chunk in chunks.items()
    ]
    return sorted(found, key=lambda c: (-c.score, -c.chunk.ended_at.timestamp(), c.chunk.id))


def informative_terms(query: str, common: Collection[str]) -> tuple[str, ...]:
    """The terms of a query that tell passages apart: not those found in many of them."""
    return tuple(term for term in dict.fromkeys(terms(query)) if term not in common)


def coverage(chunk: Chunk, informative: Collection[str]) -> float:
    """The share of the informative terms that a passage contains; of many, a dozen is all."""
    if not informative:
        return 0.0
    shared = len(terms_of(chunk).intersection(informative))
    return min(1.0, shared / min(len(informative), _COUNTED_TERMS))


def is_relevant(candidate: Candidate, floor: float, informative: Collection[str]) -> bool:
    """Whether there is evidence enough: in meaning, or in words.

    A single shared word is a coincidence unless it is all that was asked.
    """
    if candidate.similarity is not None and candidate.similarity >= floor:
        return True
    shared = candidate.coverage * min(len(informative), _COUNTED_TERMS)
    enough = min(2, len(informative))
    return bool(informative) and shared >= enough - 1e-9 and candidate.coverage >= _LEAST_SHARE


def without_repeats(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """Drop candidates that quote messages already quoted, or say nearly the same."""
    quoted: set[str] = set()
    kept: list[set[str]] = []
    for candidate in candidates:
        ids = {message.id for message in candidate.chunk.messages}
        words = terms_of(candidate.chunk)
        if 2 * len(ids & quoted) >= len(ids) or any(_alike(words, other) for other in kept):
            continue
        quoted |= ids
        kept.append(words)
        yield candidate


def _alike(one: set[str], other: set[str]) -> bool:
    return len(one & other) >= _SAME_TERMS * max(1, len(one | other))
