"""Where training ends and validation and test begin: in a pause, so that no thread is cut.

Near the wanted share of @self's replies there is nearly always a moment at which no thread with
@self in it goes on; the border lies in the middle of the longest such pause. Where threads with
@self never pause, it lies where the fewest replies are lost, and these are counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import accumulate

TOLERANCE = 0.25
"""How far a border may move from its wanted place, as a share of the smaller split beside it."""
_AFTER = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time a thread with @self in it takes, and how many replies it teaches."""

    start: datetime
    end: datetime
    replies: int


@dataclass(frozen=True, slots=True)
class _Pause:
    """A moment to cut at: how many replies come before, and how many would be lost."""

    moment: datetime
    before: int
    lost: int
    length: timedelta


def choose_borders(
    stretches: Iterable[Stretch], *, validation: float, test: float
) -> dict[str, datetime]:
    """When ``validation`` and ``test`` begin, so that these hold about those shares of replies.

    A share of 0 puts the border behind everything. ValueError where there is no stretch.
    """
    ordered = sorted(stretches, key=lambda stretch: (stretch.start, stretch.end))
    total = sum(stretch.replies for stretch in ordered)
    end = max(stretch.end for stretch in ordered) + _AFTER
    pauses = list(_pauses(ordered))
    at_test = _border(pauses, total, total * (1 - test), min(test, 1 - test), end)
    smaller = min(validation, 1 - validation - test)
    wanted = total * (1 - test - validation)
    earlier = [pause for pause in pauses if pause.moment <= at_test]
    at_validation = _border(earlier, total, wanted, smaller, at_test)
    return {"validation": at_validation, "test": at_test}


def _border(
    pauses: Sequence[_Pause], total: int, wanted: float, share: float, otherwise: datetime
) -> datetime:
    if share <= 0 or not pauses:
        return otherwise
    room = max(1.0, TOLERANCE * share * total)
    nearest = min(abs(pause.before - wanted) for pause in pauses)
    near = [pause for pause in pauses if abs(pause.before - wanted) <= max(room, nearest)]

    def merit(pause: _Pause) -> tuple[float, float]:
        distance = abs(pause.before - wanted) / max(room, nearest)
        return -pause.lost, pause.length.total_seconds() * (1 - distance / 2)

    return max(near, key=merit).moment


def _pauses(ordered: Sequence[Stretch]) -> Iterator[_Pause]:
    """Before each stretch but the first: the pause since the latest end of those that are over."""
    counts = [0, *accumulate(stretch.replies for stretch in ordered)]
    going: list[tuple[datetime, int]] = []  # (end, replies), the first to end on top
    lost, latest = 0, ordered[0].start
    for index, stretch in enumerate(ordered):
        while going and going[0][0] < stretch.start:
            ended, replies = heappop(going)
            lost -= replies
            latest = max(latest, ended)
        if index and stretch.start > ordered[index - 1].start:
            length = timedelta() if going else stretch.start - latest
            # The middle of a pause; with threads going on, right before the next one.
            moment = stretch.start - length / 2
            yield _Pause(moment, counts[index] - lost, lost, length)
        heappush(going, (stretch.end, stretch.replies))
        lost += stretch.replies
