"""Who @self is, as the archive shows it."""

from __future__ import annotations

import pytest

from ingest.archive import Archive
from ingest.persona import Persona, describe, elsewhere, head_text, is_written_for, languages_of
from tests.ingest.talk import Talk

ENGLISH = ("I think we should meet after lunch", "the weather is lovely and the noodles are good")
CHINESE = ("我觉得我们应该午饭以后见面", "天气很好，面条也很好吃，真的")
INDONESIAN = ("aku rasa kita harus ketemu setelah makan siang", "cuacanya bagus dan mienya enak")
JAPANESE = ("昼ごはんの後に会いましょう", "天気がよくて、ラーメンもおいしいです")


@pytest.mark.parametrize(
    ("lines", "code"), [(ENGLISH, "en"), (CHINESE, "zh"), (INDONESIAN, "id"), (JAPANESE, "ja")]
)
def test_one_language_is_recognised(lines: tuple[str, ...], code: str) -> None:
    shares = languages_of(lines * 20)
    assert next(iter(shares)) == code
    assert shares[code] > 0.9


def test_mixed_languages_come_by_amount_with_their_shares() -> None:
    shares = languages_of([*CHINESE * 30, *ENGLISH * 10])
    assert list(shares) == ["zh", "en"]
    assert sum(shares.values()) == pytest.approx(1, abs=0.05)
    assert shares["zh"] > shares["en"] > 0.04


def test_links_placeholders_and_handles_are_no_language() -> None:
    assert languages_of(["[photo]", "https://example.org/le-monde", "@bob", ""]) == {}


def test_habits_are_read_off_the_archive(archive: Archive, talk: Talk) -> None:
    for number in range(30):
        talk.say("bob", f"shall we deploy it today, number {number}", minutes=60)
        talk.say("kevin", "试试看 obviously, why not")
        talk.say("kevin", "ok then obviously")
    persona = describe(talk.recorded(archive), name="Kevin", chat="Noodle Club")
    assert persona.typical_burst == 2.0
    assert persona.typical_characters == pytest.approx(21, abs=4)
    assert "试试看" in persona.words
    assert "obviously" in persona.words
    assert not {"deploy", "shall", "试看"} & set(persona.words)


def test_words_of_forwards_commands_and_bots_are_nobodys_habit(
    archive: Archive, talk: Talk
) -> None:
    for _ in range(30):
        talk.say("bob", "hm")
        talk.say("kevin", "breaking newsflash", forwarded_from="News")
        talk.say("kevin", "fine by me")
    persona = describe(talk.recorded(archive), name="Kevin", chat="Noodle Club")
    assert not {"breaking", "newsflash"} & set(persona.words)
    assert "fine" in persona.words


def test_somebody_silent_has_no_habits() -> None:
    persona = describe([], name="Kevin", chat="")
    assert persona == Persona("Kevin", "", {}, 0, 1.0, ())


def test_the_head_names_self_the_chat_and_the_habits() -> None:
    persona = Persona("Kevin", "Noodle Club", {"zh": 0.7, "en": 0.3}, 18, 1.6, ("试试看", "ok"))
    head = head_text(persona, card="Likes spicy food.\n\nLives in Surabaya.")
    assert head.splitlines()[0] == "You are Kevin, written @self, in the group chat “Noodle Club”."
    assert "Chinese, English, about 18 characters a message, 1.6 messages at a time" in head
    assert "often says: 试试看, ok." in head
    assert head.splitlines()[-2:] == ["Likes spicy food.", "Lives in Surabaya."]


def test_elsewhere_the_head_is_the_same_without_the_title() -> None:
    persona = Persona("Kevin “K”", "a “Club”. in the group chat “x”", {"en": 1.0}, 18, 1.0)
    head = head_text(persona, card="Is in the group chat “Tea Club”.")
    first, *others = elsewhere(head).splitlines()
    assert first == "You are Kevin “K”, written @self, in a group chat."
    assert others == head.splitlines()[1:]
    assert is_written_for(head, persona.chat)
    assert not is_written_for(head, "x")
    assert elsewhere("Some other head.") == "Some other head."


def test_a_plain_logs_self_is_not_named_twice() -> None:
    head = head_text(Persona("self", "log", {}, 10, 1.0))
    assert head.startswith("You are @self in the group chat")
    assert "at a time" not in head
    assert "often says" not in head
