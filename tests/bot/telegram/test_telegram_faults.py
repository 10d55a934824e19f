"""Random faults on every request: nothing is lost, nothing is said twice."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path

from bot.platforms.telegram import Limiter
from tests.bot.telegram.conftest import QUICK, Running, running, saying
from tests.telegram_fake import Call, Chat, FakeTelegram, Fault, User

CHATS, EACH, FAULTS = 4, 40, 150
PATIENT = replace(QUICK, first=0.005, longest=0.02, settle=0.005, total=60, read=0.15)
FREELY = {"overall_max_rate": 0, "group_max_rate": 0}


def fault_of(dice: random.Random) -> Fault:
    """Any fault, those that leave open what happened more often."""
    has_effect = dice.random() < 0.5
    return dice.choice(
        [
            Fault.reset(has_effect=has_effect),
            Fault.reset(has_effect=has_effect),
            Fault.failed(dice.choice([500, 502, 504]), has_effect=has_effect),
            Fault.slow(0.2),
            Fault.trickle(0.1),
            Fault.slow(0.02, has_effect=has_effect),
            Fault.conflict(),
        ]
    )


class Storm:
    """Breaks nearly every second request, and mixes up the updates, until enough was broken."""

    def __init__(self, dice: random.Random) -> None:
        self._dice, self.left = dice, FAULTS

    def hook(self, call: Call) -> Fault | None:
        """The fault for a request."""
        if not self.left or self._dice.random() > 0.45:
            return None
        fault = fault_of(self._dice)
        if fault.status == 409 and call.method != "getUpdates":
            return None
        self.left -= 1
        return fault

    def mixed(self, updates: list[dict[str, object]]) -> list[dict[str, object]]:
        """Updates doubled and out of order."""
        doubled = [*updates, *self._dice.sample(updates, len(updates) // 2)]
        self._dice.shuffle(doubled)
        return doubled


async def talk(bot: Running, chat: Chat, people: list[User], dice: random.Random) -> None:
    """People talk, and the bot answers each message in its turn."""
    for number in range(EACH):
        bot.fake.say(chat, dice.choice(people), f"{chat.id} {number}")
        if dice.random() < 0.5:
            await asyncio.sleep(0.002)
        await bot.platform.send(saying(chat, f"answer {chat.id} {number}"))


def test_no_fault_loses_or_doubles_a_message(fake: FakeTelegram, state: Path) -> None:
    dice = random.Random(6)
    storm = Storm(dice)

    async def scenario() -> None:
        people = [fake.user(name) for name in ("Ann", "Bob")]
        chats = [fake.supergroup(f"{number}") for number in range(CHATS)]
        for chat in chats:
            fake.say(chat, people[0], f"{chat.id} first")
        async with running(fake, state, patience=PATIENT, limiter=Limiter(**FREELY)) as bot:
            await bot.heard(CHATS)
            fake.hook, fake.deliver = storm.hook, storm.mixed
            await asyncio.gather(*(talk(bot, chat, people, dice) for chat in chats))
            await bot.heard(CHATS * (EACH + 1))
            await bot.idle()
            for chat in chats:
                said = [f"answer {chat.id} {number}" for number in range(EACH)]
                assert fake.texts(chat) == said
                order = [
                    one.message.text for one in bot.heards if one.message.chat.title == chat.title
                ]
                assert order == [f"{chat.id} {n}" for n in ("first", *range(EACH))]
            assert fake.edits == []
        assert storm.left < FAULTS / 2

    asyncio.run(scenario())
