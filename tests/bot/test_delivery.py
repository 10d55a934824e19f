"""How replies go out: as many messages as @self sends, at @self's pace, within bounds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.delivery import ALWAYS_QUOTED, LONGEST, Step, plan, shaped
from bot.manner import Manner, Typing

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEADY = Typing(1, 0.1, (1, 1))
QUICK = Manner(
    parts=(0.5, 0.3, 0.2),
    lengths=(5, 20, 40),
    spaced=STEADY,
    delays=((4, 4), (2, 2), (0, 0)),
    quotes=(0, 0, 0, 0, 0),
    stops=0.1,
)
LONG = "One thing is this here. Two things are those. Three are many more. Four is the end of it."


def planned(
    parts: Sequence[str], manner: Manner = QUICK, seed: int = 1, **told: object
) -> tuple[Step, ...]:
    """A plan for a platform that takes 60 characters."""
    fields: dict[str, object] = {"asked_at": NOW, "now": NOW, "between": 0, **told}
    return plan(parts, manner, rng=Random(seed), longest=lambda _text: 60, **fields)  # type: ignore[arg-type]


def seconds(steps: Sequence[Step]) -> list[float]:
    """The pauses."""
    return [round(step.pause.total_seconds(), 3) for step in steps]


def test_parts_go_out_one_by_one_as_they_are_typed() -> None:
    steps = planned(["well", "not quite so"])
    assert [step.text for step in steps] == ["well", "not quite so"]
    assert seconds(steps) == [4, 2.2]
    assert [round(step.typing.total_seconds(), 3) for step in steps] == [1.4, 2.2]
    assert not any(step.is_quote for step in steps)


def test_nothing_to_say_is_no_step() -> None:
    assert planned([]) == planned(["  ", "\n"]) == ()


def test_time_spent_on_writing_counts_as_the_first_pause() -> None:
    assert seconds(planned(["well", "ok"], now=NOW + timedelta(seconds=3))) == [1, 1.2]
    assert seconds(planned(["well", "ok"], now=NOW + timedelta(minutes=3))) == [0, 1.2]
    assert seconds(planned(["well", "ok"], now=NOW - timedelta(minutes=3))) == [4, 1.2]


def test_a_lively_chat_is_answered_sooner() -> None:
    assert [seconds(planned(["ok"], live=live))[0] for live in (0, 5, 30)] == [4, 2, 0]


def test_pace_scales_all_pauses() -> None:
    assert seconds(planned(["well", "ok"], pace=2)) == [8, 2.4]
    assert seconds(planned(["well", "ok"], pace=0)) == [0, 0]
    assert planned(["well"], pace=0)[0].typing == timedelta()


def test_what_lies_far_back_or_was_asked_by_many_is_quoted() -> None:
    assert planned(["ok", "so"], between=ALWAYS_QUOTED)[0].is_quote
    assert not planned(["ok", "so"], between=ALWAYS_QUOTED)[1].is_quote
    assert planned(["ok"], asking=2)[0].is_quote
    eager = Manner(quotes=(0.25, 1, 1, 1, 1))
    share = sum(planned(["ok"], eager, seed)[0].is_quote for seed in range(600)) / 600
    assert share == pytest.approx(0.25, abs=0.06)


def test_a_long_part_goes_out_as_the_bursts_of_self() -> None:
    counts = Counter(len(shaped([LONG], QUICK, Random(seed), len)) for seed in range(1500))
    shares = [counts[number] / 1500 for number in (1, 2, 3)]
    assert shares == pytest.approx(QUICK.parts, abs=0.05)


def test_a_wall_of_text_goes_out_in_several_messages() -> None:
    wall = f"{LONG} {LONG}"
    for seed in range(20):
        texts = shaped([wall], QUICK, Random(seed), len)
        assert 2 <= len(texts) <= len(QUICK.parts)
        assert max(map(len, texts)) <= 3 * QUICK.length(0.99)


def test_cuts_end_as_self_ends_messages() -> None:
    seed = next(s for s in range(99) if len(shaped([LONG], QUICK, Random(s), len)) == 2)
    first, second = shaped([LONG], QUICK, Random(seed), len)
    assert first.endswith("are those")
    assert second.endswith("of it.")
    strict = Manner(parts=QUICK.parts, lengths=QUICK.lengths, stops=0.9)
    assert shaped([LONG], strict, Random(seed), len)[0].endswith("are those.")
    assert shaped(["我想了很久很久，明天还是不去了吧"], Manner((0, 1), (1, 2)), Random(1), len) == (
        "我想了很久很久", "明天还是不去了吧",
    )  # fmt: skip


def test_short_parts_stay_as_the_model_wrote_them() -> None:
    for seed in range(50):
        assert shaped(["A. B."], QUICK, Random(seed), len) == ("A. B.",)
        assert shaped(["a", "b"], QUICK, Random(seed), len) == ("a", "b")


def test_more_parts_than_self_ever_sends_go_together() -> None:
    parts = ["first of all", "a", "b", "and the last"]
    assert shaped(parts, QUICK, Random(1), len) == ("first of all", "a b", "and the last")


def test_delays_follow_the_manner_as_far_as_anybody_waits() -> None:
    manner = Manner(delays=((1, 2, 4, 8, 60),) * 3)
    pauses = sorted(planned(["ok"], manner, seed)[0].pause.total_seconds() for seed in range(2000))
    assert pauses[0] >= 1
    assert pauses[-1] <= LONGEST / 2
    # Of the delays up to 10 s (0.76 of all) a third lies below 2 s, two thirds below 4 s.
    for at, share in ((2, 0.25 / 0.7596), (4, 0.5 / 0.7596), (8, 0.75 / 0.7596)):
        assert sum(pause <= at for pause in pauses) / 2000 == pytest.approx(share, abs=0.04)


def test_pauses_follow_the_typing_of_self() -> None:
    manner = Manner(spaced=Typing(1, 0.1, (0.5, 1, 2)), parts=(0, 1), delays=((0, 0),) * 3)
    pauses = [
        planned(["ok", "a" * 20], manner, seed)[1].pause.total_seconds() for seed in range(800)
    ]
    below = sum(pause <= 3 for pause in pauses) / 800
    assert below == pytest.approx(0.5, abs=0.06)
    assert 1.5 <= min(pauses) <= max(pauses) <= 6


PARTS = st.lists(st.text(max_size=200) | st.just(LONG), max_size=8)


@settings(max_examples=300, deadline=None)
@given(PARTS, st.integers(0, 99), st.integers(0, 40), st.floats(0, 3), st.integers(0, 90))
def test_nobody_waits_longer_than_the_bound(
    parts: list[str], seed: int, between: int, pace: float, spent: int
) -> None:
    now = NOW + timedelta(seconds=spent)
    steps = planned(parts, Manner(), seed, now=now, between=between, pace=pace)
    assert sum(seconds(steps)) <= LONGEST * pace + 0.01
    assert all(timedelta() <= step.typing <= step.pause for step in steps)
    assert all(0 < len(step.text) <= 60 for step in steps)
    assert sum(step.is_quote for step in steps[1:]) == 0
    assert steps == planned(parts, Manner(), seed, now=now, between=between, pace=pace)


@settings(max_examples=200, deadline=None)
@given(PARTS, st.integers(0, 99))
def test_words_stay_what_they_are(parts: list[str], seed: int) -> None:
    said = "".join(step.text for step in planned(parts, Manner(), seed))
    assert _letters(said) == _letters("".join(parts))


def _letters(text: str) -> str:
    return re.sub(r"[\s.。,，]", "", text)
