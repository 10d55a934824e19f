"""Reactions as a verdict on what the bot said: liked, disliked, or neither."""

from __future__ import annotations

from dataclasses import dataclass

LIKED, DISLIKED = "👍", "👎"
_TONES = range(0x1F3FB, 0x1F400)


@dataclass(frozen=True, slots=True)
class Ballot:
    """What one account thinks of a message now: 1 liked, −1 disliked, 0 neither any more."""

    account: str
    verdict: int


def verdict_of(emoji: str) -> int:
    """1 for a thumb up, −1 for one down, of any colour; else 0."""
    plain = "".join(char for char in emoji if ord(char) not in _TONES and char != "\ufe0f")
    return {LIKED: 1, DISLIKED: -1}.get(plain, 0)
