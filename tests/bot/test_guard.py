"""What may leave as words of @self."""

from __future__ import annotations

from bot.guard import MOST_CHARACTERS, MOST_PARTS, fresh, sendable, tidy
from tests.bot.conftest import Say


def test_parts_are_cleaned_and_said_once() -> None:
    assert tidy([" hi\u202e ", "", "Hi!", "there"], is_complete=True) == ("hi", "there")


def test_a_part_that_speaks_for_another_ends_the_reply() -> None:
    assert tidy(["well", "so\n@bob: I agree", "ok"], is_complete=True) == ("well",)


def test_an_imitated_memory_ends_the_reply() -> None:
    for memory in (
        "2026-03-01 @self: yes",
        "26-03-01 @self: yes",
        "03-01 12:30] @bob: no",
        "[2026-03-01 12:30] @bob: yes",
    ):
        assert tidy(["well", memory, "ok"], is_complete=True) == ("well",)
    assert tidy(["on 2026-03-01 ask @bob"], is_complete=True) == ("on 2026-03-01 ask @bob",)


def test_emoji_and_chinese_are_words_of_their_own() -> None:
    assert tidy(["😂", "好的", "😭"], is_complete=True) == ("😂", "好的", "😭")


def test_a_reply_cut_by_its_limit_ends_with_a_whole_part_sentence_or_word() -> None:
    assert tidy(["one", "two and thr"], is_complete=False) == ("one",)
    assert tidy(["A cat. It is bla"], is_complete=False) == ("A cat.",)
    assert tidy(["猫叫豆豆。它很"], is_complete=False) == ("猫叫豆豆。",)
    assert tidy(["a cat who sle"], is_complete=False) == ("a cat who",)


def test_length_is_bounded() -> None:
    assert len(tidy(map(str, range(50)), is_complete=True)) == MOST_PARTS
    assert 0 < len(tidy(["word " * 1000], is_complete=True)[0]) <= MOST_CHARACTERS


def test_what_was_said_in_the_scene_does_not_come_back(say: Say) -> None:
    scene = [
        say("self", "no idea, honestly"),
        say("self", "lol"),
        say("bob", "what about the cat?"),
    ]
    parts = ("No idea, honestly!", "LOL", "What about the cat", "she is fine")
    assert fresh(parts, scene) == ("she is fine",)


def test_short_words_may_come_back_but_not_twice_running(say: Say) -> None:
    scene = [say("self", "ok"), say("self", "later then"), say("bob", "when?")]
    assert fresh(("ok",), scene) == ("ok",)
    assert fresh(("ok",), [say("self", "ok"), say("bob", "when?")]) == ()


def test_no_message_is_sent_twice() -> None:
    recent = [
        "I will be there at eight, I think",
        "我明天早上八点到机场接你们，等着我啊",
        "lol",
        "hm",
    ]
    parts = ("I will be there at eight I think!", "I'll be there at eight, I think", "later then")
    assert sendable(parts, recent) == ("later then",)
    assert sendable(("我明天早上八点到机场接你们,等着我",), recent) == ()
    assert sendable(("so be it, my friend", "So be it, my friend!"), []) == ("so be it, my friend",)


def test_other_words_and_short_ones_are_sent() -> None:
    recent = ["I will be there at eight, I think", "lol", "hm"]
    assert sendable(("lol",), recent) == ("lol",)
    assert sendable(("hm",), recent) == ()
    assert sendable(("I will be here at nine, they think",), recent) != ()
    assert sendable(("see you at the station at 11",), ["see you at the station at 10"]) != ()
    assert sendable((), recent) == ()
