"""Names as people use them to call somebody."""

from __future__ import annotations

import pytest

from bot.gating.calling import called_by, callnames, is_led_by, is_spoken_to, names_of_others
from ingest.chat import Person
from tests.bot.talking import ANN, BOB, ME, room

NAMES = ("kevin", "小明", "ケン", "민수", "สมชาย", "أحمد")


@pytest.mark.parametrize(
    "text",
    [
        "Kevin, look", "what now kevin?", "@kevin hi", "KEVIN", "好的kevin你看", "ask Kevin's cat",
        "问问小明吧", "小明", "小明，在吗", "ケンさん、どう？", "ねえケン", "민수야 밥 먹었어?",
        "민수 씨", "คุณสมชายครับ", "يا أحمد، أين أنت؟", "hi\nkevin",
    ],
)  # fmt: skip
def test_a_name_calls(text: str) -> None:
    assert called_by(text, NAMES) is not None


@pytest.mark.parametrize(
    "text",
    [
        "kevinism", "mckevin", "kevin_lacker said so", "https://kevin.example/a", "me@kevin.org",
        "`kevin = 1`", "> kevin: hello\nno idea", "ケンタッキーに行く", "박민수 씨", "", "?",
    ],
)  # fmt: skip
def test_a_part_of_a_word_calls_nobody(text: str) -> None:
    assert called_by(text, NAMES) is None


def test_a_longer_name_of_another_member_is_theirs() -> None:
    others = names_of_others(
        room((Person(7, "kevin_b", ("Kevin Bacon", "小明明")), "hi"), (BOB, "Kevin Bacon is here"))
    )
    assert called_by("Kevin Bacon is here", NAMES, others) is None
    assert called_by("小明明来了", NAMES, others) is None
    assert called_by("Kevin, Kevin Bacon is here", NAMES, others) == "kevin"


def test_one_character_must_stand_alone() -> None:
    assert called_by("王国很大", ("王",)) is None
    assert called_by("王，你看", ("王",)) == "王"


def test_names_to_call_by_come_from_the_archive() -> None:
    person = Person(1, "kevin_buzzard", ("Kevin Buzzard", "K", "小明"), is_self=True)
    assert callnames(person) == ("kevin_buzzard", "Kevin Buzzard", "小明", "Kevin")
    assert callnames(Person(1, "self", ("Self",), is_self=True)) == ()


@pytest.mark.parametrize(
    ("text", "is_to"),
    [
        ("kevin look", True), ("look kevin!", True), ("so, kevin, look", True),
        ("cc @kevin ok", True), ("I asked kevin about it", False), ("为什么kevin不来", False),
        ("kevin，你来吗", True),
    ],
)  # fmt: skip
def test_one_may_be_spoken_to_or_of(text: str, is_to: bool) -> None:
    assert is_spoken_to(text, "kevin") is is_to


@pytest.mark.parametrize("text", ["ann: yes", "Ann Lee, no", "@ann yes", "@ann"])
def test_a_message_may_open_with_whom_it_is_for(text: str) -> None:
    assert is_led_by(text, names_of_others(room((ANN, "a"), (ME, "b"))))


@pytest.mark.parametrize("text", ["annoying, yes", "ann said so", "kevin, yes", "@annapolis"])
def test_other_openings_are_for_all(text: str) -> None:
    assert not is_led_by(text, names_of_others(room((ANN, "a"), (ME, "b"))))
