"""Bridges: who wrote what a bridge carries, found at once or at the end of an import."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.archive import Archive
from ingest.bridges import STYLES, TAGGED, split_author, style_by_name, style_of
from ingest.chat import Account
from ingest.intake import Added
from tests.ingest.talk import Talk, texts

NICKS = ("alice", "bärbel", "陈总", "d_e", "eve|away", "frank")


@pytest.mark.parametrize(
    ("style", "text", "expected"),
    [
        ("angle", "<alice> hello", ("alice", "hello")),
        ("angle", "[irc] <alice> hello\nyou", ("alice", "hello\nyou")),
        ("angle", "**<alice>** hello", ("alice", "hello")),
        ("angle", "<@ali\u200bce> hello", ("alice", "hello")),
        ("angle", "<陈总> 你好", ("陈总", "你好")),
        ("angle", "<@123456> hello", None),
        ("angle", "<:smile:123> hello", None),
        ("angle", "<https://example.org> look", None),
        ("angle", "a < b and c > d", None),
        ("bold", "**alice**: hello", ("alice", "hello")),
        ("bold", "**alice:** hello", ("alice", "hello")),
        ("bold", "[tg] **alice** hello", ("alice", "hello")),
        ("bold", "**nothing", None),
        ("square", "[alice] hello", ("alice", "hello")),
        ("square", "[photo]", None),
        ("colon", "alice: hello", ("alice", "hello")),
        ("colon", "陈总： 你好", ("陈总", "你好")),
        ("colon", "https://example.org", None),
        (TAGGED, "**bob**: hi", ("bob", "hi")),
        (TAGGED, "note: hi", None),
        ("angle", "<\u200b> hello", None),
    ],
)
def test_the_writer_is_read_off_the_text(
    style: str, text: str, expected: tuple[str, str] | None
) -> None:
    assert split_author(text, style) == expected


@given(st.text(max_size=80), st.sampled_from([*STYLES, TAGGED]))
def test_any_text_is_split_or_left(text: str, style: str) -> None:
    found = split_author(text, style)
    if found is not None:
        name, said = found
        assert name.strip() == name
        assert name
        assert text.endswith(said)


@pytest.mark.parametrize(
    ("name", "is_bridge"),
    [
        ("matterbridge", True),
        ("Discord-Bridge", True),
        ("irc relay bot", True),
        ("telegram_irc", True),
        ("teleirc", True),
        ("Jeff Bridges", False),
        ("John Bridge", False),
        ("Cambridge", False),
        ("irc", False),
    ],
)
def test_bridges_are_known_by_name_only_where_nobody_is_called_so(
    name: str, is_bridge: bool
) -> None:
    assert (style_by_name(Account("test", "x", name)) is not None) is is_bridge


def test_who_speaks_to_people_that_are_there_is_no_bridge() -> None:
    helper = [f"{NICKS[n % 6]}: try number {n}" for n in range(60)]
    assert style_of(helper, NICKS) is None
    assert style_of(helper, ()) == "colon"
    assert style_of(helper[:10], ()) is None


def bridged_talk(*, name: str = "courier") -> Talk:
    """A chat in which one account carries six people's words and two are there themselves."""
    talk = Talk()
    talk.names["courier"] = name
    for number in range(48):
        nick = NICKS[number % 6]
        talk.say("courier", f"<{nick}> message {number} of {nick}")
        if number % 4 == 0:
            talk.say("kevin", f"answer {number}")
            talk.say("bob", "<sigh> no")
    talk.say("courier", "*** eve left")
    return talk


def test_a_bridge_is_found_by_what_it_writes(archive: Archive) -> None:
    talk = bridged_talk()
    talk.recorded(archive)
    settled = archive.settle()
    assert (settled.bridges, settled.unwrapped) == (1, 48)
    alice = archive.find_person("alice")
    assert [account.key for account in alice.accounts] == ["bridge:alice"]
    assert archive.message_counts()[alice.id] == 8
    assert archive.find_person("Courier").is_bot
    assert "message 0 of alice" in texts(archive.messages())
    best, _score = archive.search("message 0 alice")[0]
    assert best.text == "message 0 of alice"
    assert archive.message_counts()[archive.find_person("bob").id] == 12
    assert archive.settle().unwrapped == 0


def test_what_a_known_bridge_carries_is_unwrapped_as_it_comes(archive: Archive) -> None:
    talk = bridged_talk()
    talk.recorded(archive)
    archive.settle()
    assert archive.add(talk.messages) == Added(same=len(talk.messages))
    late = talk.say("courier", "<gina> hello from afar")
    archive.add([late])
    [message] = archive.get([late.id])
    assert (message.person.name, message.text) == ("gina", "hello from afar")


def test_a_bridge_known_by_name_needs_no_evidence(archive: Archive, talk: Talk) -> None:
    talk.names["m"] = "matterbridge"
    talk.say("m", "[irc] <alice> hi")
    talk.say("m", "matterbridge restarted")
    first, second = talk.recorded(archive, me=None)
    assert (first.person.name, first.text) == ("alice", "hi")
    assert second.person.is_bot


def test_found_in_two_imports_or_one_the_archive_is_the_same(tmp_path: Path) -> None:
    talk = bridged_talk()
    contents = []
    for number, cut in enumerate((0, 31)):
        with Archive.open(tmp_path / f"{number}.sqlite", create=True) as archive:
            archive.add(talk.messages[:cut])  # killed here, before the end of the import
        with Archive.open(tmp_path / f"{number}.sqlite") as archive:
            archive.add(talk.messages)
            archive.settle()
            contents.append([archive.people(), archive.chats(), list(archive.messages())])
    assert contents[0] == contents[1]


def test_a_failure_while_settling_leaves_the_archive_as_imported(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridged_talk().recorded(archive)
    before = list(archive.messages())

    def fails(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ingest.settle.link_names", fails)
        with pytest.raises(KeyboardInterrupt):
            archive.settle()
    assert list(archive.messages()) == before
    assert archive.settle().bridges == 1


def test_the_forgotten_behind_a_bridge_do_not_come_back(archive: Archive) -> None:
    talk = bridged_talk()
    talk.recorded(archive)
    archive.settle()
    assert archive.forget("alice") == 8
    late = talk.say("courier", "<alice> I am still here")
    assert archive.add([late]) == Added(forgotten=1)
