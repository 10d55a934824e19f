"""`atself run` as a process on both platforms: what was said where is found where, on disk too."""

from __future__ import annotations

import re
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.backups import make
from config.settings import Home
from ingest.archive import Archive
from tests.bot.daemon import Daemon, trained_home
from tests.bot.mischief import both
from tests.bot.parrot import parrot
from tests.discord_fake.server import FakeDiscord
from tests.telegram_fake import FakeTelegram

KEY = "a-key-for-the-server-9876543210"
MARK = re.compile(r"mark-([a-z]+)")


@dataclass
class Town:
    """A bot that serves some chats of both platforms, and the people in them."""

    home: Home
    daemon: Daemon
    telegram: FakeTelegram
    discord: FakeDiscord
    shown: list[str]

    def until(self, is_so: Callable[[], object], seconds: float = 30) -> None:
        """Wait for it."""
        end = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < end, self.daemon.output[-3000:]
            time.sleep(0.05)

    def said(self) -> str:
        """All the bot said, anywhere."""
        told = [sent.text for sent in self.telegram.sent]
        return "\n".join([*told, *(sent.content for sent in self.discord.sent)])


def bare(id: int) -> str:
    return str(id).removeprefix("-100")


def found(home: Home, text: str) -> list[str]:
    """The files under a home that hold these bytes."""
    files = [path for path in home.path.rglob("*") if path.is_file()]
    return sorted(path.name for path in files if text.encode() in path.read_bytes())


def test_words_stay_in_their_chats_and_out_of_all_logs(tmp_path: Path) -> None:
    home, shown = trained_home(tmp_path / "persona"), list[str]()
    with parrot(shown) as url, both() as (telegram, discord):
        tea, secret, alien = (telegram.supergroup(f"Title-{n}") for n in ("tea", "secret", "alien"))
        guild = discord.guild("Title-guild")
        hall, cellar = discord.channel(guild, "hall"), discord.channel(guild, "cellar")
        thread = discord.thread(cellar, "down below")
        admin, ann, bo, cy = (telegram.user(f"Person-{n}") for n in ("admin", "ann", "bo", "cy"))
        dee = discord.user("person-dee", guild=guild)
        me = f"@{telegram.bot.username}"
        settings: dict[str, Any] = {
            "GENERATE__SERVER_URL": url,
            "GENERATE__SERVER_KEY": KEY,
            "TELEGRAM__TOKEN": telegram.token,
            "TELEGRAM__URL": telegram.url,
            "DISCORD__TOKEN": discord.token,
            "DISCORD__URL": discord.url,
            "BOT__ALLOWED_CHATS": f"telegram:{bare(tea.id)},telegram:{bare(secret.id)},"
            f"discord:{guild}",
            "BOT__UNLOGGED": f"telegram:{bare(secret.id)},discord:{cellar}",
            "BOT__ADMINS": f"telegram:user{admin.id}",
            "SERVE__LOG_LEVEL": "DEBUG",
        }
        daemon = Daemon(home, **settings)
        town = Town(home, daemon, telegram, discord, shown)
        with daemon:
            assert daemon.wait_for("telegram: @")
            assert daemon.wait_for("discord: ")
            telegram.say(tea, ann, f"{me} mark-tea question-tea")
            telegram.say(secret, bo, f"{me} mark-secret question-secret")
            telegram.say(alien, cy, f"{me} mark-alien question-alien")
            discord.say(hall, dee, f"<@{discord.me}> mark-hall question-hall")
            discord.say(thread, dee, f"<@{discord.me}> mark-thread question-thread")
            answers = {f"answer-{name}" for name in ("tea", "secret", "hall", "thread")}
            town.until(lambda: answers <= set(town.said().split()))
            telegram.say(tea, admin, "/status")
            telegram.say(tea, admin, "/chats")
            telegram.say(tea, admin, "/models")
            telegram.say(tea, admin, "/why")
            telegram.say(tea, ann, "/chats allow here")
            town.until(lambda: len(telegram.texts(tea)) >= 6)
            assert daemon.stop() == 0
        output = daemon.output
    for prompt in [prompt for prompt in shown if "question-" in prompt]:
        assert "Noodle Club" not in prompt  # where it learned
        assert len(set(MARK.findall(prompt))) <= 1, prompt
    for name in ("secret", "alien", "hall", "thread", "guild"):
        told = "\n".join(telegram.texts(tea))
        assert f"Title-{name}" not in told
        assert f"mark-{name}" not in told
    assert "answer-alien" not in "".join(shown) + output
    logs = [path for path in home.logs.rglob("*") if path.is_file()]
    written = output + "".join(path.read_text(encoding="utf-8") for path in logs)
    for text in ("mark-", "answer-", "Person-", "person-dee", "Title-"):
        assert text not in written, [line for line in written.splitlines() if text in line]
    kept_apart = make(home, now=datetime.now(UTC)).path
    for secret_text in (telegram.token, discord.token, KEY):
        assert found(home, secret_text) == []
        assert secret_text not in written + town.said()
    for text in (
        "mark-secret",
        "mark-alien",
        "mark-thread",
        "answer-secret",
        "answer-thread",
        "Person-bo",
        "Person-cy",
    ):
        assert found(home, text) == []
    with Archive.open(home.archive) as archive:
        kept = {mark for one in archive.messages() for mark in MARK.findall(one.text)}
    assert kept == {"tea", "hall"}
    assert not any(b"answer-" in path.read_bytes() for path in home.path.glob("bot.sqlite*"))
    for path in (home.state, home.logs, *logs, kept_apart, home.backups):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
