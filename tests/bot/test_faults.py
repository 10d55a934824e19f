"""Five hundred random faults: nobody is answered twice, nobody is forgotten, no chat mixes up."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ingest.archive import Archive
from tests.bot.daemon import Daemon, trained_home
from tests.bot.parrot import parrot
from tests.telegram_fake import Call, Chat, FakeTelegram, Fault

FAULTS = 500
KILLS = 12
CHATS = 40
ANSWER = re.compile(r"answer-([a-z0-9]+)")


@dataclass
class Mischief:
    """Faults at random, counted by kind, until there were enough of them."""

    dice: Random
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All faults so far."""
        return sum(self.counts.values())

    def __call__(self, call: Call) -> Fault | None:
        """The fault of a request, if any."""
        likely = {"sendMessage": 0.5, "editMessageText": 0.2, "getUpdates": 0.25}
        if self.total >= FAULTS or self.dice.random() >= likely.get(call.method, 0.02):
            return None
        kind = self.dice.choice(_KINDS[call.method == "getUpdates"])
        self.counts[kind] += 1
        return _fault(kind)

    def deliver(self, updates: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Updates now and then twice, or late ones first."""
        if len(updates) > 1 and self.total < FAULTS:
            if self.dice.random() < 0.2:
                self.counts["duplicates"] += 1
                updates = updates + updates[:3]
            if self.dice.random() < 0.2:
                self.counts["reordered"] += 1
                self.dice.shuffle(updates)
        return updates


_SEND = ["429", "500", "502 done", "reset before", "reset after", "slow"]
_POLL = ["502", "reset before", "slow", "409"]
_KINDS = (_SEND, _POLL)


def _fault(kind: str) -> Fault:
    return {
        "429": lambda: Fault.too_many(1),
        "500": lambda: Fault.failed(500),
        "502": lambda: Fault.failed(502),
        "502 done": lambda: Fault.failed(502, has_effect=True),
        "reset before": lambda: Fault.reset(has_effect=False),
        "reset after": lambda: Fault.reset(has_effect=True),
        "slow": lambda: Fault.slow(0.4),
        "409": Fault.conflict,
    }[kind]()


def answers(fake: FakeTelegram) -> dict[int, Counter[str]]:
    """What was answered in each chat, and how often."""
    found: dict[int, Counter[str]] = {}
    for sent in fake.sent:
        found.setdefault(sent.chat, Counter()).update(ANSWER.findall(sent.text))
    return found


class Questions:
    """Asks, in chats taken by turns, and keeps what it asked."""

    def __init__(self, fake: FakeTelegram) -> None:
        self._fake, self._count = fake, 0
        self.chats = [fake.supergroup(f"Noodles {number}") for number in range(CHATS)]
        self.asked: dict[int, set[str]] = {chat.id: set() for chat in self.chats}

    def ask(self) -> None:
        """One more question, by somebody who never asked before."""
        chat = self.chats[self._count % CHATS]
        self._count += 1
        mark = f"q{self._count}"
        who = self._fake.user(f"Member {self._count}")
        self._fake.say(chat, who, f"@{self._fake.bot.username} question-{mark}")
        self.asked[chat.id].add(mark)

    @property
    def open(self) -> int:
        """How many are not answered yet."""
        found = answers(self._fake)
        return sum(len(marks - set(found.get(id, ()))) for id, marks in self.asked.items())


def bare(chat: Chat) -> str:
    """A chat as the settings name it."""
    return f"telegram:{str(chat.id).removeprefix('-100')}"


@pytest.mark.slow
def test_five_hundred_faults_and_twelve_kills_lose_and_repeat_nothing(tmp_path: Path) -> None:
    home = trained_home(tmp_path / "persona")
    dice = Random(20)
    with parrot() as url, FakeTelegram() as fake:
        questions, mischief = Questions(fake), Mischief(dice)
        daemon = Daemon(
            home,
            is_quick=True,
            GENERATE__SERVER_URL=url,
            TELEGRAM__TOKEN=fake.token,
            TELEGRAM__URL=fake.url,
            BOT__ALLOWED_CHATS=",".join(map(bare, questions.chats)),
        )
        with daemon:
            fake.wait_for(lambda: fake.counts["getUpdates"], 60)
            fake.hook, fake.deliver = mischief, mischief.deliver
            for kill in range(KILLS):
                goal = FAULTS * (kill + 1) // KILLS
                while mischief.total < goal:
                    for _ in range(8):
                        questions.ask()
                    _wait_for_some(fake, mischief, goal)
                daemon.kill()
                questions.ask()  # while it is away
                daemon.start()
            fake.wait_for(lambda: not questions.open, 60)
            assert daemon.stop() == 0
        found = answers(fake)
    assert mischief.total >= FAULTS
    for chat, marks in questions.asked.items():
        assert found[chat] == Counter(marks), chat
    _require_archive_agrees(home.archive, fake, questions.chats)


def _wait_for_some(fake: FakeTelegram, mischief: Mischief, goal: int) -> None:
    """Wait for four more messages, or enough faults."""
    wanted = len(fake.sent) + 4
    fake.wait_for(lambda: len(fake.sent) >= wanted or mischief.total >= goal, 30)


def _require_archive_agrees(path: Path, fake: FakeTelegram, chats: list[Chat]) -> None:
    """What the archive has of each chat is what was said there, each once."""
    with Archive.open(path) as archive:
        for chat in chats:
            said = [message.text for message in archive.messages(bare(chat))]
            for text in fake.texts(chat):
                if ANSWER.search(text):
                    assert said.count(text) == 1
