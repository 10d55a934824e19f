"""What is learned from: every message of @self has one fate, counted with its reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from ingest.archive import Archive
from ingest.chat import Message, RawMessage
from ingest.clean import own_words, quotes_of
from ingest.quality import FULL_USES, LEAST_WEIGHT, Quality, Verdicts, judge, skeleton, substance
from ingest.similar import Similar
from tests.ingest.talk import START, Talk, person

ME = person("kevin", is_self=True, id=1)
LONG = "I think the noodles at the corner are the best in the whole of this town"
ZHONG = "我觉得街角那家面馆的片儿川是整个杭州最好吃的，每次去都要排队半个小时"


def said(*texts: str, minutes: float = 10) -> list[Message]:
    """Messages of @self, some time apart."""
    return [
        Message(f"test:{n}", "test:chat", ME, START + n * timedelta(minutes=minutes), text)
        for n, text in enumerate(texts)
    ]


def reasons(messages: Iterable[Message]) -> list[str | None]:
    """The verdicts, in order."""
    quality = Quality()
    return [quality.reason(message) for message in messages]


def judged(archive: Archive, *talks: Talk) -> Verdicts:
    """Verdicts on all that kevin said in these chats."""
    for talk in talks:
        talk.recorded(archive)
    return judge(archive)


@pytest.mark.parametrize("text", [LONG, ZHONG])
def test_a_long_text_said_again_is_a_copy_however_it_is_spelled(text: str) -> None:
    assert reasons(said(text, text.upper() + "!!", f" {text}")) == [None, "duplicate", "duplicate"]


@pytest.mark.parametrize(("text", "old", "new"), [(LONG, "the best", "best"), (ZHONG, "半", "一")])
def test_a_text_with_a_word_changed_is_nearly_the_same(text: str, old: str, new: str) -> None:
    assert reasons(said(text, text.replace(old, new))) == [None, "near-duplicate"]


def test_texts_about_the_same_thing_are_not_the_same() -> None:
    other = "noodles at the corner again? the best thing in this town is the dumpling place"
    assert reasons(said(LONG, other)) == [None, None]


@pytest.mark.parametrize("text", ["ok", "笑死", "哈哈哈哈哈", "🌊", "see you tomorrow then"])
def test_short_texts_may_be_said_again(text: str) -> None:
    assert reasons(said(*[text] * 5)) == [None] * 5


def test_the_third_time_within_a_minute_is_a_flood() -> None:
    assert reasons(said(*["buy!"] * 4, minutes=0.2)) == [None, None, "flood", "flood"]


def test_only_so_many_texts_are_remembered_for_their_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.similar.REMEMBERED", 2)
    similar = Similar()
    texts = [skeleton(text) for text in (LONG, ZHONG, "something else entirely, quite long too")]
    assert [similar.add(str(n), text) for n, text in enumerate(texts)] == [None] * 3
    assert similar.add("again", texts[0]) is None
    assert similar.add("once more", texts[0]) == "again"


def test_an_endlessly_repeated_ok_counts_less_and_less_but_never_nothing() -> None:
    quality = Quality()
    weights = [quality.weight(message) for message in said(*["ok"] * 9000)]
    assert weights[:FULL_USES] == [1.0] * FULL_USES
    assert weights == sorted(weights, reverse=True)
    assert weights[4 * FULL_USES - 1] == 0.5
    assert weights[-1] == LEAST_WEIGHT
    assert quality.tally.counts["short, counts less"] == 9000 - FULL_USES
    assert len(quality.tally.examples["short, counts less"]) == 3


@pytest.mark.parametrize(
    ("text", "weight"), [("k", 0.5), ("?", 0.5), ("😂", 0.5), ("好", 1), ("no", 1)]
)
def test_what_hardly_has_a_letter_counts_half(text: str, weight: float) -> None:
    assert Quality().weight(said(text)[0]) == weight


def test_what_another_said_first_is_copied_and_what_another_said_later_is_not(
    archive: Archive, talk: Talk
) -> None:
    talk.say("bob", LONG)
    mine = talk.say("kevin", LONG.upper())
    own = talk.say("kevin", ZHONG)
    talk.say("bob", ZHONG)
    verdicts = judged(archive, talk)
    assert verdicts.reasons == {mine.id: "copied from another"}
    assert own.id not in verdicts.weights


def test_the_same_text_in_many_chats_is_not_learned_in_any(archive: Archive) -> None:
    talks = [Talk(f"test:{n}", f"Club {n}") for n in range(3)]
    adverts = [talk.say("kevin", LONG) for talk in talks]
    verdicts = judged(archive, *talks)
    assert verdicts.reasons == {advert.id: "same text in many chats" for advert in adverts}


def test_writings_are_no_chat(archive: Archive, talk: Talk) -> None:
    essay = Talk("writing:essay", "Essay")
    essay.chat = replace(essay.chat, platform="writing")
    page: RawMessage = essay.say("kevin", LONG)
    talk.say("kevin", LONG)
    essay.recorded(archive)
    talk.recorded(archive)
    verdicts = judge(archive, skip={"writing:essay"})
    assert verdicts.reasons == {page.id: "writing"}
    assert list(verdicts.times) == ["test:chat"]
    assert verdicts.total == 2


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("> noodles?\nyes", "yes"),
        (">noodles?\n> and rice?\n\nyes\nboth", "yes\nboth"),
        ("「周姐：你来吗」\n- - - - - - - - - - - - - - -\n来", "来"),
        ("```quote\nso there\n```\nindeed", "indeed"),
        ("5 > 3 and 2 < 4", "5 > 3 and 2 < 4"),
        (">_< so tired", ">_< so tired"),
        (">= 3 of us", ">= 3 of us"),
        ("「好」是什么意思", "「好」是什么意思"),
    ],
)
def test_quoted_lines_are_not_ones_own_words(text: str, own: str) -> None:
    assert own_words(text) == own


def test_quotes_are_long_enough_to_be_somebodys_words() -> None:
    assert quotes_of('he said "I will never eat there again" twice') == [
        "I will never eat there again"
    ]
    assert quotes_of("他说“我再也不去那家店吃饭了”") == ["我再也不去那家店吃饭了"]
    assert quotes_of('a "so-called expert" and 「面」') == []


def test_a_wide_character_says_as_much_as_three() -> None:
    assert (substance("abc"), substance("面条!"), substance("🌊 ?!")) == (3, 6, 0)
