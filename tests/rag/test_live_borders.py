"""What is said now is recalled in its own chat alone, from whoever may be recalled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from config.settings import Home, load
from ingest.archive import Archive
from ingest.chat import Account, Conversation
from rag.embedding.models import make_embedder
from rag.index.live import Live, Pace
from rag.recall import Recall

Say = Callable[..., Any]
Index = Callable[..., Any]
CHAT, OTHER = "telegram:1", "telegram:2"
ASKED = "where is the spare key hidden?"


@dataclass
class Bot:
    """The archive, what listens to it, and what recalls."""

    archive: Archive
    live: Live
    recall: Recall

    def hear(self, raw: list[Any]) -> None:
        """Into the archive, and into the ears, as the bot does."""
        self.archive.add(raw)
        for message in self.archive.get([one.id for one in raw]):
            self.live.heard(message)
        self.live.settle()

    def asked(self, chat: str) -> str:
        """All that is recalled there."""
        found = self.recall.query(ASKED, chat=chat, before=None, limit=9)
        return "\n".join(passage.text for passage in found)


@pytest.fixture
def bot(place: Home, archive: Archive, say: Say, index: Index) -> Iterator[Bot]:
    archive.add(say((("Lin", "hello to all of you here"), ("Fox", "good morning, everybody"))))
    archive.set_self("Lin")
    index()
    settings, embedder = load(place.path), make_embedder("all-minilm-l6-v2")
    assert embedder is not None
    never = Pace(quiet=timedelta(hours=1), messages=10_000)
    with (
        Live(place, settings, embedder, pace=never) as live,
        Recall.open(settings, place, archive, live=live) as recall,
    ):
        yield Bot(archive, live, recall)


SAID = (("Fox", "the spare key is hidden under the blue flower pot"),)


def test_what_was_just_said_is_recalled_there_and_nowhere_else(bot: Bot, say: Say) -> None:
    bot.hear(say(SAID, day=3))
    assert "flower pot" in bot.asked(CHAT)
    assert bot.asked(OTHER) == ""
    assert bot.asked("telegram:3") == ""


def test_what_moved_is_recalled_where_it_went_alone(bot: Bot, say: Say) -> None:
    bot.hear(say(SAID, day=3))
    bot.archive.move(CHAT, Conversation("telegram:9", "Big", "telegram"))
    bot.hear(say((("Fox", "somebody new writes here now"),), day=4))
    assert "flower pot" in bot.asked("telegram:9")
    assert "flower pot" not in bot.asked(CHAT) + bot.asked(OTHER)


@pytest.mark.parametrize("way", ["withdraw", "forget"])
def test_who_left_is_recalled_no_more(bot: Bot, say: Say, way: str) -> None:
    said = say(SAID, day=3)
    bot.hear(said)
    account: Account = said[0].author
    if way == "withdraw":
        bot.archive.withdraw(account)
    else:
        bot.archive.forget(f"{account.platform}:{account.key}")
    assert "flower pot" not in bot.asked(CHAT)
