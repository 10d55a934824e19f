"""What anybody may ask of the bot: what it is, to be left out, to be forgotten."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from bot.consent import Consent, Hooks
from bot.forgetting import Forgetting
from bot.platforms.base import Button, Commanded
from bot.tongues import language_of
from config.settings import Home
from ingest.archive import Archive
from ingest.chat import Account, Conversation, RawMessage
from tests.ingest.talk import START

CLUB = Conversation("test:club", "Tea Club", "test")
ZED = Account("test", "z9", "Zebulon")
BOB = Account("test", "bob", "Bob")
KEVIN = Account("test", "kevin", "Kevin")
LINES = [(KEVIN, "my cat is called Doudou"), (ZED, "xylophonic plans"), (BOB, "tea?")]
T = TypeVar("T")


class Shown:
    """A notice that keeps what it was told to say."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.buttons: Sequence[Button] = ()

    async def say(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """Keep it."""
        self.texts.append(text)
        self.buttons = buttons


class Desk:
    """A home with an archive, the consent of its bot, and people who ask."""

    def __init__(self, home: Path, *program: str) -> None:
        self.home, self.now = Home(home), START + timedelta(hours=2)
        self.left: list[Account] = []
        self.failed: list[str] = []
        chosen = program or (sys.executable, "-m", "cli.app")
        self.forgetting = Forgetting(self.home, clock=lambda: self.now, program=chosen)
        self.consent = self.started()
        self._asked = 0

    def started(self) -> Consent:
        """The consent of a bot that starts now."""
        hooks = Hooks(lambda chat, _places: chat == CLUB.id, self._leave, self._fail)
        return Consent(self.reach, self.forgetting, clock=lambda: self.now, hooks=hooks)

    def reach(self, function: Callable[[Archive], T]) -> Awaitable[T]:
        """On a thread of its own, as the recorder does."""
        return asyncio.to_thread(self._with_archive, function)

    async def ask(
        self, who: Account, name: str, words: str = "", chat: Conversation = CLUB
    ) -> Shown:
        """Give a command and see the answer."""
        shown = Shown()
        self._asked += 1
        asked = Commanded(f"c{self._asked}", chat, who, name, words, shown)
        handlers = {word.name: handler for word, handler in self.consent.offers().items()}
        await handlers[name](asked)
        return shown

    def heard(self, *lines: tuple[Account, str]) -> None:
        """Put lines into the archive, as an import or the recorder does."""
        with Archive.open(self.home.archive, create=True) as archive:
            archive.add(
                RawMessage(f"test:club:{n}", CLUB, who, START + timedelta(minutes=n), text)
                for n, (who, text) in enumerate(lines)
            )

    def texts(self) -> list[str]:
        """What can be read in the archive."""
        with Archive.open(self.home.archive) as archive:
            return [message.text for message in archive.messages()]

    def _with_archive(self, function: Callable[[Archive], T]) -> T:
        with Archive.open(self.home.archive) as archive:
            return function(archive)

    async def _leave(self, account: Account) -> None:
        self.left.append(account)

    async def _fail(self, line: str) -> None:
        self.failed.append(line)


@pytest.fixture
def desk(home: Path) -> Desk:
    """A small chat of which Kevin is @self."""
    return filled(Desk(home))


def filled(desk: Desk) -> Desk:
    desk.heard(*LINES)
    with Archive.open(desk.home.archive) as archive:
        archive.set_self("kevin")
    return desk


@contextmanager
def running(desk: Desk) -> Iterator[Callable[[Awaitable[T]], T]]:
    """An event loop with an open consent."""
    with asyncio.Runner() as runner:
        runner.run(desk.consent.open())

        async def settled(work: Awaitable[T]) -> T:
            return await work

        yield lambda work: runner.run(settled(work))
        runner.run(desk.consent.close())


def test_who_opts_out_is_left_out_at_once_and_may_come_back(desk: Desk) -> None:
    with running(desk) as run:
        assert not desk.consent.is_out(ZED)
        assert "(1)" in run(desk.ask(ZED, "optout")).texts[-1]
        assert desk.consent.is_out(ZED)
        assert not desk.consent.is_out(BOB)
        assert desk.left == [ZED]
        assert desk.texts() == ["my cat is called Doudou", "tea?"]
        desk.heard(*LINES)
        assert desk.texts() == ["my cat is called Doudou", "tea?"]
        assert "already" not in run(desk.ask(ZED, "optin")).texts[-1]
        assert not desk.consent.is_out(ZED)
        assert len(desk.texts()) == 3


def test_what_was_decided_outlives_the_bot(desk: Desk) -> None:
    with running(desk) as run:
        run(desk.ask(ZED, "optout"))
    desk.consent = desk.started()
    with running(desk) as run:
        assert desk.consent.is_out(Account("test", "z9", "another name"))
        assert "already" in run(desk.ask(ZED, "optout")).texts[-1]


def test_strangers_opt_out_before_they_ever_speak(desk: Desk) -> None:
    stranger = Account("telegram", "user77", "New Here")
    with running(desk) as run:
        run(desk.ask(stranger, "optout"))
        assert desk.consent.is_out(stranger)


def test_forgetting_asks_back_and_is_done_for_good(desk: Desk) -> None:
    with running(desk) as run:
        asked = run(desk.ask(ZED, "forgetme"))
        [button] = asked.buttons
        assert (button.name, button.words in asked.texts[0]) == ("forgetme", True)
        assert desk.texts() == ["my cat is called Doudou", "xylophonic plans", "tea?"]
        told = run(desk.ask(ZED, button.name, button.words))
        assert desk.consent.is_out(ZED)
        run(desk.consent.settled())
        assert len(told.texts) == 2
        assert desk.forgetting.open() == []
        assert desk.failed == []
        assert "for good" in run(desk.ask(ZED, "optin")).texts[-1]
    assert desk.texts() == ["my cat is called Doudou", "tea?"]
    assert b"xylophonic" not in desk.home.archive.read_bytes()
    desk.heard(*LINES)
    assert len(desk.texts()) == 2


def test_only_the_asker_may_confirm_once_and_in_time(desk: Desk) -> None:
    with running(desk) as run:
        [button] = run(desk.ask(ZED, "forgetme")).buttons
        assert run(desk.ask(BOB, "forgetme", button.words)).texts == []
        desk.now += timedelta(minutes=11)
        assert "no longer open" in run(desk.ask(ZED, "forgetme", button.words)).texts[-1]
        assert "no longer open" in run(desk.ask(BOB, "forgetme", "guessed")).texts[-1]
        assert not desk.consent.is_out(ZED)
        assert not desk.consent.is_out(BOB)
    assert len(desk.texts()) == 3


def test_somebody_unknown_to_the_archive_is_never_kept(desk: Desk) -> None:
    stranger = Account("telegram", "user77", "New Here")
    with running(desk) as run:
        [button] = run(desk.ask(stranger, "forgetme")).buttons
        run(desk.ask(stranger, "forgetme", button.words))
        run(desk.consent.settled())
        assert desk.failed == []
    desk.heard(*LINES, (stranger, "hello"))
    assert "hello" not in desk.texts()


def test_a_forgetting_that_was_cut_short_is_finished_by_the_next_start(home: Path) -> None:
    desk = filled(Desk(home, sys.executable, "-c", "raise SystemExit('disk: full')"))
    with running(desk) as run:
        [button] = run(desk.ask(ZED, "forgetme")).buttons
        told = run(desk.ask(ZED, "forgetme", button.words))
        run(desk.consent.settled())
        assert "tried again" in told.texts[-1]
        assert desk.failed == ["somebody could not be forgotten yet: disk: full"]
        assert desk.consent.is_out(ZED)
    assert "xylophonic plans" not in desk.texts()  # out of sight already
    again = Desk(home)
    with running(again) as run:
        assert again.consent.is_out(ZED)
        run(again.consent.settled())
        assert again.forgetting.open() == []
    assert b"xylophonic" not in again.home.archive.read_bytes()


def test_self_is_told_why_they_cannot_leave(desk: Desk) -> None:
    with running(desk) as run:
        for command in ("optout", "forgetme", "optin"):
            shown = run(desk.ask(KEVIN, command))
            assert "This account is Kevin's" in shown.texts[0]
            assert not shown.buttons
        assert not desk.consent.is_out(KEVIN)
    assert len(desk.texts()) == 3


def test_about_says_what_it_is_and_what_is_kept_here(desk: Desk) -> None:
    elsewhere = Conversation("test:elsewhere", "Elsewhere", "test")
    with running(desk) as run:
        [about] = run(desk.ask(BOB, "about")).texts
        assert about.startswith("I am an AI.")
        assert all(word in about for word in ("Kevin", "/optout", "/forgetme", "is kept on"))
        [about] = run(desk.ask(BOB, "about", chat=elsewhere)).texts
        assert "not kept" in about
        assert "/about" in run(desk.consent.announcement(CLUB.id, is_logged=True))
        assert "keep nothing" in run(desk.consent.announcement(CLUB.id, is_logged=False))


@pytest.mark.parametrize(
    ("texts", "language"),
    [
        ([], "en"),
        (["see you tomorrow", "ok 好"], "en"),
        (["今晚吃什么", "ok", "火锅吧"], "zh"),
        (["今日は何を食べる？", "ラーメン"], "ja"),
        (["besok jadi gak?", "aku udah pesen dong, kamu aja yang bayar"], "id"),
        (["สวัสดีครับ"], "en"),
    ],
)
def test_notices_are_in_the_language_of_the_chat(texts: list[str], language: str) -> None:
    assert language_of(texts) == language


def test_a_chinese_chat_is_told_in_chinese(desk: Desk) -> None:
    desk.heard((BOB, "今晚吃什么"), (ZED, "火锅吧，老地方"), (BOB, "好的，七点"))
    with running(desk) as run:
        assert run(desk.ask(BOB, "about")).texts[0].startswith("我是一个 AI")


def test_every_language_says_everything(desk: Desk) -> None:
    from bot.consent_words import _texts

    texts = _texts()
    assert {*texts} == {"en", "zh", "id", "ja"}
    assert all(found.keys() == texts["en"].keys() for found in texts.values())
    for key, text in texts["en"].items():
        blanks = {blank for blank in ("{name}", "{count}", "{token}") if blank in text}
        for language, found in texts.items():
            assert {b for b in ("{name}", "{count}", "{token}") if b in found[key]} == blanks, (
                language,
                key,
            )


def test_commands_are_for_anybody(desk: Desk) -> None:
    assert {word.name for word in desk.consent.offers() if not word.is_admin} == {
        "about",
        "optout",
        "optin",
        "forgetme",
    }
