"""Trees, borders and scores of the learned gate, without an archive."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bot.gate import HandScorer, Situation
from bot.gating.features import features
from bot.gating.figures import balanced_accuracy
from bot.gating.fitting import border_at_rate, border_of
from bot.gating.known import Known
from bot.gating.learned import rescaled
from bot.gating.model import FEATURES
from bot.gating.trees import Trees
from bot.platforms.base import Address
from ingest.chat import Message
from tests.bot.talking import ANN
from tests.ingest.talk import START


def test_trees_give_what_the_library_gives() -> None:
    from sklearn.ensemble import GradientBoostingClassifier

    dice = np.random.default_rng(3)
    seen = dice.normal(size=(400, 4)).astype(np.float32)
    truth = seen[:, 0] * seen[:, 1] + seen[:, 2] > 0
    fitted = GradientBoostingClassifier(n_estimators=20, max_depth=3).fit(seen, truth)
    trees = Trees.from_json(json.loads(json.dumps(Trees.of(fitted).to_json())), 4)
    for row, expected in zip(seen[:50].tolist(), fitted.decision_function(seen[:50]), strict=True):
        assert trees.log_odds(row) == pytest.approx(expected, abs=1e-4)
        roots = sum(tree[0][4] for tree in trees.trees)
        told = sum(trees.told(row).values())
        assert trees.base + roots + told == pytest.approx(expected, abs=1e-4)


def test_trees_that_lead_nowhere_are_refused() -> None:
    for tree in ([], [[0, 0.5, 0, 1, 0.0]], [[9, 0.5, 1, 2, 0.0], [-1, 0, -1, -1, 1.0]]):
        with pytest.raises(ValueError, match="shape"):
            Trees.from_json({"base": 0.0, "trees": [tree]}, 4)


def test_a_score_rises_with_the_probability_and_is_half_at_its_border() -> None:
    scores = [rescaled(share, 0.08) for share in (0.0, 0.01, 0.08, 0.3, 1.0)]
    assert scores == sorted(scores)
    assert scores[2] == pytest.approx(0.5)
    assert 0 <= scores[0] < 0.01
    assert 0.99 < scores[-1] <= 1


def test_borders_are_found_between_equals() -> None:
    scores = np.array([0.0, 0.0, 0.5, 0.5, 0.9])
    truth = np.array([False, False, False, True, True])
    assert border_of(scores, truth) == 0.5
    assert balanced_accuracy(truth, scores >= 0.5) == pytest.approx(5 / 6)
    assert (scores >= border_at_rate(scores, 0.2)).sum() == 1


def test_an_empty_room_has_all_features() -> None:
    message = Message("a:1", "a", ANN, START, "你好")
    seen = features(Situation(START, message, Address.NONE, (message,)), Known())
    assert tuple(seen) == FEATURES
    assert HandScorer().score(Situation(START, message))[0] < 0.5
