"""One chat's words never surface in another, whatever is asked, marked, moved or merged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config.settings import Home, Settings, load
from ingest.archive import Archive
from ingest.chat import Account, Conversation, RawMessage
from rag.recall import Recall
from tests.rag.conftest import START

Index = Callable[..., Any]
GROUP = Conversation("telegram:1", "Rowing", "telegram")
OTHER = Conversation("telegram:2", "Rowing", "telegram")
PRIVATE = Conversation("telegram:3", "Mei", "telegram", is_private=True)
ESSAY = Conversation("writing:essay.md", "essay.md", "writing")
QUESTIONS = (
    "what is the code of the boathouse lock?",
    "boathouse lock code",
    "the code of the boathouse lock is 7731",
    "船库的锁密码是多少",
    "7731",
)


def said(chat: Conversation, *lines: tuple[str, str], day: int = 0) -> list[RawMessage]:
    """``(speaker, text)`` in a conversation, a minute apart; lin is @self."""
    start = START + timedelta(days=day)
    return [
        RawMessage(
            f"{chat.id}:{day}:{number}",
            chat,
            Account(chat.platform, who, who.title()),
            start + timedelta(minutes=number),
            text,
        )
        for number, (who, text) in enumerate(lines)
    ]


def recalled(archive: Archive, place: Home, settings: Settings, chat: str) -> str:
    """All that any of the questions brings back in a chat."""
    with Recall.open(settings, place, archive, warn=lambda _line: None) as memory:
        found = [memory.query(asked, chat=chat, before=None, limit=20) for asked in QUESTIONS]
    return "\n".join(passage.text for passages in found for passage in passages)


def own(place: Home, *chats: Conversation) -> Settings:
    """Settings that mark chats as shareable."""
    return load(place.path, recall__shareable=tuple(chat.id for chat in chats))


@pytest.fixture(params=["indexed", "by words alone", "before the next indexing"])
def settle(request: pytest.FixtureRequest, archive: Archive, index: Index) -> Callable[..., None]:
    """How far the index has come when the questions are asked."""
    if request.param == "before the next indexing":
        archive.add(said(GROUP, ("fox", "the weather on the river was rough today"), day=-9))
        index()

    def settled(settings: Settings) -> None:
        archive.set_self("Lin")
        if request.param == "indexed":
            index(settings=settings)

    return settled


def test_the_same_words_in_many_groups_stay_where_they_were_said(
    archive: Archive, place: Home, settings: Settings, settle: Callable[..., None]
) -> None:
    groups = [Conversation(f"telegram:{n}", "Rowing", "telegram") for n in range(10, 16)]
    for number, group in enumerate(groups):
        lines = (("fox", QUESTIONS[0]), ("lin", f"the code of the boathouse lock is 773{number}"))
        archive.add(said(group, *lines))
    settle(settings)
    for number, group in enumerate(groups):
        found = recalled(archive, place, settings, group.id)
        assert f"773{number}" in found
        assert not any(f"773{other}" in found for other in range(6) if other != number)


def test_own_writings_are_recalled_everywhere(
    archive: Archive, place: Home, settings: Settings, settle: Callable[..., None]
) -> None:
    archive.add(said(GROUP, ("fox", "did anyone see my left shoe after the regatta?")))
    archive.add(said(ESSAY, ("lin", "The boathouse lock was forged in 1902 by my grandfather.")))
    settle(settings)
    assert "forged in 1902" in recalled(archive, place, settings, GROUP.id)


def test_a_shareable_chat_lends_what_self_said_and_no_word_of_others(
    archive: Archive, place: Home, settings: Settings, settle: Callable[..., None]
) -> None:
    archive.add(said(GROUP, ("fox", "did anyone see my left shoe after the regatta?")))
    secret = "Mei told me the code of the boathouse lock, do not pass it on"
    lines = (("fox", secret), ("lin", "the code of the boathouse lock is changed every spring"))
    archive.add(said(OTHER, *lines))
    settle(own(place, OTHER))
    found = recalled(archive, place, own(place, OTHER), GROUP.id)
    assert "changed every spring" in found
    assert "Mei" not in found
    assert "fox" not in found
    assert "changed" not in recalled(archive, place, settings, GROUP.id), "taken off the list"


def test_a_private_chat_is_never_shared_however_it_is_marked(
    archive: Archive, place: Home, settle: Callable[..., None]
) -> None:
    marked = own(place, PRIVATE)
    archive.add(said(GROUP, ("fox", "did anyone see my left shoe after the regatta?")))
    lines = (("mei", QUESTIONS[0]), ("lin", "the code of the boathouse lock is 7731"))
    archive.add(said(PRIVATE, *lines))
    settle(marked)
    assert recalled(archive, place, marked, GROUP.id) == ""
    assert "7731" in recalled(archive, place, marked, PRIVATE.id)


def test_what_self_forwarded_is_not_theirs_to_share(
    archive: Archive, place: Home, settle: Callable[..., None]
) -> None:
    marked = own(place, OTHER)
    archive.add(said(GROUP, ("fox", "did anyone see my left shoe after the regatta?")))
    (line,) = said(OTHER, ("lin", "the code of the boathouse lock is 7731"))
    archive.add([replace(line, forwarded_from="Mei")])
    settle(marked)
    assert recalled(archive, place, marked, GROUP.id) == ""


def test_who_is_split_from_self_takes_their_words_along(
    archive: Archive, place: Home, settle: Callable[..., None]
) -> None:
    marked = own(place, OTHER)
    archive.add(said(GROUP, ("fox", "did anyone see my left shoe?"), ("lin", "it is in the boat")))
    archive.add(said(OTHER, ("mei", "the code of the boathouse lock is 7731")))
    archive.merge("Lin", "Mei")
    settle(marked)
    assert "7731" in recalled(archive, place, marked, GROUP.id)
    archive.split("Mei")
    assert recalled(archive, place, marked, GROUP.id) == ""


def test_a_group_that_moved_does_not_bring_its_past_into_another(
    archive: Archive, place: Home, settings: Settings, settle: Callable[..., None]
) -> None:
    lines = (("fox", QUESTIONS[0]), ("lin", "the code of the boathouse lock is 7731"))
    archive.add(said(GROUP, *lines))
    moved = Conversation("telegram:-1001", "Rowing", "telegram")
    archive.add(said(moved, ("fox", "hello from the new group, same people"), day=1))
    settle(settings)
    assert recalled(archive, place, settings, moved.id) == ""


def test_a_renamed_chat_keeps_its_memory_to_itself(
    archive: Archive, place: Home, settings: Settings, settle: Callable[..., None]
) -> None:
    lines = (("fox", QUESTIONS[0]), ("lin", "the code of the boathouse lock is 7731"))
    archive.add(said(GROUP, *lines))
    archive.add(said(OTHER, ("fox", "did anyone see my left shoe after the regatta?")))
    settle(settings)
    archive.add(said(replace(GROUP, title="Sculling"), ("fox", "the new name is better"), day=1))
    archive.add(said(replace(OTHER, title="Rowing"), ("fox", "we keep the old one"), day=1))
    assert "7731" in recalled(archive, place, settings, GROUP.id)
    assert recalled(archive, place, settings, OTHER.id) == ""


@pytest.mark.parametrize("chat", ["", "shared", "telegram:", "telegram:%", "telegram:1' OR '1"])
def test_a_chat_that_is_none_recalls_nothing_of_others(
    archive: Archive, place: Home, settings: Settings, index: Index, chat: str
) -> None:
    archive.add(said(GROUP, ("fox", QUESTIONS[0]), ("lin", "the code of the lock is 7731")))
    archive.set_self("Lin")
    index()
    assert recalled(archive, place, settings, chat) == ""


def test_the_path_of_a_home_is_not_shared(archive: Archive, place: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "another")
    archive.add(said(GROUP, ("lin", "the code of the boathouse lock is 7731")))
    archive.set_self("Lin")
    with Archive.open(other.archive, create=True) as empty:
        assert recalled(empty, other, load(other.path), GROUP.id) == ""
