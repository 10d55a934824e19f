"""What is seen of one text: its words as numbers, its length, whether it asks.

Words are hashed to one of ``SIZE`` places by a fixed hash, so that what is learned of them can be
stored without them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from zlib import crc32

from bot.gating.scoring import ASKS, OPEN
from ingest.clean import own_words
from ingest.terms import terms

SIZE = 8192
"""Places that words share: few enough for a file, enough that the words of a chat seldom meet."""
_MOST = 120
"""Words of a message that are looked at."""
_LINK = re.compile(r"(?:https?://|www\.)\S+")
_CODE = re.compile(r"```|`[^`\n]+`|^ {4,}\S", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Wording:
    """A text: ``words`` are the places of its distinct words, ``letters`` counts its own."""

    words: frozenset[int]
    letters: int
    lines: int
    asks: bool
    asks_all: bool
    has_link: bool
    has_code: bool


@lru_cache(maxsize=2048)
def wording(text: str) -> Wording:
    """What is seen of a text; the latest are remembered, as every line is looked at many times."""
    own = own_words(text)
    asks = bool(ASKS.search(own))
    places = {crc32(term.encode()) % SIZE for term in islice(terms(own), _MOST)}
    return Wording(
        frozenset(places),
        sum(map(str.isalnum, own)),
        own.count("\n") + 1,
        asks,
        asks and bool(OPEN.search(own)),
        bool(_LINK.search(own)),
        bool(_CODE.search(own)),
    )
