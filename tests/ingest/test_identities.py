"""One person with several accounts: joined, merged, split, renamed; and it stays so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.archive import Archive
from ingest.chat import Account, Conversation
from ingest.errors import ArchiveError
from ingest.intake import Added
from tests.ingest.talk import Talk, texts


class NamesOnly(Talk):
    """An export of the same kind that names people without ids."""

    def account(self, who: str) -> Account:
        name = self.names.get(who, who.capitalize())
        return Account("test", f"name:{name}", name)


def handles(archive: Archive) -> list[str]:
    """Who there is."""
    return [person.handle for person in archive.people()]


def test_a_name_used_again_is_the_current_one(archive: Archive, talk: Talk) -> None:
    for name in ("Ann", "Anna", "Ann"):
        talk.names["a"] = name
        talk.say("a", f"I am {name}")
    talk.recorded(archive)
    person = archive.find_person("Anna")
    assert person.names == ("Anna", "Ann")
    assert person.name == "Ann"


def test_an_account_known_by_name_joins_the_one_who_bore_it(archive: Archive) -> None:
    ids, names = Talk("test:1"), NamesOnly("test:page")
    ids.say("user1", "with an id")
    ids.names["user1"] = "Alice"
    ids.say("user1", "renamed")
    names.names["x"] = "Alice"
    names.say("x", "from the page")
    names.say("bob", "only on the page")
    archive.add(ids.messages)
    archive.add(names.messages)
    assert archive.settle().joined == 1
    assert handles(archive) == ["user1", "bob"]
    assert archive.message_counts()[archive.find_person("Alice").id] == 3
    assert archive.settle().joined == 0


def test_a_name_two_people_of_the_chat_bore_joins_nobody(archive: Archive) -> None:
    ids, names = Talk("test:1"), NamesOnly("test:page")
    ids.names = {"u1": "Alice", "u2": "alice"}
    ids.say("u1", "hi")
    ids.say("u2", "hi")
    names.say("alice", "who am I?")
    archive.add([*ids.messages, *names.messages])
    assert archive.settle().joined == 0
    assert len(archive.people()) == 3


@pytest.mark.parametrize(
    "chat",
    [Conversation("test:2", "Another chat", "test"), Conversation("other:1", "Noodle Club", "o")],
)
def test_the_same_name_in_another_chat_or_platform_joins_nobody(
    archive: Archive, chat: Conversation
) -> None:
    ids, names = Talk("test:1"), NamesOnly("test:page")
    names.chat = chat
    ids.say("alice", "hi")
    names.say("alice", "hi")
    archive.add([*ids.messages, *names.messages])
    assert archive.settle().joined == 0


def test_discords_old_numbered_names_join_the_account(archive: Archive) -> None:
    ids, names = Talk("test:1"), NamesOnly("test:page")
    ids.names["123456"] = "nice guy"
    names.names["x"] = "Nice Guy#0042"
    ids.say("123456", "hi")
    names.say("x", "hi")
    archive.add([*ids.messages, *names.messages])
    assert archive.settle().joined == 1


def test_a_message_known_under_an_id_is_not_taken_over_by_a_name(
    archive: Archive, talk: Talk
) -> None:
    first = talk.say("user7", "hello")
    archive.add(talk.messages)
    archive.add([replace(first, author=Account("test", "name:User7", "User7"), text="hello!")])
    [message] = archive.messages()
    assert [account.key for account in message.person.accounts] == ["user7"]
    assert message.text == "hello!"


def test_merged_accounts_are_one_person_with_the_first_ones_handle(
    archive: Archive, talk: Talk
) -> None:
    talk.say("ann", "hi")
    talk.say("ann2", "hi, from work")
    talk.say("bob", "@Ann2 hello", mentions=["ann2"])
    talk.recorded(archive, me=None)
    person = archive.merge("@ann", "@ann2")
    assert person.handle == "ann"
    assert {account.key for account in person.accounts} == {"ann", "ann2"}
    messages = list(archive.messages())
    assert [message.person.handle for message in messages] == ["ann", "ann", "bob"]
    assert messages[-1].mentions == ("ann",)
    assert messages[-1].text == "@ann hello"
    assert archive.counts().people == 2
    assert archive.find_person("@ann2") == person


def test_merging_again_or_with_oneself_changes_nothing(archive: Archive, talk: Talk) -> None:
    talk.say("ann", "hi")
    talk.say("ann2", "hi")
    talk.recorded(archive, me=None)
    person = archive.merge("ann", "ann2")
    revision = archive.revision
    assert archive.merge("ann", "ann2", "ann") == person
    assert archive.revision == revision


def test_merging_into_self_makes_both_self(archive: Archive, talk: Talk) -> None:
    talk.chatter(2)
    talk.recorded(archive)
    assert archive.merge("anna", "kevin").is_self
    assert archive.counts().self_messages == 4
    assert len(archive.self_times()) == 4


def test_split_gives_back_what_was_merged(archive: Archive, talk: Talk) -> None:
    for who in ("ann", "ann2", "ann3"):
        talk.say(who, f"{who} here")
    talk.say("bob", "@Ann2?", mentions=["ann2"])
    before = talk.recorded(archive, me=None)
    archive.merge("ann", "ann2", "ann3")
    assert [person.handle for person in archive.split("ann2")] == ["ann", "ann2"]
    assert len(archive.find_person("@ann").accounts) == 2
    archive.merge("ann", "ann2")
    assert len(archive.split("@ann")) == 3
    assert list(archive.messages()) == before


def test_splitting_the_first_account_leaves_the_others_together(
    archive: Archive, talk: Talk
) -> None:
    for who in ("one", "two", "three"):
        talk.say(who, "hi")
    talk.recorded(archive, me="one")
    archive.merge("one", "two", "three")
    staying, leaving = archive.split("@one", "test:one")
    assert (staying.handle, len(staying.accounts), staying.is_self) == ("two", 2, True)
    assert (leaving.handle, leaving.is_self) == ("one", False)


def test_what_cannot_be_split_is_said(archive: Archive, talk: Talk) -> None:
    for who in ("ann", "ann2"):
        talk.say(who, "hi")
    talk.recorded(archive, me=None)
    with pytest.raises(ArchiveError, match="@ann has one account only"):
        archive.split("@ann")
    archive.merge("ann", "ann2")
    with pytest.raises(ArchiveError, match="'bob' is no account of @ann, who has: test:ann, test:"):
        archive.split("@ann", "bob")


def test_decisions_survive_the_next_import_and_opening_again(tmp_path: Path, talk: Talk) -> None:
    names = NamesOnly("test:page")
    for each in (talk, names):
        each.say("ann", "hi")
        each.say("other", "hi")
    path = tmp_path / "archive.sqlite"
    with Archive.open(path, create=True) as archive:
        archive.add([*talk.messages, *names.messages])
        assert archive.settle().joined == 2
        archive.split("name:Ann")
        archive.merge("@other", "test:ann")
    with Archive.open(path) as archive:
        assert archive.add([*talk.messages, *names.messages]) == Added(same=4)
        talk.say("ann", "one more")
        archive.add(talk.messages)
        assert archive.settle().joined == 0
        found = {person.handle: len(person.accounts) for person in archive.people()}
        assert found == {"other": 3, "ann_2": 1}


def test_a_given_name_is_shown_and_the_handle_stays(archive: Archive, talk: Talk) -> None:
    talk.say("ann", "hi")
    talk.recorded(archive, me=None)
    person = archive.rename("ann", " Old Ann ")
    assert (person.name, person.handle) == ("Old Ann", "ann")
    assert archive.find_person("old ann") == person
    talk.names["ann"] = "Ann Again"
    talk.say("ann", "renamed")
    archive.add(talk.messages)
    assert archive.find_person("ann").name == "Old Ann"
    assert archive.rename("ann", None).name == "Ann Again"


def test_several_selves_become_one(archive: Archive, talk: Talk) -> None:
    talk.chatter(1)
    talk.recorded(archive, me="bob")
    me = archive.set_self("kevin", "anna")
    assert (me.handle, len(me.accounts), me.is_self) == ("kevin", 2, True)
    assert [person.handle for person in archive.people() if person.is_self] == ["kevin"]
    assert archive.counts().self_messages == 2
    revision = archive.revision
    archive.set_self("kevin", "anna")
    assert archive.revision == revision


def test_the_owners_of_exports_are_known(archive: Archive, talk: Talk) -> None:
    first = talk.say("bob", "hi")
    archive.add([replace(first, author=replace(first.author, is_self=True))])
    assert [person.handle for person in archive.owners()] == ["bob"]


def test_a_bot_marked_by_hand_stays_as_marked(archive: Archive, talk: Talk) -> None:
    text = "Welcome! Please read the rules that are pinned above before you write."
    for number in range(30):
        talk.say("greeter", text)
        talk.say("bob", f"hello {number}")
    talk.recorded(archive, me=None)
    assert archive.settle().bots == 1
    assert archive.find_person("greeter").is_bot
    assert not archive.mark_bot("greeter", is_bot=False).is_bot
    talk.say("bob", "one more")
    archive.add(talk.messages)
    assert archive.settle().bots == 0
    assert not archive.find_person("greeter").is_bot


def test_who_speaks_when_a_command_was_given_is_a_bot(archive: Archive, talk: Talk) -> None:
    for number in range(40):
        talk.say("bob", f"!topic {number}" if number % 4 == 0 else f"and so on {number}")
        if number % 4 == 0:
            talk.say("oracle", f"topic {number} is about noodles")
            talk.say("oracle", f"see also {number + 1}")
        for chatter in range(2):
            talk.say("kevin", f"talk {number} {chatter}")
            talk.say("bob", f"more {number} {chatter}")
    talk.recorded(archive)
    assert archive.settle().bots == 1
    assert [person.handle for person in archive.people() if person.is_bot] == ["oracle"]


def test_likely_merges_come_with_evidence_and_nothing_is_merged(
    archive: Archive, talk: Talk
) -> None:
    talk.names = {"u1": "Nice Guy", "u2": "nice_guy", "u3": "Zoë Unrelated"}
    for who in talk.names:
        for number in range(25):
            talk.say(who, f"{who} says {number}", minutes=30)
    talk.recorded(archive, me=None)
    [found] = archive.suggestions()
    assert [person.handle for person in found.people] == ["nice_guy", "nice_guy_2"]
    assert found.evidence[0] == "names alike but for spelling: 'Nice Guy' and 'nice_guy'"
    assert "in one chat, never speaking at once" in found.evidence
    assert len(archive.people()) == 3


def test_people_who_talk_to_each_other_are_hardly_one(archive: Archive, talk: Talk) -> None:
    talk.names = {"u1": "Ann Smith", "u2": "ann smith"}
    for number in range(25):
        talk.say("u1", f"a {number}")
        talk.say("u2", "@Ann Smith, no", mentions=["u1"])
    talk.recorded(archive, me=None)
    assert archive.suggestions() == [] or archive.suggestions()[0].score < 0.4


def test_who_was_split_is_not_suggested_again(archive: Archive, talk: Talk) -> None:
    talk.names = {"u1": "Ann Smith", "u2": "Ann Smith"}
    for who in talk.names:
        talk.say(who, "hi")
    talk.recorded(archive, me=None)
    assert len(archive.suggestions()) == 1
    archive.merge("u1", "u2")
    archive.split("u2")
    assert archive.suggestions() == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ms"), st.integers(0, 4), st.integers(0, 4)), max_size=9))
def test_merging_and_splitting_lose_no_account_and_no_message(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    talk = Talk()
    for who in "abcde":
        talk.say(f"u{who}", f"{who} here")
    with Archive.open(tmp_path_factory.mktemp("a") / "a.sqlite", create=True) as archive:
        archive.add(talk.messages)
        for verb, one, other in steps:
            if verb == "m":
                archive.merge(f"u{'abcde'[one]}", f"u{'abcde'[other]}")
            elif len(archive.find_person(f"u{'abcde'[one]}").accounts) > 1:
                archive.split(f"test:u{'abcde'[one]}")
        people = archive.people()
        assert sorted(a.key for p in people for a in p.accounts) == [f"u{x}" for x in "abcde"]
        assert sum(archive.message_counts().values()) == 5
        assert {person.id for person in people} == set(archive.message_counts())
        assert texts(archive.messages()) == [f"{x} here" for x in "abcde"]
