"""How sure a figure is: bootstrap intervals over what was measured, clustered by window."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
RESAMPLES = 2000
FEWEST = 3
"""Clusters below which resampling says nothing; the interval is then left open."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the ends of its 95 % interval; None where too little was measured."""

    value: float
    low: float | None
    high: float | None
    clusters: int

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping, rounded for reading."""
        ends = (None if end is None else round(end, 4) for end in (self.low, self.high))
        low, high = ends
        return {"value": round(self.value, 4), "low": low, "high": high, "clusters": self.clusters}


@dataclass(frozen=True, slots=True)
class Draws:
    """The same clusters drawn again and again, for figures that are set off against each other.

    ``places`` is the cluster of each row, ``counts`` how often each draw holds each cluster.
    """

    places: NDArray[np.int64]
    counts: Floats

    @classmethod
    def of(cls, clusters: Sequence[str], *, seed: int, draws: int) -> Self:
        """Draw as many clusters as there are, with replacement, ``draws`` times."""
        names = {name: place for place, name in enumerate(dict.fromkeys(clusters))}
        places = np.array([names[name] for name in clusters], dtype=np.int64)
        size = max(1, len(names))
        dice = np.random.default_rng(seed)
        counts = dice.multinomial(size, [1 / size] * size, size=draws).astype(float)
        return cls(places, counts)

    def ratios(self, tops: Sequence[float], bottoms: Sequence[float]) -> Floats:
        """The sum of ``tops`` over that of ``bottoms`` in each draw; a value per row goes in."""
        top, bottom = (
            np.bincount(self.places, np.asarray(values, dtype=float), self.counts.shape[1])
            for values in (tops, bottoms)
        )
        found: Floats = (self.counts @ top) / np.maximum(self.counts @ bottom, 1e-12)
        return found


def recentred(value: float, drawn: Floats, clusters: int) -> Interval:
    """The interval of draws laid around ``value``.

    A draw repeats some clusters, which moves distances (and nothing that is a mean) up: what draws
    tell is the spread.
    """
    if clusters < FEWEST or not len(drawn):
        return Interval(value, None, None, clusters)
    shift = value - float(np.mean(drawn))
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail])
    return Interval(value, float(low) + shift, float(high) + shift, clusters)


def ratio(
    tops: Sequence[float], bottoms: Sequence[float], clusters: Sequence[str], *, seed: int
) -> Interval:
    """The sum of ``tops`` over the sum of ``bottoms``, resampling whole clusters.

    Replies of one conversation share its topic and are not independent, hence the clusters. For a
    paired difference ``tops`` are the differences. scipy.stats.bootstrap, percentile method: the
    bias-corrected one has no answer for a handful of clusters.
    """
    top, bottom = _summed(tops, clusters), _summed(bottoms, clusters)
    value = float(top.sum() / max(bottom.sum(), 1e-12))
    if len(top) < FEWEST:
        return Interval(value, None, None, len(top))
    low, high = _bootstrap(top, bottom, seed)
    return Interval(value, low, high, len(top))


def mean(values: Sequence[float], clusters: Sequence[str], *, seed: int) -> Interval:
    """The mean with its interval, resampling whole clusters."""
    return ratio(values, [1.0] * len(values), clusters, seed=seed)


def _summed(values: Sequence[float], clusters: Sequence[str]) -> Floats:
    """Sums per cluster, in the order in which clusters first appear."""
    places = {name: place for place, name in enumerate(dict.fromkeys(clusters))}
    sums = np.zeros(len(places))
    np.add.at(sums, [places[name] for name in clusters], np.asarray(values, dtype=float))
    return sums


def _bootstrap(top: Floats, bottom: Floats, seed: int) -> tuple[float, float]:
    from scipy.stats import bootstrap

    def statistic(chosen: NDArray[np.int64], axis: int = -1) -> Floats:
        found: Floats = top[chosen].sum(axis) / np.maximum(bottom[chosen].sum(axis), 1e-12)
        return found

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # equal values have an interval of no width
        found = bootstrap(
            (np.arange(len(top)),),
            statistic,
            n_resamples=RESAMPLES,
            confidence_level=CONFIDENCE,
            method="percentile",
            vectorized=True,
            rng=np.random.default_rng(seed),
        ).confidence_interval
    return float(found.low), float(found.high)
