"""Windows: every learnable reply of @self, learned exactly once, within its limits."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chat import Kind, Message, Thread, Window
from ingest.clean import COPY_CHARACTERS, is_noise, is_unlearnable
from ingest.windows import CONTEXT_SHARE, Cut, cut_windows, estimate_tokens
from tests.ingest.talk import START, person

ME = person("kevin", is_self=True, id=1)
OTHERS = [person("anna", id=2), person("bob", id=3)]
BOT = person("menu_bot", is_bot=True, id=4)


def message(number: int, text: str, *, is_mine: bool, **fields: Any) -> Message:
    """One message of a thread, a minute after the one before."""
    author = ME if is_mine else OTHERS[number % 2]
    sent_at = START + timedelta(minutes=number)
    return replace(Message(f"test:{number}", "test:chat", author, sent_at, text), **fields)


def thread_of(*messages: Message) -> Thread:
    """A thread of these messages."""
    return Thread("test:0", messages)


def said(pattern: str) -> Thread:
    """A thread from a pattern: ``m`` is a message of @self, any other letter one of others."""
    return thread_of(
        *(message(n, f"text {n}", is_mine=who == "m") for n, who in enumerate(pattern))
    )


def learned(windows: list[Window]) -> list[str]:
    """Ids of the messages learned from, in order."""
    return [line.message_id for window in windows for turn in window.replies for line in turn.lines]


def shape(window: Window) -> str:
    """Turns as letters: ``o`` others, ``M`` learned, ``m`` @self as context."""
    return "".join("M" if t.is_target else "m" if t.is_self else "o" for t in window.turns)


def test_a_short_thread_is_one_window_with_all_its_replies() -> None:
    [window] = cut_windows(said("ombmmo"), Cut(768, 24))
    assert shape(window) == "oMoM"
    assert learned([window]) == ["test:1", "test:3", "test:4"]
    assert [len(turn.lines) for turn in window.turns] == [1, 1, 1, 2]


def test_a_thread_without_self_makes_no_window() -> None:
    assert list(cut_windows(said("ooo"), Cut(768, 24))) == []


def test_what_opens_a_thread_is_context_never_learned() -> None:
    [window] = cut_windows(said("mmom"), Cut(768, 24))
    assert shape(window) == "moM"
    assert list(cut_windows(said("mm"), Cut(768, 24))) == []


def test_lines_after_the_last_reply_are_left_out() -> None:
    [window] = cut_windows(said("omooo"), Cut(768, 24))
    assert shape(window) == "oM"


def test_a_long_thread_becomes_windows_that_fit() -> None:
    cut = Cut(budget=100, context=4)
    windows = list(cut_windows(said("oom" * 60), cut))
    assert len(windows) > 5
    for window in windows:
        lines = [line for turn in window.turns for line in turn.lines]
        assert sum(estimate_tokens(line.text) + 5 for line in lines) <= cut.budget
        assert window.turns[-1].is_target
        assert not window.turns[0].is_target
    assert len({window.id for window in windows}) == len(windows)


def test_a_window_opens_with_at_most_the_context_asked_for() -> None:
    [window] = cut_windows(said("o" * 50 + "m"), Cut(10_000, 7))
    assert len(window.turns[0].lines) == 7


def test_context_before_the_first_reply_takes_only_its_share() -> None:
    cut = Cut(100, 24)
    [window] = cut_windows(said("o" * 50 + "m"), cut)
    spent = sum(estimate_tokens(line.text) + 5 for line in window.turns[0].lines)
    assert spent <= cut.budget * CONTEXT_SHARE < spent + 10


def test_what_is_answered_is_shown_however_long_it_is() -> None:
    thread = thread_of(message(0, "long " * 400, is_mine=False), message(1, "wow", is_mine=True))
    [window] = cut_windows(thread, Cut(64, 24))
    assert shape(window) == "oM"


@settings(deadline=None, max_examples=150, derandomize=True)
@given(st.text("omb", max_size=120), st.integers(64, 400), st.integers(1, 24), st.integers(0, 1000))
def test_every_reply_is_learned_exactly_once_and_never_first(
    pattern: str, budget: int, context: int, seed: int
) -> None:
    dice = random.Random(seed)
    thread = thread_of(
        *(
            message(n, "word " * dice.randrange(1, 30), is_mine=who == "m")
            for n, who in enumerate(pattern)
        )
    )
    windows = list(cut_windows(thread, Cut(budget, context)))
    opening = len(pattern) - len(pattern.lstrip("m"))
    assert learned(windows) == [
        m.id for n, m in enumerate(thread.messages) if m.person.is_self and n >= opening
    ]
    for window in windows:
        first = next(i for i, turn in enumerate(window.turns) if turn.is_target)
        assert first > 0
        assert sum(len(turn.lines) for turn in window.turns[:first]) <= context
        ids = [line.message_id for turn in window.turns for line in turn.lines]
        places = [int(id.removeprefix("test:")) for id in ids]
        assert places == list(range(places[0], places[0] + len(places)))


NOISE: dict[str, dict[str, Any]] = {
    "service notice": {"kind": Kind.SERVICE},
    "bot command": {"kind": Kind.COMMAND},
    "bot": {"person": BOT},
}


@pytest.mark.parametrize("reason", NOISE)
def test_noise_is_not_even_context(reason: str) -> None:
    noise = message(1, "noise", is_mine=False, **NOISE[reason])
    assert is_noise(noise) == reason
    thread = thread_of(message(0, "hi", is_mine=False), noise, message(2, "hello", is_mine=True))
    [window] = cut_windows(thread, Cut(768, 24))
    assert [line.text for turn in window.turns for line in turn.lines] == ["hi", "hello"]


def may_learn(message: Message) -> bool:
    """Whether nothing in a message itself speaks against it."""
    return is_unlearnable(message) is None


UNLEARNABLE: dict[str, dict[str, Any]] = {
    "forward": {"forwarded_from": "News"},
    "link only": {"text": "https://example.org/a www.example.org"},
    "media only": {"text": "[photo] [sticker 😂] [code]"},
    "invite link": {"text": "join us: https://t.me/+AbCdEf123456"},
    "only a quote": {"text": "> what do you want for dinner"},
    "code or log": {"text": "\n".join(f"    value_{n} = compute({n});" for n in range(9))},
    "pasted text": {"text": "x" * (COPY_CHARACTERS + 1)},
}


@pytest.mark.parametrize("reason", UNLEARNABLE)
def test_what_self_did_not_write_is_context_but_not_learned(reason: str) -> None:
    fields = {"text": "news", **UNLEARNABLE[reason]}
    odd = message(1, is_mine=True, **fields)
    assert is_unlearnable(odd) == reason
    thread = thread_of(
        message(0, "hi", is_mine=False),
        odd,
        message(2, "what?", is_mine=False),
        message(3, "nothing", is_mine=True),
    )
    [window] = cut_windows(thread, Cut(4000, 24), may_learn=may_learn)
    assert shape(window) == "omoM"


@pytest.mark.parametrize(
    "text", ["look [photo]", "https://example.org/a 好看", "[codec]", "[ok]", "[sticker] 笑死"]
)
def test_words_beside_a_link_or_a_picture_are_learned(text: str) -> None:
    assert is_unlearnable(message(1, text, is_mine=True)) is None


def test_a_burst_with_one_unlearnable_message_is_context_as_a_whole() -> None:
    thread = thread_of(
        message(0, "hi", is_mine=False),
        message(1, "see", is_mine=True),
        message(2, "https://example.org", is_mine=True),
    )
    assert list(cut_windows(thread, Cut(768, 24), may_learn=may_learn)) == []


def test_tokens_are_estimated_on_the_safe_side_of_any_script() -> None:
    assert estimate_tokens("") == 1
    assert estimate_tokens("今天吃什么") == 6
    assert 8 <= estimate_tokens("what shall we eat today, then?") <= 12
