"""Any text arrives as it was written, and means nothing to Telegram's servers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.platforms.telegram import Limiter, TelegramPlatform
from bot.platforms.telegram.inert import JOINER, inert, longest, units
from config.bots import Telegram
from tests.bot.telegram.conftest import saying
from tests.telegram_fake import FakeTelegram
from tests.telegram_fake.texts import cleaned, recognised

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)


EXAMPLES = (
    "早上好，大家！",
    "สวัสดี ครับ",
    "مرحبا @ann‏ بالجميع",
    "👨‍👩‍👧‍👦 🏳️‍🌈 e\u0301",
    "a@b.org and @bob/start /start@self_bot //x </b>",
    "*bold* _it_ `code` [x](tg://user?id=1) <a href='tg://user?id=1'>y</a>",
    "\x01\x02 control\ttab",
    "@\u202ebob @\rbob /\u2028start @\u030abob",
    "é/start @@bob\u200b@bob ＠bob",
)


class Posting:
    """A bot that sends to one private chat, on a loop of its own."""

    def __init__(self, fake: FakeTelegram, state: Path) -> None:
        self.fake, self.runner = fake, asyncio.Runner()
        self.chat = fake.private(fake.user("Ann"))
        settings = Telegram(token=fake.token, url=fake.url)
        freely = Limiter(overall_max_rate=0, group_max_rate=0)
        self.platform = TelegramPlatform(settings, state, limiter=freely)
        self.platform._memory.know_chat(self.chat.id, "private")

    def arrives(self, text: str) -> None:
        """Send ``text`` and look at what came."""
        self.runner.run(self.platform.send(saying(self.chat, text)))
        sent = self.fake.sent[-1]
        assert sent.text.replace(JOINER, "") == cleaned(text).strip().replace(JOINER, "")
        assert not any(one["type"] in ("mention", "bot_command") for one in sent.entities)


@pytest.fixture
def posting(fake: FakeTelegram, state: Path) -> Iterator[Posting]:
    """A bot that sends."""
    bot = Posting(fake, state)
    with bot.runner:
        bot.runner.run(bot.platform._client.initialize())
        yield bot
        bot.runner.run(bot.platform._client.shutdown())


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(TEXTS.filter(lambda text: bool(cleaned(text).strip())))
@example("\U00018d80/0")  # a letter that not everybody knows yet
def test_any_text_arrives_as_it_is_but_for_what_makes_it_inert(posting: Posting, text: str) -> None:
    posting.arrives(text)


@pytest.mark.parametrize("text", EXAMPLES)
def test_texts_of_many_scripts_arrive(posting: Posting, text: str) -> None:
    posting.arrives(text)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.text(st.sampled_from("@/.:tme_aA1 好\u0301é\u200b<>\u2060+g\r\u202e\u030a\x01"), max_size=40)
    | TEXTS
)
def test_nothing_in_an_inert_text_is_recognised(text: str) -> None:
    plain = inert(text)
    assert plain.replace(JOINER, "") == cleaned(text).replace(JOINER, "")
    assert recognised(cleaned(plain)) == []


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=120), st.integers(4, 100))
def test_the_longest_piece_fits_and_is_cut_between_graphemes(text: str, most: int) -> None:
    end = longest(text, most)
    assert units(inert(text[:end])) <= most
    assert end == len(text) or end > 0
    assert end == len(text) or units(inert(text)) > most


def test_families_and_flags_are_not_cut_apart() -> None:
    family = "👨‍👩‍👧‍👦"
    assert longest(family * 400) % len(family) == 0
    flags = "🇩🇪🇫🇷" * 2000
    assert longest(flags) % 2 == 0
    assert longest("x" * 5000) == 4096
    assert longest("@ab " * 2000) < 4096
    assert longest("e" + "\u0301" * 5000) == 4096
