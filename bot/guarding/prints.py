"""Texts as numbers that tell whether one says again what another said; no text can be read off.

A simhash (Charikar, STOC 2002) of runs of three letters: texts that differ in a few letters differ
in a few of 64 bits. Below sixteen letters there are too few runs, and only the same text counts.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from hashlib import blake2b

SHORT = 6
"""Letters; what is no longer may be said again."""
LONG = 16
"""Letters from which likeness counts, and not sameness alone."""
NEAR = 10
"""Bits of 64. Texts that have nothing in common are 32 apart, give or take 4."""
LOOPING = 0.5
"""Share of different runs of four letters below which a text goes in circles."""
LEAST_LOOP = 24
_BITS = 64
_MASK = (1 << _BITS) - 1


@dataclass(frozen=True, slots=True)
class Print:
    """``same`` is equal for equal texts, ``near`` close for close ones (None for short ones)."""

    same: int
    near: int | None

    def repeats(self, other: Print) -> bool:
        """Whether one says what the other did, nearly word for word."""
        if self.same == other.same:
            return True
        if self.near is None or other.near is None:
            return False
        return ((self.near ^ other.near) & _MASK).bit_count() <= NEAR


def print_of(text: str) -> Print | None:
    """The print of a text; None where it is too short to count."""
    letters = _letters(text)
    if len(letters) <= SHORT:
        return None
    near = _simhash(letters) if len(letters) >= LONG else None
    return Print(_hash(letters), near)


def loops(text: str) -> bool:
    """Whether a text goes in circles."""
    letters = _letters(text)
    runs = [letters[at : at + 4] for at in range(len(letters) - 3)]
    return len(letters) >= LEAST_LOOP and len(set(runs)) < LOOPING * len(runs)


def _simhash(letters: str) -> int:
    weights = [0] * _BITS
    for run in {letters[at : at + 3] for at in range(len(letters) - 2)}:
        digest = _hash(run)
        for bit in range(_BITS):
            weights[bit] += 1 if digest >> bit & 1 else -1
    return _signed(sum(1 << bit for bit, weight in enumerate(weights) if weight > 0))


def _hash(text: str) -> int:
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return _signed(int.from_bytes(digest))


def _signed(number: int) -> int:
    """As SQLite keeps 64 bits."""
    return number - (1 << _BITS) if number >> (_BITS - 1) else number


def _letters(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if unicodedata.category(char)[0] in "LNS")
