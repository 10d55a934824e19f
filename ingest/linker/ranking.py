"""Which of the messages before it the newest answers, likeliest first.

A softmax over the candidates of a weighted sum of everything ``live`` sees of each pair. The
weights that ship were fitted where people name whom they answer; a chat whose people quote teaches
its own (``learning``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ingest.linker.columns import Array
from ingest.linker.finder import ONE_THREAD, best_candidates, both_looks
from ingest.linker.live import Sight
from ingest.linker.network import Weights, decide, load, softmax
from ingest.linker.second import log

SHIPPED = Path(__file__).parent / "ranking.json"
FORMAT = 1
_FURTHEST = 5.0
"""Deviations from the mean beyond which a feature says no more."""
_PASSED_OVER = 1e-3
"""Share of its first chance that a candidate keeps which the second look passed over."""
_NOTHING = -1e4
_STEPS = 8
_ENOUGH = 1e-3


def second_chances(sight: Sight, weights: Weights | None = None) -> Array:
    """The chances (REACH + 1,) after the second look; column 0: it starts a conversation."""
    found = sight.found
    kept = best_candidates(found)
    with ONE_THREAD.limit(limits=1):
        chances = decide((weights or load()).second, *both_looks(found, kept, sight.first))[0]
    every: Array = found.own[0] * _PASSED_OVER
    every[0] = chances[0]
    every[1 + kept[0]] = chances[1:]
    return every


def features(sight: Sight, chances: Array | None = None) -> Array:
    """What is seen of each candidate (REACH, p), the latest first; float32.

    ``chances`` are those of :func:`second_chances`, where they are known already.
    """
    linked = log((second_chances(sight) if chances is None else chances)[1:])
    wording = sight.wording
    more = (linked, _order(linked), wording, wording / max(wording.max(), 1), _order(wording))
    return np.concatenate(
        [sight.first[0][0], sight.second[0][0], np.stack(more, 1)], 1, dtype=np.float32
    )


def _order(values: Array) -> Array:
    """The place of each, the highest first; of equals the latest said first."""
    found: Array = (-values).argsort(kind="stable").argsort()
    return found


@dataclass(frozen=True, slots=True)
class Ranking:
    """Weights (p,) of features brought to mean 0 and deviation 1."""

    mean: Array
    scale: Array
    weights: Array

    def scores(self, seen: Array) -> Array:
        """Scores (…, REACH) of features (…, REACH, p)."""
        found: Array = self.scaled(seen) @ self.weights
        return found

    def scaled(self, seen: Array) -> Array:
        """The features as the weights want them."""
        found: Array = np.clip((seen - self.mean) * self.scale, -_FURTHEST, _FURTHEST)
        return found

    def chances(self, seen: Array, valid: Array) -> Array:
        """The chance (…, REACH) that each candidate is what the newest answers, if it does."""
        found: Array = softmax(np.where(valid, self.scores(seen), _NOTHING)) * valid
        return found

    def plain(self) -> dict[str, Any]:
        """As lists of numbers, for a file."""
        numbers = {"mean": self.mean, "scale": self.scale, "weights": self.weights}
        return {"format": FORMAT} | {
            name: [float(f"{value:.5g}") for value in values] for name, values in numbers.items()
        }


@cache
def shipped() -> Ranking:
    """The weights that ship (see README.md)."""
    return read(orjson.loads(SHIPPED.read_bytes()))


def read(data: Mapping[str, Any]) -> Ranking:
    """The ranking that :meth:`Ranking.plain` wrote; ValueError where it is another's."""
    if data.get("format") != FORMAT:
        raise ValueError(f"a ranking of format {data.get('format')}, expected {FORMAT}")
    found = Ranking(*(np.array(data[name], np.float32) for name in ("mean", "scale", "weights")))
    if len({len(found.mean), len(found.scale), len(found.weights)}) > 1:
        raise ValueError("a ranking whose columns differ in length")
    return found


def fit(seen: Array, valid: Array, answers: Array, prior: Ranking, *, trust: float) -> Ranking:
    """The likeliest weights given that of ``seen`` (n, REACH, p) the newest answered ``answers``.

    ``prior`` counts like a normal distribution of precision ``trust`` around its weights.
    Newton's method, each step halved until it helps, on a convex sum (conditional logit, McFadden
    1974).
    """
    told = _Told(prior.scaled(seen), valid, answers, prior.weights.astype(np.float64), trust)
    weights, loss = told.prior, told.loss(told.prior)
    with ONE_THREAD.limit(limits=1):
        for _ in range(_STEPS):
            step, before = told.step(weights), loss
            while (loss := told.loss(weights - step)) > before and np.abs(step).max() > _ENOUGH:
                step /= 2
            weights = weights - step
            if before - loss < _ENOUGH * len(answers):
                break
    return Ranking(prior.mean, prior.scale, weights.astype(np.float32))


@dataclass(frozen=True, slots=True)
class _Told:
    """What the weights are fitted to: scaled features, which exist, and what was answered."""

    seen: Array
    valid: Array
    answers: Array
    prior: Array
    trust: float

    def loss(self, weights: Array) -> float:
        """Minus the log of what the answers get, and the distance from the prior."""
        scores = np.where(self.valid, self.seen @ weights, -np.inf)
        most = scores.max(1)
        total = most + np.log(np.exp(scores - most[:, None]).sum(1))
        right = np.take_along_axis(scores, self.answers[:, None], 1)[:, 0]
        away = weights - self.prior
        return float((total - right).sum() + self.trust / 2 * (away @ away))

    def step(self, weights: Array) -> Array:
        """Newton's step."""
        slope = self.trust * (weights - self.prior)
        curve = self.trust * np.eye(len(weights))
        for start in range(0, len(self.seen), 128):
            part = slice(start, start + 128)
            seen, answers = self.seen[part], self.answers[part]
            chances = softmax(np.where(self.valid[part], seen @ weights, -np.inf))
            mean = np.einsum("nk,nkp->np", chances, seen)
            slope += (mean - np.take_along_axis(seen, answers[:, None, None], 1)[:, 0]).sum(0)
            spread = ((seen - mean[:, None]) * np.sqrt(chances)[:, :, None]).reshape(-1, len(slope))
            curve += spread.T @ spread
        found: Array = np.linalg.solve(curve, slope)
        return found
