"""When a new version has to go: it does worse than the one before, beyond what chance explains.

One-sided, by Fisher's exact test on the counts of both versions. The new one is looked at again and
again, so the level is shared out over the looks (Bonferroni), and each look has its own first
replies: until the next one, what becomes of them can only add to a count, and asking more often is
asking once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from math import comb

LEVEL = 0.01
"""How often each guard may take back, over a whole probation, a version that is no worse."""
FIRST_LOOK = 10
"""Replies; with fewer nothing is concluded."""
GROWTH = 1.5
"""By how much each look has more replies than the one before."""
LEAST = 3
"""Replies that must be amiss."""
PRIOR = (1, 20)
"""Amiss of how many replies, added to the earlier version's: a first slip is no verdict, and where
nothing is known of the earlier one, one in twenty is expected."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Replies of one version, and how many of them were amiss, by what."""

    replies: int = 0
    repeated: int = 0
    leaked: int = 0
    failed: int = 0
    disliked: int = 0

    def share(self, guard: str) -> float:
        """The share of replies amiss by one guard."""
        count: int = getattr(self, guard)
        return count / self.replies if self.replies else 0.0


GUARDS = tuple(field.name for field in fields(Counts) if field.name != "replies")
_WORDS = {
    "repeated": "said before",
    "leaked": "withheld for what they gave away",
    "failed": "failed or were empty",
    "disliked": "had a 👎 of an admin or of @self",
}


@dataclass(frozen=True, slots=True)
class Worse:
    """A guard by which a version is worse; ``chance`` is of as much among as few by accident."""

    guard: str
    new: Counts
    old: Counts
    chance: float

    def __str__(self) -> str:
        """In plain words, with the figures."""
        new, old = (
            f"{getattr(counts, self.guard)} of {counts.replies}" for counts in (self.new, self.old)
        )
        before = f"{old} before" if self.old.replies else "none counted before"
        return f"{new} replies {_WORDS[self.guard]}, {before} (p = {self.chance:.1g})"


def looks(probation: int) -> list[int]:
    """After how many replies a version is looked at, the last at the probation's end."""
    found: list[int] = []
    at = float(FIRST_LOOK)
    while at < probation:
        found.append(round(at))
        at *= GROWTH
    return [*found, probation] if probation >= FIRST_LOOK else []


def worse(at_looks: Sequence[Counts], old: Counts, *, planned: int) -> list[Worse]:
    """By which guards a version is worse than the one before.

    ``at_looks`` are its counts at each look so far, among the first replies of that look;
    ``planned`` is how many looks there will have been at the end.
    """
    return [found for guard in GUARDS for found in _first(guard, at_looks, old, planned)]


def _first(guard: str, at_looks: Sequence[Counts], old: Counts, planned: int) -> Iterator[Worse]:
    for new in at_looks:
        amiss = getattr(new, guard)
        before = getattr(old, guard) + PRIOR[0]
        chance = tail(amiss, new.replies, before, old.replies + PRIOR[1])
        if amiss >= LEAST and chance < LEVEL / max(1, planned):
            yield Worse(guard, new, old, chance)
            return


def tail(amiss: int, replies: int, before: int, replies_before: int) -> float:
    """How likely so many or more of all that were amiss fall to the new version by chance."""
    total, whole = amiss + before, replies + replies_before
    ways = sum(
        comb(replies, k) * comb(replies_before, total - k)
        for k in range(amiss, min(total, replies) + 1)
    )
    return ways / comb(whole, total)
