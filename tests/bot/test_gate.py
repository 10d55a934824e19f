"""When to speak, on situations one could name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.gate import Decision, HandScorer, Rules, Situation, Verdict, decide
from bot.platforms.base import Address
from ingest.chat import Kind
from tests.bot.talking import ANN, BOB, CAT, ME, NOON, ROBOT, room, situation

RULES = Rules(names=("kevin", "小明"))


def judge(asked: Situation, rules: Rules = RULES, dice: float = 0.5) -> Decision:
    """The decision of the scorer that ships."""
    return decide(asked, rules, HandScorer(), dice)


@pytest.mark.parametrize("address", [Address.PRIVATE, Address.REPLY, Address.MENTION])
def test_who_addresses_the_bot_is_answered(address: Address) -> None:
    decision = judge(situation(room((ANN, "are you there?")), address=address))
    assert decision.is_answer
    assert decision.is_addressed
    assert decision.score == 1


def test_who_calls_by_name_is_answered() -> None:
    for text in ("Kevin, is it so?", "what do you think, kevin?", "我想问小明一下"):
        decision = judge(situation(room((ANN, text))))
        assert decision.verdict is Verdict.ANSWER
        assert decision.reasons[0].startswith("calls ")


def test_who_speaks_of_self_to_somebody_else_is_not_answered() -> None:
    for text, is_called in (("I think kevin is away", False), ("Kevin, do you know?", True)):
        asked = situation(room((BOB, "hm"), (CAT, "so"), (ANN, text), reply_to="test:0"))
        assert judge(asked).is_addressed is is_called


def test_small_talk_of_others_is_left_alone() -> None:
    talk = room((ANN, "lunch?"), (BOB, "yes, the noodle place"), (ANN, "at one then"))
    decision = judge(situation(talk))
    assert not decision.is_answer
    assert decision.reasons[0].startswith("score 0.0")


def test_an_open_question_in_a_talk_with_self_is_joined() -> None:
    talk = room(
        (ANN, "the proof of the lemma does not compile"),
        (ME, "which lemma of the proof?"),
        (ANN, "does anyone know how the second lemma goes?"),
    )
    assert judge(situation(talk)).is_answer
    assert not judge(situation(talk), replace(RULES, threshold=1)).is_answer


def test_a_question_put_to_somebody_else_is_not_joined() -> None:
    lines = [(BOB, "hello"), (ME, "good morning")]
    to_all = judge(situation(room(*lines, (ANN, "can you show me the way?"))))
    to_bob = judge(situation(room(*lines, (ANN, "bob: can you show me the way?"))))
    reply = judge(situation(room(*lines, (ANN, "can you show me?"), reply_to="test:0")))
    mention = judge(situation(room(*lines, (ANN, "can you show me?"), mentions=("bob",))))
    assert to_all.is_answer
    assert max(to_bob.score, reply.score, mention.score) < 0.1


def test_two_who_talk_with_each_other_are_not_disturbed() -> None:
    lines = [(ANN, "it broke again"), (BOB, "restart it"), (ANN, "did that"), (BOB, "the cable?")]
    two = judge(situation(room(*lines, (ANN, "what about the router?")))).score
    three = judge(situation(room(*lines, (CAT, "what about the router?")))).score
    assert two < three


def test_while_the_real_self_is_here_it_leaves_the_talking_to_them() -> None:
    talk = room((ANN, "the lemma fails"), (ME, "which lemma?"), (ANN, "who knows the last lemma?"))
    asked = situation(talk)
    here = replace(asked, self_wrote_at=NOON - timedelta(minutes=3))
    assert judge(asked).is_answer
    assert not judge(here).is_answer
    assert "you wrote here 3 min ago" in judge(here).reasons
    assert judge(replace(here, self_wrote_at=NOON - timedelta(hours=1))).is_answer
    assert judge(replace(here, address=Address.REPLY)).is_answer


def test_nothing_old_is_answered() -> None:
    asked = situation(room((ANN, "hi")), address=Address.PRIVATE, now=NOON + timedelta(minutes=34))
    decision = judge(asked)
    assert decision.key == "stale"
    assert decision.reasons == ("stale: 34 min old (limit 15 min)", "private chat")


def test_a_clock_that_runs_behind_makes_nothing_stale() -> None:
    asked = situation(room((ANN, "hi")), address=Address.PRIVATE, now=NOON - timedelta(hours=1))
    assert judge(asked).is_answer


def test_mute_ends_when_it_says() -> None:
    asked = situation(room((ANN, "hi")), address=Address.MENTION)
    assert judge(replace(asked, muted_until=NOON + timedelta(seconds=1))).key == "muted"
    assert judge(replace(asked, muted_until=NOON)).is_answer


def test_quiet_hours_run_over_midnight_in_their_zone() -> None:
    night = replace(RULES, quiet=(time(23), time(8)), zone=ZoneInfo("Asia/Jakarta"))
    hours = [night.is_quiet(datetime(2026, 3, 2, hour, tzinfo=UTC)) for hour in range(24)]
    assert [hour for hour, is_quiet in enumerate(hours) if is_quiet] == [0, *range(16, 24)]
    asked = situation(room((ANN, "hi")), address=Address.MENTION, now=NOON)
    assert judge(asked, night).is_answer
    day = replace(night, quiet=(time(19), time(19, 30)))
    assert judge(asked, day).reasons[0] == "quiet hours 19:00-19:30 Asia/Jakarta"
    assert judge(asked, replace(day, quiet_answers=True)).is_answer


def test_limits_hold_for_those_who_address_it_too() -> None:
    asked = situation(room((ANN, "hi")), address=Address.REPLY)
    said = [NOON - timedelta(minutes=minutes) for minutes in range(50, 2, -4)]
    hourly = judge(replace(asked, said=said))
    assert (hourly.key, hourly.reasons[0]) == (
        "per_hour",
        "replies in the last hour: 12 (limit 12)",
    )
    assert judge(replace(asked, said=said[1:])).is_answer
    daily = [NOON - timedelta(hours=2)] * 120
    assert judge(replace(asked, said=daily)).key == "per_day"
    assert judge(replace(asked, said_to=said[:8])).key == "per_person"


def test_the_cooldown_holds_for_what_is_overheard_alone() -> None:
    talk = room((ANN, "the lemma fails"), (ME, "which lemma?"), (ANN, "who knows the last lemma?"))
    asked = situation(talk, said=(NOON - timedelta(seconds=20),))
    assert judge(asked).reasons[0] == "spoke 20 s ago (cooldown 60 s)"
    assert judge(replace(asked, address=Address.REPLY)).is_answer


def test_bots_are_answered_once_in_a_row_where_they_ask() -> None:
    asked = situation(room((ROBOT, "Kevin, rain today")))
    assert judge(asked).key == "bot"
    asked = replace(asked, address=Address.REPLY)
    assert judge(asked).is_answer
    assert (
        judge(replace(asked, bots_in_a_row=1)).reasons[0] == "replies to bots in a row: 1 (limit 1)"
    )
    assert not judge(asked, replace(RULES, bots_in_a_row=0)).is_answer


def test_it_never_answers_itself() -> None:
    own = situation(room((ME, "Kevin, well")))
    assert judge(own).key == "own"
    assert judge(replace(own, address=Address.REPLY, is_own=True)).key == "own"


def test_the_real_self_may_talk_to_it() -> None:
    assert judge(situation(room((ME, "a test")), address=Address.PRIVATE)).is_answer


@pytest.mark.parametrize("kind", [Kind.SERVICE, Kind.COMMAND])
def test_notices_and_commands_are_for_others(kind: Kind) -> None:
    asked = situation(room((ANN, "/start"), kind=kind), address=Address.PRIVATE)
    assert judge(asked).key == "kind"


def test_who_writes_line_after_line_is_given_more_time() -> None:
    one = judge(situation(room((ANN, "Kevin?")))).wait
    more = judge(situation(room((ANN, "Kevin?"), (ANN, "so"), (ANN, "Kevin!"), seconds=6))).wait
    slow = judge(situation(room((ANN, "Kevin?"), (ANN, "Kevin!"), seconds=50))).wait
    private = judge(situation(room((ANN, "hi")), address=Address.PRIVATE)).wait
    assert [wait.total_seconds() for wait in (one, more, slow, private)] == [4, 9, 16, 2]


def test_reasons_tell_the_figures() -> None:
    decision = judge(situation(room((ME, "hi"), (ANN, "who has a question?"))))
    assert decision.reasons[0].split()[0] == "score"
    assert "follows @self +3.0" in decision.reasons
