"""Texts as numbers: what is said again nearly word for word is known, anything else is not."""

from __future__ import annotations

from itertools import combinations

import pytest

from bot.guarding.prints import LONG, loops, print_of

SAID = (
    "I'll bring the tent and the small stove on Friday, you get the bread",
    "nobody told me the meeting moved to Thursday, I was there alone again",
    "the bees are fine but the second hive looks weak, I'd feed them sugar water",
    "明天下午我要去机场接我妈妈，晚上可能没办法来吃火锅，你们先吃别等我",
    "ผมจะไปตลาดพรุ่งนี้เช้า ใครอยากได้อะไรบอกมาได้เลยนะครับ",
    "هل تريد أن نلتقي غدا في المقهى القديم بعد صلاة العصر يا صديقي",
)


def near(one: str, other: str) -> bool:
    first, second = print_of(one), print_of(other)
    assert first is not None
    assert second is not None
    return first.repeats(second)


@pytest.mark.parametrize("text", SAID)
def test_the_same_with_other_spacing_case_or_marks_is_a_repetition(text: str) -> None:
    assert near(text, f"  {text.upper()}!!! ")
    assert near(text, text.replace(" ", "  "))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (SAID[0], SAID[0].replace("Friday", "friday,").replace("small ", "")),
        (SAID[2], SAID[2] + " ok"),
        (SAID[3], SAID[3] + "吧"),
    ],
)
def test_a_word_more_or_less_is_still_a_repetition(one: str, other: str) -> None:
    assert near(one, other)


def test_other_texts_are_not() -> None:
    assert not any(near(one, other) for one, other in combinations(SAID, 2))


def test_short_texts_count_only_word_for_word_and_the_shortest_not_at_all() -> None:
    assert print_of("lol ok") is None
    assert print_of("好的") is None
    assert len("see you there") < LONG
    assert near("see you there", "See you there!")
    assert not near("see you there", "see you where")


def test_going_in_circles_is_seen() -> None:
    assert loops("I am here and I am here and I am here and I am here and I am here")
    assert loops("我在这里等你" * 8)
    assert not any(map(loops, SAID))
    assert not loops("hahahahahaha")
