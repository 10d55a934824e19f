"""How often the terms of an archive occur, and which of a question tell messages apart."""

from __future__ import annotations

import math
from collections.abc import Collection
from functools import cached_property

from ingest.people.census import Census
from ingest.terms import terms

QUERY_TERMS = 16
QUERY_POSTINGS = 10_000
"""A search reads the index entries of its terms. With twice as many, recall of passages older than
a day was the same (recall@10 of 188 replies in a chat of 143,000 messages: .201 and .204)."""
FREQUENT = 1000
"""Messages from which on the count of a term is kept: such terms say nothing of anybody."""
_AT_ONCE = 256


class Vocabulary(Census):
    """The part of an archive that knows its terms."""

    def rarity(self, wanted: Collection[str]) -> dict[str, float]:
        """How much each term tells messages apart: BM25's inverse document frequency."""
        [(total,)] = self._rows("SELECT coalesce(max(id), 0) FROM message")
        found = self._frequencies(wanted)
        counts = {term: min(total, found.get(term, 0)) for term in wanted}
        return {t: math.log(1 + (total - n + 0.5) / (n + 0.5)) for t, n in counts.items()}

    def _telling(self, query: str) -> list[str]:
        """The rarest terms of a query that the archive knows, at least one where there is any."""
        found = self._frequencies(list(dict.fromkeys(terms(query)))[:_AT_ONCE])
        chosen: list[str] = []
        postings = 0
        for term, messages in sorted(found.items(), key=lambda pair: (pair[1], pair[0])):
            postings += messages
            if chosen and (postings > QUERY_POSTINGS or len(chosen) == QUERY_TERMS):
                break
            chosen.append(term)
        return chosen

    def _frequencies(self, wanted: Collection[str]) -> dict[str, int]:
        """In how many messages each term occurs, of those the archive knows.

        To count a frequent term all of its entries are read, so its count is kept; it may be old.
        """
        found = {term: self._frequent[term] for term in wanted if term in self._frequent}
        rest = [term for term in wanted if term not in found]
        for start in range(0, len(rest), _AT_ONCE):
            part = rest[start : start + _AT_ONCE]
            marks = ",".join("?" * len(part))
            sql = f"SELECT term, doc FROM temp.vocabulary WHERE term IN ({marks})"
            found |= dict(self._rows(sql, part))
        self._frequent |= {term: n for term, n in found.items() if n >= FREQUENT}
        return found

    @cached_property
    def _frequent(self) -> dict[str, int]:
        return {}
