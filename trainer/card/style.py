"""How far a way of writing is from @self's, in units of @self's own change over time.

Every feature (:mod:`trainer.card.features`) is a distance between a sample of replies and the rest
of what @self wrote. Distances of small samples are never zero, so they mean nothing alone: the
yardstick is the same distance for @self's own months, at the same sample size. 1 is @self on an
ordinary month.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from random import Random
from statistics import fmean
from typing import Any, Self

import numpy as np

from trainer.card.features import FEATURES, Kept, Profile, folded, joined, kept_of, profile_of
from trainer.card.wording import Replies

FEWEST = 12
"""Replies below which no style can be told."""
FLOOR = 0.02
"""The least distance that counts as @self's own: who writes one script only has a true zero."""


@dataclass(frozen=True, slots=True)
class Distances:
    """Distances from @self by feature, and over all, in units of @self's own median."""

    features: Mapping[str, float]
    overall: float


@dataclass(frozen=True, slots=True)
class Yardstick:
    """@self's writing and its own change over time, to measure samples of one size against.

    ``own`` are @self's slices, measured as any sample would be.
    """

    whole: Profile
    kept: Kept
    typical: Mapping[str, float]
    unit: float
    own: tuple[float, ...]

    @classmethod
    def of(cls, own: Sequence[Replies], size: int, random: Random) -> Self:
        """From at least two slices of what @self wrote, each cut to ``size`` replies."""
        full = [profile_of(part) for part in own]
        kept = kept_of(joined(full))
        profiles = [folded(profile, kept) for profile in full]
        slices = [
            _distances(
                folded(profile_of(cut(part, size, random)), kept),
                joined(profiles[:place] + profiles[place + 1 :]),
            )
            for place, part in enumerate(own)
        ]
        typical = {
            name: max(FLOOR, float(np.median([each[name] for each in slices]))) for name in FEATURES
        }
        ratios = [fmean(_ratios(each, typical).values()) for each in slices]
        unit = float(np.median(ratios))
        return cls(joined(profiles), kept, typical, unit, tuple(each / unit for each in ratios))

    def folded(self, replies: Replies) -> Profile:
        """A sample, or a part of one, as it is measured."""
        return folded(profile_of(replies), self.kept)

    def distances(self, sample: Profile) -> Distances:
        """How far a sample is, as :meth:`folded` gave it."""
        ratios = _ratios(_distances(sample, self.whole), self.typical)
        return Distances(ratios, fmean(ratios.values()) / self.unit)


@dataclass(frozen=True, slots=True)
class StyleReport:
    """Who is how far from @self; ``own`` are @self's slices, ``others`` other members.

    ``slice_kind`` is ``months``, or ``parts`` where there are too few of these.
    """

    replies: int
    slice_kind: str
    own_median: float
    own_p90: float
    own: tuple[float, ...]
    distances: Mapping[str, Distances]
    others: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping, rounded for reading."""
        return {name: _rounded(value) for name, value in asdict(self).items()}


def compare(
    own: Sequence[tuple[str, Replies]],
    candidates: Mapping[str, Replies],
    others: Mapping[str, Replies],
    *,
    slice_kind: str,
    seed: int,
) -> StyleReport:
    """Measure ``candidates`` and ``others`` against ``own``, which is sliced by time.

    All samples are cut to the size of the smallest candidate or slice.
    """
    random = Random(seed)
    size = min(len(each) for each in [*candidates.values(), *(part for _, part in own)])
    yardstick = Yardstick.of([part for _, part in own], size, random)

    def measured(replies: Replies) -> Distances:
        return yardstick.distances(yardstick.folded(cut(replies, size, random)))

    return StyleReport(
        size,
        slice_kind,
        1.0,
        float(np.quantile(yardstick.own, 0.9)),
        yardstick.own,
        {name: measured(replies) for name, replies in candidates.items()},
        {
            name: measured(replies).overall
            for name, replies in others.items()
            if len(replies) >= size
        },
    )


def cut(replies: Replies, size: int, random: Random) -> Replies:
    """At most ``size`` of them, drawn at random."""
    return replies if len(replies) <= size else random.sample(list(replies), size)


def _distances(sample: Profile, reference: Profile) -> dict[str, float]:
    return {name: feature(sample, reference) for name, feature in FEATURES.items()}


def _ratios(distances: Mapping[str, float], typical: Mapping[str, float]) -> dict[str, float]:
    return {name: value / typical[name] for name, value in distances.items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, Mapping):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value
