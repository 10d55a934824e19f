"""The learned linker: what it may be given, and that it says the same however it is fed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.linker import finder
from ingest.linker.columns import CAPACITY, Columns, Utterance
from ingest.linker.finder import Finder, answers_of
from ingest.linker.network import WEIGHTS, load
from ingest.linker.pairs import AHEAD, REACH
from ingest.linker.signs import COUNT, Names, signs, words
from ingest.linker.stream import REMEMBERED

LINES = (
    ("anna", "who has the key to the cellar?"),
    ("bob", "is there any soup left?"),
    ("cara", "anna: dan took the cellar key"),
    ("dan", "bob: yes, the soup is on the stove"),
    ("anna", "cara: thanks"),
    ("bob", "dan: great, I love that soup"),
)


def chat(length: int, *, step: float | None = 40.0) -> list[Utterance]:
    """LINES over and over, ``step`` seconds apart give or take."""
    return [
        Utterance(
            str(number),
            LINES[number % len(LINES)][0],
            (LINES[number % len(LINES)][0],),
            f"{LINES[number % len(LINES)][1]} {number // 6}",
            None if step is None else number * step + number % 7,
        )
        for number in range(length)
    ]


def test_answers_name_whom_they_answer() -> None:
    answers = {answer.key: answer for answer in answers_of(chat(6))}
    assert answers["2"].to == "0"
    assert answers["3"].to == "1"
    assert answers["2"].reason == "mention"


def test_every_message_is_answered_for_once_and_in_order() -> None:
    messages = chat(700)
    assert [answer.key for answer in answers_of(messages)] == [m.key for m in messages]


def test_answers_point_back_and_scores_are_probabilities() -> None:
    for answer in answers_of(chat(400)):
        assert answer.to is None or int(answer.to) < int(answer.key)
        assert 0 < answer.score <= 1


@pytest.mark.parametrize("block", [7, 50])
def test_how_many_are_looked_at_together_changes_nothing(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = chat(300)
    expected = [answer.to for answer in answers_of(messages)]
    monkeypatch.setattr(finder, "BLOCK", block)
    assert [answer.to for answer in answers_of(messages)] == expected


def test_an_explicit_reply_is_always_followed() -> None:
    messages = chat(500)
    for source, target in ((3, 0), (200, 200 - REACH - 30), (499, 1)):
        messages[source] = replace(messages[source], reply_to=str(target))
    answers = {answer.key: answer for answer in answers_of(messages)}
    assert [answers[str(source)].to for source in (3, 200, 499)] == ["0", "106", "1"]
    assert answers["499"].reason == "reply"
    assert answers["499"].score == 1


def test_a_reply_to_what_was_never_seen_is_linked_by_the_other_signs() -> None:
    messages = chat(6)
    plain = [answer.to for answer in answers_of(messages)]
    messages[2] = replace(messages[2], reply_to="elsewhere")
    assert [answer.to for answer in answers_of(messages)] == plain


def test_times_that_step_evenly_count_as_none() -> None:
    columns = Columns(REACH)
    for message in chat(20):
        columns.append(replace(message, at=10.0 * int(message.key)), 0)
    assert np.isnan(columns.at[5:20]).all()
    for message in chat(20):
        columns.append(replace(message, at=1e6 + float(message.at or 0)), 0)
    assert not np.isnan(columns.at[30:40]).any()


def test_memory_stays_bounded() -> None:
    stream = Finder()
    for message in chat(REMEMBERED + 3 * CAPACITY):
        for _ in stream.add(message):
            pass
    assert stream._stream.columns.size <= CAPACITY
    assert len(stream._stream.keys) == len(stream._stream._numbers) == REMEMBERED
    assert len(stream._stream._roots) <= REMEMBERED
    assert len(stream._stream.replies) == 0
    assert len(stream._seen) < CAPACITY


@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.text(max_size=30), st.none() | st.floats(0, 1e6)),
        max_size=40,
    )
)
def test_anything_people_type_is_read(said: list[tuple[str, str, float | None]]) -> None:
    messages = [
        Utterance(str(number), who, (who,), text, at) for number, (who, text, at) in enumerate(said)
    ]
    assert len(list(answers_of(messages))) == len(messages)


def test_the_weights_are_plain_numbers_and_small() -> None:
    assert WEIGHTS.stat().st_size < 2_000_000
    first, second = load()
    assert first
    assert second


def test_a_text_gives_as_many_signs_as_are_declared() -> None:
    text = "Who has the key? https://example.org"
    assert len(signs(text, words(text), is_bot=False)) == COUNT


def test_scripts_without_spaces_are_taken_apart() -> None:
    assert words("谁拿了钥匙") == ["谁拿", "拿了", "了钥", "钥匙"]
    assert words("Key, or 2 keys?") == ["key", "or", "2", "keys"]


def known(*people: str) -> Names:
    """A book of names with ``people`` numbered in order."""
    names = Names()
    for number, name in enumerate(people):
        names.learn(number, (name,))
    return names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("anna: here", [(0, 3)]),
        ("Anna, here", [(0, 3)]),
        ("@anna here", [(0, 2)]),
        ("anna here", [(0, 2)]),
        ("ask anna", [(0, 1)]),
        ("liquid: here", [(1, 3)]),
        ("sam: thanks", [(2, 3)]),
        ("王小明 在吗", [(3, 2)]),
        ("我问一下王小明吧", [(3, 1)]),
        ("nobody: here", []),
    ],
)
def test_people_are_named_in_many_ways(text: str, expected: list[tuple[int, int]]) -> None:
    names = known("anna", "liquiddoom", "_sam_", "王小明")
    assert names.addressed(text, by=9) == expected


def test_nobody_names_themselves() -> None:
    assert known("anna").addressed("anna: here", by=0) == []


def test_a_start_that_two_names_share_names_nobody() -> None:
    assert known("annabel", "annamaria").addressed("anna: here", by=9) == []


def lookahead() -> Iterator[tuple[int, int]]:
    """How many answers are known after how many messages."""
    stream, answered = Finder(), 0
    for number, message in enumerate(chat(500), start=1):
        answered += sum(1 for _ in stream.add(message))
        yield number, answered


def test_answers_come_a_bounded_while_later() -> None:
    assert max(said - answered for said, answered in lookahead()) < finder.BLOCK + 3 * AHEAD


def test_probabilities_of_a_network_sum_to_one() -> None:
    first, _ = load()
    shape = np.zeros((2, REACH, len(first[0]._w["pair_mean"])), np.float32)
    alone = np.zeros((2, len(first[0]._w["alone_mean"])), np.float32)
    chances = first[0](shape, alone, np.ones((2, REACH), bool))
    assert np.allclose(chances.sum(1), 1)
