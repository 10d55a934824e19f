"""Fitting the gate: trees on most of the past, probabilities and borders on what came after.

What is reported comes from a first fit: trees on the first 80 % of the messages, calibration and
borders on the next 10 %, figures on the last 10 %, which neither saw. The gate that serves is
fitted again with everything moved on by a tenth.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.gating.gathering import CALIBRATED, FIT, Gathered, Rows
from bot.gating.known import Known
from bot.gating.model import GateModel
from bot.gating.trees import Trees

ENOUGH = 60
"""Answers of @self to fit trees on, with fewer there is no learned gate…"""
ENOUGH_LATER = 10
"""…nor with fewer than this to set probabilities and borders by, or to judge it on."""
MOST = 300_000
"""Messages that trees are fitted on at most, the latest."""
_STAY = 4.0
"""How strongly a chat's step is drawn towards none: the precision of a normal distribution."""
_SETTINGS = {
    "n_estimators": 150,
    "max_depth": 3,
    "learning_rate": 0.08,
    "subsample": 0.3,
    "max_features": 12,
    "min_samples_leaf": 40,
    "random_state": 0,
}
Chosen = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fitted:
    """The gate to be judged with its probabilities of all rows, and the one to serve."""

    judged: GateModel
    shares: Scores
    serving: GateModel


def too_little(rows: Rows) -> str:
    """Why no gate can be learned, in plain words; empty where it can."""
    counts = [int(rows.answered[part].sum()) for part in parts(rows)]
    if counts[0] >= ENOUGH and min(counts[1:]) >= ENOUGH_LATER:
        has_all = any(rows.answered[part].all() for part in parts(rows))
        return "@self answered every message; there is no silence to learn" if has_all else ""
    return (
        f"@self answered {counts[0]}, {counts[1]} and {counts[2]} messages in the first 80 %, "
        f"the next and the last 10 % of the time; {ENOUGH}, {ENOUGH_LATER} and {ENOUGH_LATER} "
        "are needed"
    )


def parts(rows: Rows) -> tuple[Chosen, Chosen, Chosen]:
    """The rows to fit on, to calibrate on, and those held out."""
    early, late = rows.place < FIT, rows.place >= CALIBRATED
    return early, ~early & ~late, late


def fit(gathered: Gathered) -> Fitted:
    """Both gates. Needs scikit-learn; seconds for a hundred thousand messages."""
    rows = gathered.rows
    early, later, held_out = parts(rows)
    judged, raw = _fit(rows, early, later, gathered.known_then)
    odds = np.array([judged.log_odds(c, r) for c, r in zip(rows.chats, raw.tolist(), strict=True)])
    serving, _ = _fit(rows, early | later, held_out, gathered.known)
    return Fitted(judged, 1 / (1 + np.exp(-odds)), serving)


def _fit(rows: Rows, on: Chosen, later: Chosen, known: Known) -> tuple[GateModel, Scores]:
    from sklearn.ensemble import GradientBoostingClassifier

    chosen = np.flatnonzero(on)[-MOST:]
    model = GradientBoostingClassifier(**_SETTINGS)
    model.fit(rows.seen[chosen], rows.answered[chosen])
    raw: Scores = model.decision_function(rows.seen)
    slope, intercept = platt(raw[later], rows.answered[later])
    places = np.flatnonzero(later)
    chats = [rows.chats[place] for place in places.tolist()]
    odds = slope * raw[later] + intercept
    steps = _steps(chats, odds, rows.answered[later])
    stepped = odds + np.array([steps.get(chat, 0.0) for chat in chats])
    shares: Scores = 1 / (1 + np.exp(-stepped))
    answered, overheard = rows.answered[later], ~rows.addressed[later]
    rate = float(answered[overheard].mean()) if overheard.any() else 0.0
    at_rate = border_at_rate(shares[overheard], rate)
    even = border_of(shares, answered)
    gate = GateModel(Trees.of(model), known, slope, intercept, steps, at_rate, even)
    return gate, raw


def platt(raw: Scores, answered: Chosen) -> tuple[float, float]:
    """Slope and intercept of the logistic that fits best (Platt 1999); the slope above 0."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1e4, max_iter=1000).fit(raw[:, None], answered)
    return max(float(fitted.coef_[0, 0]), 0.05), float(fitted.intercept_[0])


def _steps(chats: Sequence[str], odds: Scores, answered: Chosen) -> Mapping[str, float]:
    """What each of several chats adds, the likeliest given a normal prior around none."""
    names = sorted(set(chats))
    if len(names) < 2:
        return {}
    of = np.array([names.index(chat) for chat in chats])
    return {
        name: round(_step(odds[of == number], answered[of == number]), 4)
        for number, name in enumerate(names)
    }


def _step(odds: Scores, answered: Chosen) -> float:
    """Newton's method on one number."""
    step = 0.0
    for _ in range(20):
        share = 1 / (1 + np.exp(-(odds + step)))
        slope = float((answered - share).sum()) - _STAY * step
        step += slope / (float((share * (1 - share)).sum()) + _STAY)
    return step if math.isfinite(step) else 0.0


def border_at_rate(scores: Scores, rate: float) -> float:
    """The score that this share of the scores reaches."""
    if not len(scores):
        return 0.5
    return float(np.quantile(scores, 1 - min(max(rate, 0.0), 1.0)))


def border_of(scores: Scores, answered: Chosen) -> float:
    """The score from which on to speak for the best balanced accuracy."""
    levels, places = np.unique(scores, return_inverse=True)
    hits = np.bincount(places, answered, len(levels))[::-1].cumsum()
    false = np.bincount(places, ~answered, len(levels))[::-1].cumsum()
    gain = hits / max(hits[-1], 1) - false / max(false[-1], 1)
    return float(levels[::-1][gain.argmax()])
