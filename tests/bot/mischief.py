"""Random faults for both platforms at once, and questions whose answers give themselves away."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.discord_fake.faults import Fault as DiscordFault
from tests.discord_fake.faults import Kind
from tests.discord_fake.server import FakeDiscord
from tests.telegram_fake import Call, Chat, FakeTelegram, Fault

ANSWER = re.compile(r"answer-([a-z0-9]+)")
_SENDING: dict[str, Callable[[], Fault]] = {
    "429": lambda: Fault.too_many(1),
    "500": lambda: Fault.failed(500),
    "502 after": lambda: Fault.failed(502, has_effect=True),
    "reset before": lambda: Fault.reset(has_effect=False),
    "reset after": lambda: Fault.reset(has_effect=True),
    "slow": lambda: Fault.slow(0.4),
}
_POLLING: dict[str, Callable[[], Fault]] = {
    "502": lambda: Fault.failed(502),
    "reset before": lambda: Fault.reset(has_effect=False),
    "slow": lambda: Fault.slow(0.4),
    "409": Fault.conflict,
}
_LIKELY = {"sendMessage": 0.5, "editMessageReplyMarkup": 0.2, "getUpdates": 0.25}
_KINDS = (Kind.STATUS, Kind.STATUS_AFTER, Kind.LIMIT, Kind.RESET_BEFORE, Kind.RESET_AFTER)


@dataclass
class Mischief:
    """Faults at random until there were ``enough``, counted by kind."""

    dice: Random
    enough: int
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All faults so far."""
        return sum(self.counts.values())

    def on_telegram(self, call: Call) -> Fault | None:
        """The fault of a request to the Bot API, if any."""
        if self.total >= self.enough or self.dice.random() >= _LIKELY.get(call.method, 0.02):
            return None
        kinds = _POLLING if call.method == "getUpdates" else _SENDING
        kind = self.dice.choice(list(kinds))
        self.counts[kind] += 1
        return kinds[kind]()

    def deliver(self, updates: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Updates now and then twice, or late ones first."""
        if len(updates) > 1 and self.total < self.enough:
            if self.dice.random() < 0.2:
                self.counts["duplicates"] += 1
                updates = updates + updates[:3]
            if self.dice.random() < 0.2:
                self.counts["reordered"] += 1
                self.dice.shuffle(updates)
        return updates

    def on_discord(self, request: str) -> DiscordFault | None:
        """The fault of a request to Discord, if any."""
        is_hit = request.startswith(("POST /channels", "GET /channels"))
        if self.total >= self.enough or not is_hit or self.dice.random() >= 0.4:
            return None
        kind = self.dice.choice(_KINDS)
        self.counts[f"discord {kind}"] += 1
        return DiscordFault(kind, status=503, seconds=0.05)


class Questions:
    """Asks in all chats of both platforms by turns, everybody once, and keeps what it asked."""

    def __init__(self, telegram: FakeTelegram, discord: FakeDiscord, *, groups: int) -> None:
        self._telegram, self._discord, self._count = telegram, discord, 0
        self._guild = discord.guild("noodles")
        self._groups = [telegram.supergroup(f"Noodles {number}") for number in range(groups)]
        self._channels = [discord.channel(self._guild, f"noodles-{n}") for n in range(groups // 2)]
        self._asked: dict[str, set[str]] = {chat: set() for chat in self.chats}

    @property
    def chats(self) -> list[str]:
        """All chats, as the settings name them."""
        channels = [f"discord:{channel}" for channel in self._channels]
        return [*map(_named, self._groups), *channels]

    def ask(self) -> None:
        """One more question, in the next chat."""
        place, mark = self._count % len(self._asked), f"q{self._count}"
        self._count += 1
        if place < len(self._groups):
            group = self._groups[place]
            who = self._telegram.user(f"Member {self._count}")
            text = f"@{self._telegram.bot.username} question-{mark}"
            self._telegram.say(group, who, text)
            self._asked[_named(group)].add(mark)
        else:
            channel = self._channels[place - len(self._groups)]
            member = self._discord.user(f"member{self._count}", guild=self._guild)
            self._discord.say(channel, member, f"<@{self._discord.world.me['id']}> question-{mark}")
            self._asked[f"discord:{channel}"].add(mark)

    @property
    def answers(self) -> dict[str, Counter[str]]:
        """What was answered in each chat, and how often."""
        found: dict[str, Counter[str]] = {chat: Counter() for chat in self._asked}
        for chat, text in self._said():
            found[chat].update(ANSWER.findall(text))
        return found

    @property
    def asked(self) -> dict[str, Counter[str]]:
        """What was asked in each chat: once each."""
        return {chat: Counter(marks) for chat, marks in self._asked.items()}

    @property
    def open(self) -> int:
        """How many are not answered yet."""
        found = self.answers
        return sum(len(marks - set(found[chat])) for chat, marks in self._asked.items())

    def _said(self) -> Iterator[tuple[str, str]]:
        for sent in self._telegram.sent:
            yield _key(sent.chat), sent.text
        for said in self._discord.sent:
            yield f"discord:{said.channel}", said.content


@contextmanager
def both() -> Iterator[tuple[FakeTelegram, FakeDiscord]]:
    """The two servers."""
    with FakeTelegram() as telegram, FakeDiscord() as discord:
        yield telegram, discord


def _named(chat: Chat) -> str:
    return _key(chat.id)


def _key(id: int) -> str:
    return f"telegram:{str(id).removeprefix('-100')}"
