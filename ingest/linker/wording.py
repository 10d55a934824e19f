"""How much the wording of the newest message is that of each before it: BM25 within one chat.

Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009. How rare a word is, and how
long a message usually, is told by what was said before in the chat, and by nothing else.
"""

from __future__ import annotations

import math
from collections import Counter, deque

import numpy as np

from ingest.linker.columns import Array
from ingest.linker.pairs import REACH
from ingest.terms import terms

_SATURATION = 1.2
_LENGTH = 0.75
_CHARACTERS = 2000
_VOCABULARY = 60_000


class Wording:
    """The terms of the last messages, and how many messages each term was in; bounded."""

    def __init__(self) -> None:
        self._recent: deque[Counter[str]] = deque(maxlen=REACH + 1)
        self._seen: Counter[str] = Counter()
        self._messages = 0
        self._terms = 0

    def add(self, text: str) -> None:
        """Take in a message; only now does the one before it count as said."""
        if self._recent:
            self._count(self._recent[-1])
        self._recent.append(Counter(terms(text[:_CHARACTERS])))

    def _count(self, said: Counter[str]) -> None:
        self._seen.update(said.keys())
        self._messages += 1
        self._terms += said.total()
        if len(self._seen) > _VOCABULARY:
            self._messages, self._terms = self._messages // 2, self._terms // 2
            self._seen = Counter({term: n // 2 for term, n in self._seen.items() if n > 1})

    def compare(self) -> Array:
        """BM25 (REACH,) of the newest message against those before it, the latest first."""
        found = np.zeros(REACH)
        *earlier, newest = self._recent
        rarity = {term: self._rarity(term) for term in newest}
        usual = max(1.0, self._terms / max(1, self._messages))
        for place, said in enumerate(reversed(earlier)):
            if shared := rarity.keys() & said.keys():
                damping = _SATURATION * (1 - _LENGTH + _LENGTH * said.total() / usual)
                found[place] = sum(
                    rarity[term] * said[term] * (_SATURATION + 1) / (said[term] + damping)
                    for term in shared
                )
        return found

    def _rarity(self, term: str) -> float:
        number = min(self._seen[term], self._messages)
        return math.log1p((self._messages - number + 0.5) / (number + 0.5))
