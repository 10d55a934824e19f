"""How well a gate does on time it has not seen, beside simple rules, as plain numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from bot.gating.fitting import Fitted, border_of, parts
from bot.gating.gathering import Gathered, Rows
from bot.gating.model import FEATURES
from bot.gating.rivals import HAND, rivals

Scores = npt.NDArray[np.float64]
Chosen = npt.NDArray[np.bool_]
LEARNED = "the learned gate"
SERVED = "the learned gate as it serves"
HAND_SERVED = f"{HAND}, at 0.5"
CHANCE = "at random, as often"
_RULES = ("only when addressed", "recency rule", "necessity score", CHANCE)
_DAY = 86_400.0
_BINS = 10
_POINTS = 101
_PEOPLE = 40
_DRAWS = 400
_BLOCK = 50
"""Messages that are drawn together: neighbours are of one conversation."""


@dataclass(frozen=True, slots=True)
class Row:
    """One way to decide, judged on the held-out messages.

    ``balanced`` is balanced accuracy at the border that was best before, ``precision`` and
    ``recall`` at the border that speaks as often as @self. ``speaks`` is how often it would at the
    first border, ``false_per_day`` how many replies a day of the second @self did not give.
    ``next_auc`` and ``next_balanced`` judge by whether @self's message came next. None where it
    cannot be said.
    """

    name: str
    balanced: float
    auc: float | None
    average_precision: float | None
    precision: float | None
    recall: float | None
    false_per_day: float | None
    speaks: float
    next_auc: float | None = None
    next_balanced: float | None = None


def report(gathered: Gathered, fitted: Fitted) -> dict[str, Any]:
    """All figures, JSON-ready; see ``docs/gate.md``."""
    rows, held = gathered.rows, parts(gathered.rows)[2]
    table = list(_table(rows, fitted))
    truth, shares = rows.answered[held], fitted.shares[held]
    days = _days(rows, held, has_times=gathered.has_times)
    timed = np.array([chat not in gathered.known.timeless for chat in rows.chats], np.bool_)
    return {
        "held_out": {
            "messages": int(held.sum()),
            "answered": int(truth.sum()),
            "days": days,
            "since": _instant(rows, held) if gathered.has_times else None,
            "share_answered": float(truth.mean()),
        },
        "table": [asdict(row) for row in table],
        "gain": _gain(rows, fitted, [row for row in table if row.name in _RULES]),
        "gain_over_hand": _gain(rows, fitted, [row for row in table if row.name == HAND]),
        "calibration": _calibration(shares, truth),
        "curves": _curves(shares, truth),
        "borders": {"at_rate": fitted.judged.at_rate, "even": fitted.judged.even},
        "spoken": list(gathered.spoken),
        "heard": _week(rows, timed),
        "answered": _week(rows, rows.answered & timed),
        "people": _people(rows),
        "features": _importance(fitted),
    }


def spoken(rows: Rows, fitted: Fitted) -> Chosen:
    """Where the gate would speak as it serves: addressed, or from its border on (n,)."""
    return rows.addressed | (fitted.shares >= fitted.judged.at_rate)


def _table(rows: Rows, fitted: Fitted) -> Iterator[Row]:
    yield _row(LEARNED, rows, fitted.shares)
    yield _decided(SERVED, rows, spoken(rows, fitted))
    for name, scores in rivals(rows).items():
        yield _row(name, rows, scores)
    yield _decided(HAND_SERVED, rows, rivals(rows)[HAND] >= 0.5)
    held = parts(rows)[2]
    rate, before = float(rows.answered[held].mean()), float(rows.answered[~held].mean())
    days = _days(rows, held, has_times=True)
    false = rate * float((~rows.answered[held]).sum())
    yield Row(CHANCE, 0.5, 0.5, rate, rate, rate, false / days if days else None, before, 0.5, 0.5)


def _row(name: str, rows: Rows, scores: Scores) -> Row:
    _, later, held = parts(rows)
    truth = rows.answered[held]
    border = border_of(scores[later], rows.answered[later])
    speaks = scores[held] >= border
    at_rate = _as_often(scores[held], float(truth.mean()))
    following = scores[held] >= border_of(scores[later], rows.followed[later])
    auc, average = ranked(truth, scores[held])
    return Row(
        name,
        balanced_accuracy(truth, speaks),
        auc,
        average,
        _share(truth[at_rate]),
        _share(at_rate[truth]),
        _per_day(rows, held, at_rate & ~truth),
        float(speaks.mean()),
        ranked(rows.followed[held], scores[held])[0],
        balanced_accuracy(rows.followed[held], following),
    )


def _decided(name: str, rows: Rows, speaks: Chosen) -> Row:
    """A way that decides and gives no score."""
    held = parts(rows)[2]
    truth, said = rows.answered[held], speaks[held]
    return Row(
        name,
        balanced_accuracy(truth, said),
        None,
        None,
        _share(truth[said]),
        _share(said[truth]),
        _per_day(rows, held, said & ~truth),
        float(said.mean()),
        None,
        balanced_accuracy(rows.followed[held], said),
    )


def _as_often(scores: Scores, rate: float) -> Chosen:
    """The ``rate`` highest; of equals the earliest said, so that it is as often for every rule."""
    wanted = round(rate * len(scores))
    chosen = np.zeros(len(scores), np.bool_)
    chosen[np.argsort(-scores, kind="stable")[:wanted]] = True
    return chosen


def balanced_accuracy(truth: Chosen, speaks: Chosen) -> float:
    """The mean of the shares of answered messages answered and of the others left alone."""
    return (_share(speaks[truth]) or 0.0) / 2 + (_share(~speaks[~truth]) or 0.0) / 2


def ranked(truth: Chosen, scores: Scores) -> tuple[float | None, float | None]:
    """Area under the ROC curve, and average precision; None where all are of one kind."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    if truth.all() or not truth.any():
        return None, None
    return float(roc_auc_score(truth, scores)), float(average_precision_score(truth, scores))


