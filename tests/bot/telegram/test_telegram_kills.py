"""kill -9 at any moment, on a bad line: each message is answered once."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.telegram_fake import Call, FakeTelegram, Fault

KILLS, MESSAGES = 6, 90


def started(fake: FakeTelegram, folder: Path) -> subprocess.Popen[bytes]:
    """The bot, in a process of its own."""
    module = "tests.bot.telegram.answering"
    return subprocess.Popen([sys.executable, "-m", module, fake.url, fake.token, str(folder)])


def faults(dice: random.Random) -> Fault | None:
    """Now and then a fault that leaves open what happened."""
    if dice.random() > 0.2:
        return None
    return dice.choice(
        [
            Fault.reset(has_effect=True),
            Fault.reset(has_effect=False),
            Fault.failed(502, has_effect=dice.random() < 0.5),
            Fault.slow(0.05),
        ]
    )


def answered(fake: FakeTelegram, count: int) -> None:
    """Wait until the bot said so much."""
    fake.wait_for(lambda: len(fake.sent_log) >= count, timeout=60)


@pytest.mark.slow
def test_no_kill_loses_or_doubles_an_answer(
    fake: FakeTelegram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    dice = random.Random(9)
    chats = [fake.supergroup(f"{number}") for number in range(3)]
    ann = fake.user("Ann")
    asked = [(chat, fake.say(chat, ann, "?")) for _ in range(MESSAGES // 3) for chat in chats]

    def hook(call: Call) -> Fault | None:
        return faults(dice) if call.method in ("sendMessage", "getUpdates") else None

    fake.hook = hook
    for kill in range(KILLS):
        with started(fake, tmp_path) as bot:
            goal = (kill + 1) * MESSAGES // (KILLS + 2) + dice.randrange(4)
            answered(fake, goal)
            bot.kill()
    with started(fake, tmp_path) as bot:
        answered(fake, MESSAGES)
        fake.wait_for(lambda: fake.pending == 0, timeout=60)
        bot.kill()
    for chat in chats:
        answers = sorted(fake.texts(chat))
        assert answers == sorted(f"answer to {number}" for where, number in asked if where is chat)
    assert fake.edits == []
