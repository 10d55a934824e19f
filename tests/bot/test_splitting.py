"""Where texts are cut."""

from __future__ import annotations

import re

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.splitting import clauses, joined, pieces, sentences

FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
FLAG = "\U0001f1ee\U0001f1e9"
WORDS = st.sampled_from(
    [
        "yes", "so", "well.", "What?", "e.g.", "3.5", "https://example.org/a?b=c,d.e", "好的。",
        "你说呢？", "我不知道，", "真的！", "สวัสดีครับ", "مرحبا،", "؟", FAMILY, FLAG, "e\u0301",
        "`a b`", "\n", "\n\n", "```\nx = 1\n\ny\n```", "…", "한국어", "naïve",
    ]
)  # fmt: skip
TEXTS = st.lists(st.tuples(WORDS, st.sampled_from(["", " ", "  "])), max_size=30).map(
    lambda pairs: "".join(map("".join, pairs))
) | st.text(max_size=120)


def room(most: int):  # type: ignore[no-untyped-def]
    """A platform that takes ``most`` characters and cuts between graphemes, as they all do."""

    def longest(text: str) -> int:
        ends = [match.end() for match in regex.finditer(r"\X", text) if match.end() <= most]
        return ends[-1] if ends else min(most, len(text))

    return longest


def unspaced(text: str) -> str:
    """A text without white space."""
    return re.sub(r"\s", "", text)


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.integers(8, 60))
def test_pieces_fit_and_lose_nothing_but_space(text: str, most: int) -> None:
    found = pieces(text, room(most))
    assert all(0 < len(piece) <= most for piece in found)
    assert unspaced("".join(found)) == unspaced(text)


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.integers(8, 60))
def test_no_grapheme_is_broken(text: str, most: int) -> None:
    whole = [match[0] for match in regex.finditer(r"\X", text)]
    if max(map(len, whole), default=0) > most:
        return
    cut = [match[0] for piece in pieces(text, room(most)) for match in regex.finditer(r"\X", piece)]
    dark = [one for one in whole if one.strip()]
    assert [one.strip() for one in cut if one.strip()] == [one.strip() for one in dark]


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_sentences_lose_nothing_but_space(text: str) -> None:
    assert unspaced("".join(sentences(text))) == unspaced(text)
    assert unspaced("".join(clauses(text))) == unspaced(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three? Four", ("One.", "Two!", "Three?", "Four")),
        ("我到了。你呢？快点！", ("我到了。", "你呢？", "快点！")),
        ("「好。」他说。走", ("「好。」", "他说。", "走")),
        ("Pi is 3.14. e.g. this by Dr. Wu", ("Pi is 3.14.", "e.g. this by Dr. Wu")),
        ("1. one\n2. two", ("1. one", "2. two")),
        ("Wait... what", ("Wait...", "what")),
        ("كيف حالك؟ أنا بخير", ("كيف حالك؟", "أنا بخير")),
        (
            "see https://a.example/x.y?z=a. b! Then",
            ("see https://a.example/x.y?z=a.", "b!", "Then"),
        ),
        ("```\na. b\n\nc\n```\nso", ("```\na. b\n\nc\n```", "so")),
        ("wow!!! ok", ("wow!!!", "ok")),
    ],
)
def test_sentences(text: str, parts: tuple[str, ...]) -> None:
    assert sentences(text) == parts


def test_chinese_clauses_end_at_commas() -> None:
    assert clauses("我想想，明天吧；后天也行, ok") == ("我想想，", "明天吧；", "后天也行, ok")


def test_the_highest_border_is_taken() -> None:
    text = "First line here.\nSecond one. And, well, some more words to follow"
    assert pieces(text, room(40))[0] == "First line here."
    assert pieces("one two three four", room(9)) == ("one two", "three", "four")


def test_a_link_stays_whole_while_it_fits() -> None:
    link = "https://example.org/" + "a" * 30
    assert pieces(f"look at this thing {link} and so on", room(54)) == (
        "look at this thing", f"{link} and", "so on",
    )  # fmt: skip


def test_a_word_longer_than_a_message_is_cut_between_graphemes() -> None:
    assert pieces(FAMILY * 5, room(12)) == (FAMILY * 2, FAMILY * 2, FAMILY)
    assert pieces("ก็" * 9, room(8)) == ("ก็" * 4, "ก็" * 4, "ก็")


def test_a_grapheme_larger_than_a_message_ends_nevertheless() -> None:
    assert all(len(piece) <= 8 for piece in pieces("a" + "\u0301" * 50, room(8)))


def test_nothing_gives_nothing() -> None:
    assert pieces(" \n ", room(8)) == ()


def test_parts_are_joined_as_they_are_written() -> None:
    assert joined(["a", "b"]) == "a b"
    assert joined(["a\nb", "c"]) == "a\nb\nc"
