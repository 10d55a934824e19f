"""A measure while it is taken: its value for every player, and what it is when scenes are redrawn.

All measures of a kind of scenes are drawn from the same clusters in the same order, so that players
and measures can be set off against each other draw by draw.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from likeness.measured import Better, Figure, Measure
from likeness.measures.played import Sheet
from trainer.card.intervals import Draws, Floats, recentred

DRAWS = 1000
FEW_DRAWS = 200
"""Where a draw takes long; a measure drawn less often is compared over its draws."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A value, the same for every draw, and the replies and clusters it rests on.

    ``is_share`` where each reply counts as yes or no; nothing can be below ``least``.
    """

    value: float
    draws: Floats
    replies: int
    clusters: int
    is_share: bool = False
    least: float = -math.inf

    def figure(self) -> Figure:
        """With its interval: Wilson's where all replies agree, for then all draws do, too."""
        found = recentred(self.value, self.draws, self.clusters)
        low, high = found.low, found.high
        low = low if low is None else max(low, self.least)
        if self.is_share and low is not None and high is not None:
            low, high = max(0.0, low), min(1.0, high)
            if self.value in (0.0, 1.0):
                low, high = _wilson(self.value, self.clusters)
        return Figure(self.value, low, high, self.replies, self.clusters)

    def minus(self, other: Drawn) -> Drawn:
        """The paired difference."""
        size = min(len(self.draws), len(other.draws))
        return Drawn(
            self.value - other.value,
            self.draws[:size] - other.draws[:size],
            min(self.replies, other.replies),
            min(self.clusters, other.clusters),
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """A measure without its figures yet; the fields are those of :class:`Measure`."""

    key: str
    title: str
    better: Better
    drawn: Mapping[str, Drawn]
    unit: str = ""
    note: str = ""
    is_likeness: bool = False
    is_guard: bool = False

    def measure(self) -> Measure:
        """As it is kept and shown."""
        return Measure(
            self.key,
            self.title,
            self.better,
            {name: drawn.figure() for name, drawn in self.drawn.items()},
            self.unit,
            self.note,
            self.is_likeness,
            self.is_guard,
        )

    def noted(self, note: str) -> Self:
        """With a further line on how it was measured."""
        return replace(self, note=f"{self.note} {note}".strip())


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet and its draws."""

    sheet: Sheet
    draws: Draws

    @classmethod
    def of(cls, sheet: Sheet, seed: int) -> Self:
        """Draw the clusters of the sheet's scenes."""
        return cls(sheet, Draws.of(sheet.clusters, seed=seed, draws=DRAWS))

    def means(
        self, values: Mapping[str, Sequence[float | None]], *, is_share: bool = False
    ) -> dict[str, Drawn]:
        """The mean of each player's values; a scene without one is left out."""
        return {
            name: self.ratio(
                [each or 0.0 for each in found],
                [float(each is not None) for each in found],
                is_share=is_share,
            )
            for name, found in values.items()
            if any(each is not None for each in found)
        }

    def ratio(
        self, tops: Sequence[float], bottoms: Sequence[float], *, is_share: bool = False
    ) -> Drawn:
        """A sum over a sum; scenes whose bottom is zero do not count."""
        counted = [c for c, bottom in zip(self.sheet.clusters, bottoms, strict=True) if bottom > 0]
        value = sum(tops) / max(sum(bottoms), 1e-12)
        drawn = self.draws.ratios(tops, bottoms)
        return Drawn(value, drawn, len(counted), len(set(counted)), is_share)


def _wilson(value: float, clusters: int) -> tuple[float, float]:
    from scipy.stats import binomtest

    found = binomtest(round(value * clusters), clusters).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def mean_of(several: Sequence[Drawn]) -> Drawn:
    """The mean of several figures of one player."""
    size = min(len(each.draws) for each in several)
    draws = np.mean([each.draws[:size] for each in several], axis=0)
    value = float(np.mean([each.value for each in several]))
    return Drawn(value, draws, min(e.replies for e in several), min(e.clusters for e in several))
