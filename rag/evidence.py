"""What speaks for a passage: words it shares with what is being said, its meaning, and its age.

The weights were fitted on the earlier 60 % of a mathematics chat, on 85 replies to messages more
than a day old: logistic regression on pairs of the passage replied to and one that was not. Who
speaks, who is named, how much of a passage is @self's, how many of its neighbours were found and
its length were tried as well and gained nothing (benchmarks/recall_memory.py scores what is left).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ingest.chunks import Chunk
from ingest.terms import terms

LINE_WEIGHTS = (1.0, 0.5, 0.5, 0.25)
"""Of the words of the last line, which is being answered, and of the lines before it."""
WORDS, MEANING, AGE = 10.5, 5.0, 0.42
OWN = math.log(1.25)
"""What @self said counts more than what others said about the same: at equal odds, by a quarter."""
EVEN = 1.5
"""Evidence at which the score is a half."""
_STEEPNESS = 1.45
# Okapi BM25, with lengths counting less since passages are cut to size.
_SATURATION, _LENGTH = 1.2, 0.5
_MOST = 1.5  # of a term's rarity, which a passage that keeps using it comes close to
_COUNTED_TERMS = 12
_LEAST_AGE = timedelta(days=1)
# The more was said, the more words meet by chance: a quarter of the telling words is enough among a
# few dozen messages, half among 100,000, where a word never said is worth 12.
_ENOUGH, _ENOUGH_GROWTH = 0.1275, 0.0302
_UNHEARD = "\0"

Rarity = Callable[[Collection[str]], Mapping[str, float]]
"""How much each term tells (inverse document frequency)."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for: terms and what each is worth, and the moment of asking.

    A passage has to do with it from the cosine ``floor`` on, or from the share ``enough`` of its
    telling words.
    """

    worth: Mapping[str, float]
    moment: datetime | None
    floor: float
    enough: float

    @classmethod
    def of(
        cls, lines: Sequence[str], rarity: Rarity, *, moment: datetime | None, floor: float
    ) -> Sought:
        """What the last of ``lines`` asks about, and those before it less."""
        weights: dict[str, float] = {}
        for place, line in enumerate(reversed(lines)):
            weight = LINE_WEIGHTS[min(place, len(LINE_WEIGHTS) - 1)]
            for term in terms(line):
                weights[term] = max(weight, weights.get(term, 0.0))
        rare = rarity([*weights, _UNHEARD])
        worth = {term: weights[term] * rare[term] for term in weights}
        return cls(worth, moment, floor, _ENOUGH + _ENOUGH_GROWTH * rare[_UNHEARD])

    @property
    def most(self) -> float:
        """What a passage about nothing else would come close to."""
        return _MOST * sum(sorted(self.worth.values())[-_COUNTED_TERMS:])


@dataclass(frozen=True, slots=True)
class Evidence:
    """``words`` is the share of the telling words sought (see :func:`shared_words`); ``strength``
    adds up words and meaning; ``score``, between 0 and 1, also counts age and who speaks."""

    words: float
    strength: float
    score: float


def evidence(
    chunks: Mapping[str, Chunk], similarities: Mapping[str, float], sought: Sought
) -> dict[str, Evidence]:
    """What speaks for each passage, by id; ``similarities`` are cosines where there is a vector.

    Age counts by its logarithm, as human memory forgets (Anderson and Schooler, Psychological
    Science 1991): a passage twice as old needs a few words more.
    """
    counts = {key: _counted(chunk) for key, chunk in chunks.items()}
    usual = sum(map(Counter.total, counts.values())) / max(1, len(counts))
    moment = sought.moment or max((c.ended_at for c in chunks.values()), default=None)
    found = {}
    for key, chunk in chunks.items():
        words = shared_words(counts[key], sought, usual)
        strength = WORDS * words + MEANING * _beyond(similarities.get(key), sought.floor)
        total = strength - AGE * _doublings(chunk.ended_at, moment) + OWN * chunk.has_self
        found[key] = Evidence(words, strength, _logistic(_STEEPNESS * (total - EVEN)))
    return found


def shared_words(counts: Counter[str], sought: Sought, usual: float) -> float:
    """BM25 of a passage, as a share of the most there can be; ``usual`` is the mean length."""
    if not sought.most:
        return 0.0
    size = 1 - _LENGTH + _LENGTH * counts.total() / max(usual, 1.0)
    found = (
        worth * counts[term] * (_SATURATION + 1) / (counts[term] + _SATURATION * size)
        for term, worth in sought.worth.items()
        if term in counts
    )
    return sum(found) / sought.most


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def _counted(chunk: Chunk) -> Counter[str]:
    return Counter(term for message in chunk.messages for term in terms(message.text))


def _beyond(similarity: float | None, floor: float) -> float:
    """Where between the floor and identity a cosine lies."""
    if similarity is None or similarity <= floor:
        return 0.0
    return (similarity - floor) / max(1 - floor, 1e-6)


def _doublings(ended_at: datetime, moment: datetime | None) -> float:
    """How often the age doubled since the first day."""
    return 0.0 if moment is None else math.log2(max(1.0, (moment - ended_at) / _LEAST_AGE))
