"""Where relevance ends: a floor fitted to an index, so that irrelevant input recalls nothing.

Cosines mean different things from model to model, chat to chat and script to script: the passage
nearest to an everyday English sentence lay at .23 in the median in one chat with MiniLM, and at .81
in another with e5, where Chinese ones lay at .87. What is asked is therefore how close the nearest
of all passages comes by chance to a sentence that has nothing to do with them: everyday sentences
in fifteen languages are searched for, and the floor is what one in twenty of them reaches. The more
passages there are, the higher chance reaches, so a floor belongs to a shelf and is fitted again as
it grows.

Measured with ``python -m benchmarks.recall_floors`` on 47 sentences kept apart from these. In a
Chinese dialogue (e5) 14 % of those without spaces pass, and 97 % of the real contexts of @self's
words, where a floor set by hand passed 43 and 100 %; in an English chat (MiniLM) none of those with
spaces and 93 %, where one set by hand passed 4 and 95 %. Subtracting a query's mean similarity, or
dividing by the spread, let far fewer of the real contexts pass at the same share of unrelated ones:
a long line of talk is near everything in its chat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rag.embedding.everyday import SPACED, UNSPACED
from rag.embedding.prior import is_unspaced
from rag.embedding.protocol import Embedder

if TYPE_CHECKING:
    from rag.embedding.protocol import Vectors

CHANCE = 0.05
"""The share of unrelated sentences that may still find something."""
LEAST_PASSAGES = 100
"""Fewer say little about how close chance comes."""
LEAST_SENTENCES = 10


@dataclass(frozen=True, slots=True)
class Floor:
    """Cosines below which nothing is relevant, fitted to ``passages`` passages of one model.

    Separate for queries in scripts without spaces between words, which lie closer together.
    """

    spaced: float
    unspaced: float
    passages: int

    def of(self, query: str) -> float:
        """The floor for a query."""
        return self.unspaced if is_unspaced(query) else self.spaced

    def to_json(self) -> dict[str, float | int]:
        """As it is stored with an index."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Floor:
        """What :meth:`to_json` gave."""
        return cls(float(fields["spaced"]), float(fields["unspaced"]), int(fields["passages"]))


def fit_floor(unrelated: Sequence[tuple[str, float]], passages: int) -> Floor | None:
    """The floor from unrelated queries and the cosine of the nearest passage to each.

    None where there are too few passages, or too few queries in one kind of script to tell.
    """
    kinds: dict[bool, list[float]] = {False: [], True: []}
    for query, nearest in unrelated:
        kinds[is_unspaced(query)].append(nearest)
    if passages < LEAST_PASSAGES or min(map(len, kinds.values())) < LEAST_SENTENCES:
        return None
    return Floor(round(_limit(kinds[False]), 4), round(_limit(kinds[True]), 4), passages)


def probe_floor(
    embedder: Embedder, nearest: Callable[[Vectors], float | None], passages: int
) -> Floor | None:
    """Fit the floor of a shelf by searching it for the everyday sentences.

    ``nearest`` returns the highest cosine of a passage to a vector of shape (dimension,), or None
    where there is none. One embedding of 72 short sentences, and as many searches.
    """
    if passages < LEAST_PASSAGES:
        return None
    sentences = (*SPACED, *UNSPACED)
    found = zip(sentences, map(nearest, embedder.embed_queries(sentences)), strict=True)
    return fit_floor([(text, best) for text, best in found if best is not None], passages)


def _limit(values: Sequence[float]) -> float:
    """The value that ``CHANCE`` of them exceed, between neighbours in proportion."""
    ordered = sorted(values)
    place = (1 - CHANCE) * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
