"""``atself doctor`` on the bots: what is set, never what it is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.chatbook import Chatbook
from bot.forgetting import Forgetting
from cli.app import run
from cli.checks import Check, State
from cli.checks_bot import bot_checks
from config.settings import Bot, Home
from ingest.chat import Account

TELEGRAM = "123456789:" + "a1B2c3D4e5" * 3 + "_x-Yz"
DISCORD = "a1B2c3D4e5f6G7h8i9j0k1L2." + "Zx9Yq8." + "w7V6u5T4s3R2q1P0o9N8m7L6k5J4"


def checks(home: Path) -> dict[str, Check]:
    """The checks by name."""
    return {check.name: check for check in bot_checks(Home(home))}


def test_a_home_without_a_bot_fails_nothing(home: Path, tmp_path: Path) -> None:
    assert State.MISSING not in {check.state for check in checks(home).values()}
    assert checks(tmp_path / "nowhere") == {}


def test_tokens_are_known_to_be_set_and_never_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATSELF_TELEGRAM__TOKEN", TELEGRAM)
    monkeypatch.setenv("ATSELF_DISCORD__TOKEN", DISCORD)
    found = checks(home)
    assert {found[name].state for name in ("telegram", "discord")} == {State.GOOD}
    assert found["voice"].state is State.MISSING
    assert "bot.admins" in found["admins"].advice
    run(["doctor", "--home", str(home)])
    shown = "".join(capsys.readouterr())
    assert "token set" in shown
    assert not any(piece in shown for piece in (*TELEGRAM.split(":"), *DISCORD.split(".")))


def test_a_token_of_another_shape_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATSELF_TELEGRAM__TOKEN", "@my_nice_bot")
    found = checks(home)["telegram"]
    assert found.state is State.MISSING
    assert "BotFather" in found.advice
    assert "my_nice_bot" not in str(found)


@pytest.mark.parametrize(
    ("setting", "name", "is_right"),
    [
        ('allowed_chats = ["telegram:1234567890", "discord:98765"]', "allowed chats", True),
        ('allowed_chats = ["telegram:-1001234567890"]', "allowed chats", False),
        ('allowed_chats = ["My Group"]', "allowed chats", False),
        ('admins = ["telegram:user123456", "discord:98765"]', "admins", True),
        ('admins = ["telegram:@kevin"]', "admins", False),
        ('admins = ["telegram:123456"]', "admins", False),
    ],
)
def test_ids_are_written_as_the_archive_writes_them(
    setting: str, name: str, is_right: bool, home: Path
) -> None:
    Home(home).config.write_text(f"[bot]\n{setting}\n")
    assert (checks(home)[name].state is State.GOOD) == is_right


def test_what_admins_allowed_counts_and_who_waits_to_be_forgotten(home: Path) -> None:
    with Chatbook(Home(home).state, Bot()) as book:
        book.allow("telegram:77", is_allowed=True)
    found = checks(home)
    assert found["allowed chats"].detail.startswith("1,")
    assert found["state"].state is State.GOOD
    forgetting = Forgetting(Home(home), clock=lambda: datetime(2026, 3, 1, tzinfo=UTC))
    forgetting.note(Account("telegram", "user77"))
    assert "1 asked to be forgotten" in checks(home)["state"].detail