def _gain(rows: Rows, fitted: Fitted, others: Sequence[Row]) -> dict[str, Any]:
    """How far balanced accuracy is above the best of these, with a 95 % interval.

    Drawn again in blocks of neighbouring messages.
    """
    best = max(others, key=lambda row: row.balanced)
    _, later, held = parts(rows)
    truth, scores = rows.answered[held], rivals(rows).get(best.name)
    ours = fitted.shares[held] >= border_of(fitted.shares[later], rows.answered[later])
    theirs = np.zeros(len(truth), np.bool_)
    if scores is not None:
        theirs = scores[held] >= border_of(scores[later], rows.answered[later])
    drawn = list(_drawn(truth, ours, theirs))
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist() if drawn else (None, None)
    value = balanced_accuracy(truth, ours) - best.balanced
    return {"over": best.name, "points": value, "low": low, "high": high}


def _drawn(truth: Chosen, ours: Chosen, theirs: Chosen) -> Iterator[float]:
    dice = np.random.default_rng(0)
    blocks = np.array_split(np.arange(len(truth)), max(1, len(truth) // _BLOCK))
    for _ in range(_DRAWS if len(blocks) > 1 else 0):
        chosen = np.concatenate([blocks[one] for one in dice.integers(0, len(blocks), len(blocks))])
        if truth[chosen].any() and not truth[chosen].all():
            drawn = truth[chosen]
            yield (
                balanced_accuracy(drawn, ours[chosen]) - balanced_accuracy(drawn, theirs[chosen])
            )


def _calibration(shares: Scores, truth: Chosen) -> list[dict[str, float]]:
    """Messages in bins of equal size by probability: what was said, and what came."""
    order = np.argsort(shares, kind="stable")
    return [
        {
            "told": float(shares[some].mean()),
            "came": float(truth[some].mean()),
            "messages": len(some),
        }
        for some in np.array_split(order, _BINS)
        if len(some)
    ]


def _curves(shares: Scores, truth: Chosen) -> dict[str, list[list[float]]]:
    """Points of the ROC curve (false, found) and of the other (recall, precision)."""
    from sklearn.metrics import precision_recall_curve, roc_curve

    if truth.all() or not truth.any():
        return {"roc": [], "precision": []}
    false, found, _ = roc_curve(truth, shares)
    precision, recall, _ = precision_recall_curve(truth, shares)
    return {"roc": _thinned(false, found), "precision": _thinned(recall, precision)}


def _thinned(x: Scores, y: Scores) -> list[list[float]]:
    chosen = np.unique(np.linspace(0, len(x) - 1, _POINTS).astype(int))
    return [[round(float(x[at]), 4), round(float(y[at]), 4)] for at in chosen]


def _week(rows: Rows, chosen: Chosen) -> list[int]:
    """How many of the chosen messages fell into each hour of the week (168,), UTC."""
    hours = (rows.at[chosen] // 3600).astype(np.int64)
    monday = (hours + 3 * 24) % 168  # 1970 began on a Thursday
    return [int(count) for count in np.bincount(monday, minlength=168)]


def _people(rows: Rows) -> list[dict[str, Any]]:
    """Who was heard most, and how much of theirs @self answered."""
    names, places = np.unique(np.array(rows.handles), return_inverse=True)
    heard = np.bincount(places, minlength=len(names))
    answered = np.bincount(places, rows.answered, len(names)).astype(int)
    most = np.argsort(-heard, kind="stable")[:_PEOPLE]
    return [
        {"handle": str(names[at]), "messages": int(heard[at]), "answered": int(answered[at])}
        for at in most
    ]


def _importance(fitted: Fitted) -> list[list[Any]]:
    """How much each feature moves the log-odds: the sum of what its splits set apart."""
    found: dict[int, float] = {}
    for tree in fitted.serving.trees.trees:
        for node in tree:
            if node[0] >= 0:
                apart = abs(tree[node[2]][4] - tree[node[3]][4])
                found[node[0]] = found.get(node[0], 0.0) + apart
    order = sorted(found, key=lambda number: -found[number])
    return [[FEATURES[number], round(found[number], 3)] for number in order]


def _days(rows: Rows, chosen: Chosen, *, has_times: bool) -> float | None:
    at = rows.at[chosen]
    if not has_times or not len(at) or _is_timeless(rows):
        return None
    return max(float(at.max() - at.min()) / _DAY, 1 / 24)


def _is_timeless(rows: Rows) -> bool:
    return float(rows.column("time since @self").max(initial=0.0)) == 0


def _per_day(rows: Rows, held: Chosen, false: Chosen) -> float | None:
    days = _days(rows, held, has_times=True)
    return float(false.sum()) / days if days else None


def _instant(rows: Rows, chosen: Chosen) -> str:
    return datetime.fromtimestamp(float(rows.at[chosen].min()), UTC).isoformat()


def _share(chosen: Chosen) -> float | None:
    return float(chosen.mean()) if len(chosen) else None
