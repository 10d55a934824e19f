"""Where a text may be cut: after lines, sentences, clauses, words, in this order.

Never inside a link, a code fence, a word or a grapheme, unless that alone is longer than a message
may be. Cuts lose white space and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

import regex

_WHOLE = regex.compile(r"```.*?(?:```|\Z)|`[^`\n]+`|(?:https?://|www\.)\S+", regex.DOTALL)
_BORDERS = tuple(
    regex.compile(pattern)
    for pattern in (
        r"\n\s*\n\s*",
        r"\s*\n\s*",
        # A full stop after one letter, a short form or the number of a list ends no sentence.
        r"(?m)(?:[。！？｡]|[!?…؟۔।](?=\s|$)|(?<!^\d{1,2}|(?:^|[\s(.])(?:\p{L}|Dr|Mr|Mrs|Ms|St|vs|cf|etc|al))"
        r"\.(?=\s|$))[!?。！？…\"”’」』）)\]]*\s*",
        r"[，、；：]\s*|[,;:،؛–—](?=\s)\s*",
        r"\s+",
    )
)
SENTENCE = 2
"""The last of the borders, counted from 0, that may part two messages of a burst."""
_CLAUSE = 3
_GRAPHEME = regex.compile(r"\X")
_LEVELS = range(len(_BORDERS))
_LEAST_SHARE = 3


def pieces(text: str, longest: Callable[[str], int]) -> tuple[str, ...]:
    """``text`` in pieces that each fit a message, by ``Platform.longest``; not one where empty."""
    found: list[str] = []
    rest = text.strip()
    while rest:
        room = max(1, longest(rest))
        cut = len(rest) if room >= len(rest) else _cut(rest, room)
        found.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return tuple(found)


def sentences(text: str) -> tuple[str, ...]:
    """The lines and sentences of a text."""
    cuts = {cut for level in range(SENTENCE + 1) for cut in _cuts(text, level)}
    return tuple(part for part in _between(text, sorted(cuts)) if part)


def clauses(text: str) -> tuple[str, ...]:
    """A text at the commas of scripts that put no space behind them (，、；)."""
    cuts = [cut for cut in _cuts(text, _CLAUSE) if text[:cut].rstrip()[-1:] in "，；"]
    return tuple(part for part in _between(text, cuts) if part)


def joined(parts: Sequence[str]) -> str:
    """Parts as one message, a line each where one of them has lines, else one after the other."""
    return ("\n" if any("\n" in part for part in parts) else " ").join(parts)


def _between(text: str, cuts: Sequence[int]) -> Iterator[str]:
    for start, end in pairwise([0, *cuts, len(text)]):
        yield text[start:end].strip()


def _cut(text: str, room: int) -> int:
    """The best place to cut off at most ``room`` characters, which are fewer than there are.

    The highest kind of border in the last two thirds of the room, else any kind, else a grapheme.
    """
    fitting = [[cut for cut in _cuts(text, level) if _fits(text, cut, room)] for level in _LEVELS]
    late = (cuts[-1] for cuts in fitting if cuts and cuts[-1] >= room / _LEAST_SHARE)
    early = (cuts[-1] for cuts in fitting if cuts)
    graphemes = [cut for cut in _graphemes(text) if cut <= room]
    return next(late, None) or next(early, None) or (graphemes[-1] if graphemes else room)


def _fits(text: str, cut: int, room: int) -> bool:
    """Whether what stands before a cut, without white space, fits; it must not be empty."""
    return 0 < len(text[:cut].rstrip()) <= room


def _cuts(text: str, level: int) -> list[int]:
    """Places behind the borders of a level, none of them inside what must stay whole."""
    whole = [match.span() for match in _WHOLE.finditer(text)]
    graphemes = _graphemes(text)
    found = (match.end() for match in _BORDERS[level].finditer(text))
    free = (cut for cut in found if not any(start < cut < stop for start, stop in whole))
    return [cut for cut in free if cut < len(text) and cut in graphemes]


@lru_cache(maxsize=8)
def _graphemes(text: str) -> dict[int, None]:
    """Where graphemes end, in order (UAX #29)."""
    return dict.fromkeys(match.end() for match in _GRAPHEME.finditer(text))
