"""What is in work survives: what was asked, what is on its way, what was obeyed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.journal import KEPT, Journal, Noted
from bot.platforms.base import Address, Outgoing, Sent
from ingest.chat import Account

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GUY = Account("test", "guy")
CHAT = "test:chat"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "bot.sqlite") as opened:
        yield opened


def noted(number: int, address: Address = Address.MENTION, topic: str | None = None) -> Noted:
    at = NOW + timedelta(seconds=number)
    return Noted(f"{CHAT}:{number}", CHAT, topic, GUY, at, address)


def part(key: str, text: str = "noodles") -> Outgoing:
    return Outgoing(key, CHAT, text, quote=f"{CHAT}:1", ping=("guy", GUY))


def test_a_message_told_twice_is_new_once(journal: Journal) -> None:
    assert journal.note([noted(1), noted(2), noted(1)]) == [True, True, False]
    assert journal.note([noted(2)]) == [False]


def test_only_what_was_asked_and_not_answered_stays_open(journal: Journal) -> None:
    journal.note([noted(1), noted(2, Address.NONE), noted(3), noted(4)])
    journal.close_message(noted(3).id)
    assert journal.open_messages() == [noted(1), noted(4)]


def test_planning_a_reply_closes_what_it_answers_in_one_step(journal: Journal) -> None:
    journal.note([noted(1), noted(2)])
    journal.plan([noted(1).id, noted(2).id], [part("a"), part("b", "and tea")], NOW)
    assert journal.open_messages() == []
    left = journal.unsent()
    assert [(one.outgoing, one.answered, one.is_tried) for one in left] == [
        (part("a"), noted(2).id, False),
        (part("b", "and tea"), noted(2).id, False),
    ]


def test_the_same_message_cannot_be_answered_twice(journal: Journal) -> None:
    journal.note([noted(1)])
    journal.plan([noted(1).id], [part("a")], NOW)
    with pytest.raises(sqlite3.IntegrityError):
        journal.plan([noted(1).id], [part("a")], NOW)


def test_a_tried_part_knows_where_to_look_for_it(journal: Journal) -> None:
    journal.plan([noted(1).id], [part("a")], NOW)
    journal.trying("a", f"{CHAT}:7", NOW)
    [left] = journal.unsent()
    assert left.is_tried
    assert (left.outgoing.after, left.outgoing.first_tried_at) == (f"{CHAT}:7", NOW)


def test_texts_are_gone_once_they_are_sent_or_given_up(journal: Journal, tmp_path: Path) -> None:
    journal.plan([noted(1).id], [part("a", "a secret"), part("b", "another secret")], NOW)
    journal.sent("a", Sent(f"{CHAT}:8", NOW))
    journal.give_up("b")
    assert journal.unsent() == []
    assert list(journal.replies(NOW)) == [(CHAT, noted(1).id, NOW)]
    journal.close()
    assert b"secret" not in (tmp_path / "bot.sqlite").read_bytes()


def test_topics_of_own_and_others_messages_are_known(journal: Journal) -> None:
    journal.note([noted(1, topic="5")])
    journal.plan([noted(1).id], [Outgoing("a", CHAT, "x", topic="5")], NOW)
    journal.sent("a", Sent(f"{CHAT}:9", NOW))
    ids = [noted(1).id, f"{CHAT}:9", f"{CHAT}:404"]
    assert journal.topics(ids) == {noted(1).id: "5", f"{CHAT}:9": "5"}
    assert journal.accounts([noted(1).id, "test:chat:404"]) == {noted(1).id: GUY}


def test_of_who_is_left_out_nothing_stays_in_work(journal: Journal) -> None:
    journal.note([noted(1), noted(2)])
    journal.plan([noted(1).id], [part("a", "a reply to guy")], NOW)
    journal.forget(Account("test", "fox"))
    assert len(journal.unsent()) == len(journal.open_messages()) == 1
    journal.forget(GUY)
    assert not journal.unsent()
    assert not journal.open_messages()
    assert journal.accounts([noted(1).id]) == {}


def test_a_command_is_obeyed_once(journal: Journal) -> None:
    assert journal.obey("update:1", NOW)
    assert not journal.obey("update:1", NOW)


def test_a_moved_chat_keeps_its_work(journal: Journal) -> None:
    journal.note([noted(1)])
    journal.plan([noted(2).id], [part("a")], NOW)
    journal.move(CHAT, "test:new")
    assert [one.chat for one in journal.open_messages()] == ["test:new"]
    assert [one.outgoing.chat for one in journal.unsent()] == ["test:new"]


def test_old_rows_are_pruned_and_what_is_left_is_not(journal: Journal) -> None:
    journal.note([noted(1), noted(2)])
    journal.obey("update:1", NOW)
    journal.prune(NOW + KEPT)
    assert not journal.note([noted(2)])[0]
    journal.prune(NOW + KEPT + timedelta(minutes=1))
    assert journal.note([noted(2)])[0]
    assert journal.obey("update:1", NOW)
