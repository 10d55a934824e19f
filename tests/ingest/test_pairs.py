"""Questions and answers: read leniently, kept strictly."""

from __future__ import annotations

import pytest

from ingest.writings.pairs import Sieve, is_worth_asking, read_pairs, request, why_refused

NOODLES = (
    "Noodles · The shop\n"
    "The shop on Fengqi Road opened in 1987. Its owner, Mrs Shen, does not accept cards, and she "
    "closes at two in the afternoon. The soup is made with bamboo shoots, and it is never boiled "
    "twice."
)
DATABASE = "我从 2016 年开始用 SQLite 存所有的聊天记录。它不需要服务器，备份只要复制一个文件。"

SUPPORTED = [
    ("When did the shop open?", "The shop opened in 1987.", NOODLES),
    ("When does the shop close?", "She closes at two in the afternoon.", NOODLES),
    ("Can I pay by card at the shop?", "Mrs Shen does not accept cards.", NOODLES),
    ("What is the soup made with?", "The soup is made with bamboo shoots.", NOODLES),
    ("从哪一年开始用 SQLite？", "从 2016 年开始用 SQLite。", DATABASE),
    ("怎么备份 SQLite？", "备份只要复制一个文件。", DATABASE),
    ("SQLite 需要服务器吗", "它不需要服务器。", DATABASE),
]
REFUSED = [
    ("When did the shop open?", "The shop opened in 1988.", NOODLES, "number or name"),
    ("Who owns the shop?", "The owner is Mrs Wang.", NOODLES, "number or name"),
    ("Can I pay by card?", "Mrs Shen does accept cards.", NOODLES, "denies"),
    ("Is the soup boiled twice?", "It is boiled twice.", NOODLES, "denies"),
    ("Where is the shop?", "In a quiet lane behind the old railway station.", NOODLES, "not in"),
    ("Fengqi Road.", "The shop on Fengqi Road.", NOODLES, "not a question"),
    ("What is love?", "The shop on Fengqi Road.", NOODLES, "not about"),
    ("When did the shop open?", "!", NOODLES, "not about"),
    ("Does she close at two in the afternoon?", "She does close at two.", NOODLES, "repeats"),
    ("SQLite 需要服务器吗", "它需要服务器。", DATABASE, "denies"),
    ("从哪一年开始用 SQLite？", "从 2019 年开始用 SQLite。", DATABASE, "number or name"),
]


@pytest.mark.parametrize(("question", "answer", "passage"), SUPPORTED)
def test_an_answer_in_the_words_of_its_passage_is_kept(
    question: str, answer: str, passage: str
) -> None:
    assert why_refused(question, answer, passage) is None


@pytest.mark.parametrize(("question", "answer", "passage", "reason"), REFUSED)
def test_what_the_passage_does_not_say_is_refused(
    question: str, answer: str, passage: str, reason: str
) -> None:
    assert reason in str(why_refused(question, answer, passage))


def test_an_answer_put_together_from_far_apart_is_refused() -> None:
    middle = "It rained. We sang. They left. He slept. She read. I cooked. You wrote. "
    passage = f"Ann bought a green bicycle. {middle}Bob lost the red umbrella."
    answer = "Ann bought the red umbrella."
    assert why_refused("What did Ann buy?", answer, passage) == "put together from far apart"


@pytest.mark.parametrize(
    "written",
    [
        "Q: Who?\nA: Ann.\n\nQ: When?\nA: Now.",
        "1. **Question:** Who?\n**Answer:** Ann.\n2. **Question:** When?\n**Answer:** Now.",
        "Sure! Here they are.\n\nQ1: Who?\nA1: Ann.\nQ2: When?\nA2: Now.\nQ3: Why?",
        "问题：Who?\n答案：Ann.\n\n问题：When?\n答案：Now.",
    ],
)
def test_pairs_are_read_however_they_are_laid_out(written: str) -> None:
    assert read_pairs(written) == [("Who?", "Ann."), ("When?", "Now.")]


@pytest.mark.parametrize("written", ["", "I cannot do that.", "Q:\nA:", "A: yes\nQ: why?"])
def test_text_without_pairs_gives_none(written: str) -> None:
    assert read_pairs(written) == []


def test_a_question_or_an_answer_counts_once() -> None:
    sieve = Sieve()
    pair = "Q: When did the shop open?\nA: The shop opened in 1987.\n"
    other = "Q: Which year did the shop open?\nA: The shop opened in 1987.\n"
    assert len(list(sieve.pairs(NOODLES, pair + pair + other))) == 1
    assert sieve.tally.refused == {"asked before": 1, "answered before": 1}
    assert sieve.tally.kept == 1


def test_a_pair_carries_its_passage() -> None:
    [pair] = Sieve().pairs(NOODLES, "Q: When did the shop open?\nA: The shop opened in 1987.")
    assert pair.to_json() == {
        "instruction": "When did the shop open?",
        "response": "The shop opened in 1987.",
        "context": NOODLES,
    }


def test_a_model_is_asked_in_the_language_of_the_passage() -> None:
    assert "根据文字提问" in request(DATABASE, 2)[0]
    assert "Questions about a text" in request(NOODLES, 2)[0]
    assert "2" in request(DATABASE, 2)[1]


def test_a_passage_of_a_few_words_is_not_asked_about() -> None:
    assert is_worth_asking(NOODLES)
    assert not is_worth_asking("Noodles\nTo be written.")
