"""Near-duplicates: texts that share nearly all of their character triples, in any script.

MinHash with locality-sensitive hashing (Broder 1997), by ``datasketch``; what it proposes is
checked with the true share. Only the latest texts are remembered, so that memory stays bounded.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict

SIMILARITY = 0.8
"""Jaccard similarity of the sets of triples from which two texts count as the same."""
PERMUTATIONS = 64
REMEMBERED = 20_000
_TRIPLE = 3
_SLACK = 0.2
"""The index proposes generously: at its own threshold it finds only about half."""


class Similar:
    """Remembers texts under keys and finds an earlier one much like a new one."""

    def __init__(self) -> None:
        from datasketch import MinHashLSH

        self._index = MinHashLSH(threshold=SIMILARITY - _SLACK, num_perm=PERMUTATIONS)
        self._texts: OrderedDict[str, str] = OrderedDict()

    def add(self, key: str, text: str) -> str | None:
        """Remember ``text`` and return the key of one like it that was there before, if any."""
        from datasketch import MinHash

        triples = _triples(text)
        sketch = MinHash(num_perm=PERMUTATIONS, seed=1, hashfunc=zlib.crc32)
        sketch.update_batch(list(triples))
        found = (each for each in self._index.query(sketch) if self._is_like(each, triples))
        like: str | None = min(found, default=None)
        if like is None:
            self._remember(key, sketch, text)
        return like

    def _is_like(self, key: str, triples: frozenset[bytes]) -> bool:
        known = _triples(self._texts[key])
        return len(known & triples) >= SIMILARITY * len(known | triples)

    def _remember(self, key: str, sketch: object, text: str) -> None:
        self._index.insert(key, sketch)
        self._texts[key] = text
        if len(self._texts) > REMEMBERED:
            self._index.remove(self._texts.popitem(last=False)[0])


def _triples(text: str) -> frozenset[bytes]:
    last = max(1, len(text) - _TRIPLE + 1)
    return frozenset(text[i : i + _TRIPLE].encode("utf-8", "replace") for i in range(last))
