"""The scores of benchmarks/threads.py, against values worked out by hand."""

from __future__ import annotations

from math import log2

import pytest

from benchmarks.thread_scores import Links, score

GOLD: Links = {(10, 10), (11, 10), (12, 12), (13, 12), (14, 14), (15, 9)}


def test_what_is_right_in_everything_scores_a_hundred() -> None:
    scores = score({"log": GOLD}, {"log": GOLD})
    assert (scores.f1, scores.exact_f1, scores.one_to_one) == (100, 100, 100)
    assert scores.scaled_vi == pytest.approx(100)


def test_one_wrong_link_costs_what_it_should() -> None:
    found = (GOLD - {(14, 14)}) | {(14, 13)}
    scores = score({"log": GOLD}, {"log": found})
    assert scores.precision == scores.recall == pytest.approx(100 * 5 / 6)
    # Two conversations of two messages or more are true, 10-11 is found whole, 12-13 is not.
    assert scores.exact_precision == scores.exact_recall == 50
    assert scores.one_to_one == pytest.approx(100 * 5 / 6)


def test_everything_apart_is_scored_by_its_entropy() -> None:
    apart: Links = {(line, line) for line in range(10, 16)}
    true = {(10, 10), *((line, 10) for line in range(11, 16))}
    scores = score({"log": true}, {"log": apart})
    # H(found) is log2 6, H(true) is 0: the variation of information is as large as it can be.
    assert scores.scaled_vi == pytest.approx(100 * (1 - log2(6) / log2(6)))
    assert scores.one_to_one == pytest.approx(100 / 6)


def test_lines_before_the_first_annotated_one_join_but_do_not_count() -> None:
    gold: Links = {(10, 3), (11, 3)}
    scores = score({"log": gold}, {"log": {(10, 10), (11, 10)}})
    assert scores.f1 == 0
    assert scores.exact_f1 == 100


def test_a_message_may_answer_several() -> None:
    gold: Links = {(10, 10), (11, 11), (12, 10), (12, 11)}
    found: Links = {(10, 10), (11, 11), (12, 11)}
    assert score({"log": gold}, {"log": found}).recall == 75
    assert score({"log": gold}, {"log": found}).precision == 100
