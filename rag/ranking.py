"""Candidates to a short list: their evidence, the floor, and dropping what says the same twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ingest.chunks import Chunk
from rag.evidence import Evidence, Sought, evidence
from rag.index.catalogue import terms_of

_SAME_TERMS = 0.9
STRONG = 5.5
"""Strength of words and meaning together that is enough wherever a passage ranks."""
RANKS_HIGH = 8
# In a mathematics chat these let pass something for 60 % of 150 real contexts of @self's replies
# and for 19 of 20 questions about its matter, and for 7 % of 60 lines of another chat, 2 % of 60
# times three such lines. Looking at the best four alone gave 35 % and 0; at all, 95 and 17 %.


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that may be recalled, with what speaks for it.

    ``similarity`` is the cosine, None where only words found it.
    """

    chunk: Chunk
    evidence: Evidence
    similarity: float | None


def weigh(
    chunks: Mapping[str, Chunk], similarities: Mapping[str, float], sought: Sought
) -> list[Candidate]:
    """The candidates with their evidence, best first."""
    known = evidence(chunks, similarities, sought)
    found = [Candidate(chunk, known[key], similarities.get(key)) for key, chunk in chunks.items()]
    return sorted(
        found, key=lambda c: (-c.evidence.score, -c.chunk.ended_at.timestamp(), c.chunk.id)
    )


def relevant(candidates: Iterable[Candidate], sought: Sought) -> Iterator[Candidate]:
    """Those of ``candidates``, best first, that have to do with what is sought.

    Strong evidence is enough for any. Of those that rank high, meaning beyond the floor or words
    enough will do: further down, much passes by chance.
    """
    for place, candidate in enumerate(candidates):
        is_near = candidate.similarity is not None and candidate.similarity >= sought.floor
        is_worded = candidate.evidence.words >= sought.enough
        is_high = place < RANKS_HIGH and (is_near or is_worded)
        if is_high or candidate.evidence.strength >= STRONG:
            yield candidate


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
