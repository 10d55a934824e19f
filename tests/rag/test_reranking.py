"""A cross-encoder for real, and what happens without one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from rag.reranking import Reranker
from tests.rag.tiny import save_cross_encoder

MINUTE = timedelta(minutes=1)
PASSAGES = [f"the key hangs behind door {'key ' * number}" for number in range(20)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder of random weights."""
    return save_cross_encoder(tmp_path_factory.mktemp("models") / "cross")


def test_each_passage_gets_the_score_the_model_gives_the_pair(folder: Path) -> None:
    from sentence_transformers import CrossEncoder

    scores = Reranker(str(folder)).rerank("the key", PASSAGES, MINUTE)
    model = CrossEncoder(str(folder), local_files_only=True)
    by_hand = model.predict([("the key", text) for text in PASSAGES])
    assert scores == pytest.approx(by_hand.tolist(), abs=1e-4)
    assert all(score is not None and 0 < score < 1 for score in scores)


def test_what_does_not_fit_into_the_time_is_not_scored(folder: Path) -> None:
    ticks = iter(range(1000))
    reranker = Reranker(str(folder), clock=lambda: float(next(ticks)))
    reranker.warm()
    scores = reranker.rerank("the key", PASSAGES, timedelta(seconds=5))
    assert len(scores) == len(PASSAGES)
    assert scores[0] is not None
    assert scores[-1] is None


def test_no_time_means_no_scores_and_no_waiting_for_the_model(folder: Path) -> None:
    reranker = Reranker(str(folder))
    reranker.close()
    assert reranker.rerank("the key", PASSAGES, timedelta(0)) == [None] * len(PASSAGES)
    assert reranker.rerank("the key", [], MINUTE) == []


def test_a_model_that_is_not_there_warns_once(tmp_path: Path) -> None:
    warnings: list[str] = []
    reranker = Reranker(str(tmp_path / "none"), warn=warnings.append)
    for _ in range(3):
        assert reranker.rerank("the key", PASSAGES, MINUTE) == [None] * len(PASSAGES)
    assert len(warnings) == 1
    assert warnings[0].startswith("recall.reranker")


def test_a_classifier_of_several_labels_is_refused(tmp_path: Path) -> None:
    warnings: list[str] = []
    folder = save_cross_encoder(tmp_path / "labels", labels=3)
    scores = Reranker(str(folder), warn=warnings.append).rerank("the key", PASSAGES[:1], MINUTE)
    assert scores == [None]
    assert "3 labels" in warnings[0]
