"""Who is who: handles, names, accounts, mentions, and @self."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.archive import Archive
from ingest.chat import Account
from ingest.errors import ArchiveError
from ingest.people import MAX_HANDLE, RESERVED, handle_for, looks_like_bot, readdress
from ingest.prompt import line_of
from tests.ingest.talk import Talk, texts


@pytest.mark.parametrize(
    ("name", "handle"),
    [
        ("Kevin Buzzard", "kevin_buzzard"),
        ("周姐", "周姐"),
        ("周 姐 (Shanghai)", "周_姐_shanghai"),
        ("Ｆｕｌｌ　Ｗｉｄｔｈ", "full_width"),
        ("Zoë d'Arc", "zoë_d_arc"),
        ("さくら🌸", "さくら"),
        ("🌊", "water_wave"),
        ("🌊🌊🔥", "water_wave_water_wave"),
        ("", "somebody"),
        ("...", "somebody"),
        ("\u200b\u202e", "somebody"),
        ("@all", "all_"),
        ("Self", "self_"),
        ("x" * 100, "x" * MAX_HANDLE),
        ("a\nb: @self: hi", "a_b_self_hi"),
    ],
)
def test_a_name_makes_a_readable_handle(name: str, handle: str) -> None:
    assert handle_for(name, set()) == handle


@given(st.lists(st.text(max_size=40), max_size=30))
def test_handles_are_unique_short_and_of_word_characters(names: list[str]) -> None:
    taken: set[str] = set()
    for name in names:
        handle = handle_for(name, taken)
        assert handle.casefold() not in taken
        assert handle not in RESERVED
        assert handle.replace("_", "x").isalnum() or any(ord(char) > 127 for char in handle)
        assert not set(handle) & set(" @:：\n\t[]<>|")
        assert len(handle) <= MAX_HANDLE + 4
        taken.add(handle.casefold())


def test_two_people_with_one_name_stay_two(archive: Archive, talk: Talk) -> None:
    talk.names = {"a1": "Ann", "a2": "ann"}
    talk.say("a1", "I am the first")
    talk.say("a2", "I am the second")
    first, second = talk.recorded(archive, me=None)
    assert [first.person.handle, second.person.handle] == ["ann", "ann_2"]
    for name in ("Ann", "ANN ", "ann"):
        with pytest.raises(ArchiveError, match="name of several people: @ann, @ann_2"):
            archive.set_self(name)
    assert archive.set_self("@ann") == replace(first.person, is_self=True)


def test_a_renamed_person_keeps_handle_and_messages(archive: Archive, talk: Talk) -> None:
    talk.say("k", "before")
    talk.names["k"] = "Kilo 🌊"
    talk.say("k", "after")
    before, after = talk.recorded(archive)
    assert before.person == after.person
    assert after.person.handle == "k"
    assert after.person.names == ("K", "Kilo 🌊")
    assert after.person.name == "Kilo 🌊"
    assert archive.find_person("kilo 🌊") == archive.find_person("K")


def test_the_latest_name_counts_in_whatever_order_exports_come(tmp_path: Path) -> None:
    old, new = Talk("test:old"), Talk("test:new")
    old.say("k", "then")
    new.names["k"] = "Kilo"
    new.say("k", "now", minutes=100)
    path = tmp_path / "archive.sqlite"
    with Archive.open(path, create=True) as archive:
        archive.add(new.messages)
        archive.add(old.messages)
    with Archive.open(path) as archive:
        assert archive.find_person("k").name == "Kilo"


def test_a_person_is_found_by_handle_account_or_any_name(archive: Archive, talk: Talk) -> None:
    talk.names["user77"] = "Old Wang"
    talk.say("user77", "hi")
    talk.recorded(archive)
    for who in ("old_wang", "@old_wang", "OLD WANG", " user77 "):
        assert archive.find_person(who).handle == "old_wang"


def test_an_unknown_name_gets_a_hint(archive: Archive, talk: Talk) -> None:
    talk.say("kevin", "hi")
    talk.recorded(archive)
    with pytest.raises(ArchiveError, match=r"called 'Kevni'; did you mean 'Kevin'"):
        archive.find_person("Kevni")
    with pytest.raises(ArchiveError, match="called 'zzz'; see: atself people"):
        archive.find_person("zzz")


def test_self_is_one_person_at_a_time(archive: Archive, talk: Talk) -> None:
    talk.chatter(1)
    talk.recorded(archive)
    revision = archive.revision
    archive.set_self("bob")
    assert archive.me().handle == "bob"
    assert [person.handle for person in archive.people() if person.is_self] == ["bob"]
    assert archive.revision > revision
    assert archive.counts().self_messages == 1


def test_setting_the_same_self_again_changes_nothing(archive: Archive, talk: Talk) -> None:
    talk.chatter(1)
    talk.recorded(archive)
    revision = archive.revision
    archive.set_self("@kevin")
    assert archive.revision == revision


def test_without_self_the_archive_says_how_to_set_it(archive: Archive, talk: Talk) -> None:
    talk.say("bob", "hi")
    talk.recorded(archive)
    with pytest.raises(ArchiveError, match="atself people --self NAME"):
        archive.me()


def test_a_plain_logs_self_is_self_without_being_asked(archive: Archive) -> None:
    archive.add(plain_talk("self", "bob").messages)
    assert archive.me().handle == "self"


def test_a_plain_logs_self_joins_the_self_there_is(archive: Archive, talk: Talk) -> None:
    talk.chatter(1)
    talk.recorded(archive)
    archive.add(plain_talk("self", "bob").messages)
    me = archive.me()
    assert me.handle == "kevin"
    assert {(account.platform, account.key) for account in me.accounts} == {
        ("test", "kevin"),
        ("plain", "self"),
    }


def test_where_self_is_set_to_another_the_logs_own_self_is_not_called_self(
    archive: Archive,
) -> None:
    talk = plain_talk("self", "jim")
    talk.say("jim", "ask @self, @jim said", mentions=["self", "jim"])
    archive.add(talk.messages)
    archive.set_self("jim")
    lines = [line_of(message, me="jim") for message in archive.messages()]
    assert [line.handle for line in lines] == ["self_", "self", "self"]
    assert lines[-1].text == "ask @self_, @self said"


def plain_talk(*speakers: str) -> Talk:
    """A plain log in which each speaks once."""

    class Plain(Talk):
        def account(self, who: str) -> Account:
            return Account("plain", who, who)

    talk = Plain("plain:log")
    for who in speakers:
        talk.say(who, f"{who} here")
    return talk


def test_mentions_become_handles(archive: Archive, talk: Talk) -> None:
    talk.names["w"] = "Old Wang"
    talk.say("w", "hi")
    talk.say("bob", "@Old Wang and @Old Wang's cat", mentions=["w", "nobody"])
    message = talk.recorded(archive)[-1]
    assert message.text == "@old_wang and @old_wang's cat"
    assert message.mentions == ("old_wang",)


def test_a_mention_is_never_cut_out_of_a_longer_name(archive: Archive, talk: Talk) -> None:
    talk.names = {"a": "Ann", "b": "Ann", "c": "Anna", "w": "小王", "z": "小王子"}
    for who in talk.names:
        talk.say(who, "hi")
    talk.say("bob", "@Ann, @Anna, @Annapolis, @小王子你好, @小王你好", mentions="bcwz")
    assert talk.recorded(archive)[-1].text == "@ann_2, @anna, @Annapolis, @小王子你好, @小王你好"


def test_self_is_spelled_self_only_where_meant(archive: Archive, talk: Talk) -> None:
    for who in ("kev", "kevin"):
        talk.say(who, "hi")
    talk.say("bob", "@Kev @Kevin @kevlar", mentions=["kev", "kevin"])
    message = talk.recorded(archive, me="kev")[-1]
    assert message.text == "@kev @kevin @kevlar"
    assert line_of(message, me="kev").text == "@self @kevin @kevlar"


def test_a_name_with_special_characters_is_only_a_name() -> None:
    assert readdress("@a.b (x) @aXb (x)", {"a.b (x)": "ab"}) == "@ab @aXb (x)"
    assert readdress("@\\1", {"\\1": "\\g<0>"}) == "@\\g<0>"
    assert readdress("@bob", {}) == "@bob"


def test_a_mention_by_a_name_two_people_have_names_nobody(archive: Archive, talk: Talk) -> None:
    talk.names = {"a1": "Ann", "a2": "Ann"}
    talk.say("a1", "hi")
    talk.say("a2", "hi")
    named = talk.say("bob", "@Ann?")
    archive.add(talk.messages)
    archive.add([replace(named, mentions=(Account("test", "", "Ann"),))])
    assert texts(archive.messages())[-1] == "@Ann?"
    assert next(iter(archive.get([named.id]))).mentions == ()


@pytest.mark.parametrize(
    ("name", "is_bot"),
    [
        ("Menu Bot", True),
        ("menu_bot", True),
        ("GroupHelpBot", True),
        ("bot", True),
        ("Abbot", False),
        ("Talbot Smith", False),
        ("Robot Lover", False),
        ("机器人 bot", True),
    ],
)
def test_bots_are_known_by_their_names(name: str, is_bot: bool) -> None:
    assert looks_like_bot(Account("test", "x", name)) is is_bot
    assert looks_like_bot(Account("test", "x", name, is_bot=True))
