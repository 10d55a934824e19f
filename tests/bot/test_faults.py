"""Five hundred random faults: nobody is answered twice, nobody is forgotten, no chat mixes up."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from ingest.archive import Archive
from tests.bot.daemon import Daemon, trained_home
from tests.bot.mischief import ANSWER, Mischief, Questions, both
from tests.bot.parrot import parrot

FAULTS = 500
KILLS = 10
MOST_OPEN = 60


@pytest.mark.slow
def test_five_hundred_faults_and_ten_kills_lose_and_repeat_nothing(tmp_path: Path) -> None:
    home = trained_home(tmp_path / "persona")
    with parrot() as url, both() as (telegram, discord):
        questions = Questions(telegram, discord, groups=40)
        mischief = Mischief(Random(20), FAULTS)
        daemon = Daemon(
            home,
            is_quick=True,
            GENERATE__SERVER_URL=url,
            TELEGRAM__TOKEN=telegram.token,
            TELEGRAM__URL=telegram.url,
            DISCORD__TOKEN=discord.token,
            DISCORD__URL=discord.url,
            BOT__ALLOWED_CHATS=",".join(questions.chats),
        )
        with daemon:
            assert daemon.wait_for("telegram: @")
            assert daemon.wait_for("discord: ")
            telegram.hook, telegram.deliver = mischief.on_telegram, mischief.deliver
            discord.chaos = mischief.on_discord
            for kill in range(KILLS):
                _play(questions, mischief, FAULTS * (kill + 1) // KILLS)
                daemon.kill()
                questions.ask()  # while it is away
                daemon.start()
            _wait_until(lambda: not questions.open, 90)
            assert daemon.stop() == 0
        assert mischief.total >= FAULTS
        assert questions.answers == questions.asked
        _require_each_once(home.archive, questions)


def _play(questions: Questions, mischief: Mischief, goal: int) -> None:
    """Ask until there were so many faults, and never so much that all waits for all."""
    while mischief.total < goal:
        for _ in range(8):
            questions.ask()
        _wait_until(lambda: questions.open < MOST_OPEN, 60)


def _wait_until(is_so: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)


def _require_each_once(path: Path, questions: Questions) -> None:
    """What the archive has of each chat is what was answered there, each once."""
    with Archive.open(path) as archive:
        for chat, marks in questions.asked.items():
            said = " ".join(message.text for message in archive.messages(chat))
            assert sorted(ANSWER.findall(said)) == sorted(marks), chat
