"""Text without its topic: what is said is masked, how it is said stays.

Words that nearly everybody uses stay, so do punctuation, emoji and the shape of a message; every
other word leaves its shape: capitals, about how long, which script. After Stamatatos, "Authorship
attribution using text distortion" (EACL 2017).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from trainer.card.wording import reworded, script, tokens

KEPT = 150
"""Words that stay: about the function words of a language."""
FEWEST_SPEAKERS = 3
_LINK = re.compile(r"(?:https?://|www\.)\S+")
_HANDLE = re.compile(r"@[\w.-]+")
_LONG = 7
_SHORT = 4


def without_addresses(text: str, names: Iterable[str] = ()) -> str:
    """Links and handles, and what @self is called, each as a sign that says only what it was.

    Nobody addresses himself: whoever is spoken to by @self's name would be told from @self by it.
    """
    text = _HANDLE.sub("@", _LINK.sub("://", text))
    for word in {part for name in names for part in name.split() if len(part) > 2}:
        text = re.sub(rf"\b{re.escape(word)}\b", "@", text, flags=re.IGNORECASE)
    return text


@dataclass(frozen=True, slots=True)
class Mask:
    """``kept`` are the words that stay, folded."""

    kept: frozenset[str]

    @classmethod
    def of(cls, texts: Mapping[str, Iterable[str]]) -> Self:
        """From what each speaker wrote: the words of most speakers, by the average of their use."""
        shares: dict[str, float] = defaultdict(float)
        speakers: Counter[str] = Counter()
        for written in texts.values():
            counts = Counter(token for text in written for token in tokens(text))
            total = counts.total() or 1
            for token, count in counts.items():
                shares[token] += count / total
                speakers[token] += 1
        least = min(FEWEST_SPEAKERS, len(texts))
        common = (
            token
            for token in sorted(shares, key=shares.__getitem__, reverse=True)
            if speakers[token] >= least
        )
        return cls(frozenset(token for token, _ in zip(common, range(KEPT), strict=False)))

    def __call__(self, text: str) -> str:
        """The text with everything else masked."""
        return reworded(text, self._masked)

    def _masked(self, token: str) -> str:
        return token if token.casefold() in self.kept else shape(token)


def shape(token: str) -> str:
    """What is left of a masked word: ``Xxx`` for a long one with a capital, ``9`` for digits."""
    if token[0].isdigit():
        return "9"
    kind = script(token[0])
    if kind not in ("latin", "cyrillic", "greek"):
        return {"han": "字", "kana": "カ"}.get(kind, token[:1] if len(token) == 1 else "ء")
    size = 1 if len(token) < _SHORT else 2 if len(token) < _LONG else 3
    if token.isupper() and len(token) > 1:
        return "X" * size
    return ("X" if token[0].isupper() else "x") + "x" * (size - 1)
