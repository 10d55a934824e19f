"""The rule by which a new model takes the place of the one that serves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from likeness.loop.judgement import Judgement, Pairing, decide, decide_first
from likeness.measured import Better, Figure, Measure, Measures
from tests.likeness.retraining import EVEN, GAIN, PASSING, guard

V2 = Pairing.of("v2", "v1")


def judged(
    *guards: Measure,
    card: Mapping[str, Any] = PASSING,
    withdrawn: tuple[str, ...] = (),
    **differences: Figure,
) -> Judgement:
    found = {"likeness": GAIN, **differences}
    return decide(found, Measures(guards, {}), card, V2, withdrawn=withdrawn)


def test_better_and_nowhere_worse_is_promoted_with_its_figures() -> None:
    done = judged(guard("leakage"), guard("facts", Better.HIGHER), leakage=EVEN, facts=EVEN)
    assert done.is_promoted
    assert done.reasons == (
        "better on likeness: +0.040 (+0.010 to +0.070), 120 replies, beyond chance",
        "not worse on leakage, facts",
    )


def test_within_chance_is_told() -> None:
    done = judged(guard("leakage"), leakage=EVEN, likeness=Figure(0.01, -0.02, 0.04, 40, 9))
    assert done.is_promoted
    assert done.reasons[0].endswith("within chance, as the interval holds 0")


@pytest.mark.parametrize(
    ("better", "found"),
    [
        (Better.LOWER, Figure(0.05, 0.02, 0.08, 120)),
        (Better.HIGHER, Figure(-0.05, -0.08, -0.02, 120)),
        (Better.LOWER, Figure(0.05)),
        (Better.HIGHER, Figure(-0.05)),
    ],
)
def test_one_guard_worse_beyond_its_interval_is_enough_against(
    better: Better, found: Figure
) -> None:
    done = judged(guard("leakage"), guard("other", better), leakage=EVEN, other=found)
    assert not done.is_promoted
    assert done.reasons[0].startswith(f"worse on other: {found.value:+.3f}")


@pytest.mark.parametrize("value", [0.05, -0.05])
def test_a_loss_within_the_interval_is_no_objection(value: float) -> None:
    better = Better.LOWER if value > 0 else Better.HIGHER
    assert judged(guard("a", better), a=Figure(value, value - 0.1, value + 0.1, 50)).is_promoted


def test_where_the_aim_is_selfs_own_value_farther_is_worse() -> None:
    far = guard("length", Better.NEAR_SELF, new=9.0, old=11.0, own=12.0)
    near = guard("length", Better.NEAR_SELF, new=11.5, old=14.0, own=12.0)
    assert not judged(far, length=Figure(-2, -3, -1, 80)).is_promoted
    assert judged(near, length=Figure(-2.5, -3, -1, 80)).is_promoted


def test_no_better_on_likeness_is_kept_aside() -> None:
    assert not judged(guard("a"), a=EVEN, likeness=Figure(0.0, -0.1, 0.1, 9)).is_promoted
    nothing = decide({"a": EVEN}, Measures((guard("a"),), {}), PASSING, V2)
    assert nothing.reasons == ("likeness could not be compared; rehearse more scenes",)


def test_what_is_no_number_is_neither_a_gain_nor_a_guard_kept() -> None:
    none = Figure(math.nan, math.nan, math.nan, 9)
    assert not judged(guard("a"), a=EVEN, likeness=none).is_promoted
    known = guard("nats", old=1.5)
    for done in (
        judged(known, guard("a"), a=EVEN, nats=none),
        judged(known, guard("a"), a=EVEN),
    ):
        assert done.reasons == ("nats could not be compared; rehearse more scenes",)


def test_without_any_guard_nothing_is_promoted() -> None:
    assert judged(guard("a")).reasons == ("no guard could be compared; rehearse more scenes",)
    assert "not measured: b" in judged(guard("a"), guard("b"), a=EVEN).reasons


def test_a_version_that_was_taken_back_is_not_let_serve_again_by_rule() -> None:
    done = judged(guard("a"), a=EVEN, withdrawn=("v2",))
    assert done.reasons == ("v2 served before and was taken back",)


def test_the_card_speaks_for_the_candidate_and_the_rehearsal_against_what_serves() -> None:
    better_served = {**PASSING, "serving": {"persona_minus_serving": {"value": 0.2}}}
    assert judged(guard("a"), a=EVEN, card=better_served).is_promoted
    no_better = {**PASSING, "persona": {"nats_per_token": 3.0}}
    assert judged(guard("a"), a=EVEN, card=no_better).reasons == ("it is no better than its base",)


def test_where_nothing_serves_the_card_decides() -> None:
    assert decide_first(PASSING).is_promoted
    failing = {**PASSING, "verdict": "fail", "findings": [{"level": "fail", "text": "it recites"}]}
    assert decide_first(failing).reasons == ("its report card fails: it recites",)
