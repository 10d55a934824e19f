"""Borders lie in pauses near the wanted share."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.borders import Stretch, choose_borders
from tests.ingest.talk import START


def at(hours: float) -> datetime:
    """An instant."""
    return START + timedelta(hours=hours)


def test_a_border_lies_in_the_longest_pause_near_its_place() -> None:
    pause = 24  # hours, before the 81st of a hundred half-hourly threads
    starts = [n + pause * (n >= 81) for n in range(100)]
    late = [Stretch(at(start), at(start + 0.5), 1) for start in starts]
    borders = choose_borders(late, validation=0.1, test=0.1)
    assert at(80.5) < borders["validation"] < at(81) + timedelta(days=1)
    assert borders["validation"] - at(80.5) > timedelta(hours=12)


def test_where_threads_never_pause_the_fewest_replies_are_lost() -> None:
    stretches = [Stretch(at(n), at(n + 1.5), 1 if n == 89 else 20) for n in range(100)]
    borders = choose_borders(stretches, validation=0.2, test=0.1)
    assert borders["test"] == at(90)


def test_a_share_of_nothing_gives_an_empty_split() -> None:
    stretches = [Stretch(at(n), at(n + 0.5), 1) for n in range(50)]
    borders = choose_borders(stretches, validation=0.1, test=0)
    assert borders["test"] > at(49.5)
    assert borders["validation"] < at(49)
    neither = choose_borders(stretches, validation=0, test=0)
    assert at(49.5) < neither["validation"] <= neither["test"]


@settings(deadline=None, max_examples=80, derandomize=True)
@given(
    st.lists(
        st.tuples(st.integers(0, 5000), st.integers(0, 60), st.integers(1, 5)),
        min_size=20, max_size=120,
    ),
    st.sampled_from([0.0, 0.05, 0.1, 0.2]),
    st.sampled_from([0.0, 0.05, 0.1, 0.2]),
)  # fmt: skip
def test_borders_follow_each_other_and_hold_about_their_shares(
    raw: list[tuple[int, int, int]], validation: float, test: float
) -> None:
    stretches = [Stretch(at(start), at(start + length), n) for start, length, n in raw]
    borders = choose_borders(stretches, validation=validation, test=test)
    assert borders["validation"] <= borders["test"]
    assert borders == choose_borders(stretches[::-1], validation=validation, test=test)
    total = sum(stretch.replies for stretch in stretches)
    largest = sum(sorted((s.replies for s in stretches), reverse=True)[:1])
    open_at = max(
        sum(s.replies for s in stretches if s.start <= other.start <= s.end) for other in stretches
    )
    tested = sum(s.replies for s in stretches if s.start >= borders["test"])
    assert abs(tested - test * total) <= max(1, 0.25 * test * total) + open_at + largest


def test_without_any_thread_there_is_no_border() -> None:
    with pytest.raises(ValueError, match="max"):
        choose_borders([], validation=0.1, test=0.1)
