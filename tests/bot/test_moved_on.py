"""When a reply being written is no longer wanted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.gate import moved_on
from bot.platforms.base import Address
from ingest.chat import Message, Person
from tests.bot.talking import ANN, BOB, CAT, ME, NOON, room, situation

ASKED = situation(room((ANN, "does anyone know a good dentist?")))
ADDRESSED = replace(ASKED, address=Address.MENTION)


def later(*lines: tuple[Person, str], reply_to: str | None = None) -> list[Message]:
    """What was said after; the last may be a reply."""
    said = [
        replace(message, id=f"later:{place}", sent_at=NOON + timedelta(seconds=5 + place))
        for place, message in enumerate(room(*lines))
    ]
    return [*said[:-1], replace(said[-1], reply_to=reply_to)]


def test_silence_keeps_the_wish_to_answer() -> None:
    assert moved_on(ASKED, []) is None
    assert moved_on(ASKED, later((ANN, "in this town"), (BOB, "no dentist I know"))) is None


def test_what_was_deleted_is_not_answered() -> None:
    assert moved_on(ADDRESSED, [], gone={"test:0"}) == "the message was deleted"


def test_where_self_has_written_the_bot_need_not() -> None:
    since = later((ME, "mine is good"))
    assert moved_on(ASKED, since) == moved_on(ADDRESSED, since) == "@self has written meanwhile"


@pytest.mark.parametrize(
    "text", ["nvm", "Never mind!", "算了", "ga jadi", "не важно", "なんでもない"]
)
def test_who_takes_it_back_is_not_answered(text: str) -> None:
    assert moved_on(ADDRESSED, later((ANN, text))) == "the writer took it back"
    assert moved_on(ADDRESSED, later((BOB, text))) is None


def test_an_answer_by_another_ends_what_was_overheard_alone() -> None:
    since = later((BOB, "Dr Wu"), reply_to="test:0")
    assert moved_on(ASKED, since) == "somebody else has answered"
    assert moved_on(ADDRESSED, since) is None
    thanked = [*since, replace(later((ANN, "thanks"))[0], id="t", reply_to="later:0")]
    assert moved_on(ADDRESSED, thanked) == "somebody else has answered, and was heard"


def test_many_messages_end_it_sooner_where_nobody_asked_the_bot() -> None:
    since = later(*[(BOB, "a dentist again")] * 4)
    assert moved_on(ASKED, since) == "4 messages later (limit 4)"
    assert moved_on(ADDRESSED, since) is None
    assert moved_on(ASKED, since, is_addressed=True) is None
    assert moved_on(ADDRESSED, later(*[(BOB, "a dentist again")] * 25)) is not None


def test_another_topic_ends_what_was_overheard() -> None:
    since = later((BOB, "rain again"), (CAT, "take an umbrella"), (BOB, "where is mine"))
    assert moved_on(ASKED, since) == "3 messages of something else"
    assert moved_on(ADDRESSED, since) is None


def test_a_private_chat_waits() -> None:
    private = replace(ASKED, address=Address.PRIVATE)
    assert moved_on(private, later(*[(ANN, "and more")] * 40)) is None
