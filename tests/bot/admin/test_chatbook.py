"""What admins decide about chats: layered, kept over restarts and migrations."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.chatbook import FOREVER, Chatbook, ChatRules
from config.settings import Bot
from ingest.chat import Conversation

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD = "telegram:4321"
NEW = Conversation("telegram:1234567890", "茶会 🍵", "telegram")
SETTINGS = Bot(allowed_chats=(OLD, "discord:9"), unlogged=("discord:77",))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bot.sqlite"


@pytest.fixture
def book(path: Path) -> Iterator[Chatbook]:
    with Chatbook(path, SETTINGS) as opened:
        yield opened


def test_settings_are_the_base(book: Chatbook) -> None:
    assert book.rules(OLD) == ChatRules(is_allowed=True, is_logged=True)
    assert not book.rules("telegram:5").is_allowed
    assert book.rules("discord:5", ("discord:9",)).is_allowed
    assert not book.rules("discord:5", ("discord:77", "discord:9")).is_logged


def test_the_nearest_decision_stands_over_the_settings(book: Chatbook) -> None:
    book.allow("discord:9", False)
    assert not book.rules("discord:5", ("discord:8", "discord:9")).is_allowed
    book.allow("discord:8", True)
    assert book.rules("discord:5", ("discord:8", "discord:9")).is_allowed
    book.allow("discord:5", False)
    assert not book.rules("discord:5", ("discord:8", "discord:9")).is_allowed


def test_decisions_outlive_the_process(book: Chatbook, path: Path) -> None:
    book.met(NEW)
    book.mute(NEW.id, FOREVER)
    book.change(NEW.id, {"per_hour": 3, "names": ("小明",)})
    book.announced(NEW.id, NOW)
    before = book.rules(NEW.id)
    with Chatbook(path, SETTINGS) as again:
        assert again.rules(NEW.id) == before
        assert again.rules(NEW.id).muted_until == FOREVER
        assert again.entry(NEW.id).title == NEW.title


def test_a_decision_survives_a_kill_right_after_it(path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from bot.chatbook import Chatbook;"
        "from config.settings import Bot; book = Chatbook(Path(sys.argv[1]), Bot());"
        "book.allow('telegram:8', True); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(path)]).returncode == -9
    with Chatbook(path, SETTINGS) as book:
        assert book.rules("telegram:8").is_allowed


def test_changes_are_laid_over_each_other_and_taken_back(book: Chatbook) -> None:
    book.change("discord:9", {"per_hour": 4, "quiet": "23:00-08:00"})
    book.change("discord:5", {"per_hour": 1})
    inner = book.rules("discord:5", ("discord:9",)).changes
    assert inner == {"per_hour": 1, "quiet": "23:00-08:00"}
    book.change("discord:5", {"per_hour": None})
    assert book.rules("discord:5", ("discord:9",)).changes["per_hour"] == 4


def test_the_longest_mute_counts(book: Chatbook) -> None:
    book.mute("discord:9", NOW + timedelta(hours=1))
    book.mute("discord:5", NOW)
    muted = book.rules("discord:5", ("discord:9",)).muted_until
    assert muted == NOW + timedelta(hours=1)


def test_a_group_that_migrates_keeps_its_rules(book: Chatbook, path: Path) -> None:
    book.mute(OLD, FOREVER)
    book.change(OLD, {"per_hour": 2})
    book.log(OLD, False)
    book.moved(OLD, NEW)
    with Chatbook(path, SETTINGS) as again:
        for found in (book, again):
            rules = found.rules(NEW.id)
            assert (rules.is_allowed, rules.is_logged) == (True, False)
            assert (rules.muted_until, rules.changes) == (FOREVER, {"per_hour": 2})
            assert found.entry(OLD).changes == {}


def test_a_group_known_to_the_settings_alone_migrates_too(book: Chatbook) -> None:
    book.moved(OLD, NEW)
    assert book.rules(NEW.id).is_allowed
    book.moved("telegram:1", Conversation("telegram:2", "", "telegram"))
    assert not book.rules("telegram:2").is_allowed


def test_logging_that_is_switched_on_again_is_announced_again(book: Chatbook) -> None:
    book.announced(OLD, NOW)
    book.log(OLD, True)
    assert book.rules(OLD).announced_at == NOW
    book.log(OLD, False)
    book.log(OLD, True)
    assert book.rules(OLD).announced_at is None


def test_every_chat_is_listed_once(book: Chatbook) -> None:
    book.met(NEW)
    book.parted(NEW.id)
    listed = {entry.chat: entry.is_here for entry in book.entries()}
    assert listed == {OLD: False, "discord:9": False, NEW.id: False}
