"""Names in text: linked where they name somebody, left where they are everyday words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.archive import Archive
from ingest.chat import Account
from ingest.database import unsettle
from ingest.names import Finder, Forms, form_of, short_forms
from tests.ingest.talk import Talk, texts

Named = dict[str, tuple[str, ...]]


def named(archive: Archive) -> Named:
    """The texts that name somebody, and whom."""
    archive.settle()
    return {message.text: message.mentions for message in archive.messages() if message.mentions}


@pytest.fixture
def club(talk: Talk) -> Talk:
    """Six people who have all spoken: two Kevins, a Will, a Chinese name, a nick, an initial."""
    talk.names = {
        "k1": "Kevin Buzzard",
        "k2": "Kevin Lacker",
        "w": "Will Sawin",
        "z": "周小敏",
        "n": "xor_fan",
        "i": "J",
    }
    for who in talk.names:
        talk.say(who, "good morning")
    return talk


def test_full_names_first_names_and_nicks_are_linked(archive: Archive, club: Talk) -> None:
    club.say("z", "did Will Sawin see this?")
    club.say("k1", "I think Buzzard, Kevin is me")
    club.say("n", "ask kevin lacker's cat")
    club.say("w", "xor_fan: look")
    club.say("w", "Kevin Buzzard, and Kevin Lacker too")
    club.recorded(archive, me=None)
    assert named(archive) == {
        "did Will Sawin see this?": ("will_sawin",),
        "ask kevin lacker's cat": ("kevin_lacker",),
        "xor_fan: look": ("xor_fan",),
        "Kevin Buzzard, and Kevin Lacker too": ("kevin_buzzard", "kevin_lacker"),
    }


def test_a_first_name_two_people_have_means_who_was_there_lately(
    archive: Archive, club: Talk
) -> None:
    club.say("w", "thanks Kevin")
    club.say("k2", "you are welcome", minutes=60 * 24 * 30)
    club.say("w", "so says Kevin here")
    club.recorded(archive, me=None)
    assert named(archive) == {"so says Kevin here": ("kevin_lacker",)}


def test_everyday_words_are_not_people(archive: Archive, club: Talk) -> None:
    for number in range(12):
        club.say("n", f"Will this work? it will not, it never will {number}")
    club.say("n", "Will, can you look?")
    club.say("n", "J is a letter and J: is one, too")
    club.recorded(archive, me=None)
    assert named(archive) == {"Will, can you look?": ("will_sawin",)}


def test_chinese_short_forms_need_evidence(archive: Archive, club: Talk) -> None:
    club.say("z", "我来了")
    club.say("w", "周姐，你看一下")
    club.say("n", "我去问问周姐")
    club.say("n", "小敏说可以")
    club.say("n", "还是小敏好")
    club.say("n", "老周是谁")  # once, and to nobody: it may be anybody
    club.say("n", "周小敏没来")
    club.recorded(archive, me=None)
    assert set(named(archive)) == {
        "周姐，你看一下",
        "我去问问周姐",
        "小敏说可以",
        "还是小敏好",
        "周小敏没来",
    }
    assert set(named(archive).values()) == {("周小敏",)}


def test_a_name_that_is_tomorrow_in_chinese_is_tomorrow(archive: Archive, talk: Talk) -> None:
    talk.names["m"] = "明天"
    talk.say("m", "大家好")
    for number in range(10):
        talk.say("bob", f"我们明天再说吧 {number}")
    talk.say("bob", "明天，你在吗")
    talk.recorded(archive, me=None)
    assert named(archive) == {"明天，你在吗": ("明天",)}


def test_nobody_is_linked_to_their_own_name(archive: Archive, club: Talk) -> None:
    club.say("w", "Will Sawin here")
    club.recorded(archive, me=None)
    assert named(archive) == {}


def test_an_at_name_becomes_the_handle_at_last(archive: Archive, club: Talk) -> None:
    club.say("n", "ping @Will Sawin and @Nobody Else")
    club.recorded(archive, me=None)
    archive.settle()
    message = list(archive.messages())[-1]
    assert message.text == "ping @will_sawin and @Nobody Else"
    assert message.mentions == ("will_sawin",)
    assert [hit.id for hit, _score in archive.search("will_sawin")] == [message.id]


def test_who_speaks_later_is_linked_to_earlier_mentions(archive: Archive, talk: Talk) -> None:
    early = talk.say("bob", "@Late One what do you think?")
    early = replace(early, mentions=(Account("test", "user9", "Late One"),))
    archive.add([early])
    assert archive.settle().mentions == 0
    talk.names["user9"] = "Somebody Else by now"
    archive.add([talk.say("user9", "nothing")])
    assert archive.settle().mentions == 1
    message = next(iter(archive.messages()))
    assert message.text == "@somebody_else_by_now what do you think?"
    assert message.mentions == ("somebody_else_by_now",)
    assert archive.settle().mentions == 0


def test_settling_again_changes_nothing(archive: Archive, club: Talk) -> None:
    club.say("n", "@Will Sawin: Kevin Buzzard says hi to 周小敏")
    club.recorded(archive, me=None)
    archive.settle()
    before = [list(archive.messages()), archive.revision]
    unsettle(archive._connection)
    archive.settle()
    assert [list(archive.messages()), archive.revision] == before


def test_the_words_of_others_stay_as_they_were_written(archive: Archive, club: Talk) -> None:
    said = ["Kevin Buzzard: yes", "周小敏，好的", "thanks xor_fan!"]
    for text in said:
        club.say("w", text)
    club.recorded(archive, me=None)
    archive.settle()
    assert texts(archive.messages())[-3:] == said


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Kevin Buzzard", ["Kevin"]),
        ("The Thing", []),
        ("Al Gore", []),
        ("Kevin", []),
        ("李四", ["老李", "小李", "李哥", "李姐", "四姐"]),
        ("随便起个名", []),
    ],
)
def test_short_forms_are_those_people_use(name: str, expected: list[str]) -> None:
    found = list(short_forms(name))
    assert set(expected) <= set(found)
    assert bool(found) is bool(expected)


@given(st.lists(st.text(max_size=12), max_size=8), st.text(max_size=120))
def test_finds_lie_in_the_text_in_order_and_mean_somebody(names: list[str], text: str) -> None:
    forms = Forms()
    for number, name in enumerate(names):
        forms.add(number, [name])
    end = 0
    for hit in Finder(forms).find(text):
        assert end <= hit.start < hit.end <= len(text)
        assert hit.people <= set(range(len(names)))
        assert form_of(text[hit.start : hit.end]) == hit.form or hit.form
        end = hit.end


def test_a_chat_that_grew_is_linked_as_one_that_was_whole(talk: Talk, tmp_path: Path) -> None:
    talk.names = {"u1": "Kevin Buzzard", "u2": "Marigold", "u3": "周晓云"}
    for number in range(60):
        talk.say(f"u{number % 3 + 1}", f"line {number}")
        talk.say("u1", "Marigold: are you there?" if number % 7 == 0 else "周姐说的对")
    with Archive.open(tmp_path / "whole.sqlite", create=True) as whole:
        whole.add(talk.messages)
        expected = named(whole)
    with Archive.open(tmp_path / "grown.sqlite", create=True) as grown:
        for end in (117, 118, 120):  # little enough to go on from what was found before
            grown.add(talk.messages[:end])
            named(grown)
        assert named(grown) == expected
    assert expected


def test_an_edited_message_is_linked_anew(talk: Talk, archive: Archive) -> None:
    talk.names = {"u1": "Kevin Buzzard", "u2": "Marigold"}
    talk.say("u1", "hello")
    line = talk.say("u2", "nothing yet")
    archive.add(talk.messages)
    assert named(archive) == {}
    archive.add([replace(line, text="Kevin Buzzard: look at this")])
    assert named(archive) == {"Kevin Buzzard: look at this": ("kevin_buzzard",)}
