"""What the gate keeps to, whatever the history."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.gate import HandScorer, Rules, Situation, decide
from bot.platforms.base import Address
from ingest.chat import Attachment, AttachmentKind, Kind, Message, Person
from tests.bot.talking import ANN, BOB, CAT, ME, NOON, ROBOT

PEOPLE = (ME, ANN, BOB, CAT, ROBOT)
OTHERS = (ANN, BOB, CAT)
TEXTS = st.sampled_from(
    [
        "",
        "hi",
        "does anyone know?",
        "Kevin?",
        "小明你说呢",
        "https://example.org",
        "[photo]",
        "bob: ok?",
    ]
) | st.text(max_size=40)
DICE = st.floats(0, 1, exclude_max=True)
SCORER = HandScorer()


@st.composite
def messages(draw: st.DrawFn) -> list[Message]:
    """Up to eight messages, the last at noon."""
    count = draw(st.integers(1, 8))
    gaps = draw(st.lists(st.integers(0, 900), min_size=count, max_size=count))
    at, said = NOON, []
    for place in range(count - 1, -1, -1):
        said.append(draw(message(f"test:{place}", at)))
        at -= timedelta(seconds=gaps[place])
    return said[::-1]


@st.composite
def message(draw: st.DrawFn, id: str, at: datetime) -> Message:
    """Any message at all."""
    person: Person = draw(st.sampled_from((*PEOPLE, *OTHERS, *OTHERS)))
    return Message(
        id,
        "test:room",
        person,
        at,
        draw(TEXTS),
        kind=draw(st.sampled_from([Kind.TEXT] * 9 + list(Kind))),
        reply_to=draw(st.none() | st.sampled_from([f"test:{place}" for place in range(8)])),
        mentions=draw(st.sampled_from([(), ("kevin",), ("bob",)])),
        attachments=draw(st.sampled_from([(), (Attachment(AttachmentKind.PHOTO),)])),
    )


def past(limit: timedelta) -> st.SearchStrategy[list[datetime]]:
    """Instants before now, oldest first."""
    seconds = st.lists(st.floats(0, limit.total_seconds()), max_size=20)
    return seconds.map(lambda ago: sorted(NOON - timedelta(seconds=one) for one in ago))


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """Any situation at all."""
    history = draw(messages())
    near = (
        st.just(None)
        | st.none()
        | st.integers(-7200, 7200).map(lambda ago: NOON + timedelta(seconds=ago))
    )
    return Situation(
        NOON + timedelta(seconds=draw(st.integers(-60, 1200))),
        history[-1],
        draw(st.sampled_from([Address.NONE] * 3 + list(Address))),
        history,
        draw(past(timedelta(days=1))),
        draw(past(timedelta(hours=1))),
        draw(st.integers(0, 3)),
        draw(near),
        draw(near),
        draw(st.sampled_from([False] * 9 + [True])),
    )


@st.composite
def rules(draw: st.DrawFn) -> Rules:
    """Any rules at all."""
    clocks = st.times().map(lambda at: at.replace(microsecond=0))
    return Rules(
        threshold=draw(st.floats(0, 0.2) | st.floats(0, 1)),
        per_hour=draw(st.integers(0, 9) | st.integers(10, 60)),
        per_day=draw(st.integers(0, 9) | st.integers(10, 60)),
        per_person=draw(st.integers(0, 9) | st.integers(10, 60)),
        cooldown=timedelta(seconds=draw(st.integers(0, 600))),
        quiet=draw(st.just(None) | st.none() | st.tuples(clocks, clocks)),
        quiet_answers=draw(st.booleans()),
        names=("kevin", "小明"),
        bots_in_a_row=draw(st.integers(0, 3)),
    )


@settings(max_examples=80, deadline=None)
@given(situations(), rules(), DICE)
def test_the_same_input_gives_the_same_decision(
    asked: Situation, given: Rules, dice: float
) -> None:
    assert decide(asked, given, SCORER, dice) == decide(asked, given, SCORER, dice)


@settings(max_examples=300, deadline=None)
@given(situations(), rules(), DICE)
def test_nothing_is_said_beyond_a_limit(asked: Situation, given: Rules, dice: float) -> None:
    decision = decide(asked, given, SCORER, dice)
    if not decision.is_answer:
        return
    hour = asked.now - timedelta(hours=1)
    assert sum(at > hour for at in asked.said) < given.per_hour
    assert sum(at > asked.now - timedelta(days=1) for at in asked.said) < given.per_day
    assert sum(at > hour for at in asked.said_to) < given.per_person
    assert asked.age <= given.stale
    assert not asked.is_own
    if not decision.is_addressed:
        assert not asked.message.person.is_self
        assert not asked.said or asked.now - asked.said[-1] >= given.cooldown
    if asked.message.person.is_bot:
        assert asked.bots_in_a_row < given.bots_in_a_row


@settings(max_examples=120, deadline=None)
@given(situations(), rules(), DICE)
def test_muted_and_quiet_nothing_is_said(asked: Situation, given: Rules, dice: float) -> None:
    muted = replace(asked, muted_until=asked.now + timedelta(seconds=1))
    assert not decide(muted, given, SCORER, dice).is_answer
    always = replace(given, quiet=(time(0), time(23, 59, 59, 999999)), quiet_answers=False)
    assert not decide(asked, always, SCORER, dice).is_answer


@settings(max_examples=120, deadline=None)
@given(situations(), rules(), DICE, st.floats(0, 1))
def test_a_lower_threshold_never_says_less(
    asked: Situation, given: Rules, dice: float, other: float
) -> None:
    low, high = sorted((given.threshold, other))
    if decide(asked, replace(given, threshold=high), SCORER, dice).is_answer:
        assert decide(asked, replace(given, threshold=low), SCORER, dice).is_answer


@settings(max_examples=120, deadline=None)
@given(situations(), DICE, st.floats(0, 1))
def test_within_limits_who_addresses_it_is_answered(
    asked: Situation, dice: float, threshold: float
) -> None:
    address = asked.address if asked.address is not Address.NONE else Address.REPLY
    person = ANN if asked.message.person.is_bot else asked.message.person
    text = asked.message.text if asked.message.text.strip() else "hi"
    message = replace(asked.message, kind=Kind.TEXT, person=person, text=text)
    open_to = replace(
        asked, message=message, address=address, is_own=False, muted_until=None,
        now=message.sent_at, said=(), said_to=(),
    )  # fmt: skip
    assert decide(open_to, Rules(threshold=threshold), SCORER, dice).is_answer
