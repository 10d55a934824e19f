"""When a new version is taken back: what chance explains is not held against it."""

from __future__ import annotations

from random import Random

import pytest
from scipy.stats import fisher_exact

from bot.guarding.rule import LEAST, Counts, looks, tail, worse
from bot.guarding.votes import verdict_of

PROBATION = 200
PLANNED = len(looks(PROBATION))


def test_it_is_looked_at_more_and_more_seldom_up_to_the_end() -> None:
    assert looks(200) == [10, 15, 22, 34, 51, 76, 114, 171, 200]
    assert looks(10) == [10]
    assert looks(9) == []


@pytest.mark.parametrize("table", [(8, 10, 1, 20), (3, 10, 5, 500), (0, 30, 4, 60), (9, 9, 2, 7)])
def test_the_chance_is_that_of_fishers_exact_test(table: tuple[int, int, int, int]) -> None:
    amiss, replies, before, replies_before = table
    counts = [[amiss, replies - amiss], [before, replies_before - before]]
    expected = fisher_exact(counts, alternative="greater").pvalue
    assert tail(amiss, replies, before, replies_before) == pytest.approx(expected)


def test_eight_of_ten_disliked_are_too_many_and_told_with_figures() -> None:
    old = Counts(replies=60, disliked=2)
    [found] = worse([Counts(replies=10, disliked=8)], old, planned=PLANNED)
    assert found.guard == "disliked"
    assert str(found).startswith(
        "8 of 10 replies had a 👎 of an admin or of @self, 2 of 60 before (p = "
    )


def test_a_few_slips_are_no_verdict() -> None:
    for slips in range(LEAST):
        new = Counts(replies=10, repeated=slips, leaked=slips, failed=slips, disliked=slips)
        assert worse([new], Counts(replies=2000), planned=PLANNED) == []
    assert worse([Counts(replies=10, disliked=3)], Counts(), planned=PLANNED) == []


def test_a_version_as_bad_as_the_one_before_stays() -> None:
    old = Counts(replies=500, repeated=200, failed=100)
    new = Counts(replies=114, repeated=50, failed=25)
    assert worse([new], old, planned=PLANNED) == []


def test_a_version_that_is_no_worse_is_hardly_ever_taken_back() -> None:
    dice, taken_back, runs = Random(7), 0, 1500
    for _ in range(runs):
        slips = [dice.random() < 0.15 for _ in range(PROBATION)]
        at_looks = [Counts(replies=n, repeated=sum(slips[:n])) for n in looks(PROBATION)]
        before = Counts(replies=300, repeated=sum(dice.random() < 0.15 for _ in range(300)))
        taken_back += bool(worse(at_looks, before, planned=PLANNED))
    assert taken_back / runs < 0.01


def test_a_version_that_is_much_worse_nearly_always_is() -> None:
    dice, taken_back, runs = Random(8), 0, 200
    for _ in range(runs):
        slips = [dice.random() < 0.5 for _ in range(PROBATION)]
        at_looks = [Counts(replies=n, repeated=sum(slips[:n])) for n in looks(PROBATION)]
        before = Counts(replies=300, repeated=sum(dice.random() < 0.1 for _ in range(300)))
        taken_back += bool(worse(at_looks, before, planned=PLANNED))
    assert taken_back == runs


def test_thumbs_count_in_every_colour_and_nothing_else_does() -> None:
    assert [verdict_of(each) for each in ("👍", "👍🏽", "👎", "👎🏿", "👎️")] == [1, 1, -1, -1, -1]
    assert [verdict_of(each) for each in ("❤", "🔥", ":custom:", "")] == [0, 0, 0, 0]
