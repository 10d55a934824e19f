"""Any text arrives as it was written, and means nothing to Telegram's servers."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.platforms.telegram.inert import JOINER, inert, longest, units
from tests.bot.telegram.conftest import running, saying
from tests.telegram_fake import FakeTelegram
from tests.telegram_fake.texts import recognised

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)


def test_any_text_arrives_as_it_is_but_for_what_makes_it_inert(
    fake: FakeTelegram, state: Path
) -> None:
    async def scenario() -> None:
        ann = fake.user("Ann")
        chat = fake.private(ann)
        async with running(fake, state, limiter=None) as bot:
            fake.say(chat, ann, "hello")
            await bot.heard()

            async def arrives(text: str) -> None:
                await bot.platform.send(saying(chat, text))
                sent = fake.sent[-1]
                assert sent.text.replace(JOINER, "") == text.strip().replace(JOINER, "")
                assert not any(e["type"] in ("mention", "bot_command") for e in sent.entities)

            for text in EXAMPLES:
                await arrives(text)

    asyncio.run(scenario())


EXAMPLES = (
    "早上好，大家！",
    "สวัสดี ครับ",
    "مرحبا @ann‏ بالجميع",
    "👨‍👩‍👧‍👦 🏳️‍🌈 e\u0301",
    "a@b.org and @bob/start /start@self_bot //x </b>",
    "*bold* _it_ `code` [x](tg://user?id=1) <a href='tg://user?id=1'>y</a>",
    "\x01\x02 control",
    "é/start @@bob\u200b@bob ＠bob",
)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(st.sampled_from("@/.:tme_aA1 好\u0301é\u200b<>\u2060+g"), max_size=40) | TEXTS)
def test_nothing_in_an_inert_text_is_recognised(text: str) -> None:
    plain = inert(text)
    assert plain.replace(JOINER, "") == text.replace(JOINER, "")
    assert recognised(plain) == []


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
