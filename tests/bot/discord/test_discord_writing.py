"""What is sent to Discord pings nobody, hides nothing, and fits."""

from __future__ import annotations

import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.platforms.discord.writing import LIMIT, cut, inert, longest, written
from tests.discord_fake.content import pings, shown

PIECES = """@ everyone here < > @! @& # / : ( ) [ ] \\ ` * _ ~ | 123456789012345678 42 id:browse t:
:R pog <a:pog:1> </mute:1> <#1> https://example.org/ @everyone @here <@1> @ann ann é
ไทย 你好 مرحبا 👩‍👩‍👧 ١٢٣"""
MARKUP = st.sampled_from([*PIECES.split(), "\u200b", " ", "\n"])
TEXTS = st.one_of(st.text(max_size=200), st.lists(MARKUP, max_size=20).map("".join))
EVERYTHING = {"parse": ["everyone", "users", "roles"]}


@given(TEXTS)
@settings(max_examples=600, deadline=None)
def test_no_text_mentions_anybody_even_where_everything_is_allowed(text: str) -> None:
    assert not pings(written(text), EVERYTHING, None)
    assert not shown(written(text))


@given(TEXTS, TEXTS)
@settings(max_examples=600, deadline=None)
def test_only_the_one_who_is_answered_is_mentioned(before: str, after: str) -> None:
    content = written(f"{before} @ann {after}", ("ann", "123456789012345678"))
    assert pings(content, EVERYTHING, None) == {"user:123456789012345678"}
    assert len(shown(content)) == 1


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_what_people_see_is_what_was_typed(text: str) -> None:
    assert inert(text).replace("\u200b", "") == text.replace("\u200b", "")


@given(st.lists(MARKUP, max_size=3000).map("".join))
@settings(max_examples=60, deadline=None)
def test_the_longest_piece_fits_and_ends_between_graphemes(text: str) -> None:
    length = longest(text)
    assert len(written(text[:length], ("ann", "12345678901234567890"))) <= LIMIT
    assert length == len(text) or length in {found.end() for found in regex.finditer(r"\X", text)}


def test_ordinary_text_is_sent_as_it_is() -> None:
    for text in (
        "**bold** _of_ me, `code`, ~~no~~ ||spoiler||",
        "mail ann@example.org <3 a < b, 5*3*2 ¯\\_(ツ)_/¯ #topic /mute",
        "> quote\n- list\n你好，@nice_guy 在吗？ :smile: 12:30:45",
    ):
        assert written(text) == text


def test_links_show_where_they_lead() -> None:
    for text in (
        "[bank](https://evil.example)",
        "\\[bank](https://evil.example)",
        "[a]](https://x.y)",
    ):
        assert not shown(written(text))
    assert written("see https://example.org (really)") == "see https://example.org (really)"


def test_names_of_emoji_become_the_servers_own() -> None:
    own = {"pog": "<:pog:123456789012345678>"}
    assert (
        written("nice :pog: :other: a:pog:b", emoji=own)
        == "nice <:pog:123456789012345678> :other: a:pog:b"
    )
    full = ":pog:" * 1 + "x" * (LIMIT - 5)
    assert written(full, emoji=own) == full  # would not fit otherwise


def test_a_handle_is_not_found_in_the_middle_of_another() -> None:
    assert written("@anna and @ann", ("ann", "7")) == "@anna and <@7>"
    assert written("x@ann.example", ("ann", "7")) == "x@ann.example"
    assert written("@周姐你好 @周姐", ("周姐", "7")) == "<@7>你好 @周姐"


def test_exactly_two_thousand_code_points_fit() -> None:
    assert longest("😀" * LIMIT) == LIMIT
    assert longest("😀" * (LIMIT + 1)) == LIMIT
    family = "👩‍👩‍👧"
    assert longest(family * 1000) == LIMIT // len(family) * len(family)
    zalgo = "a" + "\u0301" * 5000
    assert longest(zalgo) == LIMIT


def test_a_notice_is_cut_between_graphemes() -> None:
    assert cut("  short  ") == "short"
    assert cut("") == "…"
    assert cut("👩‍👩‍👧" * 1000).endswith("👩‍👩‍👧…")
    assert len(cut("x" * 5000)) == LIMIT
